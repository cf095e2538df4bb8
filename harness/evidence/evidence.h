/* evidence: what checks and reports read. Made from a case's folder, or by hand in tests.
 *
 * All writers' segments are mapped read-only; nothing is copied. Strings are numbered
 * per writer in the files; a reader sees them through evidence_string(). Every record and
 * every detail is checked when it is opened: what was altered, moved, cut or taken away
 * since it was written is counted and named (evidence_damage), never fatal once one
 * segment could be read; then no check says passed or failed. Thread: read-only after
 * opening; any thread. */
#ifndef STORMDRILL_EVIDENCE_EVIDENCE_H
#define STORMDRILL_EVIDENCE_EVIDENCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "harness/evidence/record.h"
#include "proxy/base/error.h"

struct evidence;

struct evidence_writer_info {
    char name[64];
    uint32_t client;
    uint32_t incarnation;
    char host[64];
    int pid;
    bool complete;    /* it was closed, not killed */
    uint64_t records; /* without holes */
};

struct evidence_damage {
    uint64_t holes;
    uint64_t bad_segments; /* files that are cut, altered, unreadable or gone */
    uint64_t lost_records; /* evidence_lost: the disk was full */
    uint64_t open_writers; /* killed before they closed */
};

/* Read CASE/evidence (and what is still in /dev/shm, without moving it). */
int evidence_open(struct evidence **out, const char *folder, struct error *err);
void evidence_close(struct evidence *evidence);

/* For tests: empty evidence, to which records are added. Strings and details are given
 * with the record and remembered; a record goes to the writer of its message.client
 * (0: "main"). Times 0: one microsecond after the last. */
struct evidence *evidence_create(void);
void evidence_add(struct evidence *evidence, struct record record, const char *subject,
                  const json_t *detail);

/* The same, but seen by this client's incarnation: what a consumer received bears the
 * publisher's message id, yet stands on the consumer's writer. */
void evidence_add_seen_by(struct evidence *evidence, uint32_t client,
                          uint32_t incarnation, struct record record, const char *subject,
                          const json_t *detail);

/* The time of the next record that brings none of its own. */
void evidence_at(struct evidence *evidence, uint64_t time_ns);

/* The string's number with that client's writer, for `stream` and `consumer`. */
uint16_t evidence_add_string(struct evidence *evidence, uint32_t client,
                             uint32_t incarnation, const char *text);

int evidence_writer_count(const struct evidence *evidence);
const struct evidence_writer_info *evidence_writer(const struct evidence *evidence,
                                                   int at);
struct evidence_damage evidence_damage(const struct evidence *evidence);

/* "c1.0.load.0000.seg: the record at byte 4160 is not what was written": the first few
 * bad files in words; NULL behind the last. Borrowed. */
const char *evidence_damage_text(const struct evidence *evidence, int at);

/* Records of one writer in written order, without holes. At 10 million messages this is
 * the inner loop: it costs a few instructions a record. */
struct evidence_walk {
    const struct evidence *evidence;
    int writer;
    int segment;
    const struct record *at;
    const struct record *end;
};
void evidence_walk(struct evidence_walk *walk, const struct evidence *evidence,
                   int writer);

/* Go to the writer's next segment; false behind the last. For evidence_walk_next. */
bool evidence_walk_segment(struct evidence_walk *walk);

/* The next record, or NULL at the end. */
static inline const struct record *evidence_walk_next(struct evidence_walk *walk)
{
    do {
        while (walk->at != walk->end) {
            const struct record *record = walk->at++;

            if (record_kind(record) != 0)
                return record;
        }
    } while (evidence_walk_segment(walk));
    return NULL;
}

/* All writers merged by time (stable: lower writer first). For timelines and checks of
 * few records; `kinds` (of `kind_count` record kinds) filters first, NULL = all. */
struct evidence_merge;
struct evidence_merge *evidence_merge_create(const struct evidence *evidence,
                                             const unsigned *kinds, int kind_count);
const struct record *evidence_merge_next(struct evidence_merge *merge, int *writer);
void evidence_merge_destroy(struct evidence_merge *merge);

/* "" for 0 or an unknown number. Borrowed, as long as the evidence. */
const char *evidence_string(const struct evidence *evidence, int writer, uint32_t number);

/* The object at a record's detail; NULL for none or damage. Gives a new reference. */
json_t *evidence_detail(const struct evidence *evidence, int writer, uint32_t detail);

/* First record's time: zero of every report's clock. */
uint64_t evidence_start_ns(const struct evidence *evidence);
uint64_t evidence_end_ns(const struct evidence *evidence);

/* One JSON object per line, merged by time (`export --format jsonl`). */
int evidence_export_jsonl(const struct evidence *evidence, FILE *to, struct error *err);

#endif
