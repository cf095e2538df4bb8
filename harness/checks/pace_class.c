/* pace_class: which kind of series is it?
 *
 * All outages are laid on each other by the index of the wait. Three models are fitted
 * to the logarithms (so that 10 % weighs the same everywhere): constant, linear growth,
 * exponential growth, the latter two with a plateau from any index on. The best one, with
 * a price for each parameter (BIC), is the class. */
#include "harness/checks/pace.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HOT_LOOP_WAITS = 20, SLOPES = 48 };

static const double hot_ms = 2.0; /* less is no wait: the time an attempt takes */

struct curve {
    double mean[PACE_INDEXES_MAX]; /* of the logarithms at this index */
    double weight[PACE_INDEXES_MAX];
    int count;     /* indexes */
    double within; /* squares around those means: no model explains them */
    double total;  /* waits */
    double noise;  /* square of the noise that every wait has */
};

struct fit {
    double score;
    double intercept, slope; /* log of the first, growth per index */
    double plateau;          /* log; meaningless when growing == count */
    int growing;
    double squares;
};

static const char *const class_names[] = {
    [PACE_IMMEDIATE] = "immediate",
    [PACE_FIXED] = "fixed",
    [PACE_FIXED_JITTER] = "fixed_with_jitter",
    [PACE_LINEAR] = "linear",
    [PACE_EXPONENTIAL] = "exponential",
    [PACE_HOT_LOOP] = "hot_loop",
    [PACE_UNCLASSIFIED] = "unclassified",
};

const char *pace_class_name(enum pace_class class)
{
    assert(class <= PACE_UNCLASSIFIED);
    return class_names[class];
}

int pace_count(const struct pace_outage *outages, int count)
{
    int waits = 0;
    int o;
    int i;

    for (o = 0; o < count; o++)
        for (i = 0; i < outages[o].count; i++)
            waits += outages[o].waits[i] >= 0;
    return waits;
}

static double log_wait(double ms)
{
    return log(ms < 0.1 ? 0.1 : ms);
}

static void draw_curve(struct curve *curve, const struct pace_outage *outages, int count)
{
    double noise = 0;
    int o;
    int i;

    memset(curve, 0, sizeof *curve);
    for (o = 0; o < count; o++)
        for (i = 0; i < outages[o].count && i < PACE_INDEXES_MAX; i++) {
            double ms = outages[o].waits[i];

            if (ms < 0)
                continue;
            curve->mean[i] += log_wait(ms);
            curve->weight[i] += 1;
            noise += 2.0 / (ms < 1 ? 1 : ms) * 2.0 / (ms < 1 ? 1 : ms);
            if (i >= curve->count)
                curve->count = i + 1;
        }
    for (i = 0; i < curve->count; i++) {
        curve->total += curve->weight[i];
        if (curve->weight[i] > 0)
            curve->mean[i] /= curve->weight[i];
    }
    for (o = 0; o < count; o++)
        for (i = 0; i < outages[o].count && i < PACE_INDEXES_MAX; i++)
            if (outages[o].waits[i] >= 0)
                curve->within += pow(log_wait(outages[o].waits[i]) - curve->mean[i], 2);
    curve->noise = 1e-4 + (curve->total > 0 ? noise / curve->total : 0);
}

static double score(const struct curve *curve, double squares, int parameters)
{
    return curve->total * log((curve->within + squares) / curve->total + curve->noise) +
           parameters * log(curve->total);
}

/* The weighted mean of the indexes [from, to). */
static double level(const struct curve *curve, int from, int to)
{
    double sum = 0;
    double weight = 0;
    int i;

    for (i = from; i < to; i++) {
        sum += curve->weight[i] * curve->mean[i];
        weight += curve->weight[i];
    }
    return weight > 0 ? sum / weight : 0;
}

/* The plateau's share of the squares, and its level. */
static double flat_squares(const struct curve *curve, struct fit *fit)
{
    double squares = 0;
    int i;

    if (fit->growing == curve->count)
        return 0;
    fit->plateau = level(curve, fit->growing, curve->count);
    for (i = fit->growing; i < curve->count; i++)
        squares += curve->weight[i] * pow(curve->mean[i] - fit->plateau, 2);
    return squares;
}

static struct fit fit_constant(const struct curve *curve)
{
    struct fit fit = {.growing = 0};

    fit.squares = flat_squares(curve, &fit);
    fit.intercept = fit.plateau;
    fit.score = score(curve, fit.squares, 1);
    return fit;
}

/* log w = intercept + slope * i, for the first `growing` indexes. */
static struct fit fit_exponential(const struct curve *curve, int growing)
{
    struct fit fit = {.growing = growing};
    double w = 0, x = 0, y = 0, xx = 0, xy = 0;
    int i;

    for (i = 0; i < growing; i++) {
        w += curve->weight[i];
        x += curve->weight[i] * i;
        y += curve->weight[i] * curve->mean[i];
        xx += curve->weight[i] * i * i;
        xy += curve->weight[i] * i * curve->mean[i];
    }
    if (w * xx - x * x > 0)
        fit.slope = (w * xy - x * y) / (w * xx - x * x);
    fit.intercept = w > 0 ? (y - fit.slope * x) / w : 0;
    for (i = 0; i < growing; i++)
        fit.squares +=
            curve->weight[i] * pow(curve->mean[i] - fit.intercept - fit.slope * i, 2);
    fit.squares += flat_squares(curve, &fit);
    fit.score = score(curve, fit.squares, growing == curve->count ? 2 : 4);
    return fit;
}

