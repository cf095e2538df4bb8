/* jetstream: what JetStream says in subjects and small payloads.
 *
 * A delivery's reply subject `$JS.ACK.…` says which message of which stream it is; a
 * publisher's reply says where the message was stored; a consumer's answer acknowledges.
 * Source: ADR-15 and nats-server 2.9 ($JS.ACK with 9 tokens; with domain and account
 * hash 11 or 12, behind a feature flag).
 * Thread: works on its arguments alone. */
#ifndef STORMDRILL_NATS_JETSTREAM_H
#define STORMDRILL_NATS_JETSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/nats/frame.h"

/* `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`
 */
struct delivery {
    struct frame_text domain; /* size 0: none, or "_" */
    struct frame_text stream;
    struct frame_text consumer;
    uint64_t delivered; /* how often, this time included */
    uint64_t stream_sequence;
    uint64_t consumer_sequence;
    int64_t time_ns; /* when it was stored, wall clock */
    uint64_t pending;
};

/* Is this a delivery's reply subject? Texts point into it. */
bool delivery_read(struct delivery *delivery, struct frame_text subject);

/* What a consumer answers to a delivery. */
enum ack_kind {
    ACK_ACK,      /* "", "+ACK" */
    ACK_NAK,      /* "-NAK", with or without a delay */
    ACK_PROGRESS, /* "+WPI" */
    ACK_NEXT,     /* "+NXT": counts as an ack */
    ACK_TERM,     /* "+TERM" */
    ACK_UNKNOWN,
};
enum ack_kind ack_kind_read(const void *payload, size_t size);

/* A publisher's reply: {"stream":"S","seq":7,"duplicate":true} or {"error":{…}}. */
struct pub_ack {
    char stream[256];
    uint64_t sequence;
    bool is_duplicate;
    bool is_error;
    int64_t error_code; /* err_code, else code */
};

/* false: it is none. */
bool pub_ack_read(struct pub_ack *ack, const void *payload, size_t size);

#endif
