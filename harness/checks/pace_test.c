/* pace_test: bounds for every wait, odds for a percentage, evenness for the others. */
#include "harness/checks/pace_test.h"

#include <math.h>
#include <stdlib.h>

/* Time from the loss to the first attempt that still counts as at once. */
static const double at_once_ms = 8.0;
/* And what noticing a loss may add to a first attempt that came after a wait. */
static const double notice_ms = 30.0;
/* Scheduling noise as the likelihood test knows it: mostly short, sometimes long. */
static const double noise_mean_ms = 1.5, noise_long_ms = 20.0, noise_long_part = 0.03;
static const double next_to_nothing = 1e-13;

bool pace_test_init(struct pace_test *test, int waits)
{
    *test = (struct pace_test){.outage = -1};
    test->growing.at = calloc((size_t)waits + 1, sizeof(double));
    test->capped.at = calloc((size_t)waits + 1, sizeof(double));
    return test->growing.at != NULL && test->capped.at != NULL;
}

void pace_test_release(struct pace_test *test)
{
    free(test->growing.at);
    free(test->capped.at);
}

/* ---- what a wait should be ---- */

bool pace_is_constant(const struct pace_policy *policy)
{
    return policy->factor <= 1.0 || policy->cap_ms <= policy->first_ms;
}

double pace_base_ms(const struct pace_policy *policy, int index)
{
    double ms = policy->first_ms * pow(policy->factor, index < 60 ? index : 60);

    return ms < policy->cap_ms ? ms : policy->cap_ms;
}

double pace_late_ms(const struct pace_policy *policy, double base)
{
    if (policy->late_ms > 0)
        return policy->late_ms;
    return base * 0.1 > PACE_LATE_MS ? base * 0.1 : PACE_LATE_MS;
}

/* The range that jitter alone gives. `previous`: the wait before, for decorrelated. */
static struct pace_bounds range_of(const struct pace_policy *policy, double base,
                                   double previous)
{
    double top;

    switch (policy->jitter) {
    case PACE_EQUAL:
        return (struct pace_bounds){base / 2, base};
    case PACE_FULL:
        return (struct pace_bounds){0, base};
    case PACE_DECORRELATED:
        top = fmin(previous * policy->factor, policy->cap_ms);
        return (struct pace_bounds){policy->first_ms, fmax(top, policy->first_ms)};
    default:
        return (struct pace_bounds){base * (1 - policy->percent),
                                    base * (1 + policy->percent)};
    }
}

static struct pace_bounds first_range(const struct pace_policy *policy)
{
    return range_of(policy, policy->first_ms, policy->first_ms);
}

double pace_at_once_ms(const struct pace_policy *policy)
{
    return fmax(policy->first_ms / 8, at_once_ms);
}

enum pace_alignment pace_align(const struct pace_policy *policy,
                               const struct pace_outage *outage)
{
    if (outage->first_ms < 0 || outage->first_ms <= pace_at_once_ms(policy) ||
        pace_is_constant(policy))
        return FROM_FIRST;
    return outage->first_ms >= first_range(policy).low - PACE_EARLY_MS ? FROM_SECOND
                                                                       : ALIGN_NOT;
}

/* ---- one wait ---- */

static void sample_wait(struct pace_test *t, const struct pace_policy *policy,
                        double base, double previous, double ms)
{
    struct pace_bounds range = range_of(policy, base, previous);
    double width = range.high - range.low;
    double uncapped = previous * policy->factor - policy->first_ms;
    bool capped = policy->jitter != PACE_DECORRELATED && base >= policy->cap_ms;
    struct pace_sample *sample = capped ? &t->capped : &t->growing;
    double at;

    if (width <= 0)
        return;
    at = (ms - range.low) / width;
    if (policy->jitter == PACE_DECORRELATED && uncapped > width) {
        at = (ms - range.low) / uncapped;
        /* What would have been longer lies on the cap: spread it evenly over there. */
        if (ms > policy->cap_ms - PACE_EARLY_MS)
            at = width / uncapped +
                 (1 - width / uncapped) * fmod(sample->count * 0.6180339887, 1.0);
    }
    sample->at[sample->count++] = fmin(fmax(at, 0), 1);
    sample->slack += fmin(noise_mean_ms / width, 1);
}

/* How much likelier is this wait without jitter than with the percentage asked? */
static double jitter_log_odds(const struct pace_policy *policy, double base, double ms)
{
    double late = ms - base;
    double width = fmax(policy->percent * base, 0.1);
    double none = next_to_nothing;

    if (late > -noise_mean_ms)
        none +=
            (1 - noise_long_part) / noise_mean_ms * exp(-fmax(late, 0) / noise_mean_ms);
    if (late > -noise_mean_ms && late < noise_long_ms)
        none += noise_long_part / noise_long_ms;
    return log(none * width);
}

