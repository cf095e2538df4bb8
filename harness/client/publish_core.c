/* publish_core: fire and forget, as core NATS does.
 *
 * All well:  attempted -> natsConnection_Publish -> accepted: the library took it, which
 *            promises nothing. While disconnected it lands in the reconnect buffer.
 * Buffer full, connection closed: the caller is told, so it is counted and not tried
 *            again. */
#include "harness/client/publisher.h"

#include "harness/client/payload.h"

static natsStatus hand_over(struct publisher *publisher, uint64_t number,
                            uint64_t intended_ns)
{
    struct guard *guard = &publisher->session->load.guard;
    const struct publisher_conf *conf = publisher->conf;
    struct payload payload = {.kind = PAYLOAD_DATA,
                              .id = session_message(publisher->session, number),
                              .intended_ns = intended_ns};
    natsMsg *msg = NULL;
    natsStatus s = NATS_OK;

    if (conf->header == NULL) {
        payload_write(publisher->bytes, conf->size, &payload);
        guard_enter(guard, "natsConnection_Publish",
                    uplink_limit_ns(&publisher->uplink, 0));
        s = natsConnection_Publish(publisher->uplink.nc, publisher->subject,
                                   publisher->bytes, (int)conf->size);
        guard_leave(guard);
        return s;
    }
    msg = publisher_message(publisher, number, intended_ns, &s);
    if (msg == NULL)
        return s;
    guard_enter(guard, "natsConnection_PublishMsg",
                uplink_limit_ns(&publisher->uplink, 0));
    s = natsConnection_PublishMsg(publisher->uplink.nc, msg);
    guard_leave(guard);
    natsMsg_Destroy(msg);
    return s;
}

static void send_one(struct publisher *publisher, uint64_t number, uint64_t intended_ns)
{
    struct session *session = publisher->session;
    uint64_t now_ns;
    natsStatus s;

    publisher_attempted(publisher, number, intended_ns);
    publisher->next = number + 1;
    s = hand_over(publisher, number, intended_ns);
    if (s != NATS_OK) {
        publisher_failed(publisher, &session->load, number, intended_ns, s,
                         PUBLISH_REFUSED, NULL);
        return;
    }
    now_ns = session_now(session);
    eye_record(&session->load,
               (struct record){.kind = RECORD_accepted,
                               .time_ns = now_ns,
                               .message = session_message(session, number),
                               .b = now_ns > intended_ns ? now_ns - intended_ns : 0});
    session_count(session, &session->status->accepted, 1);
}

const struct publish_way publish_core = {
    .name = "core",
    .send = send_one,
};
