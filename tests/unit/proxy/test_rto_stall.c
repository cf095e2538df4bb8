/* rto_stall: the asked share of segments waits the asked time, and the same ones in every
 * run. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/proxy/cutter.h"
#include "tests/lib/proxy/rig.h"

enum { SEGMENT = 1448, SEGMENTS = 20000 };

static const uint64_t hour_us = 3600ull * 1000 * 1000;

/* How long each of SEGMENTS waits when nobody stands before it, in ms. To free. */
static uint64_t *waits_of(const char *words, enum direction to, uint64_t seed)
{
    struct lanes *l = lanes_create_seeded("rto_stall", words, 1, seed);
    uint64_t *waits = calloc(SEGMENTS, sizeof *waits);
    const struct lane_piece *pieces;
    size_t count;

    assert_non_null(waits);
    for (size_t i = 0; i < SEGMENTS; i++) {
        uint64_t pushed_ns = lanes_now_ns(l);

        lanes_push_pattern(l, 0, to, SEGMENT);
        lanes_advance_us(l, hour_us);
        pieces = lanes_pieces(l, 0, to, &count);
        assert_int_equal(count, i + 1);
        waits[i] = (pieces[i].at_ns - pushed_ns) / NS_PER_MS;
        assert_int_equal((pieces[i].at_ns - pushed_ns) % NS_PER_MS, 0);
    }
    lanes_destroy(l);
    return waits;
}

static size_t count_of(const uint64_t *waits, uint64_t wait_ms)
{
    size_t count = 0;

    for (size_t i = 0; i < SEGMENTS; i++)
        count += waits[i] == wait_ms;
    return count;
}

/* Of 20,000 at 10 %: 18,000 never, 1,800 once (deviation 40), 180 twice (13), 18 three
 * times (4), and nothing in between. */
static void test_rto_stall__loses_again_what_it_sends_again(void **state)
{
    uint64_t *waits = waits_of("loss=10% rto=200ms", TO_SERVER, 1);
    size_t rest = SEGMENTS;

    (void)state;
    assert_in_range(count_of(waits, 0), 17830, 18170);
    assert_in_range(count_of(waits, 200), 1640, 1960);
    assert_in_range(count_of(waits, 600), 128, 232);
    assert_in_range(count_of(waits, 1400), 4, 36);
    rest -= count_of(waits, 0) + count_of(waits, 200) + count_of(waits, 600);
    rest -= count_of(waits, 1400) + count_of(waits, 3000) + count_of(waits, 6200);
    assert_int_equal(rest, 0);
    free(waits);
}

/* 100, then 100 + 200, then each 300 more: max cuts the doubling. */
static void test_rto_stall__doubles_its_wait_up_to_max(void **state)
{
    uint64_t *waits = waits_of("loss=70% rto=100ms max=300ms", TO_SERVER, 2);
    size_t sum = count_of(waits, 0) + count_of(waits, 100);

    (void)state;
    assert_in_range(count_of(waits, 100), 3900, 4500); /* 0.7 * 0.3 */
    for (uint64_t wait_ms = 300; wait_ms < 300 * 200; wait_ms += 300)
        sum += count_of(waits, wait_ms);
    assert_int_equal(sum, SEGMENTS);
    assert_in_range(count_of(waits, 300), 2700, 3200); /* 0.49 * 0.3 */
    assert_in_range(count_of(waits, 600), 1850, 2270); /* 0.343 * 0.3 */
    free(waits);
}

static void test_rto_stall__loses_the_same_segments_in_every_run(void **state)
{
    uint64_t *waits = waits_of("loss=10%", TO_SERVER, 3);
    uint64_t *again = waits_of("loss=10%", TO_SERVER, 3);
    uint64_t *back = waits_of("loss=10%", TO_CLIENT, 3);
    uint64_t *other = waits_of("loss=10%", TO_SERVER, 4);
    size_t both_back = 0;
    size_t both_other = 0;

    (void)state;
    assert_memory_equal(waits, again, SEGMENTS * sizeof *waits);
    for (size_t i = 0; i < SEGMENTS; i++) {
        both_back += waits[i] > 0 && back[i] > 0;
        both_other += waits[i] > 0 && other[i] > 0;
    }
    /* Two streams meet by chance only: in 1 % of the segments. */
    assert_in_range(both_back, 140, 260);
    assert_in_range(both_other, 140, 260);
    free(waits);
    free(again);
    free(back);
    free(other);
}

static void test_rto_stall__a_higher_loss_only_adds_losses(void **state)
{
    uint64_t *low = waits_of("loss=5%", TO_SERVER, 5);
    uint64_t *high = waits_of("loss=20%", TO_SERVER, 5);

    (void)state;
    for (size_t i = 0; i < SEGMENTS; i++)
        assert_true(high[i] >= low[i]);
    assert_true(count_of(high, 0) < count_of(low, 0) - 2000);
    free(low);
    free(high);
}

static void test_rto_stall__gives_the_same_times_however_bytes_are_cut(void **state)
{
    const char *const words[] = {"loss=1%", "loss=30% rto=50ms max=400ms", "loss=0%",
                                 "loss=20% after=70001B"};
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        free(cutter_compare("rto_stall", words[i], 150000, CUTTER_SAME_TIMES, &size));
        assert_int_equal(size, 150000);
    }
}

