/* control: the ways from other threads to the plane and back.
 *
 * A control hands its requests to the plane in the order of the calls; answered ones
 * come back in the same order into its own queue, and its uv_async calls `done` on its
 * own loop. What is wrong with parameters is found here already, but travels the same
 * way, so that answers never overtake each other. A call for which there is no memory is
 * written down in a place that was kept for it, and answered in its turn without ever
 * reaching the plane. plane_call_wait does without a loop: it sleeps until the answer is
 * there. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/plane.h"
#include "proxy/request.h"

/* More than everybody who calls can have under way at once: the HTTP API has 256
 * connections, a scenario's links are opened and healed one after the other or by the
 * hundred. */
enum { REFUSALS_MAX = 1024 };

/* A call without memory. */
struct refusal {
    plane_reply_fn *done;
    void *arg;
    uint64_t behind; /* so many requests are answered before it */
};

struct control {
    struct plane *plane;
    uv_async_t async;
    pthread_mutex_t lock;
    struct request_queue answered; /* under the lock */
    uint32_t outstanding;          /* the loop's thread only, as all below */
    uint64_t sent;                 /* requests, so far */
    uint64_t returned;             /* of them */
    struct refusal *refusals;      /* a ring of REFUSALS_MAX */
    uint32_t refusals_first;
    uint32_t refusals_count;
    bool closing;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct control *control = handle->data;
    void (*on_closed)(void *arg) = control->on_closed;
    void *arg = control->closed_arg;

    pthread_mutex_destroy(&control->lock);
    free(control->refusals);
    free(control);
    if (on_closed != NULL)
        on_closed(arg);
}

