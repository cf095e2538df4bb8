/* call_internal: what server, routes and calls of this folder share about a request. */
#ifndef STORMDRILL_CONTROL_CALL_INTERNAL_H
#define STORMDRILL_CONTROL_CALL_INTERNAL_H

#include <stdint.h>

#include "proxy/control/http.h"
#include "proxy/control/mhd.h"

/* A body behind the last is not even thrown away any more. */
enum {
    CALL_PARTS_MAX = 4,
    CALL_HEADERS_MAX = 4,
    REQUEST_ID_BYTES = 21,
    CALL_DISCARD_BYTES_MAX = 64 << 20,
};

/* One "{name}" of the pattern, and what stood there. */
struct call_part {
    char name[16];
    char *value; /* decoded */
};

struct call {
    struct http *http;
    struct MHD_Connection *connection;
    const struct route *route; /* NULL: none fits; then `refused` is set */
    char *method;
    char *path; /* as it came, without the query */
    struct call_part parts[CALL_PARTS_MAX];
    int part_count;
    char *body;
    size_t body_size, body_room;
    uint64_t received; /* bytes of the body, kept or not */
    uint64_t begun_ns;
    struct {
        char *name, *value;
    } headers[CALL_HEADERS_MAX];
    int header_count;
    struct MHD_Response *response; /* the reply, until it is queued; NULL with `replied`:
                                    * there was no memory for one */
    unsigned status;
    bool no_memory; /* for the body, which is thrown away, 500 */
    bool too_big;   /* the body is thrown away, 413 */
    bool handled;   /* a handler has it, or had */
    bool replied;   /* `response` has been set once */
    bool suspended; /* MHD does not look at the connection */
};

/* Everything but the body has arrived. NULL when memory is short. */
struct call *call_create(struct http *http, struct MHD_Connection *connection,
                         const char *path, const char *method);
void call_destroy(struct call *call);

/* A piece of the body. false: it never ends. */
bool call_take(struct call *call, const char *data, size_t size);

/* Does it follow the contract of /v1/? */
bool call_is_v1(const struct call *call);

/* Plain replies, before and instead of a handler. */
void call_reply_text(struct call *call, unsigned status, const char *text);

/* The server's side of a reply: told as soon as there is one. */
void http_on_reply(struct http *http, struct call *call);
const struct mhd *http_mhd(const struct http *http);
void *http_context(const struct http *http);

/* The nth request of this server: 20 characters as Toxiproxy's (xid). */
void http_request_id(struct http *http, char id[REQUEST_ID_BYTES]);

#endif
