/* plane: the data plane, a thread with a loop of its own, and how to talk to it.
 *
 * Links, connections and faults live and die on the plane's thread. Everybody else
 * holds ids (number and generation) and sends commands by value; the answer comes when
 * the change is in force, never when bytes have drained, and never waits for a peer.
 *
 *   plane_start -> control_open (on the caller's loop) -> control_link_open -> ...
 *   -> control_close -> plane_stop
 *
 * A control belongs to one uv loop; its callbacks fire on that loop's thread, later,
 * never before the call returns, in the order of the calls. Whoever has no loop uses
 * plane_call_wait. A stale id is an error (E_STALE), never a crash. */
#ifndef STORMDRILL_PROXY_PLANE_H
#define STORMDRILL_PROXY_PLANE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/base/histogram.h"
#include "proxy/base/log.h"
#include "proxy/base/param.h"
#include "proxy/observer.h"

struct plane;
struct control;

struct link_id {
    uint32_t number; /* 0 = none */
    uint32_t generation;
};

struct fault_id {
    uint32_t number; /* 0 = none; unique in the plane, what evidence calls the fault */
    uint32_t generation;
};

enum link_mode { LINK_TCP };

enum {
    ADDRESS_BYTES = 256,
    LINK_NAME_BYTES = 128,
    FAULT_NAME_BYTES = 32,
    FAULT_LABEL_BYTES = 64,
};

struct plane_options {
    struct observer observer; /* on_event may be NULL */
    struct log *log;          /* may be NULL */
    uint64_t seed;
    uint64_t memory_bytes_max; /* 0: 1 GiB */
};

struct link_options {
    char name[LINK_NAME_BYTES]; /* what reports call it; the name of its random stream */
    char listen[ADDRESS_BYTES]; /* "127.0.0.1:0" (the default when empty), "[::1]:4222",
                                 * "unix:/path" */
    char upstream[ADDRESS_BYTES]; /* "host:port", "unix:/path"; empty: nobody */
    enum link_mode mode;
    uint64_t dial_timeout_ns; /* 0: 5 s */
    uint64_t buffer_bytes;    /* bound of a direction; 0: 1 MiB, 64 MiB while delayed */
    bool disabled;            /* made, but not listening: control_link_enable */
};

/* Who ended a connection, and how: the flags of PROXY_CLOSE, counted. */
enum close_who { CLOSE_BY_CLIENT, CLOSE_BY_SERVER, CLOSE_BY_FAULT, CLOSE_BY_PROXY };
enum close_how { CLOSE_FIN, CLOSE_RST, CLOSE_TIMEOUT, CLOSE_ERROR };
enum { CLOSE_WHO_COUNT = 4, CLOSE_HOW_COUNT = 4 };

struct link_stats {
    uint64_t accepted, refused, dial_failed, closed;   /* connections, since the start */
    uint64_t closes[CLOSE_WHO_COUNT][CLOSE_HOW_COUNT]; /* `closed`, told apart */
    uint32_t open;                                     /* connections now */
    uint64_t bytes_to_server, bytes_to_client;         /* passed on */
    uint64_t bytes_from_client, bytes_from_server;     /* read */
    uint64_t held_bytes;                               /* in faults and queues now */
};

/* A snapshot of everything, taken by the plane's thread at one moment. */
struct link_metrics {
    struct link_id id;
    char name[LINK_NAME_BYTES];
    char listen[ADDRESS_BYTES];
    char upstream[ADDRESS_BYTES];
    bool is_listening;
    struct link_stats stats;
};
struct fault_metrics {
    struct fault_id id;
    struct link_id link;
    const char *type;
    char label[FAULT_LABEL_BYTES];
    uint64_t touched;        /* chunks and connections */
    struct histogram delays; /* that it drew */
};
struct plane_metrics {
    uint64_t memory_bytes, memory_bytes_max; /* held in all directions; the bound */
    struct histogram lag;                    /* of the loop, sampled each 20 ms */
    struct histogram delay_errors;           /* let go so much later than it was due */
    uint32_t link_count, fault_count;
    struct link_metrics *links;
    struct fault_metrics *faults;
};
void plane_metrics_destroy(struct plane_metrics *metrics); /* NULL is fine */

/* What comes back. `rc` and `error` are set when it did not work. What a pointer shows
 * is borrowed: it goes when `done` returns. */
struct plane_reply {
    int rc;
    struct error error;
    struct link_id link;
    struct fault_id fault;
    uint16_t port;               /* of the listener; 0 for a Unix socket */
    char address[ADDRESS_BYTES]; /* "127.0.0.1:40321": where the link listens */
    struct link_stats stats;
    uint32_t touched; /* connections on which it acted at once */
    json_t *detail;   /* of a fault that was added or changed: what is in force, {fault,
                       * label, direction, params}; NULL unless asked for */
    struct plane_metrics *metrics; /* of PLANE_METRICS */
};

