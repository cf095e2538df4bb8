/* pace: is this the policy that was asked for?
 *
 * All well:   each outage's series is laid beside the policy's -> every wait lies within
 *             its bounds, and the waits spread as the jitter asked for does.
 * It does not: a later outage that goes on where the first ended is no reset; another
 *             class of series is that class; else the first figure that is off. */
#include "harness/checks/pace.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { SERIES_FROM_FIRST, SERIES_FROM_SECOND };

/* Time from the loss to the first attempt that still counts as at once. */
static const double at_once_ms = 8.0;
/* Scheduling noise as the likelihood test knows it: mostly short, sometimes long. */
static const double noise_mean_ms = 1.5, noise_long_ms = 20.0, noise_long_part = 0.03;
/* Odds of a thousand to one before a jitter is called missing. */
static const double odds = 6.9;

struct bounds {
    double low, high;
};

struct tested { /* all waits against the bounds, under one alignment */
    int waits;
    int broken;           /* outside, hiccups not counted */
    int first_broken;     /* in the first outages of their lanes */
    int later_high;       /* later outages whose first wait is too long */
    int hiccups;          /* a little too late */
    int outage, wait;     /* the first broken one */
    struct bounds bounds; /* of that */
    double log_odds;      /* for no jitter, against the percentage asked */
    double slack;         /* mean of noise over range, for the spread test */
    double *spread;       /* where each wait lies in its range, for the spread test */
    int spread_count;
};

/* ---- what a wait should be ---- */

static bool is_constant(const struct pace_policy *policy)
{
    return policy->factor <= 1.0 || policy->cap_ms <= policy->first_ms;
}

static double base_ms(const struct pace_policy *policy, int index)
{
    double ms = policy->first_ms * pow(policy->factor, index < 60 ? index : 60);

    return ms < policy->cap_ms ? ms : policy->cap_ms;
}

static double late_ms(const struct pace_policy *policy, double base)
{
    if (policy->late_ms > 0)
        return policy->late_ms;
    return base * 0.1 > PACE_LATE_MS ? base * 0.1 : PACE_LATE_MS;
}

/* The range that jitter alone gives. `previous`: the wait before, for decorrelated. */
static struct bounds range_of(const struct pace_policy *policy, double base,
                              double previous)
{
    double top;

    switch (policy->jitter) {
    case PACE_EQUAL:
        return (struct bounds){base / 2, base};
    case PACE_FULL:
        return (struct bounds){0, base};
    case PACE_DECORRELATED:
        top = previous * policy->factor;
        top = top < policy->cap_ms ? top : policy->cap_ms;
        return (struct bounds){policy->first_ms,
                               top > policy->first_ms ? top : policy->first_ms};
    default:
        return (struct bounds){base * (1 - policy->percent),
                               base * (1 + policy->percent)};
    }
}

static double at_once_below(const struct pace_policy *policy)
{
    return policy->first_ms / 8 > at_once_ms ? policy->first_ms / 8 : at_once_ms;
}

/* With which of the policy's waits does this outage's series begin? -1: the first
 * attempt came neither at once nor after the policy's first wait. */
static int align(const struct pace_policy *policy, const struct pace_outage *outage)
{
    struct bounds first = range_of(policy, policy->first_ms, policy->first_ms);

    if (outage->first_ms < 0 || outage->first_ms <= at_once_below(policy) ||
        is_constant(policy))
        return SERIES_FROM_FIRST;
    return outage->first_ms >= first.low - PACE_EARLY_MS ? SERIES_FROM_SECOND : -1;
}

/* ---- testing the waits ---- */

static void test_jitter_kind(struct tested *t, const struct pace_policy *policy,
                             double base, double previous, double ms)
{
    struct bounds range = range_of(policy, base, previous);
    double width = range.high - range.low;
    double full = policy->first_ms;
    double at;

    if (t->spread == NULL || width <= 0)
        return;
    at = (ms - range.low) / width;
    if (policy->jitter == PACE_DECORRELATED &&
        previous * policy->factor > policy->cap_ms) {
        /* What would have been longer lies on the cap: spread it evenly over there. */
        full = previous * policy->factor - policy->first_ms;
        at = (ms - range.low) / full;
        if (ms > policy->cap_ms - 2) {
            double low = width / full;

            at = low + (1 - low) * fmod(t->spread_count * 0.6180339887, 1.0);
        }
    }
    t->spread[t->spread_count++] = at < 0 ? 0 : at > 1 ? 1 : at;
    t->slack += noise_mean_ms / width < 1 ? noise_mean_ms / width : 1;
}

