/* publish_sync: one message at a time, each waits for its PubAck.
 *
 * All well:  attempted -> js_PublishMsg -> acknowledged.
 * No answer in time, or the connection was lost: nobody knows whether it is stored:
 *            publish_failed with UNKNOWN, a pause, then again under the same message id
 *            (resent), so that the stream keeps one copy.
 * Not stored, and that can pass (no leader yet): publish_failed, a pause, again.
 * Refused for good (stream full), or tried for `retry_for`: given up; the next message.
 * Order is kept: the next message only when this one's fate is known. */
#include "harness/client/publisher.h"

static int open_stream_context(struct publisher *publisher, struct error *err)
{
    jsOptions options;
    natsStatus s;

    jsOptions_Init(&options);
    options.Wait = (int64_t)(publisher->conf->wait_for_ack_ns / NS_PER_MS);
    s = natsConnection_JetStream(&publisher->js, publisher->uplink.nc, &options);
    if (s != NATS_OK)
        return error_set(err, E_ENVIRONMENT, "no JetStream context: %s",
                         uplink_status_text(s));
    return 0;
}

static natsStatus publish(struct publisher *publisher, natsMsg *msg, const char *id,
                          jsPubAck **ack, jsErrCode *code)
{
    struct guard *guard = &publisher->session->load.guard;
    uint64_t wait_ns = publisher->conf->wait_for_ack_ns;
    jsPubOptions options;
    natsStatus s;

    jsPubOptions_Init(&options);
    options.MaxWait = (int64_t)(wait_ns / NS_PER_MS);
    options.MsgId = id;
    guard_enter(guard, "js_PublishMsg", uplink_limit_ns(&publisher->uplink, wait_ns));
    s = js_PublishMsg(ack, publisher->js, msg, &options, code);
    guard_leave(guard);
    return s;
}

/* One try; its record is written. `*unknown`: an earlier try may have been stored, and
 * then no later refusal can make that unheard of. PUBLISH_REFUSED: given up. */
static enum publish_fate try_once(struct publisher *publisher, uint64_t number,
                                  uint64_t intended_ns, uint64_t give_up_ns,
                                  bool *unknown)
{
    struct session *session = publisher->session;
    bool was_closed = atomic_load(&publisher->uplink.is_closed);
    char id[MESSAGE_ID_BYTES];
    jsPubAck *ack = NULL;
    jsErrCode code = 0;
    enum publish_fate fate;
    const char *last = NULL;
    natsStatus s;
    natsMsg *msg = publisher_message(publisher, number, intended_ns, &s);

    if (msg != NULL)
        s = publish(publisher, msg, publisher_message_id(publisher, number, id), &ack,
                    &code);
    natsMsg_Destroy(msg);
    fate = publish_judge(s, code);
    if (s == NATS_CONNECTION_CLOSED && was_closed)
        fate = PUBLISH_REFUSED;
    if (fate == PUBLISH_DONE) {
        publisher_acknowledged(publisher, &session->load, number, intended_ns, ack);
        jsPubAck_Destroy(ack);
        return fate;
    }
    if (fate == PUBLISH_REFUSED)
        last = uplink_last_words(s);
    else if (s == NATS_CONNECTION_CLOSED)
        last = "the connection is closed for good";
    else if (session_now(session) >= give_up_ns)
        last = "it was tried for too long";
    *unknown = *unknown || fate == PUBLISH_UNKNOWN;
    publisher_failed(publisher, &session->load, number, intended_ns, s,
                     *unknown ? PUBLISH_UNKNOWN : fate, last);
    return last != NULL ? PUBLISH_REFUSED : fate;
}

static void send_one(struct publisher *publisher, uint64_t number, uint64_t intended_ns)
{
    struct session *session = publisher->session;
    uint64_t first_ns = session_now(session);
    uint64_t pause_ns = (uint64_t)PUBLISH_RETRY_FIRST_MS * NS_PER_MS;
    uint64_t times = 0;
    bool unknown = false;

    publisher_attempted(publisher, number, intended_ns);
    publisher->next = number + 1;
    atomic_store(&session->status->in_flight, 1);
    for (;;) {
        uint64_t give_up_ns = publisher_try_until_ns(publisher, first_ns);
        enum publish_fate fate =
            try_once(publisher, number, intended_ns, give_up_ns, &unknown);

        if (fate == PUBLISH_DONE || fate == PUBLISH_REFUSED)
            break;
        publisher_pause(publisher, pause_ns);
        if (pause_ns < (uint64_t)PUBLISH_RETRY_MOST_MS * NS_PER_MS)
            pause_ns *= 2;
        eye_record(&session->load,
                   (struct record){.kind = RECORD_resent,
                                   .message = session_message(session, number),
                                   .a = ++times});
    }
    atomic_store(&session->status->in_flight, 0);
}

const struct publish_way publish_sync = {
    .name = "sync",
    .open = open_stream_context,
    .send = send_one,
};
