/* publisher: the records, ids, messages and judgements that every way of publishing
 * needs. */
#include "harness/client/publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "harness/client/payload.h"

enum publish_fate publish_judge(natsStatus status, jsErrCode code)
{
    switch (status) {
    case NATS_OK:
        return PUBLISH_DONE;
    case NATS_NO_RESPONDERS:       /* nobody was there to store it: 503 in 0 ms */
    case NATS_INSUFFICIENT_BUFFER: /* the reconnect buffer is full */
        return PUBLISH_TRY_AGAIN;
    case NATS_MAX_PAYLOAD:
    case NATS_INVALID_ARG:
    case NATS_INVALID_SUBJECT:
    case NATS_NO_SERVER_SUPPORT:
        return PUBLISH_REFUSED;
    default:
        break;
    }
    switch ((int)code) {
    case 0: /* no word from JetStream: time-out, disconnect, a torn answer */
        return PUBLISH_UNKNOWN;
    case JSClusterNotAvailErr:
    case JSClusterNotLeaderErr:
    case JSNotEnabledErr:
        return PUBLISH_TRY_AGAIN;
    default: /* JetStream said no: full, too large, wrong sequence, no space */
        return PUBLISH_REFUSED;
    }
}

void publisher_attempted(struct publisher *publisher, uint64_t number,
                         uint64_t intended_ns)
{
    struct session *session = publisher->session;

    eye_record(&session->load,
               (struct record){.kind = RECORD_attempted,
                               .message = session_message(session, number),
                               .a = intended_ns,
                               .subject = publisher->subject_number});
    session_count(session, &session->status->attempted, 1);
}

void publisher_failed(struct publisher *publisher, struct eye *eye, uint64_t number,
                      uint64_t intended_ns, natsStatus status, enum publish_fate fate,
                      const char *last)
{
    struct session *session = publisher->session;
    uint64_t now_ns = session_now(session);
    uint32_t detail = 0;

    if (last != NULL)
        detail = eye_detail(eye, uplink_status_text(status), "given_up", last);
    eye_record(eye, (struct record){.kind = RECORD_publish_failed,
                                    .time_ns = now_ns,
                                    .message = session_message(session, number),
                                    .a = (uint64_t)status,
                                    .b = now_ns > intended_ns ? now_ns - intended_ns : 0,
                                    .detail = detail,
                                    .flags = fate == PUBLISH_UNKNOWN
                                                 ? (uint16_t)EVIDENCE_UNKNOWN
                                                 : (uint16_t)0});
    session_count(session, &session->status->failed, 1);
}

void publisher_acknowledged(struct publisher *publisher, struct eye *eye, uint64_t number,
                            uint64_t intended_ns, const jsPubAck *ack)
{
    struct session *session = publisher->session;
    uint64_t now_ns = session_now(session);

    eye_record(eye, (struct record){.kind = RECORD_acknowledged,
                                    .time_ns = now_ns,
                                    .message = session_message(session, number),
                                    .a = ack->Sequence,
                                    .b = now_ns > intended_ns ? now_ns - intended_ns : 0,
                                    .stream = (uint16_t)eye_string(eye, ack->Stream),
                                    .flags = ack->Duplicate ? (uint16_t)EVIDENCE_DUPLICATE
                                                            : (uint16_t)0});
    session_count(session, &session->status->acknowledged, 1);
}

/* Headers are texts: check() has seen to it. */
static natsStatus set_headers(natsMsg *msg, const json_t *header)
{
    natsStatus s = NATS_OK;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)header, key, value) {
        if (s == NATS_OK)
            s = natsMsgHeader_Set(msg, key, json_string_value(value));
    }
    return s;
}

natsMsg *publisher_message(struct publisher *publisher, uint64_t number,
                           uint64_t intended_ns, natsStatus *status)
{
    const struct publisher_conf *conf = publisher->conf;
    struct payload payload = {.kind = PAYLOAD_DATA,
                              .id = session_message(publisher->session, number),
                              .intended_ns = intended_ns};
    natsMsg *msg = NULL;

    payload_write(publisher->bytes, conf->size, &payload);
    *status = natsMsg_Create(&msg, publisher->subject, NULL, (char *)publisher->bytes,
                             (int)conf->size);
    if (*status == NATS_OK)
        *status = set_headers(msg, conf->header);
    if (*status != NATS_OK) {
        natsMsg_Destroy(msg);
        msg = NULL;
    }
    return msg;
}

const char *publisher_message_id(const struct publisher *publisher, uint64_t number,
                                 char text[MESSAGE_ID_BYTES])
{
    if (!publisher->conf->msg_id)
        return NULL;
    snprintf(text, MESSAGE_ID_BYTES, "c%" PRIu32 ".%" PRIu32 ".%" PRIu64,
             publisher->session->number, publisher->session->incarnation, number);
    return text;
}

uint64_t publisher_try_until_ns(struct publisher *publisher, uint64_t first_ns)
{
    uint64_t until_ns = first_ns + publisher->conf->retry_for_ns;

    if (publisher->stop_by_ns == 0 && desk_wants_stop(publisher->session->desk))
        publisher->stop_by_ns =
            session_now(publisher->session) + (uint64_t)SESSION_SETTLE_MS * NS_PER_MS;
    if (publisher->stop_by_ns != 0 && publisher->stop_by_ns < until_ns)
        until_ns = publisher->stop_by_ns;
    return until_ns;
}

void publisher_pause(struct publisher *publisher, uint64_t ns)
{
    uint64_t until_ns = session_now(publisher->session) + ns;

    while (session_now(publisher->session) < until_ns) {
        struct timespec nap = {.tv_nsec = 10 * NS_PER_MS};

        nanosleep(&nap, NULL);
        if (publisher_try_until_ns(publisher, until_ns) < session_now(publisher->session))
            break;
    }
    uplink_probe(&publisher->uplink, &publisher->session->load);
}