static void break_at(struct pace_test *t, const struct pace_outage *outages, int o, int i,
                     struct pace_bounds bounds)
{
    /* A wait tells more than a first attempt. */
    if (t->broken == 0 || (t->wait < 0 && i >= 0)) {
        t->outage = o;
        t->wait = i;
        t->bounds = bounds;
    }
    t->broken++;
    t->first_broken += outages[o].order == 0;
}

static void test_wait(struct pace_test *t, const struct pace_policy *policy,
                      const struct pace_outage *outages, int o, int i,
                      enum pace_alignment from)
{
    const struct pace_outage *outage = &outages[o];
    double ms = outage->waits[i];
    double base = pace_base_ms(policy, i + (int)from);
    double before = from == FROM_SECOND ? outage->first_ms : policy->first_ms;
    double previous = i > 0 ? outage->waits[i - 1] : before;
    struct pace_bounds bounds;
    double worst;

    if (ms < 0 || (policy->jitter == PACE_DECORRELATED && previous < 0))
        return;
    bounds = range_of(policy, base, previous);
    bounds.low -= PACE_EARLY_MS;
    bounds.high += pace_late_ms(policy, bounds.high);
    worst = bounds.high + PACE_HICCUP_MS;
    t->waits++;
    t->hiccups += ms > bounds.high && ms <= worst;
    t->above += ms > worst;
    t->later_high += ms > worst && i == 0 && outage->order > 0;
    if (ms < bounds.low || ms > worst)
        break_at(t, outages, o, i, bounds);
    if (policy->jitter == PACE_PERCENT)
        t->log_odds += jitter_log_odds(policy, base, ms);
    else
        sample_wait(t, policy, base, previous, ms);
}

/* The first attempt itself: neither at once nor after a wait; or, where the waits that
 * follow depend on it (decorrelated), after one that is too long. */
static void test_first(struct pace_test *t, const struct pace_policy *policy,
                       const struct pace_outage *outages, int o,
                       enum pace_alignment alignment)
{
    struct pace_bounds range = first_range(policy);
    double latest = range.high + pace_late_ms(policy, range.high) + notice_ms;
    bool late = policy->jitter == PACE_DECORRELATED && outages[o].first_ms > latest;

    if (alignment != ALIGN_NOT && !late)
        return;
    range.low -= PACE_EARLY_MS;
    range.high = latest;
    t->misaligned++;
    t->later_high += late && outages[o].order > 0;
    break_at(t, outages, o, -1, range);
}

void pace_test_run(struct pace_test *test, const struct pace_policy *policy,
                   const struct pace_outage *outages, int count, enum pace_alignment from)
{
    double *growing = test->growing.at;
    double *capped = test->capped.at;
    int o;
    int i;

    *test = (struct pace_test){
        .outage = -1, .wait = -1, .growing.at = growing, .capped.at = capped};
    for (o = 0; o < count; o++) {
        enum pace_alignment own = from;

        if (!policy->reset && outages[o].order > 0)
            continue;
        if (from == ALIGN_EACH) {
            own = pace_align(policy, &outages[o]);
            test_first(test, policy, outages, o, own);
        }
        for (i = 0; i < outages[o].count; i++)
            test_wait(test, policy, outages, o, i, own == ALIGN_NOT ? FROM_FIRST : own);
    }
}

bool pace_test_holds(const struct pace_test *test)
{
    return test->broken == 0 && test->hiccups <= 1 + test->waits / 20;
}

/* ---- evenness ---- */

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

/* Kolmogorov and Smirnov's test against the uniform, at one in two thousand. */
static bool is_even(struct pace_sample *sample)
{
    int n = sample->count;
    double worst = 0;
    int i;

    if (n == 0)
        return true;
    qsort(sample->at, (size_t)n, sizeof *sample->at, by_size);
    for (i = 0; i < n; i++)
        worst = fmax(worst,
                     fmax((i + 1.0) / n - sample->at[i], sample->at[i] - (double)i / n));
    return worst <= 2.04 / (sqrt(n) + 0.12) + 2 * sample->slack / n;
}

bool pace_test_is_spread(struct pace_test *test)
{
    bool growing = is_even(&test->growing);
    bool capped = is_even(&test->capped);

    return test->growing.count + test->capped.count > 0 && growing && capped;
}
