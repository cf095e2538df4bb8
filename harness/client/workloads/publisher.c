/* publisher: sends numbered messages at a steady rate, whatever happens.
 *
 * All well:  connect -> ready -> message k is sent at begin + k / rate -> stop: the load
 *            ends, what is under way is settled and flushed -> exit.
 * Open model: when it falls behind it catches up and never skips, and latency counts from
 *            the intended time.
 * How a message is sent: wait_for_ack: JetStream, one by one; window: JetStream, many at
 *            once; neither: core. */
#include "harness/client/publisher.h"

#include <stdlib.h>
#include <string.h>

#include "harness/client/payload.h"

enum { FENCE_FLUSH_MS = 2000, API_WAIT_MS = 2000 };

static const struct param params[] = {
    PARAM(publisher_conf, subject, TEXT, "subject", NULL, NULL, NULL,
          "what it publishes to; the first subject of its stream"),
    PARAM(publisher_conf, stream, TEXT, "stream", NULL, NULL, NULL,
          "the stream that stores it, where there is one"),
    PARAM(publisher_conf, rate, RATE, "rate", "100/s", "1/m", "1000000/s",
          "messages that are due"),
    PARAM(publisher_conf, size, BYTES, "size", "128", "48", "8MiB",
          "payload of a message, its header of 48 bytes included"),
    PARAM(publisher_conf, messages, INTEGER, "messages", "0", "0", NULL,
          "messages to send; 0: until it is stopped"),
    PARAM(publisher_conf, wait_for_ack_ns, DURATION, "wait_for_ack", NULL, "1ms", "10m",
          "JetStream: how long each message waits for its PubAck"),
    PARAM(publisher_conf, window, INTEGER, "window", NULL, "1", "65536",
          "JetStream, asynchronous: how many may be under way"),
    PARAM(publisher_conf, msg_id, BOOL, "msg_id", "true", NULL, NULL,
          "JetStream: give each message an id, so that it is stored once"),
    PARAM(publisher_conf, header, JSON, "header", NULL, NULL, NULL,
          "headers of each message: a table of texts"),
    PARAM(publisher_conf, drain, BOOL, "drain", "true", NULL, NULL,
          "flush when the load ends; false is a mistake to rehearse"),
    PARAM(publisher_conf, retry_for_ns, DURATION, "retry_for", "30s", "0", "1h",
          "JetStream: how long one message is tried"),
    PARAM_END,
};

static int check_header(const json_t *header, struct error *err)
{
    const char *key;
    json_t *value;

    if (header == NULL)
        return 0;
    if (!json_is_object(header))
        return error_set(err, E_PARAM, "header is no table");
    json_object_foreach((json_t *)(uintptr_t)header, key, value) {
        if (!json_is_string(value))
            return error_set(err, E_PARAM, "header '%s' is no text", key);
        if (strpbrk(key, ": \r\n") != NULL || key[0] == '\0' ||
            strpbrk(json_string_value(value), "\r\n") != NULL)
            return error_set(err, E_PARAM,
                             "header '%s' has a character that no header has", key);
    }
    return 0;
}

static int check(const void *arg, struct error *err)
{
    const struct publisher_conf *conf = arg;
    int rc = check_header(conf->header, err);

    if (rc != 0)
        return rc;
    if (conf->subject == NULL && conf->stream == NULL) {
        error_set(err, E_PARAM, "it needs a subject");
        error_hint(err, "subject = \"orders.new\", or make it from a stream");
        return E_PARAM;
    }
    /* A stream's publisher may be given the stream's own pattern. */
    return conf->subject != NULL
               ? subject_check(conf->subject, conf->stream != NULL, "subject", err)
               : 0;
}

/* Setting up, in the order of time. */

