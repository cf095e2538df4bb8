/* publish_async: up to `window` messages under way at once.
 *
 * All well:  attempted -> js_PublishMsgAsync -> the PubAck comes on the library's thread
 *            -> acknowledged.
 * PubAcks lost (a reset, a dropped ack): nats.c 3.4.1 keeps such a message in its pending
 *            list for ever and tells nobody. So after a reconnect, and when the oldest
 *            has waited for its PubAck too long, the list is taken and every message on
 *            it sent again under its id (resent).
 * Refused for the moment: kept and sent again after a pause. Refused for good, or tried
 *            for `retry_for`: publish_failed.
 * Window full: no message is sent until a PubAck comes; the load falls behind and catches
 *            up, and latency counts from the intended time. */
#include "harness/client/publisher.h"

#include <assert.h>
#include <stdlib.h>

#include "harness/client/flights.h"
#include "harness/client/payload.h"

enum { TEND_EVERY_MS = 50, ACK_WAIT_DEFAULT_MS = 5000, WINDOW_WAIT_MS = 10 };

struct async {
    struct flights *flights;
    struct eye acks; /* of the library's PubAck thread */
    uint32_t reconnects;
    uint64_t tended_ns;
    uint64_t ack_wait_ns;
};

static void set_in_flight(struct publisher *publisher)
{
    struct async *async = publisher->state;

    atomic_store(&publisher->session->status->in_flight, flights_count(async->flights));
}

static bool number_of(const natsMsg *msg, uint64_t *number)
{
    struct payload payload;

    if (!payload_read(&payload, natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)))
        return false;
    *number = payload.id.number;
    return true;
}

/* The message was answered with an error. true: it was kept, to be sent again. Where it
 * had been sent before, that earlier one may be stored whatever is said of this. */
static bool on_nack(struct publisher *publisher, natsMsg *msg, uint64_t number,
                    const jsPubAckErr *nack)
{
    struct async *async = publisher->state;
    enum publish_fate fate = publish_judge(nack->Err, nack->ErrCode);
    struct flight flight;

    if (!flights_find(async->flights, number, &flight))
        return false;
    publisher_failed(publisher, &async->acks, number, flight.intended_ns, nack->Err,
                     flight.tries > 0 ? PUBLISH_UNKNOWN : fate,
                     fate == PUBLISH_REFUSED ? nack->ErrText : NULL);
    if (fate != PUBLISH_REFUSED)
        return flights_keep(async->flights, number, msg);
    flights_finish(async->flights, number, NULL);
    return false;
}

/* On the library's thread. The message is ours to destroy. */
static void on_ack(jsCtx *js, natsMsg *msg, jsPubAck *ack, jsPubAckErr *nack,
                   void *closure)
{
    struct publisher *publisher = closure;
    struct async *async = publisher->state;
    struct flight flight;
    uint64_t number;

    (void)js;
    if (!number_of(msg, &number)) {
        natsMsg_Destroy(msg);
        return;
    }
    if (ack != NULL) {
        /* Written down before it leaves the table: when the table is empty the stop is
         * answered, and then the books must be complete. */
        if (flights_find(async->flights, number, &flight)) {
            publisher_acknowledged(publisher, &async->acks, number, flight.intended_ns,
                                   ack);
            flights_finish(async->flights, number, NULL);
        }
    } else if (nack != NULL && on_nack(publisher, msg, number, nack)) {
        msg = NULL;
    }
    natsMsg_Destroy(msg);
    set_in_flight(publisher);
}

static int open_stream_context(struct publisher *publisher, struct error *err)
{
    jsOptions options;
    natsStatus s;

    jsOptions_Init(&options);
    options.PublishAsync.AckHandler = on_ack;
    options.PublishAsync.AckHandlerClosure = publisher;
    /* The window is kept by us: a full library would block in its own stall wait. */
    options.PublishAsync.MaxPending = publisher->conf->window * 2 + 16;
    s = natsConnection_JetStream(&publisher->js, publisher->uplink.nc, &options);
    if (s != NATS_OK)
        return error_set(err, E_ENVIRONMENT, "no JetStream context: %s",
                         uplink_status_text(s));
    return 0;
}

