/* subscriber: receives a subject of core NATS, alone or as a member of a queue group.
 *
 * All well:  connect -> subscribe -> flush, so that the broker knows -> ready -> messages
 *            are handled (intake.h) -> stop: unsubscribe, finish what has arrived. */
#include "harness/client/attend.h"
#include "harness/client/intake.h"
#include "harness/client/stream.h"

struct pending_conf {
    int64_t messages;
    uint64_t bytes;
};

static const struct param pending_params[] = {
    PARAM(pending_conf, messages, INTEGER, "messages", "65536", "1", "2000000000",
          "messages that may wait in the client"),
    PARAM(pending_conf, bytes, BYTES, "bytes", "64MiB", "1", "1GiB", "their bytes"),
    PARAM_END,
};

struct subscriber_conf {
    char *subject;
    char *queue;
    json_t *handler;
    int64_t concurrency;
    json_t *pending_limits;
    int64_t messages;
};

static const struct param params[] = {
    PARAM(subscriber_conf, subject, TEXT, "subject", "!", NULL, NULL,
          "what it listens to; wildcards allowed"),
    PARAM(subscriber_conf, queue, TEXT, "queue", NULL, NULL, NULL,
          "its queue group: each message goes to one member"),
    PARAM(subscriber_conf, handler, JSON, "handler", NULL, NULL, NULL,
          "{ time, fail }: the work on a message"),
    PARAM(subscriber_conf, concurrency, INTEGER, "concurrency", "1", "1", "32",
          "messages that are handled at once"),
    PARAM(subscriber_conf, pending_limits, JSON, "pending_limits", NULL, NULL, NULL,
          "{ messages, bytes } that may wait in the client before it drops"),
    PARAM(subscriber_conf, messages, INTEGER, "messages", "0", "0", "2000000000",
          "messages to receive, then it unsubscribes; 0: any number"),
    PARAM_END,
};

static int check(const void *arg, struct error *err)
{
    const struct subscriber_conf *conf = arg;
    struct pending_conf pending = {0};
    struct handler_conf handler = {0};
    int rc = subject_check(conf->subject, true, "subject", err);

    if (rc == 0 && conf->queue != NULL)
        rc = subject_check(conf->queue, false, "queue", err);
    if (rc == 0)
        rc = handler_read(&handler, conf->handler, err);
    if (rc == 0 && handler.before_ack) {
        rc = error_set(err, E_PARAM, "core NATS has no acks, so no before_ack");
        error_hint(err, "handler = { time = …, fail = … }, or a stream's consumer");
    }
    if (rc == 0)
        rc = param_read(pending_params, &pending, conf->pending_limits, "pending_limits",
                        err);
    return rc;
}

static natsStatus subscribe(struct intake *intake, const struct subscriber_conf *conf)
{
    struct guard *guard = &intake->session->load.guard;
    natsConnection *nc = intake->uplink->nc;
    struct pending_conf pending = {0};
    natsStatus s;

    param_read(pending_params, &pending, conf->pending_limits, "pending_limits", NULL);
    guard_enter(guard, "natsConnection_SubscribeSync",
                uplink_limit_ns(intake->uplink, 0));
    if (conf->queue != NULL)
        s = natsConnection_QueueSubscribeSync(&intake->sub, nc, conf->subject,
                                              conf->queue);
    else
        s = natsConnection_SubscribeSync(&intake->sub, nc, conf->subject);
    if (s == NATS_OK)
        s = natsSubscription_SetPendingLimits(intake->sub, (int)pending.messages,
                                              (int)pending.bytes);
    if (s == NATS_OK && conf->messages > 0)
        s = natsSubscription_AutoUnsubscribe(intake->sub, (int)conf->messages);
    guard_leave(guard);
    return s;
}

static int set_up(struct intake *intake, const struct subscriber_conf *conf,
                  struct error *err)
{
    struct session *session = intake->session;
    uint64_t until_ns = session_now(session) + session->connection.connect_within_ns;
    natsStatus s;
    int rc =
        uplink_connect(intake->uplink, session, &session->load, 0, session->urls, err);

    if (rc != 0)
        return rc;
    s = subscribe(intake, conf);
    if (s != NATS_OK)
        return error_set(err, E_ENVIRONMENT, "cannot subscribe to '%s': %s",
                         conf->subject, uplink_status_text(s));
    /* Ready must mean that what is published from now on arrives. */
    rc = uplink_settle(intake->uplink, &session->load, until_ns, err);
    if (rc != 0)
        return rc;
    intake_subscribed(intake, conf->subject, NULL, NULL);
    return intake_start(intake, err);
}

static int on_stop(void *arg, struct error *err)
{
    return intake_stop(arg, err);
}

static int run(struct session *session, const void *arg)
{
    const struct subscriber_conf *conf = arg;
    struct uplink uplink = {.session = session};
    struct intake intake = {.session = session,
                            .uplink = &uplink,
                            .concurrency = (uint32_t)conf->concurrency};
    struct attendance attendance = {.session = session,
                                    .uplinks = &uplink,
                                    .uplink_count = 1,
                                    .arg = &intake,
                                    .on_stop = on_stop};
    struct error err = {0};
    int code;
    int rc = handler_read(&intake.handler, conf->handler, &err);

    if (rc == 0)
        rc = set_up(&intake, conf, &err);
    if (rc == 0) {
        session_ready(session);
        code = attend_until_exit(&attendance);
    } else {
        session_failed(session, &err);
        code = error_exit_code(rc);
    }
    intake_release(&intake);
    uplink_close(&uplink, &session->load);
    session_end_library(session);
    return code;
}

const struct workload_type workload_subscriber = {
    .name = "subscriber",
    .summary = "receives a subject of core NATS, alone or in a queue group",
    .params = params,
    .conf_size = sizeof(struct subscriber_conf),
    .check = check,
    .run = run,
};
