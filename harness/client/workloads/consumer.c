/* consumer: a durable push consumer of a JetStream stream.
 *
 * All well:  connect -> make the durable if it is missing -> bind to it -> ready ->
 *            messages are handled and acknowledged (intake.h). After a reconnect nats.c
 *            subscribes again by itself and the broker goes on where it was.
 * No leader, no answer: tried again with a pause until connect_within is over.
 * The broker still takes the durable for bound (our last life was killed): the same. */
#include <string.h>

#include "harness/client/attend.h"
#include "harness/client/durable.h"
#include "harness/client/intake.h"

enum { API_WAIT_MS = 2000, RETRY_MS = 100 };

struct consumer_conf {
    struct durable_conf durable;
    json_t *handler;
    bool deduplicate;
    int64_t concurrency;
};

static const struct param params[] = {
    DURABLE_PARAMS(consumer_conf, durable.),
    PARAM(consumer_conf, handler, JSON, "handler", NULL, NULL, NULL,
          "{ time, fail, before_ack }: the work on a message"),
    PARAM(consumer_conf, deduplicate, BOOL, "deduplicate", "false", NULL, NULL,
          "drop what this client has processed before"),
    PARAM(consumer_conf, concurrency, INTEGER, "concurrency", "1", "1", "32",
          "messages that are handled at once"),
    PARAM_END,
};

static int check(const void *arg, struct error *err)
{
    const struct consumer_conf *conf = arg;
    struct handler_conf handler = {0};
    int rc = durable_check(&conf->durable, err);

    if (rc == 0)
        rc = handler_read(&handler, conf->handler, err);
    if (rc == 0 && handler.before_ack && conf->durable.ack == DURABLE_ACK_NONE) {
        rc = error_set(err, E_PARAM, "handler.before_ack with ack = \"none\"");
        error_hint(err, "where nothing is acknowledged nothing is acknowledged early");
    }
    return rc;
}

struct consumer {
    const struct consumer_conf *conf;
    struct uplink uplink;
    struct intake intake;
    jsCtx *js;
};

/* Can it pass by itself? What the broker says about the request cannot. */
static bool can_pass(natsStatus status, jsErrCode code, const char *words)
{
    if (code == JSClusterNotAvailErr || code == JSClusterNotLeaderErr ||
        code == JSNotEnabledErr || code == JSInsufficientResourcesErr)
        return true;
    /* nats.c's own words when the broker says push_bound. */
    if (strstr(words, "already bound") != NULL)
        return true;
    return code == 0 && (status == NATS_TIMEOUT || status == NATS_NO_RESPONDERS ||
                         status == NATS_CONNECTION_DISCONNECTED ||
                         status == NATS_IO_ERROR || status == NATS_INSUFFICIENT_BUFFER);
}

static natsStatus add_durable(struct consumer *consumer, jsErrCode *code)
{
    struct eye *eye = &consumer->intake.session->load;
    char deliver[SUBJECT_BYTES];
    jsConsumerInfo *info = NULL;
    jsConsumerConfig config;
    natsStatus s;

    durable_config(&config, &consumer->conf->durable, deliver);
    guard_enter(&eye->guard, "js_AddConsumer",
                uplink_limit_ns(&consumer->uplink, 2ull * API_WAIT_MS * NS_PER_MS));
    s = js_AddConsumer(&info, consumer->js, consumer->conf->durable.stream, &config, NULL,
                       code);
    guard_leave(&eye->guard);
    jsConsumerInfo_Destroy(info);
    return s;
}

static natsStatus bind_durable(struct consumer *consumer, jsErrCode *code)
{
    struct eye *eye = &consumer->intake.session->load;
    jsSubOptions options;
    natsStatus s;

    jsSubOptions_Init(&options);
    options.Stream = consumer->conf->durable.stream;
    options.Consumer = consumer->conf->durable.durable;
    options.ManualAck = true;
    guard_enter(&eye->guard, "js_SubscribeSync",
                uplink_limit_ns(&consumer->uplink, 2ull * API_WAIT_MS * NS_PER_MS));
    s = js_SubscribeSync(&consumer->intake.sub, consumer->js,
                         consumer->conf->durable.subject, NULL, &options, code);
    guard_leave(&eye->guard);
    return s;
}

