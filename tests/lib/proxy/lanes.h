/* lanes: one fault of a link, on several connections at once, on a virtual clock.
 *
 * A lane is one direction of one connection, with a chain in which the fault stands
 * alone; the fault's shared memory is the link's, so it is the same for all lanes. Time
 * goes from deadline to deadline, so everything happens exactly when it is due (or later,
 * where a test says so). What comes out is written down: bytes, pieces, and when. */
#ifndef STORMDRILL_TESTS_PROXY_LANES_H
#define STORMDRILL_TESTS_PROXY_LANES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/chain.h"

enum { LANES_MAX = 128 };

/* What came out of a chain in one go: one write to a socket. */
struct lane_piece {
    uint64_t at_ns; /* since the lanes were made */
    uint32_t size;
    enum chunk_end end;
};

struct lanes;

/* `connections` of them, in both directions as the words say. The second form has a seed
 * of its own. */
struct lanes *lanes_create(const char *type, const char *words, int connections);
struct lanes *lanes_create_seeded(const char *type, const char *words, int connections,
                                  uint64_t seed);
void lanes_destroy(struct lanes *l);

void lanes_push(struct lanes *l, int connection, enum direction to, const void *bytes,
                size_t size);
void lanes_push_chunk(struct lanes *l, int connection, enum direction to,
                      struct chunk *chunk); /* takes */
void lanes_push_end(struct lanes *l, int connection, enum direction to,
                    enum chunk_end how);

/* Bytes that say their own place, counted on from what was pushed before. */
void lanes_push_pattern(struct lanes *l, int connection, enum direction to, size_t size);
uint8_t lanes_pattern(uint64_t place);

/* Every deadline on the way fires when it is due; `late_us` after it. */
void lanes_advance_us(struct lanes *l, uint64_t us);
void lanes_advance_late_us(struct lanes *l, uint64_t us, uint64_t late_us);
uint64_t lanes_now_ns(const struct lanes *l); /* since they were made */

void lanes_change(struct lanes *l, const char *words);
void lanes_heal(struct lanes *l);
void lanes_close(struct lanes *l, int connection); /* it ended: nothing is delivered */

/* What came out; good until the next call that moves something. */
const uint8_t *lanes_output(const struct lanes *l, int connection, enum direction to,
                            size_t *size);
const struct lane_piece *lanes_pieces(const struct lanes *l, int connection,
                                      enum direction to, size_t *count);
size_t lanes_size(const struct lanes *l, int connection, enum direction to);
enum chunk_end lanes_end(const struct lanes *l, int connection, enum direction to);

/* When the byte at `place` came out. */
uint64_t lanes_time_of(const struct lanes *l, int connection, enum direction to,
                       uint64_t place);

size_t lanes_held(const struct lanes *l, int connection, enum direction to);
uint64_t lanes_touched(const struct lanes *l);
uint64_t lanes_wakes(const struct lanes *l); /* how often time stopped at a deadline */

#endif
