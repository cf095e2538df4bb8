/* cluster: the nats-server processes of a case, and what can be done to them.
 *
 * All well: cluster_create -> cluster_start -> nodes run; node verbs; cluster_stop.
 * Ports are random and never guessed (ports_file_dir); who answers is verified by the
 * server id in INFO against the process we started. A restarted node has a new port:
 * watchers (links of clients) are told, and cluster verbs call back only after every
 * watcher has said that its change is in force.
 * Main thread. Verbs start something; `done` fires later on the loop, exactly once. */
#ifndef STORMDRILL_BROKER_CLUSTER_H
#define STORMDRILL_BROKER_CLUSTER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/context.h"
#include "proxy/base/error.h"
#include "proxy/base/param.h"

struct cluster;
struct node;

struct cluster_conf {
    int64_t nodes;
    bool jetstream;
    char *broker;   /* path; NULL: the context's */
    json_t *config; /* becomes nats-server's; NULL */
};

/* The parameters of `cluster = { … }` in a scenario. */
extern const struct param cluster_params[];

enum node_state { NODE_DOWN, NODE_STARTING, NODE_UP, NODE_PAUSED, NODE_STOPPING };

typedef void node_done_fn(void *arg, int rc, const struct error *err);

/* May a scenario say this (for `validate`)? E_PARAM names the key of `config` that is
 * stormdrill's own, and why. */
int cluster_check(const struct cluster_conf *conf, struct error *err);

/* Takes the conf (its owned values), also on failure. Folder: CASE/brokers/<name>/.
 * Starts nothing. */
int cluster_create(struct cluster **out, struct context *context,
                   struct cluster_conf *conf, struct error *err);

/* All nodes up and, with JetStream, answering for it. */
void cluster_start(struct cluster *cluster, node_done_fn *done, void *arg);

/* SIGTERM all that runs, SIGKILL after a grace of 5 s; done when all are gone. */
void cluster_stop(struct cluster *cluster, node_done_fn *done, void *arg);

/* Free; after cluster_stop and the calling back of every verb. Its handles close in the
 * next turns of the loop. NULL is fine. */
void cluster_destroy(struct cluster *cluster);

int cluster_node_count(const struct cluster *cluster);
struct node *cluster_node(const struct cluster *cluster, int at); /* 0-based */
struct node *cluster_node_named(const struct cluster *cluster, const char *name);

/* Done when every node is up and healthy (INFO answers; JetStream enabled where asked),
 * or E_TIMEOUT. */
void cluster_await_healthy(struct cluster *cluster, uint64_t within_ns,
                           node_done_fn *done, void *arg);

const char *node_name(const struct node *node);    /* "n1" */
uint32_t node_number(const struct node *node);     /* from 1 */
const char *node_address(const struct node *node); /* "127.0.0.1:41234"; "" while down */
enum node_state node_state(const struct node *node);
int node_pid(const struct node *node); /* 0 while down */

/* Wrong state (start of a running node, …) is E_PARAM with the node and its state;
 * E_ENVIRONMENT when it is down because it ended by itself. stop and kill are fine in
 * every state but down; they interrupt what is under way, which then ends with
 * E_CANCELLED. A process that outlives SIGTERM by 5 s is killed; node_stop then says
 * E_TIMEOUT. stop, kill and restart write their `action` record, every signal is recorded
 * before it is sent; a pause is a fault, and whoever asks for it records that.
 */
void node_start(struct node *node, node_done_fn *done, void *arg); /* until it answers */
void node_stop(struct node *node, node_done_fn *done,
               void *arg); /* SIGTERM, until gone */
void node_kill(struct node *node, node_done_fn *done,
               void *arg); /* SIGKILL, until gone */
void node_pause(struct node *node, node_done_fn *done, void *arg); /* SIGSTOP, in force */
void node_resume(struct node *node, node_done_fn *done, void *arg);
void node_restart(struct node *node, node_done_fn *done, void *arg);

/* Told whenever a node's address changes ("" when it went down), before the verb that
 * caused it is done. The watcher calls node_watch_done when it has acted, once for each
 * call (it may do so at once), also after cluster_unwatch; after 10 s it is given up with
 * a warning, and the verb ends with E_TIMEOUT. It may unwatch itself, but nobody else,
 * while it is told. */
struct node_watch {
    void (*on_address)(struct node_watch *watch, struct node *node, const char *address);
    void *arg;
    struct node_watch *next; /* the cluster's */
};
void cluster_watch(struct cluster *cluster, struct node_watch *watch); /* borrows */
void cluster_unwatch(struct cluster *cluster, struct node_watch *watch);
void node_watch_done(struct node *node);

#endif
