/* slice: pieces of the asked sizes, at the asked distance, each by itself. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/proxy/cutter.h"
#include "tests/lib/proxy/rig.h"
#include "tests/lib/proxy/stats.h"

enum { KIB = 1024 };

static void test_slice__cuts_what_is_read_into_pieces_of_its_size(void **state)
{
    struct lanes *l = lanes_create("slice", "size=10", 1);
    const struct lane_piece *pieces;
    size_t count;

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 95);
    pieces = lanes_pieces(l, 0, TO_SERVER, &count);
    assert_int_equal(count, 10);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pieces[i].size, i < 9 ? 10 : 5);
        assert_int_equal(pieces[i].at_ns, 0);
    }
    assert_int_equal(lanes_held(l, 0, TO_SERVER), 0);
    assert_true(lanes_touched(l) > 0);
    lanes_destroy(l);
}

static double cdf_of_sizes(double size)
{
    return (size - 49.5) / 101.0; /* 50 to 150, each spread over one */
}

/* Even, from size - variation to size + variation: mean 100, deviation 29.15. */
static void test_slice__draws_its_sizes_evenly_around_the_average(void **state)
{
    struct lanes *l = lanes_create("slice", "size=100 variation=50", 1);
    double sizes[4096];
    const struct lane_piece *pieces;
    struct rng rng;
    size_t count;
    size_t smallest = 1000;
    size_t largest = 0;

    (void)state;
    rng_init(&rng, 1);
    lanes_push_pattern(l, 0, TO_SERVER, 400000);
    lanes_advance_us(l, 1); /* they leave in several goes */
    pieces = lanes_pieces(l, 0, TO_SERVER, &count);
    count--; /* the last one is what was left */
    assert_in_range(count, 3925, 4075);
    for (size_t i = 0; i < count; i++) {
        smallest = pieces[i].size < smallest ? pieces[i].size : smallest;
        largest = pieces[i].size > largest ? pieces[i].size : largest;
        sizes[i] = pieces[i].size + rng_unit(&rng) - 0.5;
    }
    assert_int_equal(smallest, 50);
    assert_int_equal(largest, 150);
    assert_true(stats_mean(sizes, count) > 98.2 && stats_mean(sizes, count) < 101.8);
    assert_true(stats_deviation(sizes, count) > 28.2);
    assert_true(stats_deviation(sizes, count) < 30.1);
    assert_true(stats_distance(sizes, count, cdf_of_sizes) < 1.63);
    lanes_destroy(l);
}

static void test_slice__waits_after_each_piece_also_for_the_next_read(void **state)
{
    struct lanes *l = lanes_create("slice", "size=10 delay=3ms", 1);
    const struct lane_piece *pieces;
    size_t count;

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 40);
    lanes_advance_us(l, 10000);
    lanes_push_pattern(l, 0, TO_SERVER, 20); /* 1 ms after the last piece */
    lanes_advance_us(l, 1999);
    lanes_pieces(l, 0, TO_SERVER, &count);
    assert_int_equal(count, 4);
    lanes_advance_us(l, 100000);
    pieces = lanes_pieces(l, 0, TO_SERVER, &count);
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pieces[i].at_ns, i * 3 * NS_PER_MS);
    lanes_destroy(l);
}

/* A loop that comes late must not make two writes of one moment of them. */
static void test_slice__never_lets_pieces_come_closer_than_its_delay(void **state)
{
    struct lanes *l = lanes_create("slice", "size=10 delay=1ms", 1);
    const struct lane_piece *pieces;
    size_t count;

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 100);
    lanes_advance_late_us(l, 5000, 2500);
    lanes_advance_us(l, 50000);
    pieces = lanes_pieces(l, 0, TO_SERVER, &count);
    assert_int_equal(count, 10);
    for (size_t i = 1; i < count; i++)
        assert_true(pieces[i].at_ns >= pieces[i - 1].at_ns + NS_PER_MS);
    lanes_destroy(l);
}

static void test_slice__the_end_follows_the_last_piece(void **state)
{
    const enum chunk_end ends[] = {CHUNK_FIN, CHUNK_CLOSE};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lanes *l = lanes_create("slice", "size=1 delay=1ms", 1);

        lanes_push_pattern(l, 0, TO_SERVER, 5);
        lanes_push_end(l, 0, TO_SERVER, ends[i]);
        lanes_advance_us(l, 3999);
        assert_int_equal(lanes_size(l, 0, TO_SERVER), 4);
        assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_DATA);
        lanes_advance_us(l, 1);
        assert_int_equal(lanes_size(l, 0, TO_SERVER), 5);
        assert_int_equal(lanes_end(l, 0, TO_SERVER), ends[i]);
        lanes_destroy(l);
    }
}

