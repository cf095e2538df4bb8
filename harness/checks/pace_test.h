/* pace_test: all waits against a policy, under one alignment. Private to pace*.c. */
#ifndef STORMDRILL_CHECKS_PACE_TEST_H
#define STORMDRILL_CHECKS_PACE_TEST_H

#include "harness/checks/pace.h"

/* Where an outage's series of waits begins in the policy's: with the first wait, when
 * the first attempt came at once, or with the second. */
enum pace_alignment { ALIGN_EACH = -1, FROM_FIRST = 0, FROM_SECOND = 1, ALIGN_NOT = -2 };

struct pace_bounds {
    double low, high;
};

struct pace_sample { /* where waits lie in the range that jitter gives them, 0 to 1 */
    double *at;
    int count;
    double slack; /* sum of noise over range */
};

struct pace_test {
    int waits;
    int broken;                /* out of bounds; a hiccup is not */
    int misaligned;            /* of them: a first attempt that fits nothing */
    int above;                 /* of them: waits that are too long */
    int first_broken;          /* of them: in the first outages of their lanes */
    int later_high;            /* later outages that begin too high */
    int hiccups;               /* a little too late */
    int outage, wait;          /* the first broken one; wait -1: its first attempt */
    struct pace_bounds bounds; /* of that */
    double log_odds;           /* for no jitter at all, against the percentage asked */
    struct pace_sample growing, capped; /* waits below the cap, and on it */
};

/* Room for the samples of `waits`; false without memory. */
bool pace_test_init(struct pace_test *test, int waits);
void pace_test_release(struct pace_test *test);

/* Test all outages anew. `from`: one alignment for all, or ALIGN_EACH. */
void pace_test_run(struct pace_test *test, const struct pace_policy *policy,
                   const struct pace_outage *outages, int count,
                   enum pace_alignment from);

/* All within their bounds, but for a few hiccups. */
bool pace_test_holds(const struct pace_test *test);

/* Do the samples spread evenly, as the jitter asked for would have them? */
bool pace_test_is_spread(struct pace_test *test);

/* The policy is one fixed wait. */
bool pace_is_constant(const struct pace_policy *policy);

/* The policy's wait at this index, before jitter. */
double pace_base_ms(const struct pace_policy *policy, int index);

/* How late a wait of this length may be. */
double pace_late_ms(const struct pace_policy *policy, double base);

/* A first attempt up to here after the loss came at once. */
double pace_at_once_ms(const struct pace_policy *policy);

enum pace_alignment pace_align(const struct pace_policy *policy,
                               const struct pace_outage *outage);

#endif
