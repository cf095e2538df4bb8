/* broker_rig: a context with a loop and a folder of its own, and verbs that remember how
 * they ended. A test program that uses it is its own guard (main asks broker_rig_role).
 */
#ifndef STORMDRILL_TESTS_BROKER_RIG_H
#define STORMDRILL_TESTS_BROKER_RIG_H

#include <stdbool.h>
#include <uv.h>

#include "harness/broker/broker.h"
#include "harness/broker/cluster.h"
#include "harness/context.h"

enum { BROKER_RIG_WAIT_MS = 60000 };

struct broker_rig {
    uv_loop_t loop;
    uv_timer_t tick;
    char folder[256];
    struct broker broker;
    struct context context;
    struct cluster *cluster;
};

/* How a verb ended. */
struct outcome {
    int calls;
    int rc;
    struct error error;
};

bool broker_rig_role(int argc, char **argv, int *code);

void broker_rig_init(struct broker_rig *rig);

/* Stops and destroys the cluster if there is one; nothing may be left of it. */
void broker_rig_release(struct broker_rig *rig);

/* `conf` as in a scenario: "{\"nodes\": 1, \"jetstream\": true}"; "" for defaults. */
int broker_rig_try(struct broker_rig *rig, const char *conf, struct error *err);
void broker_rig_create(struct broker_rig *rig, const char *conf);

/* Create and start; fails the test when it does not come up. */
struct node *broker_rig_start(struct broker_rig *rig, const char *conf);

/* For every `done`: arg is a struct outcome. */
void broker_rig_done(void *arg, int rc, const struct error *err);
void broker_rig_until(struct broker_rig *rig, struct outcome *outcome);
void broker_rig_until_true(struct broker_rig *rig, bool (*is_true)(void *arg), void *arg);

/* Run a verb to its end and give its rc. */
int broker_rig_run(struct broker_rig *rig, struct node *node,
                   void (*verb)(struct node *node, node_done_fn *done, void *arg),
                   struct outcome *outcome);

/* The first line that "127.0.0.1:port" says; "" when nobody answers. */
void broker_rig_hear(const char *address, char *line, size_t size);

/* Processes (no zombies) with this rig's folder in their arguments: brokers and guards.
 */
int broker_rig_processes(const struct broker_rig *rig);

/* Does the file hold the text? */
bool broker_rig_file_has(const struct broker_rig *rig, const char *name,
                         const char *text);
int broker_rig_open_fds(void);

#endif
