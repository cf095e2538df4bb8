/* metrics: what the plane counted, as text for Prometheus.
 *
 * The classic text format (version 0.0.4): HELP and TYPE once for each name, then its
 * samples. Everything is live: counted while connections are open. Toxiproxy's two
 * counters stand in it under their own names, with Toxiproxy's labels. */
#ifndef STORMDRILL_CONTROL_METRICS_H
#define STORMDRILL_CONTROL_METRICS_H

#include "proxy/plane.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The page for one snapshot (borrowed). Gives a string to free, or NULL when memory is
 * short. Any thread. */
char *metrics_text(const struct plane_metrics *metrics);

#endif
