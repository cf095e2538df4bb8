/* await: connected, and caught up.
 *
 * Caught up means that nothing more can come, not that everything came (DESIGN 9):
 *   consumer    the broker says num_pending and num_ack_pending are 0
 *   subscriber  a fence, sent last on each publisher's connection and repeated until
 *               seen, has arrived
 * Each is asked every 100 ms. At the deadline: a consumer with messages pending and no
 * progress for 3 x ack_wait (at least 10 s) is stuck; anything else was too slow. A
 * consumer whose stream is gone (a memory store, a killed broker) waits for nothing: the
 * broker has to say so for a whole second. What came out is a caught_up record in each
 * case. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/client/crew.h"
#include "harness/evidence/writer.h"
#include "proxy/nats/subject.h"

enum { ASK_EVERY_MS = 100, CONNECTED_EVERY_MS = 5, QUIET_ASKS = 2 };

/* A broker that recovers its streams may deny one for a moment. */
#define GONE_AFTER_NS (1ull * NS_PER_S)

struct await {
    uv_timer_t timer;
    struct client *client;
    struct crew *crew; /* outlives the client */
    uint64_t begin_ns, deadline_ns;
    client_done_fn *done;
    void *arg;
    void (*ask)(struct await *await); /* one look; ends or sets the timer again */
    uint64_t pending, ack_pending;    /* as last heard */
    bool heard;
    uint64_t progress_ns; /* when something last changed */
    uint64_t progress;    /* what is compared */
    int quiet;            /* asks in a row that found nothing left */
    uint64_t absent_ns;   /* since when the broker says that there is no such stream */
    uint64_t fence;       /* the number of this wait */
    char missing[128];    /* whose fence has not come */
};

static uint64_t now_of(const struct await *await)
{
    return clock_now(await->client->crew->context->clock);
}

static void on_closed(uv_handle_t *handle)
{
    struct await *await = handle->data;

    crew_drop_handle(await->crew);
    free(await);
}

static void finish(struct await *await, int rc, const struct error *err)
{
    client_done_fn *done = await->done;
    void *arg = await->arg;

    uv_close((uv_handle_t *)&await->timer, on_closed);
    done(arg, rc, err);
}

static void on_timer(uv_timer_t *timer)
{
    struct await *await = timer->data;

    await->ask(await);
}

static void begin(struct client *client, uint64_t within_ns,
                  void (*ask)(struct await *await), client_done_fn *done, void *arg)
{
    struct await *await = calloc(1, sizeof *await);

    assert(await != NULL);
    await->client = client;
    await->crew = client->crew;
    await->done = done;
    await->arg = arg;
    await->ask = ask;
    await->begin_ns = now_of(await);
    await->progress_ns = await->begin_ns;
    await->deadline_ns = await->begin_ns + within_ns;
    await->fence = await->begin_ns;
    uv_timer_init(client->crew->context->loop, &await->timer);
    await->timer.data = await;
    client->crew->handles++;
    uv_timer_start(&await->timer, on_timer, 0, 0);
}

/* ---- connected ---- */

static void ask_connected(struct await *await)
{
    const struct client *client = await->client;
    struct error err;

    if (client_is_connected(client)) {
        finish(await, 0, NULL);
        return;
    }
    if (now_of(await) >= await->deadline_ns) {
        error_set(&err, E_TIMEOUT, "client '%s' was not connected within %.3g s",
                  client->name,
                  (double)(await->deadline_ns - await->begin_ns) / NS_PER_S);
        finish(await, E_TIMEOUT, &err);
        return;
    }
    uv_timer_start(&await->timer, on_timer, CONNECTED_EVERY_MS, 0);
}

void client_await_connected(struct client *client, uint64_t within_ns,
                            client_done_fn *done, void *arg)
{
    begin(client, within_ns, ask_connected, done, arg);
}

/* ---- caught up: what both kinds share ---- */