static int async_open(struct publisher *publisher, struct error *err)
{
    struct async *async = calloc(1, sizeof *async);
    int rc;

    if (async == NULL)
        return error_set(err, E_NOMEM, "publisher");
    publisher->state = async;
    async->ack_wait_ns = publisher->conf->wait_for_ack_ns;
    if (async->ack_wait_ns == 0)
        async->ack_wait_ns = (uint64_t)ACK_WAIT_DEFAULT_MS * NS_PER_MS;
    async->flights = flights_create((uint32_t)publisher->conf->window);
    if (async->flights == NULL)
        return error_set(err, E_NOMEM, "a window of %d", (int)publisher->conf->window);
    rc = eye_open(&async->acks, publisher->session, "acks", err);
    return rc == 0 ? open_stream_context(publisher, err) : rc;
}

/* Hand `msg` (taken) to the library. When it does not take it, it waits for its turn.
 * `sent_before`: an earlier try may have been stored. */
static void hand_over(struct publisher *publisher, natsMsg *msg, uint64_t number,
                      uint64_t intended_ns, bool sent_before)
{
    struct async *async = publisher->state;
    struct session *session = publisher->session;
    char id[MESSAGE_ID_BYTES];
    jsPubOptions options;
    enum publish_fate fate;
    natsStatus s;

    jsPubOptions_Init(&options);
    options.MsgId = publisher_message_id(publisher, number, id);
    guard_enter(&session->load.guard, "js_PublishMsgAsync",
                uplink_limit_ns(&publisher->uplink, NS_PER_S));
    s = js_PublishMsgAsync(publisher->js, &msg, &options);
    guard_leave(&session->load.guard);
    if (s == NATS_OK)
        return;
    fate = s == NATS_CONNECTION_CLOSED ? PUBLISH_REFUSED : publish_judge(s, 0);
    publisher_failed(publisher, &session->load, number, intended_ns, s,
                     sent_before ? PUBLISH_UNKNOWN : fate,
                     fate == PUBLISH_REFUSED ? "the library does not take it" : NULL);
    if (fate == PUBLISH_REFUSED)
        flights_finish(async->flights, number, NULL);
    if (fate == PUBLISH_REFUSED || !flights_keep(async->flights, number, msg))
        natsMsg_Destroy(msg);
}

/* Is there still time for it? Otherwise it is given up, with a word. */
static bool may_try(struct publisher *publisher, const struct flight *flight)
{
    struct async *async = publisher->state;

    if (session_now(publisher->session) <
        publisher_try_until_ns(publisher, flight->first_ns))
        return true;
    if (flights_finish(async->flights, flight->number, NULL))
        publisher_failed(publisher, &publisher->session->load, flight->number,
                         flight->intended_ns, NATS_TIMEOUT, PUBLISH_UNKNOWN,
                         "it was tried for too long");
    return false;
}

static void send_again(struct publisher *publisher, natsMsg *msg)
{
    struct async *async = publisher->state;
    struct session *session = publisher->session;
    struct flight flight;
    uint64_t number;

    if (!number_of(msg, &number) || !flights_find(async->flights, number, &flight) ||
        !may_try(publisher, &flight)) {
        natsMsg_Destroy(msg);
        return;
    }
    eye_record(&session->load,
               (struct record){
                   .kind = RECORD_resent,
                   .message = session_message(session, number),
                   .a = flights_touch(async->flights, number, session_now(session))});
    hand_over(publisher, msg, number, flight.intended_ns, true);
}

static int by_number(const void *left, const void *right)
{
    uint64_t a = 0, b = 0;

    number_of(*(natsMsg *const *)left, &a);
    number_of(*(natsMsg *const *)right, &b);
    return a < b ? -1 : a > b;
}

