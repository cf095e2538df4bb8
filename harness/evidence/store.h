/* store: what evidence is made of once it has been read. Private to this folder.
 *
 * One source per writer: its segments in order (mapped files, or blocks on the heap when
 * the evidence was made by hand), its side files, its string table. Sources stay where
 * they are once made, so what was borrowed from one stays good while others are added. */
#ifndef STORMDRILL_EVIDENCE_STORE_H
#define STORMDRILL_EVIDENCE_STORE_H

#include "harness/evidence/evidence.h"
#include "harness/evidence/files.h"
#include "harness/evidence/segment.h"

enum { DAMAGE_TEXTS_MAX = 8, DAMAGE_TEXT_BYTES = 240 };

struct source_segment {
    const struct record *at;
    const struct record *end; /* behind the last record that is no hole */
    void *memory;             /* mapping or block; NULL: borrowed */
    size_t map_bytes;         /* 0: `memory` is a block of the heap */
    uint64_t records;         /* room for records up to the last one */
    size_t slots;             /* in the file */
    uint32_t number;
    bool closed;         /* `closing` is good */
    bool closing_is_bad; /* something stands there, but no sane word */
    bool cut;            /* not closed, and not as large as it was made */
    bool told;           /* what is wrong with it */
    struct segment_closing closing;
    char name[FILE_NAME_BYTES];
};

struct source_side {
    const uint8_t *bytes;
    size_t size;
    void *memory;      /* the mapping; NULL: borrowed */
    uint64_t base;     /* offset of bytes[0] in the writer's whole side chain */
    size_t good_bytes; /* whole entries up to here */
    uint32_t number;
    char name[FILE_NAME_BYTES];
};

struct source {
    struct evidence_writer_info info;
    uint64_t key;       /* of the writer's name, for checks */
    bool damaged;       /* something of it was complained of */
    bool sides_damaged; /* of its strings and details, so names lead nowhere */
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
    char damage_texts[DAMAGE_TEXTS_MAX][DAMAGE_TEXT_BYTES];
    int damage_text_count;
    char *roster; /* the list of writers as it was read; NULL: none */
    size_t roster_size;
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

/* Count one more damaged file and say what is wrong with it; `source` may be NULL. */
void evidence_add_damage(struct evidence *evidence, struct source *source,
                         const char *format, ...) __attribute__((format(printf, 3, 4)));

/* When all files are taken in: sort, check every chain, entry and record, read the
 * strings, count. False when there is no segment at all. */
bool evidence_settle(struct evidence *evidence);

/* The same for the list of writers. */
void evidence_check_roster(struct evidence *evidence);

/* Take a record into account: its time, what it says of losses. */
void source_note_record(struct evidence *evidence, struct source *source,
                        const struct record *record);

/* Read segment and side bytes from memory as if they were files of one writer; for the
 * fuzzer and tests. Borrows both (`segment` aligned to 8) while the evidence lives. */
int evidence_open_bytes(struct evidence **out, const void *segment, size_t segment_size,
                        const void *side, size_t side_size, struct error *err);

#endif
