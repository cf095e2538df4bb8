/* durable: a durable consumer of a JetStream stream, as a user describes it.
 *
 * Shared by the consumer workload, which makes and then follows one, and by the admin's
 * add_consumer, which only makes it. The subject it delivers to depends on stream and
 * durable name alone, so that a client that comes back binds to the same one. */
#ifndef STORMDRILL_CLIENT_DURABLE_H
#define STORMDRILL_CLIENT_DURABLE_H

#include <nats/nats.h>
#include <stdint.h>

#include "harness/client/stream.h"
#include "proxy/base/error.h"
#include "proxy/base/param.h"

enum durable_ack { DURABLE_ACK_EXPLICIT, DURABLE_ACK_ALL, DURABLE_ACK_NONE };

struct durable_conf {
    char *stream;
    char *durable;
    char *subject; /* filter; NULL: everything */
    int ack;       /* of enum durable_ack */
    uint64_t ack_wait_ns;
    int64_t max_ack_pending;
    int64_t max_deliver;
};

extern const char *const durable_acks[];

/* The rows of a table whose struct holds a durable_conf at `at`. ("durable." or nothing)
 */
#define DURABLE_PARAMS(type, at)                                                         \
    PARAM(type, at stream, TEXT, "stream", "!", NULL, NULL, "the stream it reads"),      \
        PARAM(type, at durable, TEXT, "durable", "!", NULL, NULL,                        \
              "the name under which the broker remembers it"),                           \
        PARAM(type, at subject, TEXT, "subject", NULL, NULL, NULL,                       \
              "only messages of this subject"),                                          \
        PARAM_CHOICE(type, at ack, "ack", "explicit", durable_acks,                      \
                     "which messages are acknowledged: each, all up to one, none"),      \
        PARAM(type, at ack_wait_ns, DURATION, "ack_wait", "30s", "1ms", "24h",           \
              "unacknowledged that long, a message comes again"),                        \
        PARAM(type, at max_ack_pending, INTEGER, "max_ack_pending", "1000", "-1", NULL,  \
              "so many may be unacknowledged; -1: any number"),                          \
        PARAM(type, at max_deliver, INTEGER, "max_deliver", "-1", "-1", NULL,            \
              "so often a message is delivered; -1: any number")

extern const struct param durable_params[]; /* for a plain struct durable_conf */

/* What a table cannot say. */
int durable_check(const struct durable_conf *conf, struct error *err);

/* Fill nats.c's configuration. It borrows from `conf` and `deliver`. */
void durable_config(jsConsumerConfig *out, const struct durable_conf *conf,
                    char deliver[SUBJECT_BYTES]);

#endif
