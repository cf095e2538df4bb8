/* goals: what must be shown, and whether it was. */
#ifndef STORMDRILL_BENCH_GOALS_H
#define STORMDRILL_BENCH_GOALS_H

#include <stdbool.h>

#include "tests/bench/common/results.h"

struct goal {
    const char *section;
    const char *setup;
    const char *measure;
    const char *peer; /* NULL: the value itself is meant, not a ratio */
    bool at_least;    /* else at most */
    double bound;
    /* Where `peer` is not here: another one of the same run, and what `peer` was in
     * relation to it when both were measured (docs/performance.md). */
    const char *stand_in;
    double stand_in_factor;
};

enum goal_state { GOAL_UNKNOWN, GOAL_MET, GOAL_MISSED };

struct goal_outcome {
    enum goal_state state;
    struct spread spread;
    bool through_stand_in;
};

const struct goal *goal_at(int index); /* NULL behind the last */

struct goal_outcome goal_judge(const struct goal *goal, const struct results *results);

#endif
