/* http: an HTTP/1.1 server on a uv loop: routes, calls, replies.
 *
 * libmicrohttpd is driven by its epoll descriptor on the caller's loop. A request that
 * has arrived whole becomes a `struct call` and goes to the handler of its route. The
 * handler owes exactly one reply: at once or later from the same loop, also when the
 * client has gone meanwhile. Until then the call stays valid; with the reply it is gone.
 *
 *   request -> access (Host, token) -> route (404, 405) -> body (413) -> handler
 *           -> call_reply...  (the connection is suspended in between)
 *
 * What comes before a handler is done here, so that no handler repeats it: access,
 * routes, the browser block, request ids, limits of size and time.
 * Thread: everything on the loop's thread. */
#ifndef STORMDRILL_CONTROL_HTTP_H
#define STORMDRILL_CONTROL_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "proxy/base/error.h"
#include "proxy/base/log.h"

struct http;
struct call;

/* Whose contract a path follows. */
enum route_family {
    ROUTE_TOXIPROXY, /* browsers get 403, replies carry X-Toxiproxy-Request-Id, errors are
                      * text/plain; any Content-Type is taken */
    ROUTE_V1, /* a body must be application/json (415), errors are JSON with a hint */
};

/* One path and method. In the pattern a "{name}" stands for one part of the path. */
struct route {
    const char *method;  /* "GET"; "*" for any */
    const char *pattern; /* "/proxies/{proxy}/toxics"; NULL ends a table */
    enum route_family family;
    void (*handle)(struct call *call);
};

enum {
    HTTP_BODY_BYTES_MAX = 1 << 20, /* more is 413 */
    HTTP_CONNECTIONS_MAX = 256,    /* more wait in the backlog */
    HTTP_READ_TIMEOUT_S = 15,      /* silence in the middle of a request */
    HTTP_IDLE_TIMEOUT_S = 60,      /* silence between two */
    HTTP_REQUEST_TIMEOUT_S = 60,   /* a whole request, however it drips in */
};

struct http_options {
    const char *listen; /* "127.0.0.1:8474", "[::1]:0", "localhost:0", "unix:/path" */
    const char *token;  /* NULL: none; then only loopback and Unix sockets can be had */
    const struct route *const *tables; /* NULL-terminated; borrowed */
    void *context;                     /* of call_context */
    struct log *log;                   /* may be NULL */
    unsigned read_timeout_s;           /* 0: as above */
    unsigned idle_timeout_s;
};

/* Listen. Borrows `loop`. E_BUSY: the address is taken; E_PARAM: it cannot be used. */
int http_start(struct http **out, uv_loop_t *loop, const struct http_options *options,
               struct error *err);

/* Accept no more, answer what is in work, close all, then on_closed on the loop. */
void http_stop(struct http *http, void (*on_closed)(void *arg), void *arg);

/* "127.0.0.1:8474", with the real port; "unix:/path". Lives as long as the server. */
const char *http_address(const struct http *http);

/* What a handler may ask. All that is given is borrowed and goes with the reply. */
void *call_context(const struct call *call);

/* What stands for "{name}", decoded; NULL: the pattern has no such part. */
const char *call_part(const struct call *call, const char *name);
const char *call_header(const struct call *call, const char *name);
const char *call_body(const struct call *call, size_t *size); /* ends in NUL */

/* The body as one JSON value and nothing behind it (for /v1/): 0 and a new value (NULL
 * for an empty body), or E_FORMAT with line and column, or E_NOMEM. */
int call_json(const struct call *call, json_t **out, struct error *err);

/* The one reply. Each takes the call. */
void call_reply(struct call *call, unsigned status, const char *type, const char *body,
                size_t size); /* copies; type NULL: none */
void call_reply_json(struct call *call, unsigned status, json_t *json); /* takes `json` */
void call_reply_empty(struct call *call, unsigned status);

/* Takes `json`; gives it, or NULL (of which call_reply_json makes a 500) when something
 * could not be put into it: what lacks a part would be taken for the whole truth. */
json_t *call_whole(json_t *json, int failed);

/* {"error":"...","status":N} (500 for E_NOMEM, whatever `status` says), or
 * {"error":{"code","message","hint"}} under /v1/. */
void call_reply_error(struct call *call, unsigned status, const struct error *err);
void call_reply_problem(struct call *call, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One more header for the reply to come; copies. Before the reply. */
void call_add_header(struct call *call, const char *name, const char *value);

#endif
