/* cutter: the partner that cuts.
 *
 * The same bytes reach a fault as one chunk, as single bytes, and in random parts, all at
 * one moment; what comes out must not depend on it. For faults that are keyed to bytes
 * that means every byte, its time, and the end; for those that draw per read, the bytes
 * and the end. */
#ifndef STORMDRILL_TESTS_PROXY_CUTTER_H
#define STORMDRILL_TESTS_PROXY_CUTTER_H

#include "tests/lib/proxy/lanes.h"

enum cut { CUT_NOT, CUT_BYTES, CUT_RANDOM };

/* Push the lanes' pattern, cut in this way; parts have up to `part_max` bytes. */
void cutter_push(struct lanes *l, int connection, enum direction to, size_t size,
                 enum cut cut, size_t part_max, struct rng *rng);

/* What must be the same. */
enum cutter_same { CUTTER_SAME_BYTES, CUTTER_SAME_TIMES };

/* Run the fault on `size` bytes and a FIN, cut in every way, and compare. Time goes on
 * until nothing is held any more, or a day has passed. Gives the bytes that came out, to
 * free; NULL when none did. */
uint8_t *cutter_compare(const char *type, const char *words, size_t size,
                        enum cutter_same same, size_t *out_size);

#endif
