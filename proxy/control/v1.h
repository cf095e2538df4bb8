/* v1: our own HTTP API: links, faults with the parameters of every other way in, state.
 *
 *   GET    /v1/links                        all, with what passes through them
 *   POST   /v1/links                        {name, upstream, listen, ...}: 201
 *   GET PATCH DELETE  /v1/links/{link}
 *   POST   /v1/links/{link}/reset           the action: RST on every connection
 *   GET POST DELETE   /v1/links/{link}/faults          DELETE heals all of them
 *   GET PATCH DELETE  /v1/links/{link}/faults/{fault}  by its name or its id
 *   GET    /v1/faults                       of all links
 *   GET POST          /v1/state             what GET gives, POST and --config take
 *   GET    /v1/api                          the parameter tables
 *   GET    /v1/version
 *   any    /metrics                         for Prometheus (metrics.h)
 *
 * Errors are {"error": {"code", "message", "hint"}}. No call waits for a peer. */
#ifndef STORMDRILL_CONTROL_V1_H
#define STORMDRILL_CONTROL_V1_H

#include "proxy/control/http.h"

/* For http_options.tables; the server's context must be the `struct book`. */
extern const struct route v1_routes[];

#endif
