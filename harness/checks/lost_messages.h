/* lost_messages: the first lost messages as witnesses: who published which, when it was
 * acknowledged, where it should have arrived, what was done just before and after. */
#ifndef STORMDRILL_CHECKS_LOST_MESSAGES_H
#define STORMDRILL_CHECKS_LOST_MESSAGES_H

#include "harness/checks/check.h"
#include "harness/checks/tally.h"

void lost_messages_witness(struct verdict *verdict, const struct check_input *input,
                           const struct audience *audience, const struct tally_sink *lost,
                           enum level level);

#endif
