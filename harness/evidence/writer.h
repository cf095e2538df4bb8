/* writer: an append-only chain of segments, one writer per thread, no lock.
 *
 * Files of a writer called W in the case's evidence folder:
 *
 *   W.NNNN.side  strings and details: entries, appended by write(2); up to 16 MiB each
 *   W.NNNN.seg   segments from 64 KiB to 16 MiB: a 4096-byte header, then records
 *                (segment.h); readers take any size
 *
 * Live files are in /dev/shm (a folder named in `evidence/shm`, a text file that is
 * written first; in it `home` names the evidence folder), segments mapped and allocated
 * beforehand so that a full disk is an error and not a SIGBUS; full ones are
 * moved to the evidence folder by the process's mover thread. Where /dev/shm has no room,
 * files are made in the folder itself, with a warning. When nothing has room, or 1 GiB of
 * this process waits in /dev/shm for a disk that does not keep up, records are counted as
 * lost: an evidence_lost record says so from the first one on, in a slot kept for it; the
 * run goes on, its checks are inconclusive.
 *
 * A case: evidence_home_create (in the case process, once) -> evidence_home_open in any
 * process of the case (clients get the folder in their environment) -> writer_open per
 * thread -> writer_append ... -> writer_close -> evidence_home_close; at the end the
 * case calls evidence_collect, which brings home what dead processes left in /dev/shm. */
#ifndef STORMDRILL_EVIDENCE_WRITER_H
#define STORMDRILL_EVIDENCE_WRITER_H

#include <jansson.h>
#include <stdbool.h>

#include "harness/evidence/record.h"
#include "proxy/base/clock.h"
#include "proxy/base/error.h"
#include "proxy/base/log.h"

enum { EVIDENCE_SEGMENT_BYTES = 16 << 20, EVIDENCE_HEADER_BYTES = 4096 };

struct evidence_home; /* one per process: the folder, the shm folder, the mover thread */
struct writer;

struct evidence_home_options {
    const char *folder; /* CASE/evidence; must exist for open, is made by create */
    struct log *log;    /* warnings; may be NULL */
    const char *shm; /* NULL: /dev/shm; tests: a small tmpfs or a folder without room */
    uint64_t shm_bytes_max; /* this process's bound in shm, full segments that wait for a
                             * slow disk included; beyond it records are lost and
                             * counted. 0: 1 GiB */
};

/* Sweeps shm first: what runs of this user that were killed minutes ago left there is
 * brought home, or removed where there is none. Takes a few milliseconds at most, but for
 * the copying of a killed run's evidence. */
int evidence_home_create(struct evidence_home **out,
                         const struct evidence_home_options *options, struct error *err);
int evidence_home_open(struct evidence_home **out,
                       const struct evidence_home_options *options, struct error *err);

/* Moves what is full, ends the mover. Writers must be closed before. */
void evidence_home_close(struct evidence_home *home);

/* Bring every segment that lies in the shm folder of `folder` home and remove that
 * shm folder. For the end of a case, and for `analyze` of a killed one. Idempotent. */
int evidence_collect(const char *folder, struct error *err);

/* `name`: "main", "proxy", "c3.0.load"; [a-z0-9._-], unique in the case. `client` and
 * `incarnation`: whose eyes these are (0: the harness). Thread: then only this one. */
int writer_open(struct writer **out, struct evidence_home *home, const char *name,
                uint32_t client, uint32_t incarnation, struct error *err);

/* Marks the chain complete, hands the last segment to the mover, frees. */
void writer_close(struct writer *writer);

/* The number of a recurring string (from 1; the same string, the same number). 0 when
 * `text` is NULL or empty or the table (65,535) is full. */
uint32_t writer_string(struct writer *writer, const char *text);

/* Put a JSON object (borrowed) or words into the side file; the place, or 0. */
uint32_t writer_detail(struct writer *writer, const json_t *object);
uint32_t writer_detail_text(struct writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3))); /* {"text": "..."} */

/* Append a copy of `record`. time_ns 0: stamped now. Never waits, never fails: what
 * cannot be kept is counted. message.client 0 on a client's writer: filled in. */
void writer_append(struct writer *writer, const struct record *record);

/* Records that could not be kept so far. */
uint64_t writer_lost(const struct writer *writer);

#endif
