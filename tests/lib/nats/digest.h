/* digest: what a parser said of a stream, independent of how the stream was cut.
 *
 * Two readings of the same bytes must have equal digests: the same frames with the same
 * texts, sizes, numbers and offsets, ended at the same bytes, lost at the same byte. */
#ifndef STORMDRILL_TESTS_NATS_DIGEST_H
#define STORMDRILL_TESTS_NATS_DIGEST_H

#include "proxy/nats/parser.h"

struct digest {
    uint64_t hash;
    uint64_t lines;
    uint64_t ends;      /* of frames, with payload or without */
    uint64_t partial;   /* bytes of a line that is not whole at the end */
    uint64_t body_left; /* of a payload that is not whole at the end */
    uint64_t lost_at;   /* UINT64_MAX: never */
};

/* Read `size` bytes in pieces: cut() gives the size of the next one, at least 1. NULL:
 * all at once. Aborts where the parser breaks its own contract. */
struct digest digest_read(const uint8_t *bytes, size_t size, size_t (*cut)(void *arg),
                          void *arg);

#endif
