/* pace: is this the policy that was asked for?
 *
 * All well:   each outage's series is laid beside the policy's -> every wait lies within
 *             its bounds, and the waits spread as the jitter asked for does.
 * It does not: a later outage that goes on where the first ended is no reset; another
 *             class of series is that class; else the first figure that is off. */
#include "harness/checks/pace.h"

#include <math.h>

#include "harness/checks/pace_test.h"

/* A thousand to one before a jitter is called missing; twenty to one that it is there
 * before the check takes its word for it. */
static const double odds_missing = 6.9, odds_there = -3.0;

/* What is called fixed lies within 8 % of its median (pace_class.c): twenty draws from
 * 20 % up and down do so once in ten thousand times. */
static const double percent_that_shows = 0.2;

enum { WAITS_THAT_SHOW = 20 };

/* ---- what is off ---- */

/* The standard deviation of the logarithm that the jitter asked for gives. */
static double expected_spread(const struct pace_policy *policy)
{
    switch (policy->jitter) {
    case PACE_PERCENT:
        return policy->percent / sqrt(3);
    case PACE_EQUAL:
        return 0.2;
    default:
        return 1.0;
    }
}

/* And what it does to the mean of the logarithm. */
static double expected_shift(const struct pace_policy *policy)
{
    switch (policy->jitter) {
    case PACE_EQUAL:
        return -0.31;
    case PACE_FULL:
        return -1.0;
    default:
        return 0;
    }
}

static double factor_tolerance(const struct pace_policy *policy,
                               const struct pace_seen *seen, int outages)
{
    double steps = seen->growing > 2 ? seen->growing - 1 : 1;

    return 0.06 + 3 * expected_spread(policy) / (steps * sqrt(outages > 0 ? outages : 1));
}

/* Far more than was asked for. */
static bool is_scattered(const struct pace_policy *policy, const struct pace_seen *seen)
{
    return policy->jitter == PACE_PERCENT &&
           seen->spread >
               0.06 + 2 * expected_spread(policy) + PACE_EARLY_MS / policy->first_ms;
}

/* Every outage alike: the alignment of most. */
static enum pace_alignment usual_alignment(const struct pace_policy *policy,
                                           const struct pace_outage *outages, int count)
{
    int second = 0;
    int o;

    for (o = 0; o < count; o++)
        second += pace_align(policy, &outages[o]) == FROM_SECOND;
    return second * 2 > count ? FROM_SECOND : FROM_FIRST;
}

static bool is_other_cap(const struct pace_policy *policy, const struct pace_seen *seen)
{
    double top = seen->first_ms * pow(seen->factor, fmax(seen->growing - 1, 0));

    if (seen->cap_ms > 0)
        return fabs(log(seen->cap_ms / policy->cap_ms) - expected_shift(policy)) >
               0.06 + expected_spread(policy);
    return top > policy->cap_ms * 1.2;
}

/* The class is right, yet the waits are not: which figure? */
static enum pace_answer wrong_figure(const struct pace_policy *policy,
                                     const struct pace_test *test,
                                     const struct pace_seen *seen,
                                     const struct pace_outage *outages, int count)
{
    int from = (int)usual_alignment(policy, outages, count);
    double first = pace_base_ms(policy, from);
    double near = 0.05 + PACE_LATE_MS / first / 2 +
                  2 * expected_spread(policy) / sqrt(test->waits / 2.0 + 1);

    if (is_scattered(policy, seen))
        return PACE_OTHER_JITTER;
    if (!pace_is_constant(policy) && seen->growing > 1 &&
        fabs(log(seen->factor / policy->factor)) > factor_tolerance(policy, seen, count))
        return PACE_OTHER_FACTOR;
    if (test->misaligned == test->broken ||
        fabs(log(seen->first_ms / first) - expected_shift(policy)) > near)
        return PACE_OTHER_FIRST;
    if (!pace_is_constant(policy) && is_other_cap(policy, seen))
        return PACE_OTHER_CAP;
    return PACE_OTHER_JITTER;
}

static bool is_class_asked(const struct pace_policy *policy, enum pace_class class)
{
    if (pace_is_constant(policy))
        return class == PACE_FIXED || class == PACE_FIXED_JITTER;
    return class == PACE_EXPONENTIAL;
}

/* Much jitter hides the class of the right client too: only a series that is tighter
 * than what was asked shows for sure that it is another. */
static bool is_tight(const struct pace_policy *policy, const struct pace_seen *seen)
{
    return policy->jitter == PACE_PERCENT ||
           seen->spread < expected_spread(policy) * 0.7 || seen->class == PACE_HOT_LOOP ||
           seen->class == PACE_IMMEDIATE;
}