static int ask_stream(struct publisher *publisher, struct error *err)
{
    struct guard *guard = &publisher->session->load.guard;
    const uint64_t wait_ns = (uint64_t)API_WAIT_MS * NS_PER_MS;
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    jsCtx *js = NULL;
    jsOptions options;
    natsStatus s;
    int rc;

    jsOptions_Init(&options);
    options.Wait = API_WAIT_MS;
    s = natsConnection_JetStream(&js, publisher->uplink.nc, &options);
    guard_enter(guard, "js_GetStreamInfo", uplink_limit_ns(&publisher->uplink, wait_ns));
    if (s == NATS_OK)
        s = js_GetStreamInfo(&info, js, publisher->conf->stream, NULL, &code);
    guard_leave(guard);
    if (s == NATS_OK && info->Config->SubjectsLen > 0)
        rc = subject_concrete(publisher->subject, info->Config->Subjects[0], err);
    else if (s == NATS_OK)
        rc = error_set(err, E_PARAM, "stream '%s' has no subjects to publish to",
                       publisher->conf->stream);
    else if (code == JSStreamNotFoundErr)
        rc = error_set(err, E_NOT_FOUND, "there is no stream '%s'",
                       publisher->conf->stream);
    else
        rc = error_set(err, E_TIMEOUT, "stream '%s' does not answer: %s",
                       publisher->conf->stream, uplink_last_words(s));
    jsStreamInfo_Destroy(info);
    jsCtx_Destroy(js);
    return rc;
}

static int find_subject(struct publisher *publisher, struct error *err)
{
    uint64_t until_ns = session_now(publisher->session) +
                        publisher->session->connection.connect_within_ns;
    int rc;

    if (publisher->conf->subject != NULL)
        return subject_concrete(publisher->subject, publisher->conf->subject, err);
    for (;;) {
        rc = ask_stream(publisher, err);
        if (rc != E_TIMEOUT || session_now(publisher->session) >= until_ns ||
            desk_wants_stop(publisher->session->desk))
            return rc;
        publisher_pause(publisher, (uint64_t)PUBLISH_RETRY_FIRST_MS * NS_PER_MS);
    }
}

static int set_up(struct publisher *publisher, struct error *err)
{
    struct session *session = publisher->session;
    int rc = uplink_connect(&publisher->uplink, session, &session->load, 0, session->urls,
                            err);

    if (rc == 0)
        rc = find_subject(publisher, err);
    if (rc == 0 && publisher->way->open != NULL)
        rc = publisher->way->open(publisher, err);
    if (rc != 0)
        return rc;
    publisher->subject_number = eye_string(&session->load, publisher->subject);
    publisher->bytes = malloc(publisher->conf->size);
    return publisher->bytes != NULL ? 0 : error_set(err, E_NOMEM, "payload");
}

/* The load. */

static bool is_over(const struct publisher *publisher)
{
    const struct publisher_conf *conf = publisher->conf;

    return publisher->attendance.stopped ||
           (conf->messages > 0 && publisher->next >= (uint64_t)conf->messages) ||
           attend_is_over(&publisher->attendance);
}

static uint64_t due_ns(const struct publisher *publisher)
{
    return publisher->begin_ns +
           (uint64_t)((double)publisher->next * (double)NS_PER_S / publisher->conf->rate);
}

/* true: the order was to exit. */
static bool run_load(struct publisher *publisher)
{
    struct session *session = publisher->session;
    const uint64_t tick_ns = (uint64_t)SESSION_TICK_MS * NS_PER_MS;

    publisher->begin_ns = session_now(session);
    while (!is_over(publisher)) {
        uint64_t now_ns = session_now(session);
        uint64_t due = due_ns(publisher);

        if (publisher->way->tend != NULL)
            publisher->way->tend(publisher);
        if (desk_has_order(session->desk)) {
            struct errand *errand = desk_take(session->desk, 0);

            if (errand != NULL && attend_to(&publisher->attendance, errand))
                return true;
        } else if (now_ns >= due) {
            publisher->way->send(publisher, publisher->next, due);
        } else {
            desk_wait_until(session->desk,
                            due - now_ns > tick_ns ? now_ns + tick_ns : due);
            if (due - now_ns > tick_ns)
                uplink_probe(&publisher->uplink, &session->load);
        }
    }
    return false;
}