/* `flags`: what the record says of it. */
static void conclude(struct await *await, unsigned flags, const struct error *err)
{
    const struct client *client = await->client;
    json_t *detail = json_pack("{s:s}", "text", err != NULL ? err->text : "caught up");

    client_record(client,
                  (struct record){.kind = RECORD_caught_up,
                                  .a = client->number,
                                  .b = now_of(await) - await->begin_ns,
                                  .flags = (uint16_t)flags},
                  detail);
    json_decref(detail);
    finish(await, err != NULL ? err->code : 0, err);
}

static uint64_t deliveries(const struct client *client)
{
    return client_received(client) +
           (client->status != NULL ? atomic_load(&client->status->acked) : 0);
}

static void note_progress(struct await *await, uint64_t value)
{
    if (value == await->progress)
        return;
    await->progress = value;
    await->progress_ns = now_of(await);
}

static uint64_t patience_ns(const struct client *client)
{
    uint64_t patience = 3 * client->ack_wait_ns;

    return patience > 10ull * NS_PER_S ? patience : 10ull * NS_PER_S;
}

/* ---- consumer ---- */

static bool is_consumer(const struct client *client)
{
    return client->stream != NULL && client->durable != NULL && !client->type->publishes;
}

/* Twice in a row: between the library and the handler a message is in nobody's count. */
static bool is_idle(const struct await *await)
{
    const struct client_status *status = await->client->status;

    return status == NULL || await->client->state != CLIENT_READY ||
           atomic_load(&status->in_hand) == 0;
}

static void too_late_consumer(struct await *await)
{
    const struct client *client = await->client;
    uint64_t idle_ns = now_of(await) - await->progress_ns;
    bool stuck = await->heard && await->pending + await->ack_pending > 0 &&
                 idle_ns >= patience_ns(client);
    struct error err;

    if (!await->heard)
        error_set(&err, E_TIMEOUT,
                  "whether '%s' has caught up is not known: the broker did not say",
                  client->name);
    else
        error_set(&err, stuck ? E_LIMIT : E_TIMEOUT,
                  "'%s' has not caught up: %llu messages to come, %llu not acked%s%s",
                  client->name, (unsigned long long)await->pending,
                  (unsigned long long)await->ack_pending,
                  is_idle(await) ? "" : ", some still in hand",
                  stuck ? ", and nothing moves: it is stuck" : "");
    conclude(await, stuck ? EVIDENCE_STUCK : 0u, &err);
}

static void record_pending(const struct await *await)
{
    struct context *context = await->client->crew->context;

    client_record(await->client,
                  (struct record){.kind = RECORD_pending,
                                  .a = await->pending,
                                  .b = await->ack_pending,
                                  .stream = (uint16_t)writer_string(
                                      context->evidence, await->client->stream),
                                  .consumer = (uint16_t)writer_string(
                                      context->evidence, await->client->durable)},
                  NULL);
}

static void ask_again(struct await *await)
{
    if (now_of(await) >= await->deadline_ns)
        too_late_consumer(await);
    else
        uv_timer_start(&await->timer, on_timer, ASK_EVERY_MS, 0);
}

/* ---- no such consumer: is its stream still there? ---- */

static void conclude_gone(struct await *await)
{
    struct error err;

    error_set(&err, E_LIMIT, "'%s' cannot catch up: its stream '%s' is gone",
              await->client->name, await->client->stream);
    conclude(await, EVIDENCE_GONE, &err);
}

static void on_stream_info(void *arg, int rc, const struct error *err,
                           const json_t *answer)
{
    struct await *await = arg;

    (void)err;
    (void)answer;
    if (rc != E_NOT_FOUND) {
        await->absent_ns = 0;
        ask_again(await);
        return;
    }
    if (await->absent_ns == 0)
        await->absent_ns = now_of(await);
    if (now_of(await) - await->absent_ns >= GONE_AFTER_NS)
        conclude_gone(await);
    else
        ask_again(await);
}

static void ask_stream(struct await *await)
{
    json_t *request =
        json_pack("{s:s, s:s}", "op", "stream_info", "stream", await->client->stream);

    crew_admin(await->client->crew, request, 2ull * NS_PER_S, on_stream_info, await);
    json_decref(request);
}

