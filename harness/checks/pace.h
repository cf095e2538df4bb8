/* pace: how a client waits between its attempts, and whether that is what was asked.
 *
 * Pure arithmetic on waits in milliseconds; knows nothing of evidence. A wait runs from
 * the end of one attempt (of a sweep) to the next accept; `first_ms` from the loss to
 * the first attempt is kept apart. Some libraries wait before their first attempt, some
 * try at once: where the first attempt came at once the series of waits begins with the
 * policy's first, else with its second.
 *
 * What is taken for scheduling noise: a wait may be late by max(5 ms, 10 %) and never
 * early by more than 2 ms (clients count in whole milliseconds and the proxy stamps an
 * end a little before the client hears of it); measured on this kind of machine 99 % are
 * late by less than 3 ms and the worst by 10, so one wait in twenty, and one in any
 * series, may be late by another 20 ms. */
#ifndef STORMDRILL_CHECKS_PACE_H
#define STORMDRILL_CHECKS_PACE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    PACE_WAITS_PERCENT = 4, /* fewest waits for a percentage: DESIGN 9 */
    PACE_WAITS_SPREAD = 30, /* and for equal, full, decorrelated */
    PACE_INDEXES_MAX = 64,  /* waits of one outage that are looked at one by one */
    PACE_EARLY_MS = 2,
    PACE_LATE_MS = 5,
    PACE_HICCUP_MS = 20,
};

enum pace_class {
    PACE_IMMEDIATE,
    PACE_FIXED,
    PACE_FIXED_JITTER,
    PACE_LINEAR,
    PACE_EXPONENTIAL,
    PACE_HOT_LOOP,
    PACE_UNCLASSIFIED,
};

enum pace_jitter { PACE_PERCENT, PACE_EQUAL, PACE_FULL, PACE_DECORRELATED };

struct pace_outage {
    int order;       /* of its lane: 0 = the first outage */
    double first_ms; /* loss to first attempt; negative: not known */
    double *waits;   /* negative: not known */
    int count;
};

struct pace_policy {
    double first_ms, factor, cap_ms;
    enum pace_jitter jitter;
    double percent; /* a fraction, with PACE_PERCENT */
    double late_ms; /* replaces max(5 ms, 10 %) where positive */
    bool reset;     /* a later outage begins at the policy's first again */
};

struct pace_seen { /* what the waits look like */
    enum pace_class class;
    double first_ms, factor, cap_ms; /* of the fitted series; cap 0: no plateau seen */
    double spread;                   /* around it: standard deviation of the logarithm */
    int growing;                     /* waits before the plateau */
    bool no_memory;                  /* nothing was seen */
};

enum pace_answer {
    PACE_AS_ASKED,
    PACE_TOO_FEW,     /* waits for this claim */
    PACE_UNRESOLVED,  /* the jitter asked for is not told from noise by so few */
    PACE_OTHER_CLASS, /* seen.class says which */
    PACE_OTHER_FIRST,
    PACE_OTHER_FACTOR,
    PACE_OTHER_CAP,
    PACE_OTHER_JITTER,
    PACE_NO_RESET,
    PACE_NO_MEMORY,
};

struct pace_judgement {
    enum pace_answer answer;
    struct pace_seen seen;
    int waits;              /* known ones */
    int outage, wait;       /* the first that is not as asked; -1: none alone */
    double low_ms, high_ms; /* what it should have been */
};

/* "fixed_with_jitter": also a verdict's reason. */
const char *pace_class_name(enum pace_class class);

int pace_count(const struct pace_outage *outages, int count);

struct pace_seen pace_classify(const struct pace_outage *outages, int count);

struct pace_judgement pace_judge(const struct pace_policy *policy,
                                 const struct pace_outage *outages, int count);

#endif
