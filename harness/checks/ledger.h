/* ledger: what became of every message, read from client evidence in one pass.
 *
 * A sheet is one byte of flags per message number: who looks (the publisher itself, or
 * one receiving client) at the messages of one publisher's incarnation. Pages of 65,536
 * messages are made when they are first written, so that a huge number in a damaged or
 * hostile file costs one page; both the reach of numbers and the pages are bounded.
 * A life is what is known about one incarnation of a client beside its messages.
 * Read by at most two threads, one writer's records at a time; afterwards constant. */
#ifndef STORMDRILL_CHECKS_LEDGER_H
#define STORMDRILL_CHECKS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/evidence/evidence.h"

enum {
    LEDGER_PAGE_BITS = 16,
    LEDGER_PAGE_MESSAGES = 1 << LEDGER_PAGE_BITS,
    LEDGER_PAGES_MAX = 1 << 20,        /* a sheet reaches 68,719,476,736 messages */
    LEDGER_PAGES_IN_MEMORY_MAX = 8192, /* 512 MiB in all: half a billion messages */
};

enum ledger_published { /* flags of a publisher's own sheet */
                        LEDGER_ATTEMPTED = 1 << 0,
                        LEDGER_IN_SCOPE = 1 << 1, /* attempted within the scope's time */
                        LEDGER_ACCEPTED = 1 << 2,
                        LEDGER_ACKNOWLEDGED = 1 << 3,
                        LEDGER_STORED = 1 << 4, /* the PubAck carried a sequence */
                        LEDGER_FAILED = 1 << 5, /* the caller was told no */
                        LEDGER_UNKNOWN = 1
                                         << 6, /* the caller was told that nobody knows */
};

enum ledger_received { /* flags of a receiver's sheet */
                       LEDGER_DELIVERED = 1 << 0,
                       LEDGER_ACKED = 1 << 1,
                       LEDGER_PROCESSED = 1 << 2,
};

struct ledger_sheet {
    uint32_t receiver; /* who looks; 0: the publisher itself */
    uint32_t client;   /* whose messages */
    uint32_t incarnation;
    uint8_t **pages; /* NULL: all zero */
    uint32_t page_count;
};

struct ledger_life {
    uint32_t client;
    uint32_t incarnation;
    bool killed;       /* by a signal, or it ended without closing its evidence */
    uint64_t ended_ns; /* exit, or the kill's stamp; 0 = not seen */
    uint64_t drained_ns;
    uint64_t load_end_ns;
    uint64_t flushed_ns;
    uint64_t flushed_below;     /* message numbers below were flushed */
    uint64_t held_ns, stuck_ns; /* the last caught_up that held, that was stuck */
    uint64_t gone_ns;           /* that found the stream gone */
    uint64_t undrained_ns;      /* the last caught_up that was nothing of that */
    int stream_writer;          /* where `stream` is numbered */
    uint16_t stream;            /* of its first PubAck; 0 = none */
    uint64_t unexpected;        /* messages that were none of ours */
};

struct ledger {
    struct ledger_sheet *sheets; /* sorted: receiver, client, incarnation */
    int sheet_count;
    struct ledger_life *lives; /* sorted: client, incarnation */
    int life_count;
    uint64_t out_of_reach; /* records whose number is beyond the bounds */
};

/* Read all messages; attempts in [from_ns, to_ns) are in scope. */
int ledger_create(struct ledger **out, const struct evidence *evidence, uint64_t from_ns,
                  uint64_t to_ns, struct error *err);
void ledger_destroy(struct ledger *ledger);

/* NULL when there is none. */
const struct ledger_sheet *ledger_sheet(const struct ledger *ledger, uint32_t receiver,
                                        uint32_t client, uint32_t incarnation);
const struct ledger_life *ledger_life(const struct ledger *ledger, uint32_t client,
                                      uint32_t incarnation);

/* A page of flags, NULL where nothing was written. `sheet` may be NULL. */
static inline const uint8_t *ledger_page(const struct ledger_sheet *sheet, uint32_t page)
{
    return sheet == NULL || page >= sheet->page_count ? NULL : sheet->pages[page];
}

#endif