/* Everything whose PubAck has not come, in order, once more. */
static void send_pending_again(struct publisher *publisher)
{
    struct guard *guard = &publisher->session->load.guard;
    natsMsgList list = {0};
    natsStatus s;

    guard_enter(guard, "js_PublishAsyncGetPendingList",
                uplink_limit_ns(&publisher->uplink, 0));
    s = js_PublishAsyncGetPendingList(&list, publisher->js);
    guard_leave(guard);
    if (s != NATS_OK)
        return; /* NATS_NOT_FOUND: nothing is pending */
    qsort(list.Msgs, (size_t)list.Count, sizeof list.Msgs[0], by_number);
    for (int i = 0; i < list.Count; i++) {
        natsMsg *msg = list.Msgs[i];

        list.Msgs[i] = NULL;
        send_again(publisher, msg);
    }
    natsMsgList_Destroy(&list);
}

static void tend(struct publisher *publisher)
{
    struct async *async = publisher->state;
    uint64_t now_ns = session_now(publisher->session);
    uint32_t reconnects = atomic_load(&publisher->uplink.reconnects);
    uint64_t oldest_ns;
    natsMsg *msg;

    if (now_ns - async->tended_ns < (uint64_t)TEND_EVERY_MS * NS_PER_MS)
        return;
    async->tended_ns = now_ns;
    oldest_ns = flights_oldest_ns(async->flights);
    if (reconnects != async->reconnects ||
        (oldest_ns != UINT64_MAX && now_ns - oldest_ns > async->ack_wait_ns)) {
        async->reconnects = reconnects;
        send_pending_again(publisher);
    }
    while ((msg = flights_take_again(
                async->flights, now_ns - (uint64_t)PUBLISH_RETRY_FIRST_MS * NS_PER_MS)) !=
           NULL)
        send_again(publisher, msg);
    set_in_flight(publisher);
}

static void send_one(struct publisher *publisher, uint64_t number, uint64_t intended_ns)
{
    struct async *async = publisher->state;
    natsStatus s;
    natsMsg *msg;

    if (flights_count(async->flights) >= (uint32_t)publisher->conf->window) {
        flights_wait(async->flights, (uint32_t)publisher->conf->window,
                     (uint64_t)WINDOW_WAIT_MS * NS_PER_MS);
        return; /* whether or not there is room now: orders come first */
    }
    publisher_attempted(publisher, number, intended_ns);
    publisher->next = number + 1;
    msg = publisher_message(publisher, number, intended_ns, &s);
    if (msg == NULL) {
        publisher_failed(publisher, &publisher->session->load, number, intended_ns, s,
                         PUBLISH_REFUSED, "the library makes no message");
        return;
    }
    flights_add(async->flights, number, intended_ns, session_now(publisher->session));
    hand_over(publisher, msg, number, intended_ns, false);
    set_in_flight(publisher);
}

static int settle(struct publisher *publisher, uint64_t until_ns, struct error *err)
{
    struct async *async = publisher->state;
    struct flight flight;
    int left = 0;

    while (flights_count(async->flights) > 0 &&
           session_now(publisher->session) < until_ns &&
           !atomic_load(&publisher->uplink.is_closed)) {
        flights_wait(async->flights, 1, (uint64_t)WINDOW_WAIT_MS * NS_PER_MS);
        tend(publisher);
    }
    while (flights_pop(async->flights, &flight)) {
        publisher_failed(publisher, &publisher->session->load, flight.number,
                         flight.intended_ns, NATS_TIMEOUT, PUBLISH_UNKNOWN,
                         "the load has ended and no PubAck came");
        left++;
    }
    set_in_flight(publisher);
    if (left > 0)
        return error_set(err, E_TIMEOUT, "%d messages were never acknowledged", left);
    return 0;
}

static void async_close(struct publisher *publisher)
{
    struct async *async = publisher->state;

    if (async == NULL)
        return;
    flights_destroy(async->flights);
    eye_close(&async->acks);
    free(async);
    publisher->state = NULL;
}

const struct publish_way publish_async = {
    .name = "async",
    .open = async_open,
    .send = send_one,
    .tend = tend,
    .settle = settle,
    .close = async_close,
};