/* How much likelier is this wait without jitter than with the percentage asked? */
static double jitter_log_odds(const struct pace_policy *policy, double base, double ms)
{
    double late = ms - base;
    double none =
        late < -1.5
            ? 1e-13
            : (1 - noise_long_part) / noise_mean_ms *
                      exp(-fmax(late, 0) / noise_mean_ms) +
                  (late < noise_long_ms ? noise_long_part / noise_long_ms : 1e-13);
    double width = policy->percent * base;

    return log(none) - log(1 / (width > 0.1 ? width : 0.1));
}

static void break_at(struct tested *t, const struct pace_outage *outages, int o, int i,
                     struct bounds bounds)
{
    if (t->broken == 0) {
        t->outage = o;
        t->wait = i;
        t->bounds = bounds;
    }
    t->broken++;
    t->first_broken += outages[o].order == 0;
}

static void test_wait(struct tested *t, const struct pace_policy *policy,
                      const struct pace_outage *outages, int o, int i, int from)
{
    double ms = outages[o].waits[i];
    double base = base_ms(policy, i + from);
    double previous = i > 0                        ? outages[o].waits[i - 1]
                      : from == SERIES_FROM_SECOND ? outages[o].first_ms
                                                   : policy->first_ms;
    struct bounds range;
    struct bounds bounds;

    if (ms < 0 || (policy->jitter == PACE_DECORRELATED && previous < 0))
        return;
    range = range_of(policy, base, previous);
    bounds.low = range.low - PACE_EARLY_MS;
    bounds.high = range.high + late_ms(policy, range.high);
    t->waits++;
    if (ms > bounds.high && ms <= bounds.high + PACE_HICCUP_MS)
        t->hiccups++;
    if (ms < bounds.low || ms > bounds.high + PACE_HICCUP_MS)
        break_at(t, outages, o, i, bounds);
    if (i == 0 && outages[o].order > 0 && ms > bounds.high + PACE_HICCUP_MS)
        t->later_high++;
    if (policy->jitter == PACE_PERCENT)
        t->log_odds += jitter_log_odds(policy, base, ms);
    else
        test_jitter_kind(t, policy, base, previous, ms);
}

/* `from`: an alignment for all, or -1: each outage's own. */
static void test_all(struct tested *t, const struct pace_policy *policy,
                     const struct pace_outage *outages, int count, int from,
                     double *spread)
{
    int o;
    int i;

    *t = (struct tested){.outage = -1, .wait = -1, .spread = spread};
    for (o = 0; o < count; o++) {
        int own = from >= 0 ? from : align(policy, &outages[o]);

        if (!policy->reset && outages[o].order > 0)
            continue;
        if (own < 0) {
            /* One broken promise, told once; its waits are tested all the same. */
            break_at(t, outages, o, -1,
                     range_of(policy, policy->first_ms, policy->first_ms));
            own = SERIES_FROM_FIRST;
        }
        for (i = 0; i < outages[o].count; i++)
            test_wait(t, policy, outages, o, i, own);
    }
}

static bool holds(const struct tested *t)
{
    return t->broken == 0 && t->hiccups <= 1 + t->waits / 20;
}

/* ---- do the waits spread as they should? ---- */

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* Kolmogorov and Smirnov's test against the uniform, at one in a thousand. */
static bool is_uniform(struct tested *t)
{
    int n = t->spread_count;
    double worst = 0;
    int i;

    if (n == 0)
        return false;
    qsort(t->spread, (size_t)n, sizeof *t->spread, by_size);
    for (i = 0; i < n; i++) {
        double above = (i + 1.0) / n - t->spread[i];
        double below = t->spread[i] - (double)i / n;

        worst = fmax(worst, fmax(above, below));
    }
    return worst <= 1.95 / sqrt(n) + 2 * t->slack / n;
}

