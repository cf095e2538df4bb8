/* build_client: client processes, and what clients saw. */
#include "tests/lib/evidence/build.h"

void add_client_again(struct evidence *e, uint32_t client, uint32_t incarnation,
                      const char *name, const char *workload, json_t *conf)
{
    struct record record = {.kind = RECORD_client_start,
                            .message = {.client = client, .incarnation = incarnation},
                            .a = client};

    if (conf == NULL)
        conf = json_object();
    add_seen_by(
        e, 0, record, NULL,
        json_pack("{s:s, s:s, s:o}", "name", name, "workload", workload, "conf", conf));
}

void add_client(struct evidence *e, uint32_t client, const char *name,
                const char *workload, json_t *conf)
{
    add_client_again(e, client, 0, name, workload, conf);
}

void add_client_signal(struct evidence *e, uint32_t client, int signal)
{
    add_seen_by(
        e, 0,
        (struct record){.kind = RECORD_client_signal, .a = client, .b = (uint64_t)signal},
        NULL, NULL);
}

void add_client_exit(struct evidence *e, uint32_t client, int status)
{
    add_seen_by(
        e, 0,
        (struct record){.kind = RECORD_client_exit, .a = client, .b = (uint64_t)status},
        NULL, NULL);
}

static void add_simple(struct evidence *e, enum record_kind kind, uint32_t client,
                       uint64_t a, const char *subject, json_t *detail)
{
    add(e, (struct record){.kind = (uint16_t)kind, .message = {.client = client}, .a = a},
        subject, detail);
}

void add_connected(struct evidence *e, uint32_t client)
{
    add_simple(e, RECORD_connected, client, 0, NULL, NULL);
}

void add_disconnected(struct evidence *e, uint32_t client)
{
    add_simple(e, RECORD_disconnected, client, 0, NULL, NULL);
}

void add_reconnected(struct evidence *e, uint32_t client)
{
    add_simple(e, RECORD_reconnected, client, 0, NULL, NULL);
}

void add_closed(struct evidence *e, uint32_t client, const char *text)
{
    add_simple(e, RECORD_closed, client, 0, NULL, json_pack("{s:s}", "text", text));
}

void add_connect_failed(struct evidence *e, uint32_t client, int status)
{
    add_simple(e, RECORD_connect_failed, client, (uint64_t)status, NULL,
               json_pack("{s:s}", "text", "no servers available"));
}

void add_error(struct evidence *e, uint32_t client, int status, const char *text)
{
    add_simple(e, RECORD_error, client, (uint64_t)status, NULL,
               json_pack("{s:s}", "text", text));
}

void add_watchdog(struct evidence *e, uint32_t client, const char *call)
{
    add_simple(e, RECORD_watchdog, client, NS_PER_S, NULL,
               json_pack("{s:s}", "call", call));
}

void add_subscribed(struct evidence *e, uint32_t client, const char *subject)
{
    add_simple(e, RECORD_subscribed, client, 1, subject, NULL);
}

void add_flushed(struct evidence *e, uint32_t client)
{
    add_simple(e, RECORD_flushed, client, 0, NULL, NULL);
}

void add_load_end(struct evidence *e, uint32_t client, uint64_t attempted)
{
    add_simple(e, RECORD_load_end, client, attempted, NULL, NULL);
}

/* A record of a message on the writer of its publisher's incarnation. */
static void add_message(struct evidence *e, enum record_kind kind, struct message_id id,
                        uint64_t a, unsigned flags, const char *subject)
{
    add(e,
        (struct record){
            .kind = (uint16_t)kind, .message = id, .a = a, .flags = (uint16_t)flags},
        subject, NULL);
}

void add_attempted_again(struct evidence *e, uint32_t client, uint32_t incarnation,
                         uint64_t number)
{
    add_message(e, RECORD_attempted, (struct message_id){client, incarnation, number}, 0,
                0, "orders.new");
}

