/* plane: the data plane's thread: wait for commands and sockets, never for a peer.
 *
 *   plane_send (any thread) -> queue -> uv_async -> on_commands (our thread) -> execute
 *   -> request->on_answered
 *
 * Commands are executed in the order in which they came, each at once; so the answers
 * come in that order too. plane_stop closes what is left, and the loop ends when its
 * last handle has closed. */
#include "proxy/plane.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/engine.h"
#include "proxy/lag.h"
#include "proxy/link_faults.h"
#include "proxy/metrics.h"
#include "proxy/registry.h"
#include "proxy/request.h"

struct plane {
    struct engine engine;
    struct registry links;
    struct registry faults;
    struct lag lag;
    uv_async_t async;
    pthread_t thread;
    pthread_mutex_t lock; /* of the two below */
    struct request_queue commands;
    bool stopping;
};

void request_queue_push(struct request_queue *queue, struct request *request)
{
    request->next = NULL;
    if (queue->head == NULL)
        queue->head = request;
    else
        queue->last->next = request;
    queue->last = request;
}

struct request *request_queue_pop(struct request_queue *queue)
{
    struct request *request = queue->head;

    if (request != NULL)
        queue->head = request->next;
    return request;
}

/* The commands */

/* A stale id is an answer, never a crash: it may have been closed a moment ago. */
static struct link *find_link(struct plane *plane, struct request *request)
{
    struct link_id id = request->command.link;
    struct link *link = registry_find(&plane->links, id.number, id.generation);

    if (link == NULL)
        request->reply.rc = error_set(&request->reply.error, E_STALE,
                                      "link %u is no longer there", id.number);
    return link;
}

static struct link_fault *find_fault(struct plane *plane, struct request *request)
{
    struct fault_id id = request->command.fault;
    struct link_fault *fault = registry_find(&plane->faults, id.number, id.generation);

    if (fault == NULL)
        request->reply.rc = error_set(&request->reply.error, E_STALE,
                                      "fault %u is no longer there", id.number);
    return fault;
}

static void describe_address(const struct link *link, struct plane_reply *reply)
{
    reply->port = link->port;
    snprintf(reply->address, sizeof reply->address, "%s", link->address);
}

static void describe_link(const struct link *link, struct plane_reply *reply)
{
    reply->link = link->id;
    describe_address(link, reply);
    link_get_stats(link, &reply->stats);
}

static void open_link(struct plane *plane, struct request *request)
{
    struct plane_reply *reply = &request->reply;
    struct link_id id = {registry_reserve(&plane->links), plane->links.generation};
    struct link *link;

    if (id.number == 0) {
        reply->rc =
            error_set(&reply->error, E_NOMEM, "link '%s'", request->command.options.name);
        return;
    }
    reply->rc =
        link_open(&link, &plane->engine, id, &request->command.options, &reply->error);
    if (reply->rc != 0)
        return;
    registry_set(&plane->links, id.number, link);
    describe_link(link, reply);
}

/* Ids first: nobody may find what is about to go. */
static void close_link(struct plane *plane, struct link *link)
{
    for (const struct link_fault *f = link->faults; f != NULL; f = f->next)
        registry_set(&plane->faults, f->id.number, NULL);
    registry_set(&plane->links, link->id.number, NULL);
    link_close(link);
}

/* What is in force now, for whoever shows it to a user. */
static void describe_fault(const struct link_fault *fault, struct request *request)
{
    if (request->command.wants_detail)
        request->reply.detail = link_fault_describe(fault);
}

/* The fault may stand although the port could not be changed: then it has an id, and
 * the error says what did not work. */
static void add_fault(struct plane *plane, struct link *link, struct request *request)
{
    struct plane_reply *reply = &request->reply;
    struct fault_id id = {registry_reserve(&plane->faults), plane->faults.generation};
    struct link_fault *fault = NULL;

    if (id.number == 0) {
        reply->rc = error_set(&reply->error, E_NOMEM, "fault");
        return;
    }
    reply->rc = link_fault_add(link, id, &request->command, &fault, &reply->touched,
                               &reply->error);
    if (fault == NULL)
        return;
    registry_set(&plane->faults, id.number, fault);
    reply->fault = id;
    reply->link = link->id;
    describe_fault(fault, request);
}

static void execute_on_link(struct plane *plane, struct request *request)
{
    struct plane_reply *reply = &request->reply;
    struct link *link = find_link(plane, request);

    if (link == NULL)
        return;
    describe_link(link, reply);
    switch (request->command.kind) {
    case PLANE_LINK_CLOSE:
        reply->touched = reply->stats.open;
        close_link(plane, link);
        break;
    case PLANE_LINK_UPSTREAM:
        reply->rc =
            link_set_upstream(link, request->command.options.upstream, &reply->error);
        break;
    case PLANE_LINK_RESET:
        reply->touched = link_reset(link);
        break;
    case PLANE_LINK_DISABLE:
        reply->touched = link_disable(link);
        break;
    case PLANE_LINK_ENABLE:
        reply->rc = link_enable(link, &reply->error);
        break;
    case PLANE_LINK_LISTEN:
        reply->rc = link_listen(link, request->command.options.listen, &reply->touched,
                                &reply->error);
        break;
    case PLANE_FAULT_ADD:
        add_fault(plane, link, request);
        break;
    default:
        break;
    }
    if (request->command.kind != PLANE_LINK_CLOSE)
        describe_address(link, reply);
}

