/* intake: takes messages from a subscription and handles them.
 *
 * All well:  received -> the work (handler.time) -> processed -> acked.
 * before_ack: received -> acked -> the work -> processed: what a crash then loses is
 * lost. The handler fails: neither processed nor acked; JetStream delivers it again. A
 * fence:   fence_seen, on the page too. A stranger's message: unexpected. Both are acked,
 * or they would come again for ever. Told to leave in the middle of the work: the work is
 * dropped, unacknowledged. */
#include "harness/client/intake.h"

#include <stdio.h>
#include <time.h>

#include "harness/client/payload.h"

enum { TAKE_MS = 100, WORK_SLICE_MS = 50, DRAIN_NAP_MS = 5 };

struct delivery {
    natsMsg *msg;
    struct payload payload;
    uint64_t sequence;
    uint16_t stream, consumer;
    uint16_t times; /* delivery count */
};

static void read_metadata(struct intake_worker *worker, struct delivery *delivery)
{
    jsMsgMetaData *meta = NULL;

    if (!worker->intake->is_jetstream ||
        natsMsg_GetMetaData(&meta, delivery->msg) != NATS_OK)
        return;
    delivery->sequence = meta->Sequence.Stream;
    delivery->stream = (uint16_t)eye_string(&worker->eye, meta->Stream);
    delivery->consumer = (uint16_t)eye_string(&worker->eye, meta->Consumer);
    delivery->times = meta->NumDelivered < UINT16_MAX ? (uint16_t)meta->NumDelivered
                                                      : (uint16_t)UINT16_MAX;
    jsMsgMetaData_Destroy(meta);
}

static void record(struct intake_worker *worker, const struct delivery *delivery,
                   unsigned kind, uint64_t b)
{
    eye_record(&worker->eye, (struct record){.kind = (uint16_t)kind,
                                             .message = delivery->payload.id,
                                             .a = delivery->sequence,
                                             .b = b,
                                             .stream = delivery->stream,
                                             .consumer = delivery->consumer,
                                             .delivery = delivery->times});
}

static void acknowledge(struct intake_worker *worker, struct delivery *delivery)
{
    struct intake *intake = worker->intake;
    natsStatus s;

    if (!intake->acks)
        return;
    guard_enter(&worker->eye.guard, "natsMsg_Ack", uplink_limit_ns(intake->uplink, 0));
    s = natsMsg_Ack(delivery->msg, NULL);
    guard_leave(&worker->eye.guard);
    if (s != NATS_OK) {
        record(worker, delivery, RECORD_ack_failed, (uint64_t)s);
        return;
    }
    record(worker, delivery, RECORD_acked, 0);
    session_count(intake->session, &intake->session->status->acked, 1);
}

/* true: the work is done. */
static bool work(struct intake_worker *worker)
{
    struct intake *intake = worker->intake;
    uint64_t left_ns = intake->handler.time_ns;

    while (left_ns > 0 && !atomic_load(&intake->ending) &&
           !desk_wants_exit(intake->session->desk)) {
        uint64_t most_ns = (uint64_t)WORK_SLICE_MS * NS_PER_MS;
        uint64_t slice_ns = left_ns < most_ns ? left_ns : most_ns;
        struct timespec nap = {.tv_nsec = (long)slice_ns};

        nanosleep(&nap, NULL);
        left_ns -= slice_ns;
    }
    return left_ns == 0 &&
           !(intake->handler.fail > 0.0 && rng_unit(&worker->rng) < intake->handler.fail);
}

static void handle_data(struct intake_worker *worker, struct delivery *delivery)
{
    struct intake *intake = worker->intake;
    struct session *session = intake->session;
    uint64_t now_ns = session_now(session);
    uint64_t intended_ns = delivery->payload.intended_ns;
    bool done;

    record(worker, delivery, RECORD_received,
           now_ns > intended_ns ? now_ns - intended_ns : 0);
    session_count(session, &session->status->received, 1);
    if (seen_add(intake->seen, delivery->payload.id) != SEEN_AGAIN)
        session_count(session, &session->status->distinct, 1);
    if (intake->deduplicate &&
        seen_add(intake->done, delivery->payload.id) == SEEN_AGAIN) {
        record(worker, delivery, RECORD_duplicate_dropped, 0);
        acknowledge(worker, delivery);
        return;
    }
    if (intake->handler.before_ack)
        acknowledge(worker, delivery);
    done = work(worker);
    if (!done) {
        if (intake->deduplicate)
            seen_remove(intake->done, delivery->payload.id);
        return;
    }
    record(worker, delivery, RECORD_processed, 0);
    session_count(session, &session->status->processed, 1);
    if (!intake->handler.before_ack)
        acknowledge(worker, delivery);
}

