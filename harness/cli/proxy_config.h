/* proxy_config: the file of `stormdrill proxy --config`: a list of proxies, as
 * Toxiproxy's -config has it, or as GET /v1/state gives it. */
#ifndef STORMDRILL_CLI_PROXY_CONFIG_H
#define STORMDRILL_CLI_PROXY_CONFIG_H

#include <jansson.h>
#include <stdio.h>

#include "harness/cli/terminal.h"
#include "proxy/base/error.h"

/* Gives the list, or NULL and what is wrong (E_USAGE) with its line or its entry. Keys
 * that mean nothing are warned of on `to`: Toxiproxy ignores them. What only becomes
 * wrong when links are made (addresses, toxics, faults) is api_populate's to say. */
json_t *proxy_config_read(const char *path, FILE *to, const struct terminal *terminal,
                          struct error *err);

#endif
