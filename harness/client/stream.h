/* stream: what a user says about a JetStream stream, checked before anything runs.
 *
 * Read by the script host (`t.cluster:stream(name, { … })`) and by the admin client, to
 * which the same table travels in {"op": "add_stream", "name": …, <the table>}.
 * Thread: any; a conf belongs to whoever holds it. */
#ifndef STORMDRILL_CLIENT_STREAM_H
#define STORMDRILL_CLIENT_STREAM_H

#include <jansson.h>
#include <stdint.h>

#include "proxy/base/error.h"
#include "proxy/base/param.h"

/* In the order of their names in the table; the same numbers as nats.c's. */
enum stream_storage { STREAM_FILE, STREAM_MEMORY };
enum stream_retention { STREAM_LIMITS, STREAM_INTEREST, STREAM_WORKQUEUE };
enum stream_discard { STREAM_DISCARD_OLD, STREAM_DISCARD_NEW };

enum { STREAM_SUBJECTS_MAX = 64, SUBJECT_BYTES = 256 };

struct stream_conf {
    json_t *subjects; /* a text or a list of texts; NULL: the stream's own name */
    int64_t replicas;
    int storage;
    int retention;
    int discard;
    uint64_t max_age_ns; /* 0: no limit; so with the next two */
    uint64_t max_bytes;
    int64_t max_msgs;
    uint64_t duplicate_window_ns;
};

extern const struct param stream_params[];

/* Check name and table (borrowed; NULL is an empty one): param_read, then what a table
 * cannot say: a legal name, legal and distinct subjects. Release with stream_release. */
int stream_read(struct stream_conf *out, const char *name, const json_t *object,
                struct error *err);
void stream_release(struct stream_conf *conf);

/* The subjects as borrowed texts; `name` where there are none. Their count. */
int stream_subjects(const struct stream_conf *conf, const char *name,
                    const char *texts[STREAM_SUBJECTS_MAX]);

/* A subject to publish to that matches `pattern`: '*' becomes "x", a last '>' becomes
 * "new". For publishers on a stream that were given no subject. E_PARAM when it would
 * not fit or the pattern is no subject. */
int subject_concrete(char out[SUBJECT_BYTES], const char *pattern, struct error *err);

/* Is this a subject (tokens by '.', none empty, no blanks)? E_PARAM says what is wrong;
 * `what` names it. Wildcards only where `wildcards` is set. */
int subject_check(const char *subject, bool wildcards, const char *what,
                  struct error *err);

#endif