void add_attempted_on(struct evidence *e, uint32_t client, uint64_t number,
                      const char *subject)
{
    add_message(e, RECORD_attempted, (struct message_id){client, 0, number}, 0, 0,
                subject);
}

void add_attempted(struct evidence *e, uint32_t client, uint64_t number)
{
    add_attempted_again(e, client, 0, number);
}

void add_accepted(struct evidence *e, uint32_t client, uint64_t number)
{
    add_message(e, RECORD_accepted, (struct message_id){client, 0, number}, 0, 0, NULL);
}

void add_acknowledged_again(struct evidence *e, uint32_t client, uint32_t incarnation,
                            uint64_t number, uint64_t sequence)
{
    add_message(e, RECORD_acknowledged, (struct message_id){client, incarnation, number},
                sequence, 0, NULL);
}

void add_acknowledged(struct evidence *e, uint32_t client, uint64_t number,
                      uint64_t sequence)
{
    add_acknowledged_again(e, client, 0, number, sequence);
}

void add_publish_failed(struct evidence *e, uint32_t client, uint64_t number,
                        unsigned flags)
{
    add_message(e, RECORD_publish_failed, (struct message_id){client, 0, number}, 0,
                flags, NULL);
}

void add_resent(struct evidence *e, uint32_t client, uint64_t number, uint64_t times)
{
    add_message(e, RECORD_resent, (struct message_id){client, 0, number}, times, 0, NULL);
}

static void add_arrival(struct evidence *e, enum record_kind kind, uint32_t by,
                        struct message_id id, uint64_t sequence, uint16_t delivery)
{
    add_seen_by(
        e, by,
        (struct record){
            .kind = (uint16_t)kind, .message = id, .a = sequence, .delivery = delivery},
        NULL, NULL);
}

void add_delivered(struct evidence *e, uint32_t by, uint32_t client, uint64_t number,
                   uint64_t sequence, uint16_t delivery)
{
    add_arrival(e, RECORD_received, by, (struct message_id){client, 0, number}, sequence,
                delivery);
}

void add_received(struct evidence *e, uint32_t by, uint32_t client, uint64_t number,
                  uint64_t sequence)
{
    add_delivered(e, by, client, number, sequence, 1);
}

void add_processed(struct evidence *e, uint32_t by, uint32_t client, uint64_t number,
                   uint64_t sequence)
{
    add_arrival(e, RECORD_processed, by, (struct message_id){client, 0, number}, sequence,
                1);
}

void add_acked(struct evidence *e, uint32_t by, uint32_t client, uint64_t number,
               uint64_t sequence)
{
    add_arrival(e, RECORD_acked, by, (struct message_id){client, 0, number}, sequence, 1);
}

void add_unexpected(struct evidence *e, uint32_t by, uint64_t bytes)
{
    add_simple(e, RECORD_unexpected, by, bytes, NULL, NULL);
}

void add_dropped(struct evidence *e, uint32_t by, uint64_t so_far)
{
    add_simple(e, RECORD_dropped, by, so_far, NULL, NULL);
}

void add_fence_sent(struct evidence *e, uint32_t client, uint64_t fence)
{
    add_simple(e, RECORD_fence_sent, client, fence, NULL, NULL);
}

void add_fence_seen(struct evidence *e, uint32_t by, uint32_t client, uint64_t fence)
{
    add(e,
        (struct record){.kind = RECORD_fence_seen,
                        .message = {.client = by},
                        .a = fence,
                        .b = client},
        NULL, NULL);
}

void add_pending(struct evidence *e, uint32_t client, uint64_t pending,
                 uint64_t ack_pending)
{
    add(e,
        (struct record){.kind = RECORD_pending,
                        .message = {.client = client},
                        .a = pending,
                        .b = ack_pending},
        NULL, NULL);
}

void add_evidence_lost(struct evidence *e, uint32_t client, uint64_t records)
{
    add_simple(e, RECORD_evidence_lost, client, records, NULL, NULL);
}
