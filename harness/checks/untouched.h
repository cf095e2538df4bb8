/* untouched: a run that asked for disturbances, none of which touched anything. */
#ifndef STORMDRILL_CHECKS_UNTOUCHED_H
#define STORMDRILL_CHECKS_UNTOUCHED_H

#include "harness/checks/check.h"

/* Make a check that would pass inconclusive "untouched" where that is so. */
void untouched_apply(const struct check_input *input, struct verdict *verdict);

#endif