static void test_slice__a_reset_discards_the_pieces_that_wait(void **state)
{
    struct lanes *l = lanes_create("slice", "size=1 delay=1ms", 1);

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 5);
    lanes_push_end(l, 0, TO_SERVER, CHUNK_RST);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 1);
    assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_RST);
    lanes_advance_us(l, 100000);
    lanes_destroy(l);
}

static void test_slice__healed_or_changed_it_lets_go_of_everything(void **state)
{
    struct lanes *l = lanes_create("slice", "size=1 delay=1s", 1);
    size_t count;

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 100);
    lanes_change(l, "size=5 delay=2s");
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 100);
    lanes_push_pattern(l, 0, TO_SERVER, 100);
    lanes_advance_us(l, 2000000);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 110);
    lanes_push_end(l, 0, TO_SERVER, CHUNK_FIN);
    lanes_heal(l);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 200);
    assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_FIN);
    lanes_pieces(l, 0, TO_SERVER, &count);
    assert_true(count >= 5);
    lanes_destroy(l);
}

static void test_slice__does_not_change_the_bytes_however_they_come(void **state)
{
    size_t size;
    uint8_t *bytes = cutter_compare("slice", "size=7 variation=6 delay=1ms", 20000,
                                    CUTTER_SAME_BYTES, &size);

    (void)state;
    assert_int_equal(size, 20000);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], lanes_pattern(i));
    free(bytes);
}

/* A read of 64 KiB in single bytes must not become 65,536 chunks at once. */
static void test_slice__holds_what_waits_in_one_piece(void **state)
{
    struct rig *rig = rig_create("slice", "size=1 delay=1ms");
    char *bytes = calloc(1, 64 * KIB);

    (void)state;
    rig_push_bytes(rig, bytes, 64 * KIB);
    assert_int_equal(rig_output_size(rig), 1);
    assert_int_equal(rig_chain(rig)->held_count, 1);
    free(bytes);
    rig_destroy(rig);
}

static void test_slice__directions_draw_from_streams_of_their_own(void **state)
{
    struct lanes *l = lanes_create("slice", "size=100 variation=99", 2);
    size_t alike_back = 0;
    size_t alike_other = 0;
    size_t count[3];
    const struct lane_piece *pieces[3];

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 64 * KIB);
    lanes_push_pattern(l, 0, TO_CLIENT, 64 * KIB);
    lanes_push_pattern(l, 1, TO_SERVER, 64 * KIB);
    lanes_advance_us(l, 1); /* they leave in several goes */
    pieces[0] = lanes_pieces(l, 0, TO_SERVER, &count[0]);
    pieces[1] = lanes_pieces(l, 0, TO_CLIENT, &count[1]);
    pieces[2] = lanes_pieces(l, 1, TO_SERVER, &count[2]);
    for (size_t i = 0; i < 500; i++) {
        alike_back += pieces[0][i].size == pieces[1][i].size;
        alike_other += pieces[0][i].size == pieces[2][i].size;
    }
    assert_true(alike_back < 15); /* 2.5 by chance */
    assert_true(alike_other < 15);
    lanes_destroy(l);
}

static void test_slice__refuses_parameters_that_do_not_fit(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("slice", "", &err), 0);
    assert_int_equal(rig_check("slice", "size=1", &err), 0);
    assert_int_equal(rig_check("slice", "size=0", &err), E_PARAM);
    assert_non_null(strstr(err.text, "size"));
    assert_int_equal(rig_check("slice", "size=10 variation=10", &err), E_PARAM);
    assert_non_null(strstr(err.text, "variation must be less than size (10), not 10"));
    assert_true(err.hint[0] != '\0');
    assert_int_equal(rig_check("slice", "delay=-1ms", &err), E_PARAM);
    assert_non_null(strstr(err.text, "delay"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slice__cuts_what_is_read_into_pieces_of_its_size),
        cmocka_unit_test(test_slice__draws_its_sizes_evenly_around_the_average),
        cmocka_unit_test(test_slice__waits_after_each_piece_also_for_the_next_read),
        cmocka_unit_test(test_slice__never_lets_pieces_come_closer_than_its_delay),
        cmocka_unit_test(test_slice__the_end_follows_the_last_piece),
        cmocka_unit_test(test_slice__a_reset_discards_the_pieces_that_wait),
        cmocka_unit_test(test_slice__healed_or_changed_it_lets_go_of_everything),
        cmocka_unit_test(test_slice__does_not_change_the_bytes_however_they_come),
        cmocka_unit_test(test_slice__holds_what_waits_in_one_piece),
        cmocka_unit_test(test_slice__directions_draw_from_streams_of_their_own),
        cmocka_unit_test(test_slice__refuses_parameters_that_do_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
