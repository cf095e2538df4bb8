/* node: the verbs of one nats-server and the order in which they come true.
 *
 * A verb checks the state, says what it does in evidence, starts the act and leaves a
 * wait with its goal. Events (it answers, it is stopped, it ended, the watchers have
 * acted) move the state; settle() then decides the waits whose goal is reached. `done`
 * is called from the loop, never from here.
 * Unexpected end: evidence and a warning; the state is DOWN, watchers are told.
 * A stop that takes too long becomes a kill, and says so. */
#include "harness/broker/node.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PAUSE_LOOK_MS = 1 };

#define TO(state) (1u << NODE_##state)
static const unsigned allowed[] = {
    [NODE_DOWN] = TO(STARTING),
    [NODE_STARTING] = TO(UP) | TO(STOPPING) | TO(DOWN),
    [NODE_UP] = TO(PAUSED) | TO(STOPPING) | TO(DOWN),
    [NODE_PAUSED] = TO(UP) | TO(STOPPING) | TO(DOWN),
    [NODE_STOPPING] = TO(DOWN),
};
#undef TO

const char *node_state_name(enum node_state state)
{
    static const char *const names[] = {
        [NODE_DOWN] = "down",     [NODE_STARTING] = "starting", [NODE_UP] = "up",
        [NODE_PAUSED] = "paused", [NODE_STOPPING] = "stopping",
    };

    return names[state];
}

void node_move(struct node *node, enum node_state to)
{
    assert((allowed[node->state] & (1u << to)) != 0);
    log_debug(node->context->log, "broker", "%s: %s -> %s", node->name,
              node_state_name(node->state), node_state_name(to));
    node->state = to;
}

int node_init(struct node *node, struct cluster *cluster, int at, struct error *err)
{
    node->cluster = cluster;
    node->context = cluster->context;
    node->number = (uint32_t)at + 1;
    node->state = NODE_DOWN;
    node->log.file = -1;
    snprintf(node->name, sizeof node->name, "n%d", at + 1);
    snprintf(node->folder, sizeof node->folder, "%s/brokers/%s", node->context->folder,
             node->name);
    snprintf(node->config_path, sizeof node->config_path, "%s/%s.conf", node->folder,
             node->name);
    snprintf(node->log_path, sizeof node->log_path, "%s/%s.log", node->folder,
             node->name);
    if (mkdir(node->folder, 0700) != 0 && errno != EEXIST)
        return error_from_errno(err, "create %s", node->folder);
    node->timer = loop_timer_create(node->context->loop, node);
    if (node->timer == NULL)
        return error_set(err, E_NOMEM, "timer of %s", node->name);
    return node_log_open(&node->log, node->log_path, node_record_log, node, err);
}

void node_release(struct node *node)
{
    assert(node->state == NODE_DOWN);
    assert(node->waits == NULL);
    assert(node->child == NULL);
    probe_cancel(node->probe);
    if (node->timer != NULL)
        loop_timer_drop(node->timer);
    node_log_close(&node->log);
}

/* --- waits ---------------------------------------------------------------------------
 */

static struct node_wait *wait_create(enum node_goal goal, node_done_fn *done, void *arg)
{
    struct node_wait *wait = calloc(1, sizeof *wait);

    /* Without memory for a wait nobody could ever be told: that is the end. */
    assert(wait != NULL);
    wait->goal = goal;
    wait->done = done;
    wait->arg = arg;
    return wait;
}

static void wait_add(struct node *node, enum node_goal goal, node_done_fn *done,
                     void *arg)
{
    struct node_wait **end = &node->waits;

    while (*end != NULL)
        end = &(*end)->next;
    *end = wait_create(goal, done, arg);
}

void node_decide(struct node *node, enum node_goal goal, const struct error *err)
{
    struct node_wait **link = &node->waits;

    while (*link != NULL) {
        struct node_wait *wait = *link;

        if (wait->goal != goal) {
            link = &wait->next;
            continue;
        }
        *link = wait->next;
        if (err != NULL) {
            wait->rc = err->code;
            wait->error = *err;
        }
        cluster_later(node->cluster, wait);
    }
}

static void decide_all_but_gone(struct node *node, const struct error *err)
{
    node_decide(node, GOAL_UP, err);
    node_decide(node, GOAL_PAUSED, err);
    node_decide(node, GOAL_RESUMED, err);
}

static void decide_gone(struct node *node)
{
    struct error err;
    char grace[32];

    if (!node->outlived_stop) {
        node_decide(node, GOAL_GONE, NULL);
        return;
    }
    error_set(&err, E_TIMEOUT, "%s did not end within %s of SIGTERM and was killed",
              node->name,
              param_duration_text(node->cluster->stop_grace_ns, grace, sizeof grace));
    node_decide(node, GOAL_GONE, &err);
}

void node_settle(struct node *node)
{
    if (node->watchers_pending > 0)
        return;
    switch (node->state) {
    case NODE_DOWN:
        decide_gone(node);
        if (node->restart) {
            node->restart = false;
            node_begin_start(node);
        }
        return;
    case NODE_UP:
        node_decide(node, GOAL_UP, NULL);
        node_decide(node, GOAL_RESUMED, NULL);
        return;
    case NODE_PAUSED:
        node_decide(node, GOAL_PAUSED, NULL);
        return;
    case NODE_STARTING:
    case NODE_STOPPING:
        return;
    }
}