static enum pace_answer what_is_off(const struct pace_policy *policy,
                                    const struct pace_test *test,
                                    const struct pace_seen *seen,
                                    const struct pace_outage *outages, int count)
{
    if (test->later_high > 0 && test->first_broken == 0)
        return PACE_NO_RESET;
    if (!is_class_asked(policy, seen->class)) {
        /* Scattered below what was asked: half or all of each wait left to chance. */
        if (policy->jitter == PACE_PERCENT && test->above == 0 &&
            seen->spread > 0.25 + 2 * expected_spread(policy))
            return PACE_OTHER_JITTER;
        if (is_tight(policy, seen))
            return PACE_OTHER_CLASS;
    }
    if (test->broken == 0 && policy->jitter != PACE_PERCENT)
        return PACE_OTHER_JITTER;
    if (policy->jitter == PACE_DECORRELATED)
        return test->above == 0 ? PACE_OTHER_JITTER : PACE_OTHER_CAP;
    return wrong_figure(policy, test, seen, outages, count);
}

/* ---- the judgement ---- */

/* Within a wide percentage almost anything fits: also no waits at all, and waits that are
 * all alike without being the one asked for. Both say that chance has no part in them. */
static enum pace_answer wide_of(const struct pace_policy *policy,
                                const struct pace_seen *seen, int waits)
{
    bool is_hot = seen->class == PACE_HOT_LOOP || seen->class == PACE_IMMEDIATE;

    if (is_hot && seen->first_ms < policy->first_ms / 2)
        return PACE_OTHER_CLASS;
    if (pace_is_constant(policy) && policy->percent >= percent_that_shows &&
        seen->class == PACE_FIXED && waits >= WAITS_THAT_SHOW)
        return PACE_OTHER_JITTER;
    return PACE_AS_ASKED;
}

static enum pace_answer judge_percent(const struct pace_policy *policy,
                                      const struct pace_outage *outages, int count,
                                      const struct pace_seen *seen,
                                      struct pace_test *test)
{
    pace_test_run(test, policy, outages, count, ALIGN_EACH);
    if (!pace_test_holds(test))
        return what_is_off(policy, test, seen, outages, count);
    if (policy->percent > 0 && test->log_odds > odds_missing)
        return PACE_OTHER_JITTER;
    if (policy->percent > 0 && test->log_odds > odds_there)
        return PACE_UNRESOLVED;
    return wide_of(policy, seen, pace_count(outages, count));
}

static bool fits(const struct pace_policy *policy, const struct pace_outage *outages,
                 int count, enum pace_alignment from, struct pace_test *test)
{
    pace_test_run(test, policy, outages, count, from);
    return pace_test_holds(test) && pace_test_is_spread(test);
}

/* Full jitter: did the first attempts come as waits between nothing and first come? */
static bool firsts_are_waits(const struct pace_policy *policy,
                             const struct pace_outage *outages, int count)
{
    double latest =
        policy->first_ms + pace_late_ms(policy, policy->first_ms) + PACE_HICCUP_MS;
    double longest = 0;
    int n = 0;
    int o;

    for (o = 0; o < count; o++) {
        longest = fmax(longest, outages[o].first_ms);
        n += outages[o].first_ms >= 0;
    }
    return n > 0 && longest <= latest &&
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
        late += outages[o].first_ms > pace_at_once_ms(policy);
    }
    return late * 2 <= n;
}

/* equal and decorrelated: each outage tells its alignment; full: all together do. */
static bool fits_jitter(const struct pace_policy *policy,
                        const struct pace_outage *outages, int count,
                        struct pace_test *test)
{
    if (policy->jitter != PACE_FULL)
        return fits(policy, outages, count, ALIGN_EACH, test);
    if (firsts_are_at_once(policy, outages, count) &&
        fits(policy, outages, count, FROM_FIRST, test))
        return true;
    return fits(policy, outages, count, FROM_SECOND, test) &&
           firsts_are_waits(policy, outages, count);
}

struct pace_judgement pace_judge(const struct pace_policy *policy,
                                 const struct pace_outage *outages, int count)
{
    struct pace_judgement j = {.outage = -1, .wait = -1, .answer = PACE_TOO_FEW};
    bool percent = policy->jitter == PACE_PERCENT;
    struct pace_test test;

    j.waits = pace_count(outages, count);
    j.seen = pace_classify(outages, count);
    if (j.waits < (percent ? PACE_WAITS_PERCENT : PACE_WAITS_SPREAD))
        return j;
    j.answer = PACE_NO_MEMORY;
    if (pace_test_init(&test, j.waits) && !j.seen.no_memory) {
        if (percent)
            j.answer = judge_percent(policy, outages, count, &j.seen, &test);
        else if (fits_jitter(policy, outages, count, &test))
            j.answer = PACE_AS_ASKED;
        else
            j.answer = what_is_off(policy, &test, &j.seen, outages, count);
        j.outage = test.outage;
        j.wait = test.wait;
        j.low_ms = test.bounds.low;
        j.high_ms = test.bounds.high;
    }
    pace_test_release(&test);
    return j;
}
