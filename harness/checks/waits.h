/* waits: an outage as the proxy saw it becomes a series of waits. */
#ifndef STORMDRILL_CHECKS_WAITS_H
#define STORMDRILL_CHECKS_WAITS_H

#include "harness/checks/lanes.h"
#include "harness/checks/pace.h"

/* `order`: of its lane, 0 = the first. Gives `out->waits` to free; E_NOMEM. */
int waits_of_outage(struct pace_outage *out, const struct outage *outage, int order);

#endif