static void on_consumer_info(void *arg, int rc, const struct error *err,
                             const json_t *answer)
{
    struct await *await = arg;
    const json_t *pending = json_object_get(answer, "num_pending");
    const json_t *ack_pending = json_object_get(answer, "num_ack_pending");

    (void)err;
    if (rc == E_NOT_FOUND) {
        ask_stream(await);
        return;
    }
    await->absent_ns = 0;
    if (rc == 0 && json_is_integer(pending) && json_is_integer(ack_pending)) {
        await->heard = true;
        await->pending = (uint64_t)json_integer_value(pending);
        await->ack_pending = (uint64_t)json_integer_value(ack_pending);
        record_pending(await);
        /* Acks that come before the work, or never, say nothing of the work. */
        await->quiet = await->pending == 0 && await->ack_pending == 0 && is_idle(await)
                           ? await->quiet + 1
                           : 0;
        if (await->quiet >= QUIET_ASKS) {
            conclude(await, EVIDENCE_HELD, NULL);
            return;
        }
        note_progress(await, deliveries(await->client) * 3 + await->pending +
                                 await->ack_pending);
    }
    ask_again(await);
}

static void ask_consumer(struct await *await)
{
    const struct client *client = await->client;
    json_t *request = json_pack("{s:s, s:s, s:s}", "op", "consumer_info", "stream",
                                client->stream, "consumer", client->durable);

    crew_admin(client->crew, request, 2ull * NS_PER_S, on_consumer_info, await);
    json_decref(request);
}

/* ---- subscriber ---- */

static void on_fence_sent(void *arg, int rc, const struct error *err,
                          const json_t *answer)
{
    (void)arg;
    (void)rc; /* repeated until seen */
    (void)err;
    (void)answer;
}

/* The last word on this publisher's connection. One that is gone cannot say it: then it
 * comes from a new connection, after the broker has read what the old one left. */
static void send_fence(const struct await *await, struct client *publisher)
{
    struct crew *crew = publisher->crew;
    json_t *body;

    if (publisher->state == CLIENT_READY) {
        body = json_pack("{s:I}", "number", (json_int_t)await->fence);
        client_order(publisher, "fence", body, 2ull * NS_PER_S, on_fence_sent, NULL);
    } else {
        body = json_pack("{s:s, s:s, s:I, s:I}", "op", "fence", "subject",
                         publisher->subject, "client", (json_int_t)publisher->number,
                         "number", (json_int_t)await->fence);
        crew_admin(crew, body, 2ull * NS_PER_S, on_fence_sent, NULL);
    }
    json_decref(body);
}

static bool is_heard_by(const struct client *publisher, const struct client *subscriber)
{
    return publisher->type->publishes && publisher->subject != NULL &&
           subscriber->subject != NULL &&
           subject_matches(subscriber->subject, publisher->subject);
}

static bool has_seen(const struct await *await, const struct client *publisher)
{
    const struct client_status *status = await->client->status;

    return status != NULL && publisher->number < STATUS_FENCE_CLIENTS_MAX &&
           atomic_load(&status->fences_seen[publisher->number]) >= await->fence;
}

static void too_late_subscriber(struct await *await)
{
    struct error err;

    error_set(&err, E_TIMEOUT,
              "'%s' has not caught up: the last word of '%s' did not arrive",
              await->client->name, await->missing);
    conclude(await, 0, &err);
}

static void ask_subscriber(struct await *await)
{
    struct crew *crew = await->client->crew;
    int missing = 0;

    for (int i = 0; i < crew->count; i++) {
        struct client *publisher = crew->clients[i];

        if (!is_heard_by(publisher, await->client) || has_seen(await, publisher))
            continue;
        missing++;
        snprintf(await->missing, sizeof await->missing, "%s", publisher->name);
        send_fence(await, publisher);
    }
    if (missing == 0) {
        conclude(await, EVIDENCE_HELD, NULL);
        return;
    }
    if (now_of(await) >= await->deadline_ns)
        too_late_subscriber(await);
    else
        uv_timer_start(&await->timer, on_timer, ASK_EVERY_MS, 0);
}

void client_await_caught_up(struct client *client, uint64_t within_ns,
                            client_done_fn *done, void *arg)
{
    begin(client, within_ns, is_consumer(client) ? ask_consumer : ask_subscriber, done,
          arg);
}