/* What others took before the fence they may still have in hand: the fence is seen when
 * each of them has taken its next turn. */
static void wait_for_others(struct intake_worker *worker)
{
    struct intake *intake = worker->intake;
    uint32_t turns[INTAKE_WORKERS_MAX];

    atomic_store(&worker->has_fence, true);
    for (uint32_t i = 0; i < intake->concurrency; i++)
        turns[i] = atomic_load(&intake->workers[i].turn);
    for (uint32_t i = 0; i < intake->concurrency; i++) {
        struct intake_worker *other = &intake->workers[i];
        struct timespec nap = {.tv_nsec = (long)DRAIN_NAP_MS * NS_PER_MS};

        while (other != worker && atomic_load(&other->turn) == turns[i] &&
               !atomic_load(&other->has_fence) && !atomic_load(&intake->ending) &&
               !desk_wants_exit(intake->session->desk))
            nanosleep(&nap, NULL);
    }
    atomic_store(&worker->has_fence, false);
}

static void handle_fence(struct intake_worker *worker, struct delivery *delivery)
{
    struct client_status *status = worker->intake->session->status;
    uint32_t client = delivery->payload.id.client;
    uint64_t number = delivery->payload.id.number;

    wait_for_others(worker);
    if (client < STATUS_FENCE_CLIENTS_MAX) {
        uint64_t before = atomic_load(&status->fences_seen[client]);

        while (before < number && !atomic_compare_exchange_weak(
                                      &status->fences_seen[client], &before, number))
            continue;
        atomic_store(&status->progress_ns, session_now(worker->intake->session));
    }
    /* The observer's own id stays in `message`: the fence is b's. */
    eye_record(&worker->eye,
               (struct record){.kind = RECORD_fence_seen, .a = number, .b = client});
}

static void handle(struct intake_worker *worker, natsMsg *msg)
{
    struct delivery delivery = {.msg = msg};
    size_t size = (size_t)natsMsg_GetDataLength(msg);

    read_metadata(worker, &delivery);
    if (!payload_read(&delivery.payload, natsMsg_GetData(msg), size)) {
        eye_record(&worker->eye,
                   (struct record){
                       .kind = RECORD_unexpected,
                       .a = size,
                       .subject = eye_string(&worker->eye, natsMsg_GetSubject(msg))});
        acknowledge(worker, &delivery);
    } else if (delivery.payload.kind == PAYLOAD_FENCE) {
        handle_fence(worker, &delivery);
        acknowledge(worker, &delivery);
    } else {
        handle_data(worker, &delivery);
    }
}

/* Messages that have arrived and are not done with. */
static void tell_in_hand(struct intake *intake)
{
    uint32_t busy = atomic_load(&intake->busy);
    int waiting = 0;

    if (natsSubscription_GetPending(intake->sub, &waiting, NULL) == NATS_OK)
        atomic_store(&intake->session->status->in_hand, (uint64_t)waiting + busy);
}

static void *run_worker(void *arg)
{
    struct intake_worker *worker = arg;
    struct intake *intake = worker->intake;

    while (!atomic_load(&intake->ending)) {
        natsMsg *msg = NULL;
        natsStatus s;

        guard_enter(&worker->eye.guard, "natsSubscription_NextMsg",
                    uplink_limit_ns(intake->uplink, (uint64_t)TAKE_MS * NS_PER_MS));
        s = natsSubscription_NextMsg(&msg, intake->sub, TAKE_MS);
        guard_leave(&worker->eye.guard);
        if (s == NATS_OK) {
            atomic_fetch_add(&intake->busy, 1);
            tell_in_hand(intake);
            handle(worker, msg);
            natsMsg_Destroy(msg);
            atomic_fetch_sub(&intake->busy, 1);
        }
        tell_in_hand(intake);
        atomic_fetch_add(&worker->turn, 1);
        if (s != NATS_OK && s != NATS_TIMEOUT && s != NATS_SLOW_CONSUMER)
            break; /* drained, enough, or closed for good */
    }
    atomic_store(&worker->has_fence, true);
    atomic_fetch_sub(&intake->active, 1);
    return NULL;
}