static void execute_on_fault(struct plane *plane, struct request *request)
{
    struct plane_reply *reply = &request->reply;
    struct link_fault *fault = find_fault(plane, request);

    if (fault == NULL)
        return;
    reply->fault = request->command.fault;
    reply->link = fault->link->id;
    if (request->command.kind == PLANE_FAULT_CHANGE) {
        reply->rc = link_fault_change(fault, request->command.params, &reply->touched,
                                      &reply->error);
        describe_fault(fault, request);
        return;
    }
    registry_set(&plane->faults, fault->id.number, NULL);
    reply->rc = link_fault_heal(fault, &reply->touched, &reply->error);
}

static void execute(struct plane *plane, struct request *request)
{
    if (request->reply.rc != 0)
        return;
    plane->engine.deadlines.command_ns = clock_now(plane->engine.clock);
    switch (request->command.kind) {
    case PLANE_LINK_OPEN:
        open_link(plane, request);
        return;
    case PLANE_METRICS:
        request->reply.rc =
            metrics_take(&request->reply.metrics, &plane->engine, &plane->links,
                         &plane->faults, &request->reply.error);
        return;
    case PLANE_FAULT_CHANGE:
    case PLANE_FAULT_HEAL:
        execute_on_fault(plane, request);
        return;
    default:
        execute_on_link(plane, request);
        return;
    }
}

/* The thread */

/* Everything that keeps the loop alive; it ends when the last handle has closed. */
static void close_everything(struct plane *plane)
{
    for (uint32_t number = 1; number <= plane->links.count; number++) {
        struct link *link = registry_find(&plane->links, number, plane->links.generation);

        if (link != NULL)
            close_link(plane, link);
    }
    lag_stop(&plane->lag);
    deadlines_detach(&plane->engine.deadlines);
    uv_close((uv_handle_t *)&plane->async, NULL);
}

/* One wake-up may stand for many commands. The lock is held for a moment each: senders
 * never wait for a command to be executed. */
static void on_commands(uv_async_t *async)
{
    struct plane *plane = async->data;

    for (;;) {
        struct request *request;
        bool stopping;

        pthread_mutex_lock(&plane->lock);
        request = request_queue_pop(&plane->commands);
        stopping = plane->stopping;
        pthread_mutex_unlock(&plane->lock);
        if (request == NULL) {
            if (stopping && !uv_is_closing((uv_handle_t *)async))
                close_everything(plane);
            return;
        }
        execute(plane, request);
        plane_command_release(&request->command);
        request->on_answered(request);
    }
}

static void *run(void *arg)
{
    struct plane *plane = arg;

    priority_begin(&plane->engine.priority);
    engine_run(&plane->engine);
    return NULL;
}

/* Signals are the main thread's business, and SIGPIPE (splice has no MSG_NOSIGNAL) is
 * nobody's. The thread is born with them blocked: later would leave a gap. Faults of our
 * own code stay deliverable. */
static int start_thread(struct plane *plane)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    sigset_t blocked;
    sigset_t before;
    int rc;

    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(&blocked, own[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    rc = pthread_create(&plane->thread, NULL, run, plane);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* Under the lock, so that the handle cannot be closed between the two. */
void plane_send(struct plane *plane, struct request *request)
{
    pthread_mutex_lock(&plane->lock);
    assert(!plane->stopping);
    request_queue_push(&plane->commands, request);
    uv_async_send(&plane->async);
    pthread_mutex_unlock(&plane->lock);
}

/* Everything on the loop but the thread. On failure nothing is left. */
static int start_parts(struct plane *plane, const struct plane_options *options,
                       struct error *err)
{
    int rc = engine_init(&plane->engine, options, err);

    if (rc != 0)
        return rc;
    rc = deadlines_attach(&plane->engine.deadlines, &plane->engine.poller, err);
    if (rc != 0)
        goto fail_engine;
    if (lag_start(&plane->lag, &plane->engine) != 0) {
        rc = error_set(err, E_NOMEM, "data plane");
        goto fail_deadlines;
    }
    if (uv_async_init(&plane->engine.loop, &plane->async, on_commands) != 0) {
        rc = error_set(err, E_SYSTEM, "create the data plane's wake-up");
        goto fail_lag;
    }
    plane->async.data = plane;
    return 0;

fail_lag:
    lag_stop(&plane->lag);
fail_deadlines:
    deadlines_detach(&plane->engine.deadlines);
    engine_run(&plane->engine);
fail_engine:
    engine_release(&plane->engine);
    return rc;
}

static void plane_free(struct plane *plane)
{
    engine_release(&plane->engine);
    registry_release(&plane->links);
    registry_release(&plane->faults);
    pthread_mutex_destroy(&plane->lock);
    free(plane);
}

int plane_start(struct plane **out, const struct plane_options *options,
                struct error *err)
{
    struct plane *plane = calloc(1, sizeof *plane);
    struct rng rng;
    uint32_t generation;
    int rc;

    if (plane == NULL)
        return error_set(err, E_NOMEM, "data plane");
    rc = start_parts(plane, options, err);
    if (rc != 0) {
        free(plane);
        return rc;
    }
    /* Not the seed's business: two planes of one seed must not share generations. */
    rng_init(&rng, clock_now(plane->engine.clock) ^ (uint64_t)(uintptr_t)plane);
    generation = (uint32_t)rng_next(&rng) | 1;
    registry_init(&plane->links, generation);
    registry_init(&plane->faults, generation);
    pthread_mutex_init(&plane->lock, NULL);
    if (start_thread(plane) != 0) {
        close_everything(plane);
        engine_run(&plane->engine);
        plane_free(plane);
        return error_set(err, E_SYSTEM, "start the data plane's thread");
    }
    *out = plane;
    return 0;
}

void plane_stop(struct plane *plane)
{
    pthread_mutex_lock(&plane->lock);
    plane->stopping = true;
    uv_async_send(&plane->async);
    pthread_mutex_unlock(&plane->lock);
    pthread_join(plane->thread, NULL);
    plane_free(plane);
}
