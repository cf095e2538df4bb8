/* expectation: which checks a case says must fail and why; and the outcome of a case.
 *
 * `expect = { fails = { at_least_once = "lost" }, inconclusive = { "backoff" } }`, or
 * `fails = { "at_least_once" }` for any reason; by id where a check stands twice. The
 * case passes only if exactly those fail, for that reason, exactly those are
 * inconclusive, and the rest passes. */
#ifndef STORMDRILL_CHECKS_EXPECTATION_H
#define STORMDRILL_CHECKS_EXPECTATION_H

#include "harness/checks/check.h"

/* Is this well-formed, and is every name one of `checks`? Suggests when not. */
int expectation_validate(const json_t *expect, struct check *const *checks, int count,
                         struct error *err);

/* The outcome of a case and, when not passed, why in one sentence. `expect` may be NULL:
 * all must pass; then a failure beats inconclusive. A check that fails though it should
 * pass, passes though it should fail, or fails for another reason makes the case failed;
 * one that is inconclusive unasked makes it inconclusive. */
enum verdict_value expectation_outcome(const json_t *expect, struct check *const *checks,
                                       const struct verdict *verdicts, int count,
                                       char *why, size_t why_size);

/* Did this check do what the case says it must? */
bool expectation_is_met(const json_t *expect, const struct check *check,
                        const struct verdict *verdict);

#endif
