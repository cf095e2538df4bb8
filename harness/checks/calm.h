/* calm: since when the harness has left everybody alone: faults healed, brokers up, the
 * processes asked about running. Who stands still in a storm is not stuck. */
#ifndef STORMDRILL_CHECKS_CALM_H
#define STORMDRILL_CHECKS_CALM_H

#include "harness/checks/audience.h"

/* Since when it was calm at `until_ns` for this group; UINT64_MAX: it was not, or there
 * is no memory to say so. */
uint64_t calm_since(const struct evidence *evidence, const struct cast *cast,
                    const struct audience_group *group, uint64_t until_ns);

/* How long a consumer may stand still before it is stuck: 3 x ack_wait, at least 10 s. */
uint64_t calm_patience_ns(const struct cast *cast, const struct audience_group *group);

#endif
