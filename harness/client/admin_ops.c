/* admin_ops: the questions and orders that the admin client understands.
 *
 * Each makes one try. What the broker says about the request itself is final; silence,
 * a missing leader, a lost connection are not. */
#include <string.h>

#include "harness/client/admin.h"
#include "harness/client/durable.h"
#include "harness/client/payload.h"
#include "harness/client/stream.h"

enum { CALL_MS = 1000 };

static void enter(struct admin_try *attempt, const char *call)
{
    guard_enter(&attempt->session->load.guard, call,
                uplink_limit_ns(attempt->uplink, 2ull * CALL_MS * NS_PER_MS));
}

static void leave(struct admin_try *attempt)
{
    guard_leave(&attempt->session->load.guard);
}

/* Our code for what the library and the broker said. */
static int judge(natsStatus status, jsErrCode code)
{
    switch ((int)code) {
    case 0:
        break;
    case JSStreamNotFoundErr:
    case JSConsumerNotFoundErr:
        return E_NOT_FOUND;
    case JSStreamNameExistErr:
    case JSConsumerNameExistErr:
        return E_EXISTS;
    case JSClusterNotAvailErr:
    case JSClusterNotLeaderErr:
    case JSInsufficientResourcesErr: /* peers that are still coming up */
        return ADMIN_AGAIN;
    case JSNotEnabledErr:
        /* nats.c says so too when nobody answers yet. */
        return status == NATS_NO_RESPONDERS ? ADMIN_AGAIN : E_ENVIRONMENT;
    case JSNotEnabledForAccountErr:
        return E_ENVIRONMENT;
    default:
        return E_PARAM;
    }
    return status == NATS_INVALID_ARG || status == NATS_INVALID_SUBJECT ? E_PARAM
                                                                        : ADMIN_AGAIN;
}

static int outcome(natsStatus status, jsErrCode code, struct error *err, const char *what,
                   const char *name)
{
    int rc;

    if (status == NATS_OK)
        return 0;
    rc = judge(status, code);
    error_set(err, rc == ADMIN_AGAIN ? E_TIMEOUT : rc, "%s '%s': %s", what, name,
              uplink_last_words(status));
    return rc;
}

static const char *text_member(const json_t *body, const char *name)
{
    return json_string_value(json_object_get(body, name));
}

static int need_text(const json_t *body, const char *name, const char **text,
                     struct error *err)
{
    *text = text_member(body, name);
    if (*text == NULL || (*text)[0] == '\0')
        return error_set(err, E_PARAM, "the order '%s' needs '%s'",
                         text_member(body, "op"), name);
    return 0;
}

/* The user's table: the order without the words that make it an order. */
static json_t *table_of(const json_t *body, bool with_name)
{
    json_t *table = json_copy((json_t *)(uintptr_t)body);

    json_object_del(table, "op");
    json_object_del(table, "id");
    if (!with_name)
        json_object_del(table, "name");
    return table;
}

static void put(struct admin_try *attempt, const char *name, uint64_t value)
{
    json_object_set_new(attempt->answer, name, json_integer((json_int_t)value));
}

static void put_leader(struct admin_try *attempt, const jsClusterInfo *cluster)
{
    if (cluster != NULL && cluster->Leader != NULL)
        json_object_set_new(attempt->answer, "leader", json_string(cluster->Leader));
}

static void put_stream(struct admin_try *attempt, const jsStreamInfo *info)
{
    put(attempt, "messages", info->State.Msgs);
    put(attempt, "bytes", info->State.Bytes);
    put(attempt, "first_seq", info->State.FirstSeq);
    put(attempt, "last_seq", info->State.LastSeq);
    put(attempt, "consumers", (uint64_t)info->State.Consumers);
    put_leader(attempt, info->Cluster);
}

static void put_consumer(struct admin_try *attempt, const jsConsumerInfo *info)
{
    put(attempt, "num_pending", info->NumPending);
    put(attempt, "num_ack_pending", (uint64_t)info->NumAckPending);
    put(attempt, "num_redelivered", (uint64_t)info->NumRedelivered);
    put(attempt, "delivered", info->Delivered.Stream);
    put(attempt, "ack_floor", info->AckFloor.Stream);
    put(attempt, "ack_wait_ns", (uint64_t)info->Config->AckWait);
    put_leader(attempt, info->Cluster);
}

static int ping(struct admin_try *attempt, struct error *err)
{
    jsAccountInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s;

    enter(attempt, "js_GetAccountInfo");
    s = js_GetAccountInfo(&info, attempt->js, NULL, &code);
    leave(attempt);
    jsAccountInfo_Destroy(info);
    return outcome(s, code, err, "JetStream", "ping");
}

static void stream_config(jsStreamConfig *out, const struct stream_conf *conf,
                          const char *name, const char *subjects[STREAM_SUBJECTS_MAX])
{
    jsStreamConfig_Init(out);
    out->Name = name;
    out->SubjectsLen = stream_subjects(conf, name, subjects);
    out->Subjects = subjects;
    out->Replicas = conf->replicas;
    out->Storage = (jsStorageType)conf->storage;
    out->Retention = (jsRetentionPolicy)conf->retention;
    out->Discard = (jsDiscardPolicy)conf->discard;
    out->MaxAge = (int64_t)conf->max_age_ns;
    out->MaxBytes = conf->max_bytes > 0 ? (int64_t)conf->max_bytes : -1;
    out->MaxMsgs = conf->max_msgs > 0 ? conf->max_msgs : -1;
    out->Duplicates = (int64_t)conf->duplicate_window_ns;
}