/* ---- full jitter: which alignment is not told by one outage ---- */

/* Did the first attempts come as a wait between nothing and `first` comes? */
static bool firsts_are_waits(const struct pace_policy *policy,
                             const struct pace_outage *outages, int count)
{
    double longest = 0;
    int n = 0;
    int o;

    for (o = 0; o < count; o++) {
        if (outages[o].first_ms < 0)
            continue;
        longest = fmax(longest, outages[o].first_ms);
        n++;
    }
    return n > 0 &&
           longest <=
               policy->first_ms + late_ms(policy, policy->first_ms) + PACE_HICCUP_MS &&
           pow(fmin(longest / policy->first_ms, 1), n) > 0.001;
}

static bool firsts_are_at_once(const struct pace_policy *policy,
                               const struct pace_outage *outages, int count)
{
    int late = 0;
    int n = 0;
    int o;

    for (o = 0; o < count; o++) {
        n += outages[o].first_ms >= 0;
        late += outages[o].first_ms > at_once_below(policy);
    }
    return late * 2 <= n;
}

/* ---- what is off ---- */

static double factor_tolerance(const struct pace_policy *policy,
                               const struct pace_seen *seen, int outages)
{
    double steps = seen->growing > 2 ? seen->growing - 1 : 1;
    double jitter = policy->jitter == PACE_PERCENT ? policy->percent : 0.5;

    return 0.06 + 2 * jitter / (steps * sqrt(outages > 0 ? outages : 1));
}

/* The class is right, yet the waits are not: which figure? */
static enum pace_answer wrong_figure(const struct pace_policy *policy,
                                     const struct pace_seen *seen,
                                     const struct pace_outage *outages, int count,
                                     int from)
{
    double jitter = policy->jitter == PACE_PERCENT ? policy->percent : 0.5;
    double shift = policy->jitter == PACE_PERCENT ? 0
                   : policy->jitter == PACE_EQUAL ? log(0.75)
                                                  : -1.0; /* mean of log of uniform */
    double first = log(base_ms(policy, from)) + shift;
    double near = 0.05 + jitter / sqrt(pace_count(outages, count) / 2.0 + 1) +
                  PACE_LATE_MS / base_ms(policy, from) / 2;

    if (!is_constant(policy) && seen->growing > 1 &&
        fabs(log(seen->factor / policy->factor)) > factor_tolerance(policy, seen, count))
        return PACE_OTHER_FACTOR;
    if (fabs(log(seen->first_ms) - first) > near)
        return PACE_OTHER_FIRST;
    if (!is_constant(policy) && seen->cap_ms > 0 &&
        fabs(log(seen->cap_ms / policy->cap_ms) - shift) > 0.06 + jitter / 2)
        return PACE_OTHER_CAP;
    if (!is_constant(policy) && seen->cap_ms <= 0 &&
        seen->first_ms * pow(seen->factor, seen->growing - 1) > policy->cap_ms * 1.2)
        return PACE_OTHER_CAP;
    return PACE_OTHER_JITTER;
}

static enum pace_answer what_is_off(const struct pace_policy *policy,
                                    const struct pace_outage *outages, int count,
                                    const struct tested *tested, int from,
                                    const struct pace_seen *seen)
{
    bool constant = seen->class == PACE_FIXED || seen->class == PACE_FIXED_JITTER;

    if (tested->later_high > 0 && tested->first_broken == 0)
        return PACE_NO_RESET;
    /* The jitter asked for hides the class: then the spread itself is what is off. */
    if (policy->jitter == PACE_DECORRELATED &&
        (seen->class == PACE_EXPONENTIAL || seen->class == PACE_FIXED_JITTER ||
         seen->class == PACE_LINEAR))
        return tested->broken > 0 && tested->bounds.low > 0 &&
                       seen->first_ms > policy->cap_ms
                   ? PACE_OTHER_CAP
                   : PACE_OTHER_JITTER;
    if (constant != is_constant(policy) || (!constant && seen->class != PACE_EXPONENTIAL))
        return PACE_OTHER_CLASS;
    return wrong_figure(policy, seen, outages, count, from);
}