static int say_why(const struct consumer *consumer, natsStatus status, jsErrCode code,
                   bool gave_up, struct error *err)
{
    const struct durable_conf *durable = &consumer->conf->durable;
    if (code == JSStreamNotFoundErr)
        return error_set(err, E_NOT_FOUND, "there is no stream '%s'", durable->stream);
    return error_set(err, gave_up ? E_TIMEOUT : E_ENVIRONMENT,
                     "consumer '%s' of '%s': %s", durable->durable, durable->stream,
                     uplink_last_words(status));
}

/* Make and bind, again and again while it can pass. */
static int attach(struct consumer *consumer, struct error *err)
{
    struct session *session = consumer->intake.session;
    uint64_t until_ns = session_now(session) + session->connection.connect_within_ns;

    for (;;) {
        jsErrCode code = 0;
        natsStatus s = add_durable(consumer, &code);
        uint64_t next_ns = session_now(session) + (uint64_t)RETRY_MS * NS_PER_MS;
        bool again;

        if (s == NATS_OK)
            s = bind_durable(consumer, &code);
        if (s == NATS_OK)
            return 0;
        again = can_pass(s, code, uplink_last_words(s));
        if (!again || next_ns > until_ns)
            return say_why(consumer, s, code, again, err);
        if (!session_pause(session, (uint64_t)RETRY_MS * NS_PER_MS))
            return error_set(err, E_CANCELLED, "told to stop before it was subscribed");
    }
}

static int set_up(struct consumer *consumer, struct error *err)
{
    struct session *session = consumer->intake.session;
    const struct durable_conf *durable = &consumer->conf->durable;
    jsOptions options;
    natsStatus s;
    int rc =
        uplink_connect(&consumer->uplink, session, &session->load, 0, session->urls, err);

    if (rc != 0)
        return rc;
    jsOptions_Init(&options);
    options.Wait = API_WAIT_MS;
    s = natsConnection_JetStream(&consumer->js, consumer->uplink.nc, &options);
    if (s != NATS_OK)
        return error_set(err, E_ENVIRONMENT, "no JetStream context: %s",
                         uplink_status_text(s));
    rc = attach(consumer, err);
    if (rc != 0)
        return rc;
    intake_subscribed(&consumer->intake, durable->subject, durable->stream,
                      durable->durable);
    return intake_start(&consumer->intake, err);
}

static int on_stop(void *arg, struct error *err)
{
    return intake_stop(arg, err);
}

static void tear_down(struct consumer *consumer)
{
    struct session *session = consumer->intake.session;

    intake_release(&consumer->intake);
    if (consumer->js != NULL) {
        guard_enter(&session->load.guard, "jsCtx_Destroy",
                    uplink_limit_ns(&consumer->uplink, 0));
        jsCtx_Destroy(consumer->js);
        guard_leave(&session->load.guard);
    }
    uplink_close(&consumer->uplink, &session->load);
    session_end_library(session);
}

static int run(struct session *session, const void *arg)
{
    const struct consumer_conf *conf = arg;
    struct consumer consumer = {
        .conf = conf,
        .uplink = {.session = session},
        .intake = {.session = session,
                   .is_jetstream = true,
                   .acks = conf->durable.ack != DURABLE_ACK_NONE,
                   .deduplicate = conf->deduplicate,
                   .concurrency = (uint32_t)conf->concurrency},
    };
    struct attendance attendance = {.session = session,
                                    .uplinks = &consumer.uplink,
                                    .uplink_count = 1,
                                    .arg = &consumer.intake,
                                    .on_stop = on_stop};
    struct error err = {0};
    int code;
    int rc = handler_read(&consumer.intake.handler, conf->handler, &err);

    consumer.intake.uplink = &consumer.uplink;
    if (rc == 0)
        rc = set_up(&consumer, &err);
    if (rc == 0) {
        session_ready(session);
        code = attend_until_exit(&attendance);
    } else {
        session_failed(session, &err);
        code = error_exit_code(rc);
    }
    tear_down(&consumer);
    return code;
}

const struct workload_type workload_consumer = {
    .name = "consumer",
    .summary = "a durable push consumer of a JetStream stream",
    .params = params,
    .conf_size = sizeof(struct consumer_conf),
    .check = check,
    .run = run,
};
