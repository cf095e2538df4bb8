/* workload: what a built-in client does. One file per workload under workloads/, one line
 * in workloads.def.
 *
 * A workload is read by two processes: the case checks the user's table with it before
 * anything starts, the client runs it. Names, kinds and defaults stand in its parameter
 * table; what every client takes (reconnect, timeouts, …) in connection_params. */
#ifndef STORMDRILL_CLIENT_WORKLOAD_H
#define STORMDRILL_CLIENT_WORKLOAD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/param.h"

enum reconnect_kind {
    RECONNECT_DEFAULT, /* nats.c's own: 2 s, 60 attempts, jitter 100 ms */
    RECONNECT_NONE,
    RECONNECT_FIXED,   /* {wait, jitter, attempts} */
    RECONNECT_BACKOFF, /* {first, factor, cap, jitter, attempts}: custom delay callback */
};

struct reconnect_policy {
    enum reconnect_kind kind;
    uint64_t wait_ns;   /* fixed wait, or first */
    uint64_t jitter_ns; /* fixed: 0..jitter is added */
    double factor;
    uint64_t cap_ns;
    double jitter_fraction; /* backoff, with PERCENT: up to this much more or less */
    enum { JITTER_PERCENT, JITTER_EQUAL, JITTER_FULL, JITTER_DECORRELATED } jitter_kind;
    int64_t attempts; /* per outage and server; -1: without end */
};

/* What every built-in client takes. */
struct connection_conf {
    char *name;
    json_t *reconnect;          /* as the user wrote it; read by reconnect_policy_read */
    json_t *ping;               /* "20s" or {interval, max_out}; read by workload_read: */
    uint64_t ping_ns;           /* ping interval */
    int64_t ping_max_out;       /* unanswered pings until the connection is stale */
    uint64_t timeout_ns;        /* connect time-out */
    uint64_t connect_within_ns; /* how long the first connect is tried */
    uint64_t buffer_bytes;      /* reconnect buffer */
    uint64_t write_deadline_ns;
    bool discovered;               /* walk to servers that INFO names, past the links */
    bool exit_when_closed;         /* leave when the connection is closed for good */
    char *user, *password, *token; /* never in evidence */
};
extern const struct param connection_params[];

/* A copy of a user's table without what must stay secret, for evidence and reports.
 * Gives a new object; NULL without memory. */
json_t *workload_public_conf(const json_t *object);

/* `object`: "default", "none", a table; NULL is "default". */
int reconnect_policy_read(struct reconnect_policy *out, const json_t *object,
                          struct error *err);

struct session; /* the running client: session.h */

struct workload_type {
    const char *name;
    const char *summary;
    const struct param *params;
    size_t conf_size;
    bool publishes; /* its load is ended by stop and its drain is waited for */
    bool is_connector;
    /* Checks what a table cannot say ("a consumer needs a stream"); may be NULL. */
    int (*check)(const void *conf, struct error *err);
    /* Runs in the client until it is told to exit; an exit code. */
    int (*run)(struct session *session, const void *conf);
};

const struct workload_type *workload_find(const char *name);
const struct workload_type *workload_at(int index); /* NULL behind the last */

/* Read a user's table into both confs; `*conf` is allocated. workload_release frees. */
int workload_read(const struct workload_type *type, const json_t *object,
                  struct connection_conf *connection, void **conf, struct error *err);
void workload_release(const struct workload_type *type,
                      struct connection_conf *connection, void *conf);

#endif
