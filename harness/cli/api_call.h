/* api_call: one call to a running proxy's /v1/: JSON in, JSON out, errors as ours. */
#ifndef STORMDRILL_CLI_API_CALL_H
#define STORMDRILL_CLI_API_CALL_H

#include <jansson.h>

#include "proxy/base/error.h"

#define API_DEFAULT_ADDRESS "127.0.0.1:8474"

struct api_place {
    const char *address;
    const char *token; /* "" or NULL: none */
};

/* `body` (borrowed) may be NULL. Gives a new value, or NULL where the answer has none.
 * E_USAGE: the proxy refused what was asked (its words); E_ENVIRONMENT: nobody is there,
 * it may not be asked, or something else listens. */
int api_call(const struct api_place *place, const char *method, const char *path,
             const json_t *body, json_t **out, struct error *err);

#endif