static int start_worker(struct intake *intake, uint32_t at, struct error *err)
{
    struct intake_worker *worker = &intake->workers[at];
    char name[32];
    int rc;

    worker->intake = intake;
    rng_child(&worker->rng, &intake->session->rng, "handler worker=%u", at);
    snprintf(name, sizeof name, "delivery%u", at);
    rc = eye_open(&worker->eye, intake->session, name, err);
    if (rc != 0)
        return rc;
    atomic_fetch_add(&intake->active, 1);
    if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0) {
        atomic_fetch_sub(&intake->active, 1);
        return error_set(err, E_SYSTEM, "no thread for handler %u", at);
    }
    worker->running = true;
    return 0;
}

int intake_start(struct intake *intake, struct error *err)
{
    int rc = 0;

    intake->seen = seen_create();
    intake->done = seen_create();
    if (intake->seen == NULL || intake->done == NULL)
        return error_set(err, E_NOMEM, "the set of messages seen");
    for (uint32_t i = 0; rc == 0 && i < intake->concurrency; i++)
        rc = start_worker(intake, i, err);
    return rc;
}

static void join_workers(struct intake *intake)
{
    atomic_store(&intake->ending, true);
    for (uint32_t i = 0; i < intake->concurrency; i++) {
        if (intake->workers[i].running)
            pthread_join(intake->workers[i].thread, NULL);
        intake->workers[i].running = false;
    }
}

int intake_stop(struct intake *intake, struct error *err)
{
    struct session *session = intake->session;
    uint64_t until_ns = session_now(session) + (uint64_t)SESSION_SETTLE_MS * NS_PER_MS;
    bool finished;
    natsStatus s;

    guard_enter(&session->load.guard, "natsSubscription_DrainTimeout",
                uplink_limit_ns(intake->uplink, 0));
    s = natsSubscription_DrainTimeout(intake->sub, SESSION_SETTLE_MS);
    guard_leave(&session->load.guard);
    while (s == NATS_OK && atomic_load(&intake->active) > 0 &&
           session_now(session) < until_ns && !desk_wants_exit(session->desk)) {
        struct timespec nap = {.tv_nsec = (long)DRAIN_NAP_MS * NS_PER_MS};

        nanosleep(&nap, NULL);
    }
    finished = atomic_load(&intake->active) == 0;
    join_workers(intake);
    if (!finished)
        return error_set(err, E_TIMEOUT, "what had arrived could not all be handled: %s",
                         uplink_status_text(s != NATS_OK ? s : NATS_TIMEOUT));
    return uplink_settle(intake->uplink, &session->load, until_ns, err);
}

void intake_release(struct intake *intake)
{
    struct session *session = intake->session;

    join_workers(intake);
    for (uint32_t i = 0; i < intake->concurrency; i++)
        eye_close(&intake->workers[i].eye);
    if (intake->sub != NULL) {
        guard_enter(&session->load.guard, "natsSubscription_Destroy",
                    uplink_limit_ns(intake->uplink, 0));
        natsSubscription_Destroy(intake->sub);
        guard_leave(&session->load.guard);
    }
    seen_destroy(intake->seen);
    seen_destroy(intake->done);
}

void intake_subscribed(struct intake *intake, const char *subject, const char *stream,
                       const char *consumer)
{
    struct eye *eye = &intake->session->load;

    eye_record(eye, (struct record){.kind = RECORD_subscribed,
                                    .a = (uint64_t)natsSubscription_GetID(intake->sub),
                                    .subject = eye_string(eye, subject),
                                    .stream = (uint16_t)eye_string(eye, stream),
                                    .consumer = (uint16_t)eye_string(eye, consumer)});
}
