/* metrics: a snapshot of everything, for /metrics.
 * Thread: the loop's; what it gives is the receiver's alone. */
#ifndef STORMDRILL_PROXY_METRICS_H
#define STORMDRILL_PROXY_METRICS_H

#include "proxy/engine.h"
#include "proxy/registry.h"

/* Gives the snapshot: plane_metrics_destroy. E_NOMEM when memory is short. */
int metrics_take(struct plane_metrics **out, const struct engine *engine,
                 const struct registry *links, const struct registry *faults,
                 struct error *err);

#endif