/* ---- the judgement ---- */

static void judge_percent(const struct pace_policy *policy,
                          const struct pace_outage *outages, int count,
                          struct pace_judgement *j, struct tested *t)
{
    test_all(t, policy, outages, count, -1, NULL);
    if (!holds(t))
        j->answer = PACE_OTHER_CLASS; /* which, is found out later */
    else if (policy->percent > 0 && t->log_odds > odds)
        j->answer = PACE_OTHER_JITTER;
    else if (policy->percent > 0 && t->log_odds > -3)
        j->answer = PACE_UNRESOLVED;
    else
        j->answer = PACE_AS_ASKED;
}

static bool fits_spread(const struct pace_policy *policy,
                        const struct pace_outage *outages, int count, int from,
                        double *spread, struct tested *t)
{
    test_all(t, policy, outages, count, from, spread);
    return holds(t) && is_uniform(t);
}

/* equal and decorrelated: each outage tells its alignment; full: all together do. */
static int judge_spread(const struct pace_policy *policy,
                        const struct pace_outage *outages, int count,
                        struct pace_judgement *j, struct tested *t, double *spread)
{
    bool good;
    int from = -1;

    if (policy->jitter != PACE_FULL) {
        good = fits_spread(policy, outages, count, -1, spread, t);
    } else {
        from = firsts_are_at_once(policy, outages, count) ? SERIES_FROM_FIRST
                                                          : SERIES_FROM_SECOND;
        good = fits_spread(policy, outages, count, from, spread, t);
        if (!good && from == SERIES_FROM_FIRST)
            good = firsts_are_waits(policy, outages, count) &&
                   fits_spread(policy, outages, count, SERIES_FROM_SECOND, spread, t);
        else if (from == SERIES_FROM_SECOND)
            good = good && firsts_are_waits(policy, outages, count);
    }
    if (good)
        j->answer = PACE_AS_ASKED;
    else
        j->answer = t->broken > 0 || !holds(t) ? PACE_OTHER_CLASS : PACE_OTHER_JITTER;
    return from;
}

static int usual_alignment(const struct pace_policy *policy,
                           const struct pace_outage *outages, int count)
{
    int second = 0;
    int o;

    for (o = 0; o < count; o++)
        second += align(policy, &outages[o]) == SERIES_FROM_SECOND;
    return second * 2 > count ? SERIES_FROM_SECOND : SERIES_FROM_FIRST;
}

struct pace_judgement pace_judge(const struct pace_policy *policy,
                                 const struct pace_outage *outages, int count)
{
    struct pace_judgement j = {.outage = -1, .wait = -1};
    bool percent = policy->jitter == PACE_PERCENT;
    double *spread;
    struct tested t;
    int from = -1;

    j.waits = pace_count(outages, count);
    j.seen = pace_classify(outages, count);
    j.answer = PACE_TOO_FEW;
    if (j.waits < (percent ? PACE_WAITS_PERCENT : PACE_WAITS_SPREAD))
        return j;
    spread = calloc((size_t)j.waits + 1, sizeof *spread);
    if (spread == NULL)
        return j;
    if (percent)
        judge_percent(policy, outages, count, &j, &t);
    else
        from = judge_spread(policy, outages, count, &j, &t, spread);
    if (from < 0)
        from = usual_alignment(policy, outages, count);
    if (j.answer == PACE_OTHER_CLASS)
        j.answer = what_is_off(policy, outages, count, &t, from, &j.seen);
    else if (j.answer == PACE_OTHER_JITTER &&
             (j.seen.class == PACE_HOT_LOOP || j.seen.class == PACE_IMMEDIATE))
        j.answer = PACE_OTHER_CLASS;
    j.outage = t.outage;
    j.wait = t.wait;
    j.low_ms = t.bounds.low;
    j.high_ms = t.bounds.high;
    free(spread);
    return j;
}