static int add_stream(struct admin_try *attempt, struct error *err)
{
    const char *subjects[STREAM_SUBJECTS_MAX];
    struct stream_conf conf = {0};
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    jsStreamConfig config;
    const char *name;
    json_t *table;
    natsStatus s;
    int rc = need_text(attempt->body, "name", &name, err);

    if (rc != 0)
        return rc;
    table = table_of(attempt->body, false);
    rc = stream_read(&conf, name, table, err);
    json_decref(table);
    if (rc != 0)
        return rc;
    stream_config(&config, &conf, name, subjects);
    enter(attempt, "js_AddStream");
    s = js_AddStream(&info, attempt->js, &config, NULL, &code);
    leave(attempt);
    if (s == NATS_OK)
        put_stream(attempt, info);
    rc = outcome(s, code, err, "stream", name);
    if (rc == E_EXISTS)
        error_set(err, E_EXISTS, "there is a stream '%s' with another configuration",
                  name);
    jsStreamInfo_Destroy(info);
    stream_release(&conf);
    return rc;
}

static int add_consumer(struct admin_try *attempt, struct error *err)
{
    json_t *table = table_of(attempt->body, true);
    struct durable_conf conf = {0};
    char deliver[SUBJECT_BYTES];
    jsConsumerInfo *info = NULL;
    jsConsumerConfig config;
    jsErrCode code = 0;
    natsStatus s;
    int rc = param_read(durable_params, &conf, table, "add_consumer", err);

    json_decref(table);
    if (rc != 0)
        return rc;
    rc = durable_check(&conf, err);
    if (rc == 0) {
        durable_config(&config, &conf, deliver);
        enter(attempt, "js_AddConsumer");
        s = js_AddConsumer(&info, attempt->js, conf.stream, &config, NULL, &code);
        leave(attempt);
        if (s == NATS_OK)
            put_consumer(attempt, info);
        rc = outcome(s, code, err, "consumer", conf.durable);
        jsConsumerInfo_Destroy(info);
    }
    param_release(durable_params, &conf);
    return rc;
}

static int stream_info(struct admin_try *attempt, struct error *err)
{
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    const char *name;
    natsStatus s;
    int rc = need_text(attempt->body, "stream", &name, err);

    if (rc != 0)
        return rc;
    enter(attempt, "js_GetStreamInfo");
    s = js_GetStreamInfo(&info, attempt->js, name, NULL, &code);
    leave(attempt);
    if (s == NATS_OK)
        put_stream(attempt, info);
    jsStreamInfo_Destroy(info);
    return outcome(s, code, err, "stream", name);
}

static int consumer_info(struct admin_try *attempt, struct error *err)
{
    jsConsumerInfo *info = NULL;
    jsErrCode code = 0;
    const char *stream;
    const char *consumer;
    natsStatus s;
    int rc = need_text(attempt->body, "stream", &stream, err);

    if (rc == 0)
        rc = need_text(attempt->body, "consumer", &consumer, err);
    if (rc != 0)
        return rc;
    enter(attempt, "js_GetConsumerInfo");
    s = js_GetConsumerInfo(&info, attempt->js, stream, consumer, NULL, &code);
    leave(attempt);
    if (s == NATS_OK)
        put_consumer(attempt, info);
    jsConsumerInfo_Destroy(info);
    return outcome(s, code, err, "consumer", consumer);
}

/* A fence in the name of a client that is gone: its last word reaches the subscribers
 * although it can no longer speak. */
static int fence(struct admin_try *attempt, struct error *err)
{
    const json_t *client = json_object_get(attempt->body, "client");
    const json_t *number = json_object_get(attempt->body, "number");
    struct payload payload = {.kind = PAYLOAD_FENCE,
                              .intended_ns = session_now(attempt->session)};
    uint8_t bytes[PAYLOAD_HEADER_BYTES];
    const char *subject;
    natsStatus s;
    int rc = need_text(attempt->body, "subject", &subject, err);

    if (rc == 0)
        rc = subject_check(subject, false, "subject", err);
    if (rc == 0 && (!json_is_integer(client) || !json_is_integer(number)))
        rc = error_set(err, E_PARAM, "a fence needs 'client' and 'number'");
    if (rc != 0)
        return rc;
    payload.id.client = (uint32_t)json_integer_value(client);
    payload.id.number = (uint64_t)json_integer_value(number);
    payload_write(bytes, sizeof bytes, &payload);
    enter(attempt, "natsConnection_Publish");
    s = natsConnection_Publish(attempt->uplink->nc, subject, bytes, (int)sizeof bytes);
    if (s == NATS_OK)
        s = natsConnection_FlushTimeout(attempt->uplink->nc, CALL_MS);
    leave(attempt);
    return outcome(s, 0, err, "a fence on", subject);
}

const struct admin_op admin_ops[] = {
    {.name = "ping", .within_ms = 2000, .run = ping},
    {.name = "add_stream", .within_ms = 10000, .run = add_stream},
    {.name = "add_consumer", .within_ms = 10000, .run = add_consumer},
    {.name = "stream_info", .within_ms = 2000, .run = stream_info},
    {.name = "consumer_info", .within_ms = 2000, .run = consumer_info},
    {.name = "fence", .within_ms = 2000, .run = fence},
    {.name = NULL},
};
