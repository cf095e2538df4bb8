/* handler: what a consumer or subscriber does with a message: `handler = { … }`.
 * Read by both; the work itself is time that passes. */
#ifndef STORMDRILL_CLIENT_HANDLER_H
#define STORMDRILL_CLIENT_HANDLER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/param.h"

struct handler_conf {
    uint64_t time_ns; /* how long the work on a message takes */
    double fail;      /* the part of the messages on which it fails: no ack */
    bool before_ack;  /* a mistake to rehearse: ack first, then work */
};

extern const struct param handler_params[];

/* `object` NULL: a handler that takes no time and never fails. */
int handler_read(struct handler_conf *out, const json_t *object, struct error *err);

#endif
