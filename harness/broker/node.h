/* node: one nats-server of a cluster, from the inside. Private to this folder; the
 * outside sees cluster.h. Main thread. */
#ifndef STORMDRILL_BROKER_NODE_H
#define STORMDRILL_BROKER_NODE_H

#include <limits.h>

#include "harness/broker/cluster.h"
#include "harness/broker/node_log.h"
#include "harness/broker/probe.h"
#include "harness/process/child.h"

enum { NODE_NAME_BYTES = 16, NODE_ADDRESS_BYTES = 64, NODE_LOG_RECORDS_MAX = 20000 };

/* What a verb waits for. */
enum node_goal { GOAL_UP, GOAL_GONE, GOAL_PAUSED, GOAL_RESUMED };

/* One `done` that somebody waits for: first with its node, then, decided, in the
 * cluster's queue, from which the loop calls it. */
struct node_wait {
    struct node_wait *next;
    enum node_goal goal;
    node_done_fn *done;
    void *arg;
    int rc;
    struct error error;
};

/* How far a start has come. */
enum start_step { START_LAUNCH, START_PORTS, START_INFO, START_JETSTREAM };

struct node {
    struct cluster *cluster;
    struct context *context;
    char name[NODE_NAME_BYTES];
    uint32_t number;
    char server_name[64];
    char folder[PATH_MAX];
    char config_path[PATH_MAX + 32];
    char log_path[PATH_MAX + 32];
    enum node_state state;

    struct child *child; /* NULL when there is no process and none to be released */
    int pid;
    char server_id[128];
    char version[64];
    char address[NODE_ADDRESS_BYTES]; /* as watchers know it; "" while down */
    int client_port;                  /* 0 until the ports file is read */
    int monitor_port;

    struct node_log log;
    uint64_t log_records;
    struct probe *probe;
    uv_timer_t *timer; /* the next look, or a deadline */
    enum start_step step;
    uint64_t start_ns;        /* stamped before the spawn */
    uint64_t deadline_ns;     /* of the start */
    char trouble[256];        /* what the last look of a start met */
    struct error start_error; /* why this start was given up; code 0: it was not */

    struct node_wait *waits;
    int watchers_pending; /* told of a new address, not done yet */
    bool restart;         /* start again as soon as it is down */
    bool pausing;         /* SIGSTOP is sent, not every thread has stopped yet */
    bool outlived_stop;   /* it had to be killed after SIGTERM */
    char fell[64];        /* how it ended by itself: "signal 11"; "" when it did not */
};

struct cluster {
    struct context *context;
    struct cluster_conf conf;
    struct node *nodes;
    int node_count;
    int *route_ports;
    struct node_watch *watches;
    struct node_wait *decided; /* first in, first out */
    struct node_wait **decided_end;
    uv_timer_t *later;
    struct gather *gathers;
    struct health *healths;
    char broker[PATH_MAX];
    char name[32]; /* the servers' cluster, and the beginning of their names */
    bool stopping;
    /* How long is waited for: constants, but for tests. */
    uint64_t start_limit_ns;
    uint64_t stop_grace_ns;
    uint64_t watchers_limit_ns;
};

/* node.c */
int node_init(struct node *node, struct cluster *cluster, int at, struct error *err);
void node_release(struct node *node);
const char *node_state_name(enum node_state state);
void node_move(struct node *node, enum node_state to);
/* Set and tell the watchers; settles the waits when all have acted. */
void node_set_address(struct node *node, const char *address);
/* Decide every wait of that goal. */
void node_decide(struct node *node, enum node_goal goal, const struct error *err);
void node_settle(struct node *node);
/* Like the public verbs, but no disturbance of the scenario: no action record. */
void node_end(struct node *node, int signal, node_done_fn *done, void *arg);

/* node_start.c */
void node_begin_start(struct node *node);
void node_on_child_exit(struct node *node, const struct child_exit *exit);
/* Is this the INFO of our process? Fills server_id and version. */
bool node_reads_info(struct node *node, const char *line);
extern const char node_health_request[];

/* node_evidence.c: records of a broker; nothing without a writer. */
void node_record_start(struct node *node, int pid);
void node_record_ready(struct node *node);
void node_record_signal(struct node *node, int signal);
void node_record_action(struct node *node, const char *action);
void node_record_exit(struct node *node, const struct child_exit *exit);
void node_record_log(void *node, const char *line);
void node_warn(struct node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* cluster.c: `done` from the loop, with rc and error of the wait. Takes `wait`. */
void cluster_later(struct cluster *cluster, struct node_wait *wait);
/* A timer that belongs to the loop; freed by loop_timer_drop. */
uv_timer_t *loop_timer_create(uv_loop_t *loop, void *data);
void loop_timer_drop(uv_timer_t *timer);

/* cluster_health.c */
void cluster_cancel_health(struct cluster *cluster);

#endif
