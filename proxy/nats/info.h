/* info: what a server's INFO and a client's CONNECT say, for evidence, and INFO as a
 * link passes it on.
 *
 * Evidence gets a list of members that are known to be harmless, never the object as it
 * came: passwords, tokens, JWTs and signatures travel in CONNECT (DESIGN 12), and an
 * unknown member may be the next one.
 * Source: docs.nats.io, "Client Protocol"; nats-server's Info and ClientOpts.
 * Thread: works on its arguments alone. */
#ifndef STORMDRILL_NATS_INFO_H
#define STORMDRILL_NATS_INFO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/nats/frame.h"

/* Of INFO: server_id, server_name, version, cluster, host, port, max_payload, flags,
 * connect_urls, … Gives a new object, or NULL when `args` is no JSON object or memory is
 * short. */
json_t *info_read(struct frame_text args);

/* Of CONNECT: lang, version, name, protocol, flags, user, and under "secrets" the names
 * (never the values) of the credentials that it carries. Gives a new object or NULL. */
json_t *connect_read(struct frame_text args);

/* A flag of INFO that may be left alone, removed, or set. */
enum info_flag { INFO_KEEP, INFO_FALSE, INFO_TRUE };

struct info_changes {
    /* The link's own address towards clients; NULL: host and port stay. */
    const char *host;
    uint16_t port;
    /* The address at which a client reaches the node that calls itself `url`
     * ("10.0.0.1:4222"): borrowed text, or NULL to leave the node out. NULL function:
     * connect_urls stays. */
    const char *(*map_url)(void *arg, const char *url);
    void *map_arg;
    int64_t max_payload; /* 0: stays */
    enum info_flag ldm;
    enum info_flag auth_required;
    enum info_flag tls_required;
};

/* The line that goes on instead: "INFO {…} \r\n", ended by NUL behind it, to be freed;
 * its length in `*size`. Members it does not know stay as they are, in their order.
 * NULL: `args` is no JSON object, or memory is short. `*left_out` counts the addresses
 * that were left out (may be NULL). */
char *info_rewrite(struct frame_text args, const struct info_changes *changes,
                   size_t *size, unsigned *left_out);

#endif