/* Free what a reply holds. Only for replies of plane_call_wait to PLANE_METRICS and to
 * commands with `wants_detail`; a control does it itself. */
void plane_reply_release(struct plane_reply *reply);

typedef void plane_reply_fn(void *arg, const struct plane_reply *reply);

enum plane_command_kind {
    PLANE_LINK_OPEN,
    PLANE_LINK_CLOSE,    /* connections end with RST */
    PLANE_LINK_UPSTREAM, /* new dials go there; "" = nobody: they end with RST */
    PLANE_LINK_RESET,    /* the action `reset`: RST on every connection, both sides */
    PLANE_LINK_STATS,
    PLANE_LINK_DISABLE, /* the port closes, connections end with FIN (RST where bytes lie
                         * unread); faults stay. Twice is fine */
    PLANE_LINK_ENABLE,  /* the port opens again */
    PLANE_LINK_LISTEN,  /* listen elsewhere: connections end as by DISABLE. Where the new
                         * address cannot be had the link is left disabled, with it */
    PLANE_METRICS,
    PLANE_FAULT_ADD,
    PLANE_FAULT_CHANGE,
    PLANE_FAULT_HEAL,
};

struct fault_type;

/* By value: what crosses the threads. Made by the functions below, which check every
 * parameter before the fault exists. `conf` is taken by the plane. */
struct plane_command {
    enum plane_command_kind kind;
    struct link_id link;
    struct fault_id fault;
    struct link_options options;
    const struct fault_type *type;
    void *conf;
    void *common;   /* probability, direction: struct fault_common of proxy/fault.h */
    json_t *params; /* of a change: what is in force may change only on the plane's
                     * thread, so they are read there. Taken by the plane */
    bool wants_detail;
};

int plane_start(struct plane **out, const struct plane_options *options,
                struct error *err);

/* Close every link with RST, end the thread, free. Controls must be closed before. */
void plane_stop(struct plane *plane);

/* A way to talk to `plane` from `loop`. Borrows both. */
int control_open(struct control **out, struct plane *plane, uv_loop_t *loop,
                 struct error *err);

/* Outstanding calls are still answered, then on_closed fires on the loop. */
void control_close(struct control *control, void (*on_closed)(void *arg), void *arg);

void control_link_open(struct control *control, const struct link_options *options,
                       plane_reply_fn *done, void *arg);
void control_link_close(struct control *control, struct link_id link,
                        plane_reply_fn *done, void *arg);
void control_link_upstream(struct control *control, struct link_id link,
                           const char *upstream, plane_reply_fn *done, void *arg);
void control_link_reset(struct control *control, struct link_id link,
                        plane_reply_fn *done, void *arg);
void control_link_stats(struct control *control, struct link_id link,
                        plane_reply_fn *done, void *arg);
void control_link_disable(struct control *control, struct link_id link,
                          plane_reply_fn *done, void *arg);
void control_link_enable(struct control *control, struct link_id link,
                         plane_reply_fn *done, void *arg);
void control_link_listen(struct control *control, struct link_id link, const char *listen,
                         plane_reply_fn *done, void *arg);
void control_metrics(struct control *control, plane_reply_fn *done, void *arg);

/* Check `params` (borrowed; NULL for none; own parameters and the common ones
 * of fault_common_params in one object) and add the fault. Bad parameters are
 * answered through `done` too, with E_PARAM. */
void control_fault_add(struct control *control, struct link_id link, const char *type,
                       const json_t *params, plane_reply_fn *done, void *arg);
void control_fault_change(struct control *control, struct fault_id fault,
                          const json_t *params, plane_reply_fn *done, void *arg);
void control_fault_heal(struct control *control, struct fault_id fault,
                        plane_reply_fn *done, void *arg);

/* Make the command that adds a fault: 0, or E_PARAM and what is wrong with `params`
 * (borrowed; NULL for none). Any thread. */
int plane_command_fault(struct plane_command *out, struct link_id link, const char *type,
                        const json_t *params, struct error *err);

/* Free what a command holds that was never sent. */
void plane_command_release(struct plane_command *command);

/* Send a command and wait for its answer: 0 or reply->rc. Takes what the command holds.
 * For programs and tests without a loop; not from the plane's thread. */
int plane_call_wait(struct plane *plane, const struct plane_command *command,
                    struct plane_reply *reply);

/* The faults there are, for `api`, --help and name checks. NULL when there is none. */
const struct fault_type *fault_type_find(const char *name);
const struct fault_type *fault_type_at(int index); /* NULL behind the last */
const char *fault_type_name(const struct fault_type *type);
const char *fault_type_summary(const struct fault_type *type);
const struct param *fault_type_params(const struct fault_type *type);

/* The parameters that every fault has: probability, direction, after, on, off, times. */
const struct param *fault_common_params(void);

/* Check a fault's name and parameters without adding it (for `validate`). */
int fault_check(const char *type, const json_t *params, struct error *err);

#endif
