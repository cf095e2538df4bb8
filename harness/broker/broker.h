/* broker: which nats-server there is and what it can do.
 *
 * Found by --broker, $STORMDRILL_BROKER, PATH (then /usr/sbin). The version is read with
 * `--version`, features are tried with `nats-server -t -c`, never guessed. */
#ifndef STORMDRILL_BROKER_BROKER_H
#define STORMDRILL_BROKER_BROKER_H

#include <stdbool.h>

#include "proxy/base/error.h"

struct broker {
    char path[4096];
    char version[64]; /* "2.9.10" */
};

/* `wanted` may be NULL. E_ENVIRONMENT with the ways out when there is none, or when what
 * is there is no nats-server. Waits for a short child (at most 5 s). */
int broker_find(struct broker *out, const char *wanted, struct error *err);

/* Does this broker accept this piece of configuration? 1 yes, 0 no (its words in `err`),
 * negative: it could not be asked. */
int broker_accepts(const struct broker *broker, const char *config, struct error *err);

#endif