/* A verb that does not fit the state: E_PARAM with both, and what would fit. When it is
 * the broker that ended by itself, the script is not to blame: E_ENVIRONMENT. */
static void refuse(struct node *node, const char *verb, const char *hint,
                   node_done_fn *done, void *arg)
{
    struct node_wait *wait = wait_create(GOAL_GONE, done, arg);

    if (node->state == NODE_DOWN && node->fell[0] != '\0') {
        wait->rc = error_set(&wait->error, E_ENVIRONMENT,
                             "cannot %s %s: it ended by itself (%s)", verb, node->name,
                             node->fell);
        error_hint(&wait->error, "its log is %s", node->log_path);
    } else {
        wait->rc = error_set(&wait->error, E_PARAM, "cannot %s %s: it is %s", verb,
                             node->name, node_state_name(node->state));
        error_hint(&wait->error, "%s", hint);
    }
    cluster_later(node->cluster, wait);
}

/* --- watchers ------------------------------------------------------------------------
 */

static void on_watchers_late(uv_timer_t *timer)
{
    struct node *node = timer->data;
    struct error err;
    char limit[32];

    error_set(&err, E_TIMEOUT, "the links did not follow %s within %s", node->name,
              param_duration_text(node->cluster->watchers_limit_ns, limit, sizeof limit));
    node_warn(node, "%s", err.text);
    node->watchers_pending = 0;
    decide_all_but_gone(node, &err);
    node_settle(node);
}

void node_set_address(struct node *node, const char *address)
{
    struct node_watch *next;

    if (strcmp(node->address, address) == 0) {
        node_settle(node);
        return;
    }
    snprintf(node->address, sizeof node->address, "%s", address);
    /* One for ourselves, so that a watcher that is done at once does not settle before
     * the last was told. */
    node->watchers_pending++;
    for (struct node_watch *w = node->cluster->watches; w != NULL; w = next) {
        next = w->next;
        node->watchers_pending++;
        w->on_address(w, node, node->address);
    }
    uv_timer_start(node->timer, on_watchers_late,
                   node->cluster->watchers_limit_ns / NS_PER_MS, 0);
    node_watch_done(node);
}

void node_watch_done(struct node *node)
{
    /* A watcher that was given up answers too late: its change is in force anyway. */
    if (node->watchers_pending == 0)
        return;
    node->watchers_pending--;
    if (node->watchers_pending > 0)
        return;
    if ((node->state == NODE_UP && !node->pausing) || node->state == NODE_DOWN)
        uv_timer_stop(node->timer);
    node_settle(node);
}

/* --- the end of a process --------------------------------------------------------------
 */

static void on_stop_late(uv_timer_t *timer)
{
    struct node *node = timer->data;

    if (node->child == NULL)
        return;
    node->outlived_stop = true;
    node_warn(node, "broker %s does not end; it is killed", node->name);
    node_record_signal(node, SIGKILL);
    child_kill_tree(node->child);
}

/* What was under way comes to nothing. */
static void interrupt(struct node *node, int signal)
{
    struct error err;

    error_set(&err, E_CANCELLED, "%s was %s while it was %s", node->name,
              signal == SIGKILL ? "killed" : "stopped", node_state_name(node->state));
    probe_cancel(node->probe);
    node->probe = NULL;
    node->pausing = false;
    node->restart = false;
    decide_all_but_gone(node, &err);
}

static void end_process(struct node *node, int signal)
{
    bool was_paused = node->state == NODE_PAUSED || node->pausing;

    node_record_signal(node, signal);
    interrupt(node, signal);
    if (node->state != NODE_STOPPING)
        node_move(node, NODE_STOPPING);
    uv_timer_start(node->timer, on_stop_late, node->cluster->stop_grace_ns / NS_PER_MS,
                   0);
    /* Before it runs there is nobody to be polite to. It may also have ended by itself:
     * then its exit is under way. */
    if (child_signal(node->child, signal, NULL) == E_BUSY)
        child_kill_tree(node->child);
    else if (was_paused && signal != SIGKILL)
        child_signal_tree(node->child, SIGCONT, NULL);
}

void node_end(struct node *node, int signal, node_done_fn *done, void *arg)
{
    if (node->state == NODE_DOWN || (node->state == NODE_STOPPING && signal != SIGKILL))
        interrupt(node, signal); /* a restart ends half way */
    else
        end_process(node, signal);
    wait_add(node, GOAL_GONE, done, arg);
}

static void note_fall(struct node *node, const struct child_exit *exit)
{
    if (exit->failed)
        snprintf(node->fell, sizeof node->fell, "its guard was killed");
    else if (WIFSIGNALED(exit->status))
        snprintf(node->fell, sizeof node->fell, "signal %d", WTERMSIG(exit->status));
    else
        snprintf(node->fell, sizeof node->fell, "exit %d", WEXITSTATUS(exit->status));
    node_warn(node, "broker %s ended by itself (%s) while it was %s: %s", node->name,
              node->fell, node_state_name(node->state), node_log_cause(&node->log));
}

