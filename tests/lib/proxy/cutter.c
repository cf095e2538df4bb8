/* cutter: many runs of one fault on one input, compared with the run on one chunk. */
#include "cutter.h"

#include <stdlib.h>
#include <string.h>

enum { RANDOM_RUNS = 12, HOURS_MAX = 24 };

void cutter_push(struct lanes *l, int connection, enum direction to, size_t size,
                 enum cut cut, size_t part_max, struct rng *rng)
{
    while (size > 0) {
        size_t part = size;

        if (cut == CUT_BYTES)
            part = 1;
        else if (cut == CUT_RANDOM)
            part = 1 + (size_t)rng_below(rng, part_max);
        if (part > size)
            part = size;
        lanes_push_pattern(l, connection, to, part);
        size -= part;
    }
}

/* All of it, then the end, then time. */
static struct lanes *run(const char *type, const char *words, size_t size, enum cut cut,
                         size_t part_max, struct rng *rng)
{
    struct lanes *l = lanes_create(type, words, 1);

    cutter_push(l, 0, TO_SERVER, size, cut, part_max, rng);
    if (lanes_end(l, 0, TO_SERVER) == CHUNK_DATA)
        lanes_push_end(l, 0, TO_SERVER, CHUNK_FIN);
    for (int i = 0; i < HOURS_MAX && (i == 0 || lanes_held(l, 0, TO_SERVER) > 0); i++)
        lanes_advance_us(l, 3600ull * 1000 * 1000);
    return l;
}

/* Byte by byte: those that left together in one run may do so in parts in the other. */
static void compare_times(const struct lanes *a, const struct lanes *b)
{
    size_t a_count;
    size_t b_count;
    const struct lane_piece *a_piece = lanes_pieces(a, 0, TO_SERVER, &a_count);
    const struct lane_piece *b_piece = lanes_pieces(b, 0, TO_SERVER, &b_count);
    uint64_t a_end = a_piece->size; /* places behind the pieces at hand */
    uint64_t b_end = b_piece->size;
    uint64_t size = lanes_size(a, 0, TO_SERVER);

    for (uint64_t place = 0; place < size; place++) {
        while (a_end <= place)
            a_end += (++a_piece)->size;
        while (b_end <= place)
            b_end += (++b_piece)->size;
        if (a_piece->at_ns != b_piece->at_ns)
            fail_msg("byte %llu: at %llu ns and at %llu ns", (unsigned long long)place,
                     (unsigned long long)a_piece->at_ns,
                     (unsigned long long)b_piece->at_ns);
    }
}

static void compare(const struct lanes *a, const struct lanes *b, enum cutter_same same)
{
    size_t a_size;
    size_t b_size;
    const uint8_t *a_bytes = lanes_output(a, 0, TO_SERVER, &a_size);
    const uint8_t *b_bytes = lanes_output(b, 0, TO_SERVER, &b_size);

    assert_int_equal(a_size, b_size);
    if (a_size > 0)
        assert_memory_equal(a_bytes, b_bytes, a_size);
    assert_int_equal(lanes_end(a, 0, TO_SERVER), lanes_end(b, 0, TO_SERVER));
    if (same == CUTTER_SAME_BYTES || a_size == 0)
        return;
    compare_times(a, b);
}

uint8_t *cutter_compare(const char *type, const char *words, size_t size,
                        enum cutter_same same, size_t *out_size)
{
    struct rng rng;
    struct lanes *whole;
    struct lanes *cut;
    const uint8_t *bytes;
    uint8_t *copy = NULL;

    rng_init(&rng, 20);
    whole = run(type, words, size, CUT_NOT, 0, &rng);
    cut = run(type, words, size, CUT_BYTES, 1, &rng);
    compare(whole, cut, same);
    lanes_destroy(cut);
    for (int i = 0; i < RANDOM_RUNS; i++) {
        /* From crumbs to parts of the size of a read. */
        cut = run(type, words, size, CUT_RANDOM, (size_t)16 << i, &rng);
        compare(whole, cut, same);
        lanes_destroy(cut);
    }
    bytes = lanes_output(whole, 0, TO_SERVER, out_size);
    if (*out_size > 0) {
        copy = malloc(*out_size);
        assert_non_null(copy);
        memcpy(copy, bytes, *out_size);
    }
    lanes_destroy(whole);
    return copy;
}