/* The number of the first lost segment with these words. */
static size_t first_lost(const char *words)
{
    uint64_t *waits = waits_of(words, TO_SERVER, 7);
    size_t i = 0;

    while (waits[i] == 0)
        i++;
    free(waits);
    return i;
}

static void test_rto_stall__all_behind_a_lost_segment_waits_with_it(void **state)
{
    const char *words = "loss=1% rto=200ms max=200ms";
    size_t lost = first_lost(words);
    struct lanes *l = lanes_create("rto_stall", words, 1);

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, (lost + 5) * SEGMENT);
    lanes_push_end(l, 0, TO_SERVER, CHUNK_FIN);
    /* What stands before it has gone at once. */
    assert_int_equal(lanes_size(l, 0, TO_SERVER), lost * SEGMENT);
    lanes_advance_us(l, 199999);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), lost * SEGMENT);
    assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_DATA);
    lanes_advance_us(l, 1);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), (lost + 5) * SEGMENT);
    assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_FIN);
    lanes_destroy(l);
}

/* It is lost once: what comes of it later waits for its place, and no longer. */
static void test_rto_stall__the_wait_begins_with_the_segments_first_byte(void **state)
{
    const char *words = "loss=1% rto=200ms max=200ms";
    size_t lost = first_lost(words);
    struct lanes *l = lanes_create("rto_stall", words, 1);

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, lost * SEGMENT + 100);
    lanes_advance_us(l, 150000);
    lanes_push_pattern(l, 0, TO_SERVER, 100);
    lanes_advance_us(l, 49999);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), lost * SEGMENT);
    lanes_advance_us(l, 1);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), lost * SEGMENT + 200);
    lanes_push_pattern(l, 0, TO_SERVER, 100);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), lost * SEGMENT + 300);
    lanes_destroy(l);
}

static void test_rto_stall__a_reset_overtakes_what_waits(void **state)
{
    struct lanes *l = lanes_create("rto_stall", "loss=100%", 1);

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 100);
    lanes_push_end(l, 0, TO_SERVER, CHUNK_RST);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 0);
    assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_RST);
    lanes_destroy(l);
}

static void test_rto_stall__of_everything_waits_for_the_heal(void **state)
{
    const enum chunk_end ends[] = {CHUNK_FIN, CHUNK_CLOSE};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lanes *l = lanes_create("rto_stall", "loss=100%", 1);

        lanes_push_pattern(l, 0, TO_SERVER, 10 * SEGMENT);
        lanes_push_end(l, 0, TO_SERVER, ends[i]);
        lanes_advance_us(l, 100 * hour_us);
        assert_int_equal(lanes_size(l, 0, TO_SERVER), 0);
        lanes_heal(l);
        assert_int_equal(lanes_size(l, 0, TO_SERVER), 10 * SEGMENT);
        assert_int_equal(lanes_end(l, 0, TO_SERVER), ends[i]);
        lanes_destroy(l);
    }
}

static void test_rto_stall__a_change_lets_go_and_then_acts_anew(void **state)
{
    struct lanes *l = lanes_create("rto_stall", "loss=100%", 1);
    uint64_t touched;

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 3 * SEGMENT);
    touched = lanes_touched(l);
    assert_true(touched >= 3);
    lanes_change(l, "loss=0%");
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 3 * SEGMENT);
    lanes_push_pattern(l, 0, TO_SERVER, SEGMENT);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 4 * SEGMENT);
    assert_int_equal(lanes_touched(l), touched);
    lanes_change(l, "loss=100%");
    lanes_push_pattern(l, 0, TO_SERVER, SEGMENT);
    lanes_advance_us(l, hour_us);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 4 * SEGMENT);
    lanes_destroy(l);
}

static void test_rto_stall__refuses_parameters_that_do_not_fit(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("rto_stall", "", &err), 0);
    assert_int_equal(rig_check("rto_stall", "loss=101%", &err), E_PARAM);
    assert_non_null(strstr(err.text, "loss"));
    assert_int_equal(rig_check("rto_stall", "loss=0.5", &err), E_PARAM);
    assert_int_equal(rig_check("rto_stall", "rto=0", &err), E_PARAM);
    assert_non_null(strstr(err.text, "rto"));
    assert_int_equal(rig_check("rto_stall", "rto=1s max=999ms", &err), E_PARAM);
    assert_non_null(strstr(err.text, "max (999ms)"));
    assert_non_null(strstr(err.text, "rto (1s)"));
    assert_true(err.hint[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rto_stall__loses_again_what_it_sends_again),
        cmocka_unit_test(test_rto_stall__doubles_its_wait_up_to_max),
        cmocka_unit_test(test_rto_stall__loses_the_same_segments_in_every_run),
        cmocka_unit_test(test_rto_stall__a_higher_loss_only_adds_losses),
        cmocka_unit_test(test_rto_stall__gives_the_same_times_however_bytes_are_cut),
        cmocka_unit_test(test_rto_stall__all_behind_a_lost_segment_waits_with_it),
        cmocka_unit_test(test_rto_stall__the_wait_begins_with_the_segments_first_byte),
        cmocka_unit_test(test_rto_stall__a_reset_overtakes_what_waits),
        cmocka_unit_test(test_rto_stall__of_everything_waits_for_the_heal),
        cmocka_unit_test(test_rto_stall__a_change_lets_go_and_then_acts_anew),
        cmocka_unit_test(test_rto_stall__refuses_parameters_that_do_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
