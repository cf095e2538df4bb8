/* outcome: what becomes the result of a case whose process has ended, however it did. */
#ifndef STORMDRILL_SUITE_OUTCOME_H
#define STORMDRILL_SUITE_OUTCOME_H

#include <jansson.h>
#include <stdbool.h>

#include "harness/process/child.h"
#include "harness/suite/plan.h"

struct ending {
    const struct child_exit *exit;
    const char *folder; /* the case's */
    bool timed_out;     /* we killed it after its timeout */
    bool killed;        /* we killed it because the run was interrupted */
    uint64_t grace_ns;
};

/* case.json where the process wrote it, judged from the evidence where not; always with
 * `folder` and `reproduce`. Gives a new object, never NULL. */
json_t *outcome_of(const struct plan_case *planned, const struct ending *ending);

/* A result for a case that did not run: `why` in words. */
json_t *outcome_skipped(const struct plan_case *planned, const char *why);

/* A result for a case that could not even be started. */
json_t *outcome_not_started(const struct plan_case *planned, const struct error *error);

#endif
