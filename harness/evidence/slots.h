/* slots: where records and their checks lie in a segment. Private to this folder.
 *
 * A segment behind its header is groups of 16 slots of 64 bytes: a line of 15 checks,
 * then the 15 records that they stand for. Where a record has its `kind` a line has
 * zeros, so whoever walks the slots takes it for a hole and passes on.
 *
 * A check is 32 bits of the record, of its place and of its writer: a record that was
 * altered, moved or copied does not match. It is written behind the record, so a process
 * that was killed leaves at most its last record without one; a check without a record
 * says that there was one. It finds damage, not malice.
 *
 * Why not CRC32C: the instruction is not on every machine, and eight of them in a row
 * take longer than four multiplications side by side; zlib would be one more library. */
#ifndef STORMDRILL_EVIDENCE_SLOTS_H
#define STORMDRILL_EVIDENCE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "harness/evidence/record.h"

enum { GROUP_SLOTS = 16, GROUP_RECORDS = GROUP_SLOTS - 1 };

struct check_line {
    _Atomic uint32_t checks[GROUP_RECORDS];
    uint32_t zero; /* over the place of `kind` */
};

static_assert(sizeof(struct check_line) == sizeof(struct record), "it takes a slot");

/* Of this many slots so many are for records. */
static inline size_t slots_records(size_t slots)
{
    size_t rest = slots % GROUP_SLOTS;

    return slots / GROUP_SLOTS * GROUP_RECORDS + (rest > 0 ? rest - 1 : 0);
}

/* Slots up to the end of so many records. */
static inline size_t slots_for(size_t records)
{
    return records == 0 ? 0 : records - 1 + (records - 1) / GROUP_RECORDS + 2;
}

static inline bool slot_is_line(size_t slot)
{
    return slot % GROUP_SLOTS == 0;
}

/* The check of the record in this slot (which is no line). */
static inline const _Atomic uint32_t *slot_check(const struct record *first, size_t slot)
{
    size_t place = slot % GROUP_SLOTS;
    const struct check_line *line = (const void *)(first + (slot - place));

    return &line->checks[place - 1];
}

static inline uint64_t check_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 product;
    product both = (product)a * b;

    return (uint64_t)both ^ (uint64_t)(both >> 64);
}

/* What a segment adds to the checks of its records: `writer` is side_writer_key. */
static inline uint64_t check_key(uint64_t writer, uint32_t segment)
{
    return check_fold(writer ^ 0x9e3779b97f4a7c15u,
                      segment * (uint64_t)2 + 0xd6e8feb86659fd93u);
}

/* Never 0, which says "not written yet". Constants: digits of pi, odd. */
static inline uint32_t record_check(const struct record *record, uint64_t key,
                                    size_t slot)
{
    uint64_t w[8], hash;

    memcpy(w, record, sizeof w);
    hash = check_fold(w[0] ^ 0x243f6a8885a308d3u, w[1] ^ 0x13198a2e03707345u) ^
           check_fold(w[2] ^ 0xa4093822299f31d1u, w[3] ^ 0x082efa98ec4e6c89u) ^
           check_fold(w[4] ^ 0x452821e638d01377u, w[5] ^ 0xbe5466cf34e90c6du) ^
           check_fold(w[6] ^ 0xc0ac29b7c97c50ddu, w[7] ^ 0x3f84d5b5b5470917u);
    hash = check_fold(hash ^ (key + slot), 0x9216d5d98979fb1bu);
    hash ^= hash >> 32;
    return (uint32_t)hash == 0 ? 1 : (uint32_t)hash;
}

#endif
