/* judge: run one check over evidence made by hand, and say what it must say. */
#ifndef STORMDRILL_TESTS_CHECKS_JUDGE_H
#define STORMDRILL_TESTS_CHECKS_JUDGE_H

#include "harness/checks/check.h"

/* Judge with these parameters (JSON text, NULL: none). A check that cannot be made ends
 * the test. The caller releases the verdict. */
struct verdict judge(const struct evidence *evidence, const char *check,
                     const char *params);

/* Judge, expect this verdict and reason (NULL: ""), release. On a difference the test
 * ends with what the check said. */
void expect_verdict(const struct evidence *evidence, const char *check,
                    const char *params, enum verdict_value value, const char *reason);

void assert_verdict(const struct verdict *verdict, enum verdict_value value,
                    const char *reason);

/* A whole number among the verdict's numbers; absent ends the test. */
long long verdict_integer(const struct verdict *verdict, const char *name);

/* The text of a witness; "" when there are not so many. */
const char *verdict_witness_text(const struct verdict *verdict, size_t at);

#endif