/* The end of the load: at the order to stop, or when `messages` is reached. */
static int end_load(void *arg, struct error *err)
{
    struct publisher *publisher = arg;
    struct session *session = publisher->session;
    uint64_t until_ns;
    int rc = 0;

    eye_record(&session->load,
               (struct record){.kind = RECORD_load_end, .a = publisher->next});
    if (publisher->stop_by_ns == 0)
        publisher->stop_by_ns =
            session_now(session) + (uint64_t)SESSION_SETTLE_MS * NS_PER_MS;
    until_ns = publisher->stop_by_ns;
    if (!publisher->conf->drain)
        return 0;
    if (publisher->way->settle != NULL)
        rc = publisher->way->settle(publisher, until_ns, err);
    if (rc == 0)
        rc = uplink_settle(&publisher->uplink, &session->load, until_ns, err);
    return rc;
}

static int send_fence(void *arg, uint64_t number, struct error *err)
{
    struct publisher *publisher = arg;
    struct session *session = publisher->session;
    struct payload fence = {.kind = PAYLOAD_FENCE,
                            .id = session_message(session, number),
                            .intended_ns = session_now(session)};
    uint8_t bytes[PAYLOAD_HEADER_BYTES];
    natsStatus s;

    payload_write(bytes, sizeof bytes, &fence);
    guard_enter(&session->load.guard, "natsConnection_Publish",
                uplink_limit_ns(&publisher->uplink, 0));
    s = natsConnection_Publish(publisher->uplink.nc, publisher->subject, bytes,
                               (int)sizeof bytes);
    guard_leave(&session->load.guard);
    if (s != NATS_OK)
        return error_set(err, s == NATS_CONNECTION_CLOSED ? E_CLOSED : E_BUSY,
                         "the fence could not be sent: %s", uplink_status_text(s));
    eye_record(&session->load, (struct record){.kind = RECORD_fence_sent,
                                               .a = number,
                                               .subject = publisher->subject_number});
    return uplink_flush(&publisher->uplink, &session->load,
                        (uint64_t)FENCE_FLUSH_MS * NS_PER_MS, err);
}

static int work(struct publisher *publisher)
{
    bool leave;

    session_ready(publisher->session);
    leave = run_load(publisher);
    if (leave)
        return 0;
    if (!publisher->attendance.stopped) {
        /* `messages` is reached: a stop that comes later finds it done. */
        publisher->attendance.stopped = true;
        publisher->attendance.stop_rc =
            end_load(publisher, &publisher->attendance.stop_error);
    }
    return attend_until_exit(&publisher->attendance);
}

static void tear_down(struct publisher *publisher)
{
    struct eye *eye = &publisher->session->load;

    if (publisher->js != NULL) {
        guard_enter(&eye->guard, "jsCtx_Destroy", uplink_limit_ns(&publisher->uplink, 0));
        jsCtx_Destroy(publisher->js);
        guard_leave(&eye->guard);
    }
    uplink_close(&publisher->uplink, eye);
    session_end_library(publisher->session);
    if (publisher->way->close != NULL)
        publisher->way->close(publisher);
    free(publisher->bytes);
}

static int run(struct session *session, const void *arg)
{
    const struct publisher_conf *conf = arg;
    struct publisher publisher = {
        .session = session,
        .conf = conf,
        .way = conf->window > 0            ? &publish_async
               : conf->wait_for_ack_ns > 0 ? &publish_sync
                                           : &publish_core,
        .attendance = {.session = session,
                       .uplink_count = 1,
                       .on_stop = end_load,
                       .on_fence = send_fence},
    };
    struct error err = {0};
    int rc;
    int code;

    publisher.attendance.uplinks = &publisher.uplink;
    publisher.attendance.arg = &publisher;
    rc = set_up(&publisher, &err);
    if (rc != 0)
        session_failed(session, &err);
    code = rc == 0 ? work(&publisher) : error_exit_code(rc);
    if (!conf->drain)
        session_abandon(session, code);
    tear_down(&publisher);
    return code;
}

const struct workload_type workload_publisher = {
    .name = "publisher",
    .summary = "sends numbered messages at a steady rate",
    .params = params,
    .conf_size = sizeof(struct publisher_conf),
    .publishes = true,
    .check = check,
    .run = run,
};
