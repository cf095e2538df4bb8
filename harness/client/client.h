/* client: a process under test, seen from the case that started it.
 *
 * A client is an argv (DESIGN 7). The built-in one is `stormdrill client WORKLOAD`; its
 * configuration comes as JSON in STORMDRILL_CONF, its orders on STORMDRILL_CONTROL_FD,
 * its state is a small shared page (status.h) and its story is evidence. Every client
 * has a link of its own to each node; a connector has one per connection (up to 256).
 *
 *   client_create -> links open -> process started -> ready (its workload is set up:
 *   connected, subscribed) -> ... stop (load ends and drains) / kill / pause -> exited
 *
 * Main thread; `done` fires later on the loop, exactly once. */
#ifndef STORMDRILL_CLIENT_CLIENT_H
#define STORMDRILL_CLIENT_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/broker/cluster.h"
#include "harness/context.h"
#include "proxy/base/error.h"
#include "proxy/plane.h"

struct client;
struct crew; /* all clients of a case */

typedef void client_done_fn(void *arg, int rc, const struct error *err);

int crew_create(struct crew **out, struct context *context, struct cluster *cluster,
                struct error *err);

/* Stop all that still runs: load ends, drain bounded by `grace_ns`, then SIGKILL. */
void crew_stop(struct crew *crew, uint64_t grace_ns, client_done_fn *done, void *arg);

/* After crew_stop. Frees when the loop has closed its handles: let it run on. */
void crew_destroy(struct crew *crew);
int crew_count(const struct crew *crew);
struct client *crew_at(const struct crew *crew, int at);

/* `workload`: a name of workloads.def. `conf`: the user's table (borrowed), checked
 * against the workload's parameters; member `name` names the client, else a name is
 * made (workload, number). Checks everything at once (E_PARAM), gives the client, then
 * starts it; `done` when it is ready, or E_TIMEOUT, or why it ended. */
int client_create(struct client **out, struct crew *crew, const char *workload,
                  const json_t *conf, client_done_fn *done, void *arg, struct error *err);

/* Check a workload's name and parameters without starting anything (for `validate`). */
int client_check(const char *workload, const json_t *conf, struct error *err);

const char *client_name(const struct client *client);
const char *client_workload(const struct client *client);
const char *client_stream(const struct client *client); /* it reads or fills; or NULL */
uint32_t client_number(const struct client *client);
uint32_t client_incarnation(const struct client *client);
bool client_is_running(const struct client *client);

/* A link of a client is about to be reset: until the client has noticed, what its page
 * says of being connected is not believed. Links of nobody are ignored. */
void crew_note_cut(struct crew *crew, struct link_id link);

/* As its own library says (status page); false once the process is gone. */
bool client_is_connected(const struct client *client);

/* Counters over all incarnations. */
uint64_t client_attempted(const struct client *client);
uint64_t client_acknowledged(const struct client *client);
uint64_t client_received(const struct client *client);
uint64_t client_missed(const struct client *client); /* subscriber: sent but not received,
                                                      * of publishers on its subject */

/* The links of the client, one per node (per connection for connectors). */
int client_link_count(const struct client *client);
struct link_id client_link(const struct client *client, int at);
const struct node *client_link_node(const struct client *client, int at); /* its way to */
const char *client_link_name(const struct client *client, int at);

/* End the load and drain: what was handed over is flushed (core: the fence is sent and
 * repeated until await_caught_up has seen it), asynchronous publishes are settled or
 * given up with a word in evidence. The process stays for questions until it is
 * terminated. */
void client_stop(struct client *client, client_done_fn *done, void *arg);
void client_terminate(struct client *client, uint64_t grace_ns, client_done_fn *done,
                      void *arg);
void client_kill(struct client *client, client_done_fn *done, void *arg);
void client_pause(struct client *client, client_done_fn *done, void *arg);
void client_resume(struct client *client, client_done_fn *done, void *arg);
void client_restart(struct client *client, client_done_fn *done, void *arg);

void client_await_connected(struct client *client, uint64_t within_ns,
                            client_done_fn *done, void *arg);

/* DESIGN 9 "Caught up": consumer: num_pending and num_ack_pending are 0; subscriber: the
 * fence of every publisher on its subject was seen. E_TIMEOUT while still progressing
 * at the deadline; E_LIMIT when stuck. Either way a caught_up record is written. */
void client_await_caught_up(struct client *client, uint64_t within_ns,
                            client_done_fn *done, void *arg);

/* Stop all publishers and requesters, drained. */
void crew_stop_workloads(struct crew *crew, client_done_fn *done, void *arg);

/* Things only a broker's API can do; asked by an admin client that is connected to the
 * nodes directly, never through a link. `request` like {op = "add_stream", …}; bounded
 * by `within_ns`; the answer is borrowed for the call. */
typedef void admin_done_fn(void *arg, int rc, const struct error *err,
                           const json_t *answer);
void crew_admin(struct crew *crew, const json_t *request, uint64_t within_ns,
                admin_done_fn *done, void *arg);

/* `stormdrill client ARGS`, run by main(): the built-in client itself. Exit code. */
int client_main(int argc, char **argv);

#endif