/* log w = intercept + log(1 + slope * i): slopes are tried, the intercept follows. */
static struct fit fit_linear(const struct curve *curve, int growing)
{
    struct fit best = {.score = INFINITY};
    int s;
    int i;

    for (s = 0; s < SLOPES; s++) {
        struct fit fit = {.growing = growing, .slope = 0.1 * pow(1.12, s)};
        double weight = 0;

        for (i = 0; i < growing; i++) {
            fit.intercept += curve->weight[i] * (curve->mean[i] - log(1 + fit.slope * i));
            weight += curve->weight[i];
        }
        fit.intercept /= weight > 0 ? weight : 1;
        for (i = 0; i < growing; i++)
            fit.squares +=
                curve->weight[i] *
                pow(curve->mean[i] - fit.intercept - log(1 + fit.slope * i), 2);
        fit.squares += flat_squares(curve, &fit);
        fit.score = score(curve, fit.squares, growing == curve->count ? 2 : 4);
        if (fit.score < best.score)
            best = fit;
    }
    return best;
}

/* Growth ends below its plateau, not above: else it is another story. */
static bool rises(const struct curve *curve, const struct fit *fit)
{
    return fit->growing == curve->count ||
           fit->plateau > level(curve, fit->growing - 1, fit->growing) - 0.35;
}

static struct fit best_growth(const struct curve *curve, bool linear)
{
    struct fit best = {.score = INFINITY};
    int growing;

    for (growing = 2; growing <= curve->count; growing++) {
        struct fit fit =
            linear ? fit_linear(curve, growing) : fit_exponential(curve, growing);

        if (fit.score < best.score && fit.slope > 0.09 && rises(curve, &fit))
            best = fit;
    }
    return best;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* The waits in order of size; NULL without memory. */
static double *sorted_waits(const struct pace_outage *outages, int count, int total)
{
    double *waits = calloc((size_t)total + 1, sizeof *waits);
    int n = 0;
    int o;
    int i;

    for (o = 0; waits != NULL && o < count; o++)
        for (i = 0; i < outages[o].count; i++)
            if (outages[o].waits[i] >= 0)
                waits[n++] = outages[o].waits[i];
    if (waits != NULL)
        qsort(waits, (size_t)n, sizeof *waits, by_size);
    return waits;
}

static void name_growth(struct pace_seen *seen, const struct curve *curve,
                        const struct fit *fit, enum pace_class class)
{
    seen->class = class;
    seen->first_ms = exp(fit->intercept);
    seen->factor = class == PACE_EXPONENTIAL ? exp(fit->slope) : 1 + fit->slope;
    seen->growing = fit->growing;
    if (fit->growing < curve->count)
        seen->cap_ms = exp(fit->plateau);
    seen->spread = sqrt((curve->within + fit->squares) / curve->total);
}

static void name_constant(struct pace_seen *seen, const struct curve *curve,
                          const struct fit *fit, const double *waits, int total)
{
    /* Timers are late, never early: the latest quarter tells nothing of the policy. */
    double low = waits[total / 10];
    double high = waits[total - 1 - total / 4];
    double median = waits[total / 2];
    double narrow = fmax(median * 0.08, 3);

    seen->first_ms = median;
    seen->factor = 1;
    seen->spread = sqrt((curve->within + fit->squares) / curve->total);
    seen->class = high - low <= narrow ? PACE_FIXED : PACE_FIXED_JITTER;
}

struct pace_seen pace_classify(const struct pace_outage *outages, int count)
{
    struct pace_seen seen = {.class = PACE_UNCLASSIFIED, .factor = 1};
    int total = pace_count(outages, count);
    double *waits = sorted_waits(outages, count, total);
    struct curve curve;
    struct fit constant, linear, exponential, falling;

    seen.no_memory = waits == NULL;
    if (waits == NULL || total == 0) {
        free(waits);
        return seen;
    }
    draw_curve(&curve, outages, count);
    constant = fit_constant(&curve);
    falling = fit_exponential(&curve, curve.count);
    linear = best_growth(&curve, true);
    exponential = best_growth(&curve, false);
    if (waits[total / 2] < hot_ms) {
        seen.class = total >= HOT_LOOP_WAITS ? PACE_HOT_LOOP : PACE_IMMEDIATE;
        seen.first_ms = waits[total / 2];
    } else if (exponential.score < constant.score && exponential.score <= linear.score) {
        name_growth(&seen, &curve, &exponential, PACE_EXPONENTIAL);
    } else if (linear.score < constant.score) {
        name_growth(&seen, &curve, &linear, PACE_LINEAR);
    } else if (!(falling.slope < -0.1 && falling.score < constant.score - 4)) {
        name_constant(&seen, &curve, &constant, waits, total);
    }
    /* The logarithm of a uniform wait spreads by 1: more is no policy at all. */
    if (seen.spread > 1.6)
        seen.class = PACE_UNCLASSIFIED;
    free(waits);
    return seen;
}
