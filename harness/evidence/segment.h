/* segment: the files of a writer, byte by byte. Both sides of the format stand here.
 *
 *   W.NNNN.seg    struct segment_header, padded to 4096 bytes, then records and their
 *                 checks (slots.h) to the end; where none was written yet there are zeros
 *   W.NNNN.side   struct side_header (128 bytes), then entries (side_entry.h)
 *
 * All numbers are of the host's byte order; another order does not have our magic. The
 * header is written when the segment is taken into use and sealed by its checksum; the
 * closing is written when the writer leaves it, behind the next one's header, or by
 * evidence_collect for a writer that was killed. A segment without magic was prepared
 * and never used. The number in the header counts, the one in the name is a courtesy.
 * Version 1 had no checks of records; nothing of it was ever released. */
#ifndef STORMDRILL_EVIDENCE_SEGMENT_H
#define STORMDRILL_EVIDENCE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/evidence/record.h"
#include "harness/evidence/writer.h"

#define SEGMENT_MAGIC "SDRILLEV"
#define SIDE_MAGIC "SDRILLSD"

enum {
    EVIDENCE_FORMAT_VERSION = 2,
    EVIDENCE_NAME_BYTES = 64, /* of a writer, a host; the zero included */
    SIDE_HEADER_BYTES = 128,
    SEGMENT_NUMBER_MAX = 1 << 24,
};

/* Who writes: the same in every file of a process. */
struct identity {
    char host[EVIDENCE_NAME_BYTES];
    char boot_id[40];
    uint64_t pid;
};

enum segment_end {
    SEGMENT_GOES_ON, /* the chain does, in the next segment */
    SEGMENT_FINAL,   /* the writer was closed behind this segment */
    SEGMENT_LEFT,    /* it was killed; who brought the segment home counted */
    SEGMENT_TORN,    /* the same, and its last record has no check yet */
};

/* Written once, when the writer leaves the segment. */
struct segment_closing {
    uint64_t records;
    uint64_t end;
    uint64_t side_bytes; /* of the whole side chain so far; 0 for a killed one's */
    uint64_t checksum;
};

struct segment_header {
    char magic[8];
    uint32_t version;
    uint32_t header_bytes;
    uint32_t record_bytes;
    uint32_t number; /* in the chain, from 0 */
    uint32_t client;
    uint32_t incarnation;
    uint64_t monotonic_ns; /* two clocks, read one after the other */
    uint64_t realtime_ns;
    uint64_t segment_bytes; /* of the file, while it is not closed */
    struct identity identity;
    char writer[EVIDENCE_NAME_BYTES];
    uint64_t checksum; /* of all above */
    struct segment_closing closing;
};

struct side_header {
    char magic[8];
    uint32_t version;
    uint32_t number; /* in the chain, from 0 */
    uint64_t base;   /* where this file begins in the whole side chain */
    uint64_t pid;
    char writer[EVIDENCE_NAME_BYTES];
    uint64_t reserved[3];
    uint64_t checksum; /* of all above */
};

static_assert(sizeof(struct segment_header) <= EVIDENCE_HEADER_BYTES, "it must fit");
static_assert(sizeof(struct side_header) == SIDE_HEADER_BYTES, "file format");

/* Fill in magic, sizes, clocks and checksum; the caller set the rest. */
void segment_header_seal(struct segment_header *header, const struct clock *clock);
void segment_closing_seal(struct segment_closing *closing, uint64_t records,
                          enum segment_end end, uint64_t side_bytes);
void side_header_seal(struct side_header *header);

enum segment_state { SEGMENT_GOOD, SEGMENT_UNUSED, SEGMENT_BAD };

/* Check the first bytes of a file; copies the header to `out` where it is good. */
enum segment_state segment_header_check(struct segment_header *out, const void *bytes,
                                        size_t size);
bool segment_closing_is_good(const struct segment_closing *closing);
/* All zero: its writer was killed, or still writes. */
bool segment_closing_is_unwritten(const struct segment_closing *closing);
bool side_header_check(struct side_header *out, const void *bytes, size_t size);

/* Slots, of records and lines of checks, in a file of this size. */
size_t segment_slots(size_t file_bytes);

/* [a-z0-9._-]+, not longer than fits, no leading dot. */
bool writer_name_is_good(const char *name);

/* A file of this name and size was being made when its process died: no damage. */
bool file_is_unborn(const char *name, size_t size);

/* Does the file name end with this suffix and stand for one of ours? */
bool name_has_suffix(const char *name, const char *suffix);

#endif
