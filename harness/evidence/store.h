/* store: what evidence is made of once it has been read. Private to this folder.
 *
 * One source per writer: its segments in order (mapped files, or blocks on the heap when
 * the evidence was made by hand), its side files, its string table. Sources stay where
 * they are once made, so what was borrowed from one stays good while others are added. */
#ifndef STORMDRILL_EVIDENCE_STORE_H
#define STORMDRILL_EVIDENCE_STORE_H

#include "harness/evidence/evidence.h"

struct source_segment {
    const struct record *at;
    const struct record *end; /* behind the last record that is no hole */
    void *memory;             /* mapping or block; NULL: borrowed */
    size_t map_bytes;         /* 0: `memory` is a block of the heap */
    uint64_t records;
    uint32_t number;
    bool final; /* the writer was closed behind this one */
    bool cut;   /* it was closed with more records than are there, or with no sane word */
    bool closed;
};

struct source_side {
    const uint8_t *bytes;
    size_t size;
    void *memory;  /* the mapping; NULL: borrowed */
    uint64_t base; /* offset of bytes[0] in the writer's whole side chain */
    uint32_t number;
};

struct source {
    struct evidence_writer_info info;
    struct source_segment *segments;
    int segment_count;
    int segment_capacity;
    struct source_side *sides; /* by base */
    int side_count;
    int side_capacity;
    const char **strings; /* by number; [0] is unused; NULL where none is known */
    uint32_t string_count;
    uint32_t string_capacity;
    uint64_t last_ns; /* the last record's time */
    bool unordered;   /* some record's time lies before its predecessor's */

    /* made by hand only */
    json_t **details; /* detail n is at n - 1 */
    uint32_t detail_count;
    uint32_t detail_capacity;
};

struct evidence {
    struct source **sources;
    int source_count;
    int source_capacity;
    struct evidence_damage damage;
    uint64_t start_ns; /* UINT64_MAX: no record yet */
    uint64_t end_ns;
    bool by_hand;
    bool no_memory;   /* something could not be taken in: do not use it */
    uint64_t next_ns; /* by hand: evidence_at */
};

/* A new, empty source at the end of the list; NULL when memory is short. */
struct source *source_add(struct evidence *evidence);

/* Room for one more element of `size` in `*array`; false when memory is short. */
bool array_reserve(void *array, int *capacity, int count, size_t size);

/* Remember a string (borrowed) under its number; false when memory is short. */
bool source_set_string(struct source *source, uint32_t number, const char *text);

/* Take the segment into account: count records and holes, times, losses. */
void source_survey(struct evidence *evidence, struct source *source,
                   struct source_segment *segment);

/* The same for one record. */
void source_note_record(struct evidence *evidence, struct source *source,
                        const struct record *record);

/* Read segment and side bytes from memory as if they were files of one writer; for the
 * fuzzer and tests. Borrows both (`segment` aligned to 8) while the evidence lives. */
int evidence_open_bytes(struct evidence **out, const void *segment, size_t segment_size,
                        const void *side, size_t side_size, struct error *err);

#endif
