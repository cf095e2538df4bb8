/* record: one thing that happened, in 64 bytes.
 *
 * `kind` is written last with release order: zero is a hole and is skipped, so a
 * process that dies in the middle costs one record. (Its check is written behind it, but
 * beside it: slots.h.) Strings that recur are numbers in
 * the writer's string table, `detail` is a place in its side file, which is written
 * first; both live beside the segments (writer.h). Times are CLOCK_MONOTONIC ns of the
 * host that wrote (the header names host, boot and clocks).
 * Two writers are ordered by time; within a millisecond only the protocol orders them. */
#ifndef STORMDRILL_EVIDENCE_RECORD_H
#define STORMDRILL_EVIDENCE_RECORD_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

enum record_kind {
#define KIND(number, name, text) RECORD_##name = (number),
#include "harness/evidence/kinds.def"
#undef KIND
};

enum record_flags {
    /* 1 << 0 .. 1 << 8 are proxy_event_flags on records of the proxy */
    EVIDENCE_HELD = 1 << 9,       /* it held, was hit, came in time */
    EVIDENCE_STUCK = 1 << 10,     /* pending and no progress: DESIGN 9 */
    EVIDENCE_DUPLICATE = 1 << 11, /* PubAck said duplicate */
    EVIDENCE_UNKNOWN = 1 << 12,   /* failed, yet it may have happened */
    EVIDENCE_HASHED = 1 << 13,    /* `subject` is a hash, no table number */
    EVIDENCE_GONE = 1 << 14,      /* the broker says that the stream is not there */
};

/* Built-in clients: the client's number, how often it was started before, and the
 * message's number from 0. Foreign clients: 128 bits of hash. */
struct message_id {
    uint32_t client;
    uint32_t incarnation;
    uint64_t number;
};

struct record {
    uint64_t time_ns;
    struct message_id message;
    uint64_t a;
    uint64_t b;
    uint32_t connection; /* of the plane; 0 = none */
    uint32_t subject;    /* string number, 0 = none */
    uint32_t detail;     /* place in the side file in 8 bytes, 0 = none */
    uint16_t link;       /* link number; 0 = none */
    uint16_t stream;     /* string number (first 65,535 strings), 0 = none */
    uint16_t consumer;   /* string number */
    uint16_t delivery;   /* delivery count, 1 = first; capped at 65,535 */
    uint16_t flags;      /* of enum record_flags, proxy_event_flags */
    _Atomic uint16_t kind;
};

static_assert(sizeof(struct record) == 64, "evidence records are 64 bytes");

/* The kind, with acquire order: what it announces can be read. 0: a hole. */
static inline unsigned record_kind(const struct record *record)
{
    return atomic_load_explicit(&record->kind, memory_order_acquire);
}

/* "acknowledged"; NULL for a number that is no kind. */
const char *record_kind_name(unsigned kind);

/* The kind of this name, or 0. */
unsigned record_kind_find(const char *name);

#endif