/* The one place where a process of this node is gone; node_start.c has dealt with one
 * that was still starting. */
void node_on_child_exit(struct node *node, const struct child_exit *exit)
{
    struct error err;

    if (node->state == NODE_UP || node->state == NODE_PAUSED) {
        note_fall(node, exit);
        error_set(&err, E_ENVIRONMENT, "%s ended by itself (%s)", node->name, node->fell);
        decide_all_but_gone(node, &err);
    }
    node->pausing = false;
    uv_timer_stop(node->timer);
    node_move(node, NODE_DOWN);
    node_set_address(node, "");
}

/* --- the verbs
 * --------------------------------------------------------------------------- */

void node_start(struct node *node, node_done_fn *done, void *arg)
{
    if (node->state != NODE_DOWN) {
        refuse(node, "start", "only a node that is down can be started", done, arg);
        return;
    }
    wait_add(node, GOAL_UP, done, arg);
    node_begin_start(node);
}

void node_stop(struct node *node, node_done_fn *done, void *arg)
{
    if (node->state == NODE_DOWN) {
        refuse(node, "stop", "start it first", done, arg);
        return;
    }
    node_record_action(node, "stop");
    node_end(node, SIGTERM, done, arg);
}

void node_kill(struct node *node, node_done_fn *done, void *arg)
{
    if (node->state == NODE_DOWN) {
        refuse(node, "kill", "start it first", done, arg);
        return;
    }
    node_record_action(node, "kill");
    node_end(node, SIGKILL, done, arg);
}

void node_restart(struct node *node, node_done_fn *done, void *arg)
{
    if (node->state != NODE_UP && node->state != NODE_PAUSED) {
        refuse(node, "restart",
               node->state == NODE_DOWN ? "start it instead" : "await it first", done,
               arg);
        return;
    }
    node_record_action(node, "restart");
    end_process(node, SIGTERM);
    wait_add(node, GOAL_UP, done, arg);
    node->restart = true;
}

/* It may be in the kernel's hands (a disk that does not answer): then it cannot stop. */
static void give_up_pause(struct node *node)
{
    struct error err;

    error_set(&err, E_TIMEOUT, "%s does not stop on SIGSTOP; it is resumed", node->name);
    node_record_signal(node, SIGCONT);
    (void)child_signal_tree(node->child, SIGCONT, NULL);
    node_decide(node, GOAL_PAUSED, &err);
}

static void on_pause_look(uv_timer_t *timer)
{
    struct node *node = timer->data;
    bool stopped;

    assert(node->pausing);
    assert(node->child != NULL);
    stopped = child_is_stopped(node->child);
    if (!stopped && clock_now(clock_real()) < node->deadline_ns)
        return;
    uv_timer_stop(timer);
    node->pausing = false;
    if (!stopped) {
        give_up_pause(node);
        return;
    }
    node_move(node, NODE_PAUSED);
    node_settle(node);
}

void node_pause(struct node *node, node_done_fn *done, void *arg)
{
    struct error err;

    if (node->state != NODE_UP) {
        refuse(node, "pause", "only a node that is up can be paused", done, arg);
        return;
    }
    wait_add(node, GOAL_PAUSED, done, arg);
    node_record_signal(node, SIGSTOP);
    if (child_signal_tree(node->child, SIGSTOP, &err) != 0) {
        node_decide(node, GOAL_PAUSED, &err);
        return;
    }
    node->pausing = true;
    node->deadline_ns = clock_now(clock_real()) + node->cluster->stop_grace_ns;
    uv_timer_start(node->timer, on_pause_look, PAUSE_LOOK_MS, PAUSE_LOOK_MS);
}

void node_resume(struct node *node, node_done_fn *done, void *arg)
{
    struct error err;

    if (node->state != NODE_PAUSED && !node->pausing) {
        refuse(node, "resume", "only a node that is paused can be resumed", done, arg);
        return;
    }
    wait_add(node, GOAL_RESUMED, done, arg);
    node_record_signal(node, SIGCONT);
    /* One that has just been killed from outside needs no SIGCONT: its exit is coming. */
    (void)child_signal_tree(node->child, SIGCONT, NULL);
    if (node->pausing) {
        node->pausing = false;
        uv_timer_stop(node->timer);
        error_set(&err, E_CANCELLED, "%s was resumed before it was paused", node->name);
        node_decide(node, GOAL_PAUSED, &err);
    } else {
        node_move(node, NODE_UP);
    }
    node_settle(node);
}

/* --- what it is -----------------------------------------------------------------------
 */

const char *node_name(const struct node *node)
{
    return node->name;
}

uint32_t node_number(const struct node *node)
{
    return node->number;
}

const char *node_address(const struct node *node)
{
    return node->address;
}

enum node_state node_state(const struct node *node)
{
    return node->state;
}

int node_pid(const struct node *node)
{
    return node->pid;
}