/* Only when every answer has come back does the plane no longer know of us. */
static void close_if_done(struct control *control)
{
    uv_handle_t *handle = (uv_handle_t *)&control->async;

    if (control->closing && control->outstanding == 0 && !uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void request_destroy(struct request *request)
{
    plane_reply_release(&request->reply);
    free(request);
}

/* For want of memory; the answer comes when the calls before it have theirs. Only who
 * makes another thousand calls before it listens to one answer finds no place: what
 * such a caller waits for could never be told, so that, and no less, ends the program. */
static void refuse(struct control *control, plane_reply_fn *done, void *arg)
{
    uint32_t at = (control->refusals_first + control->refusals_count) % REFUSALS_MAX;

    if (control->refusals_count == REFUSALS_MAX)
        abort();
    control->refusals[at] =
        (struct refusal){.done = done, .arg = arg, .behind = control->sent};
    control->refusals_count++;
    control->outstanding++;
    uv_async_send(&control->async);
}

/* Answer the first refusal, if it is its turn. */
static bool answer_refusal(struct control *control)
{
    struct refusal refusal = control->refusals[control->refusals_first];
    struct plane_reply reply = {.rc = E_NOMEM};

    if (control->refusals_count == 0 || refusal.behind > control->returned)
        return false;
    control->refusals_first = (control->refusals_first + 1) % REFUSALS_MAX;
    control->refusals_count--;
    control->outstanding--;
    error_set(&reply.error, E_NOMEM, "data plane's call");
    if (refusal.done != NULL)
        refusal.done(refusal.arg, &reply);
    return true;
}

static bool answer_request(struct control *control)
{
    struct request *request;

    pthread_mutex_lock(&control->lock);
    request = request_queue_pop(&control->answered);
    pthread_mutex_unlock(&control->lock);
    if (request == NULL)
        return false;
    control->outstanding--;
    control->returned++;
    if (request->done != NULL)
        request->done(request->arg, &request->reply);
    request_destroy(request);
    return true;
}

/* The lock is not held while `done` runs: it may make new calls, and close us. */
static void on_answers(uv_async_t *async)
{
    struct control *control = async->data;

    while (answer_refusal(control) || answer_request(control))
        ;
    close_if_done(control);
}

/* On the plane's thread. The wake-up is sent under the lock: once the loop's thread has
 * taken the last answer, it may close the handle. */
static void on_answered(struct request *request)
{
    struct control *control = request->owner;

    pthread_mutex_lock(&control->lock);
    request_queue_push(&control->answered, request);
    uv_async_send(&control->async);
    pthread_mutex_unlock(&control->lock);
}

int control_open(struct control **out, struct plane *plane, uv_loop_t *loop,
                 struct error *err)
{
    struct control *control = calloc(1, sizeof *control);

    if (control == NULL)
        return error_set(err, E_NOMEM, "control");
    control->refusals = calloc(REFUSALS_MAX, sizeof *control->refusals);
    if (control->refusals == NULL) {
        free(control);
        return error_set(err, E_NOMEM, "control");
    }
    if (uv_async_init(loop, &control->async, on_answers) != 0) {
        free(control->refusals);
        free(control);
        return error_set(err, E_SYSTEM, "create the control's wake-up");
    }
    control->async.data = control;
    control->plane = plane;
    pthread_mutex_init(&control->lock, NULL);
    *out = control;
    return 0;
}

void control_close(struct control *control, void (*on_closed)(void *arg), void *arg)
{
    assert(!control->closing);
    control->closing = true;
    control->on_closed = on_closed;
    control->closed_arg = arg;
    close_if_done(control);
}

/* NULL: memory is short, and the call will be answered so. */
static struct request *request_create(struct control *control,
                                      enum plane_command_kind kind, plane_reply_fn *done,
                                      void *arg)
{
    struct request *request = calloc(1, sizeof *request);

    assert(!control->closing);
    if (request == NULL) {
        refuse(control, done, arg);
        return NULL;
    }
    request->command.kind = kind;
    request->on_answered = on_answered;
    request->owner = control;
    request->done = done;
    request->arg = arg;
    return request;
}

static void submit(struct control *control, struct request *request)
{
    control->outstanding++;
    control->sent++;
    plane_send(control->plane, request);
}

void control_link_open(struct control *control, const struct link_options *options,
                       plane_reply_fn *done, void *arg)
{
    struct request *request = request_create(control, PLANE_LINK_OPEN, done, arg);

    if (request == NULL)
        return;
    request->command.options = *options;
    submit(control, request);
}

static void submit_for_link(struct control *control, enum plane_command_kind kind,
                            struct link_id link, plane_reply_fn *done, void *arg)
{
    struct request *request = request_create(control, kind, done, arg);

    if (request == NULL)
        return;
    request->command.link = link;
    submit(control, request);
}

void control_link_close(struct control *control, struct link_id link,
                        plane_reply_fn *done, void *arg)
{
    submit_for_link(control, PLANE_LINK_CLOSE, link, done, arg);
}

void control_link_reset(struct control *control, struct link_id link,
                        plane_reply_fn *done, void *arg)
{
    submit_for_link(control, PLANE_LINK_RESET, link, done, arg);
}

void control_link_stats(struct control *control, struct link_id link,
                        plane_reply_fn *done, void *arg)
{
    submit_for_link(control, PLANE_LINK_STATS, link, done, arg);
}

void control_link_disable(struct control *control, struct link_id link,
                          plane_reply_fn *done, void *arg)
{
    submit_for_link(control, PLANE_LINK_DISABLE, link, done, arg);
}

void control_link_enable(struct control *control, struct link_id link,
                         plane_reply_fn *done, void *arg)
{
    submit_for_link(control, PLANE_LINK_ENABLE, link, done, arg);
}

void control_metrics(struct control *control, plane_reply_fn *done, void *arg)
{
    struct request *request = request_create(control, PLANE_METRICS, done, arg);

    if (request != NULL)
        submit(control, request);
}

/* A text that is cut could name another address than the one that was meant. */
static void set_address(struct request *request, char *to, const char *text,
                        const char *what)
{
    if (strlen(text) >= ADDRESS_BYTES)
        request->reply.rc = error_set(&request->reply.error, E_PARAM,
                                      "%s '%.40s...' is longer than %d bytes", what, text,
                                      ADDRESS_BYTES - 1);
    snprintf(to, ADDRESS_BYTES, "%s", text);
}

void control_link_listen(struct control *control, struct link_id link, const char *listen,
                         plane_reply_fn *done, void *arg)
{
    struct request *request = request_create(control, PLANE_LINK_LISTEN, done, arg);

    if (request == NULL)
        return;
    request->command.link = link;
    set_address(request, request->command.options.listen, listen, "listen");
    submit(control, request);
}

void control_link_upstream(struct control *control, struct link_id link,
                           const char *upstream, plane_reply_fn *done, void *arg)
{
    struct request *request = request_create(control, PLANE_LINK_UPSTREAM, done, arg);

    if (request == NULL)
        return;
    request->command.link = link;
    set_address(request, request->command.options.upstream, upstream, "upstream");
    submit(control, request);
}

void control_fault_add(struct control *control, struct link_id link, const char *type,
                       const json_t *params, plane_reply_fn *done, void *arg)
{
    struct request *request = request_create(control, PLANE_FAULT_ADD, done, arg);

    if (request == NULL)
        return;
    request->reply.rc =
        plane_command_fault(&request->command, link, type, params, &request->reply.error);
    request->command.wants_detail = true;
    submit(control, request);
}

void control_fault_change(struct control *control, struct fault_id fault,
                          const json_t *params, plane_reply_fn *done, void *arg)
{
    struct request *request = request_create(control, PLANE_FAULT_CHANGE, done, arg);

    if (request == NULL)
        return;
    request->command.fault = fault;
    /* A copy: the caller's object stays on the caller's thread. */
    request->command.wants_detail = true;
    if (params != NULL) {
        request->command.params = json_deep_copy(params);
        if (request->command.params == NULL)
            request->reply.rc =
                error_set(&request->reply.error, E_NOMEM, "parameters of the change");
    }
    submit(control, request);
}

void control_fault_heal(struct control *control, struct fault_id fault,
                        plane_reply_fn *done, void *arg)
{
    struct request *request = request_create(control, PLANE_FAULT_HEAL, done, arg);

    if (request == NULL)
        return;
    request->command.fault = fault;
    submit(control, request);
}

/* Without a loop */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool is_answered;
};

/* Signalled under the lock: the waiter's stack is gone as soon as it wakes. */
static void on_waiter_answered(struct request *request)
{
    struct waiter *waiter = request->owner;

    pthread_mutex_lock(&waiter->lock);
    waiter->is_answered = true;
    pthread_cond_signal(&waiter->answered);
    pthread_mutex_unlock(&waiter->lock);
}

int plane_call_wait(struct plane *plane, const struct plane_command *command,
                    struct plane_reply *reply)
{
    struct waiter waiter = {.is_answered = false};
    struct request request = {
        .command = *command, .on_answered = on_waiter_answered, .owner = &waiter};

    pthread_mutex_init(&waiter.lock, NULL);
    pthread_cond_init(&waiter.answered, NULL);
    plane_send(plane, &request);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_answered)
        pthread_cond_wait(&waiter.answered, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
    pthread_cond_destroy(&waiter.answered);
    pthread_mutex_destroy(&waiter.lock);
    *reply = request.reply;
    return request.reply.rc;
}
