/* throttle: the rate to the byte, in every window; shared fairly; changed and healed. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/proxy/cutter.h"
#include "tests/lib/proxy/rig.h"
#include "tests/lib/proxy/stats.h"

enum { READ = 64 * 1024 };

static const uint64_t second_us = 1000000;

/* A sender that always has more, behind a reader that stops at 64 KiB: for so long. */
static void feed(struct lanes *l, int connection, enum direction to, uint64_t us,
                 uint64_t late_us)
{
    uint64_t until_ns = lanes_now_ns(l) + us * NS_PER_US;

    while (lanes_now_ns(l) < until_ns) {
        while (lanes_held(l, connection, to) < READ)
            lanes_push_pattern(l, connection, to, READ);
        lanes_advance_late_us(l, 100, late_us);
    }
}

/* Bytes that came out in each window of `window_ms`. Gives how many windows. */
static size_t windows_of(const struct lanes *l, uint64_t window_ms, double *bytes,
                         size_t max)
{
    size_t count;
    size_t last = 0;
    const struct lane_piece *pieces = lanes_pieces(l, 0, TO_SERVER, &count);

    memset(bytes, 0, max * sizeof *bytes);
    for (size_t i = 0; i < count; i++) {
        size_t window = (size_t)(pieces[i].at_ns / (window_ms * NS_PER_MS));

        if (window >= max)
            break;
        bytes[window] += pieces[i].size;
        last = window;
    }
    return last; /* the last one may be a part */
}

/* The most by which what came out in any window is more than the rate allows. */
static double worst_excess(const struct lanes *l, double rate)
{
    size_t count;
    const struct lane_piece *pieces = lanes_pieces(l, 0, TO_SERVER, &count);
    double lowest = 0; /* of sum - rate * t before each piece */
    double worst = 0;
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        double due = rate * ((double)pieces[i].at_ns / NS_PER_S);

        if (i == 0 || sum - due < lowest)
            lowest = sum - due;
        sum += pieces[i].size;
        if (sum - due - lowest > worst)
            worst = sum - due - lowest;
    }
    return worst;
}

static void test_throttle__keeps_its_rate_over_seconds_and_windows(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=1MB/s", 1);
    double windows[50];
    size_t count;

    (void)state;
    feed(l, 0, TO_SERVER, 5 * second_us, 0);
    assert_in_range(lanes_size(l, 0, TO_SERVER), 4995000, 5001000);
    count = windows_of(l, 100, windows, 50);
    assert_true(count >= 49);
    assert_true(stats_deviation(windows, count) < 1000); /* 1 %: asked are 3 */
    for (size_t i = 0; i < count; i++)
        assert_true(windows[i] > 98000 && windows[i] < 102000);
    assert_true(worst_excess(l, 1e6) < 1001.1);
    lanes_destroy(l);
}

static void test_throttle__keeps_a_slow_rate_within_a_percent(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=100KB/s", 1);
    double windows[50];
    size_t count;

    (void)state;
    feed(l, 0, TO_SERVER, 5 * second_us, 0);
    count = windows_of(l, 100, windows, 50);
    for (size_t i = 0; i < count; i++)
        assert_true(windows[i] >= 9900 && windows[i] <= 10100);
    assert_true(worst_excess(l, 1e5) < 101.1);
    lanes_destroy(l);
}

/* A loop that is 300 us late each time, and 8 ms now and then. */
static void test_throttle__makes_up_for_late_wakes_without_bursts(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=1MB/s", 1);
    const struct lane_piece *pieces;
    size_t count;
    double windows[50];
    uint64_t total;

    (void)state;
    for (int i = 0; i < 50; i++) {
        feed(l, 0, TO_SERVER, 90000, 300);
        lanes_advance_late_us(l, 2000, 8000);
        feed(l, 0, TO_SERVER, 100000 * (uint64_t)(i + 1) - lanes_now_ns(l) / NS_PER_US,
             300);
    }
    total = lanes_now_ns(l) / NS_PER_US;
    assert_true(lanes_size(l, 0, TO_SERVER) <= total + 1000);
    assert_true(lanes_size(l, 0, TO_SERVER) >= total - total / 200); /* 0.5 % */
    pieces = lanes_pieces(l, 0, TO_SERVER, &count);
    for (size_t i = 0; i < count; i++)
        assert_true(pieces[i].size <= 3003);
    count = windows_of(l, 100, windows, 50);
    assert_true(stats_deviation(windows, count) < 3000);
    lanes_destroy(l);
}

static void test_throttle__passes_single_bytes_on_time(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=10B/s", 1);
    const struct lane_piece *pieces;
    size_t count;

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 50);
    lanes_advance_us(l, 10 * second_us);
    pieces = lanes_pieces(l, 0, TO_SERVER, &count);
    assert_int_equal(count, 50);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pieces[i].size, 1);
        assert_int_equal(pieces[i].at_ns, (i + 1) * 100 * NS_PER_MS);
    }
    lanes_destroy(l);
}

static void test_throttle__never_loses_the_fraction_of_a_byte(void **state)
{
    const char *const words[] = {"rate=333.3B/s", "rate=1500B/s", "rate=99999.9B/s"};
    const uint64_t expected[] = {33330, 150000, 9999990};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct lanes *l = lanes_create("throttle", words[i], 1);

        lanes_push_pattern(l, 0, TO_SERVER, 11000000);
        lanes_advance_us(l, 100 * second_us);
        assert_in_range(lanes_size(l, 0, TO_SERVER), expected[i] - 100, expected[i]);
        lanes_destroy(l);
    }
}

static void test_throttle__wakes_about_once_a_millisecond_at_any_rate(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=1GB/s", 1);
    uint64_t size = 0;

    (void)state;
    /* A reader that brings 64 KiB each 20 us: more than the rate. */
    while (lanes_now_ns(l) < 100ull * NS_PER_MS) {
        if (lanes_held(l, 0, TO_SERVER) < READ)
            lanes_push_pattern(l, 0, TO_SERVER, READ);
        lanes_advance_us(l, 20);
    }
    size = lanes_size(l, 0, TO_SERVER);
    assert_in_range(size, 98500000, 101000000);
    assert_true(lanes_wakes(l) <= 105);
    assert_true(worst_excess(l, 1e9) < 1000001.1);
    lanes_destroy(l);
}

static void test_throttle__lets_a_burst_pass_after_a_pause(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=1KB/s burst=5000B", 1);

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 8000);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 5000);
    lanes_advance_us(l, 3 * second_us);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 8000);
    lanes_advance_us(l, 2 * second_us); /* 2,000 earned again */
    lanes_push_pattern(l, 0, TO_SERVER, 8000);
    assert_in_range(lanes_size(l, 0, TO_SERVER), 9999, 10001);
    lanes_advance_us(l, 100 * second_us); /* and never more than the burst */
    lanes_push_pattern(l, 0, TO_SERVER, 8000);
    assert_in_range(lanes_size(l, 0, TO_SERVER), 21000, 21002);
    lanes_destroy(l);
}

static void test_throttle__of_zero_holds_everything_until_it_is_changed(void **state)
{
    const enum chunk_end ends[] = {CHUNK_FIN, CHUNK_CLOSE};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lanes *l = lanes_create("throttle", "rate=0B/s burst=100B", 1);

        lanes_push_pattern(l, 0, TO_SERVER, 2000);
        lanes_push_end(l, 0, TO_SERVER, ends[i]);
        lanes_advance_us(l, 3600 * second_us);
        assert_int_equal(lanes_size(l, 0, TO_SERVER), 0);
        lanes_change(l, "rate=1KB/s burst=0");
        assert_int_equal(lanes_size(l, 0, TO_SERVER), 0);
        lanes_advance_us(l, second_us);
        assert_in_range(lanes_size(l, 0, TO_SERVER), 990, 1101);
        assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_DATA);
        lanes_advance_us(l, second_us);
        assert_int_equal(lanes_size(l, 0, TO_SERVER), 2000);
        assert_int_equal(lanes_end(l, 0, TO_SERVER), ends[i]);
        lanes_destroy(l);
    }
}

/* A line that passes nothing does not pass an end either, alone or behind bytes. */
static void test_throttle__of_zero_holds_a_lone_end_too(void **state)
{
    const enum chunk_end ends[] = {CHUNK_FIN, CHUNK_RST};

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct lanes *l = lanes_create("throttle", "rate=0B/s", 1);

        lanes_push_end(l, 0, TO_SERVER, ends[i % 2]);
        lanes_advance_us(l, 3600 * second_us);
        assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_DATA);
        if (i < 2) {
            lanes_change(l, "rate=1KB/s");
            lanes_advance_us(l, 2000);
        } else {
            lanes_heal(l);
        }
        assert_int_equal(lanes_end(l, 0, TO_SERVER), ends[i % 2]);
        lanes_destroy(l);
    }
}

static void test_throttle__a_change_acts_on_what_is_held(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=1KB/s", 1);

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 30000);
    lanes_advance_us(l, second_us);
    assert_in_range(lanes_size(l, 0, TO_SERVER), 999, 1000);
    lanes_change(l, "rate=10KB/s");
    assert_in_range(lanes_size(l, 0, TO_SERVER), 999, 1000);
    lanes_advance_us(l, second_us);
    assert_in_range(lanes_size(l, 0, TO_SERVER), 10980, 11011);
    lanes_change(l, "rate=100B/s");
    lanes_advance_us(l, 10 * second_us);
    assert_in_range(lanes_size(l, 0, TO_SERVER), 11970, 12022);
    lanes_destroy(l);
}

static void test_throttle__healed_it_lets_go_at_once_end_last(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=1KB/s per=link", 2);
    const uint8_t *output;
    size_t size;

    (void)state;
    for (int i = 0; i < 2; i++) {
        lanes_push_pattern(l, i, TO_SERVER, 30000);
        lanes_push_end(l, i, TO_SERVER, CHUNK_FIN);
    }
    lanes_advance_us(l, second_us);
    lanes_heal(l);
    for (int i = 0; i < 2; i++) {
        output = lanes_output(l, i, TO_SERVER, &size);
        assert_int_equal(size, 30000);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(output[k], lanes_pattern(k));
        assert_int_equal(lanes_end(l, i, TO_SERVER), CHUNK_FIN);
    }
    lanes_advance_us(l, second_us);
    lanes_destroy(l);
}

static void test_throttle__a_reset_discards_what_waits_and_others_go_on(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=1KB/s per=link", 2);

    (void)state;
    lanes_push_pattern(l, 0, TO_SERVER, 30000);
    lanes_push_pattern(l, 1, TO_SERVER, 30000);
    lanes_advance_us(l, 100000);
    lanes_push_end(l, 0, TO_SERVER, CHUNK_RST);
    assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_RST);
    lanes_advance_us(l, 10 * second_us);
    assert_in_range(lanes_size(l, 1, TO_SERVER), 9900, 10100);
    lanes_destroy(l);
}

static void test_throttle__of_the_link_is_shared_in_equal_parts(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=1MB/s per=link", 5);
    uint64_t total = 0;

    (void)state;
    for (int step = 0; step < 2000; step++) {
        for (int i = 0; i < 5; i++) /* some bring more at a time than others */
            while (lanes_held(l, i, TO_SERVER) < READ)
                lanes_push_pattern(l, i, TO_SERVER, (size_t)(1000 << i));
        lanes_advance_us(l, 1000);
    }
    for (int i = 0; i < 5; i++) {
        /* A turn more or less than 400,000. */
        assert_in_range(lanes_size(l, i, TO_SERVER), 397000, 403000);
        total += lanes_size(l, i, TO_SERVER);
    }
    assert_in_range(total, 1998000, 2001000);
    lanes_destroy(l);
}

static void test_throttle__of_the_link_gives_a_lone_message_its_turn(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=1MB/s per=link", 2);

    (void)state;
    feed(l, 0, TO_SERVER, 500000, 0);
    lanes_push_pattern(l, 1, TO_SERVER, 100);
    /* At most the other one's turn, and the steps around it. */
    lanes_advance_us(l, 4000);
    assert_int_equal(lanes_size(l, 1, TO_SERVER), 100);
    lanes_destroy(l);
}

/* Single bytes of a slow link go around, too: nobody starves. */
static void test_throttle__of_the_link_takes_turns_at_a_crawl(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=100B/s per=link", 3);

    (void)state;
    for (int i = 0; i < 3; i++)
        lanes_push_pattern(l, i, TO_SERVER, 30000);
    lanes_advance_us(l, 3 * 1448 * second_us / 100);
    for (int i = 0; i < 3; i++)
        assert_in_range(lanes_size(l, i, TO_SERVER), 1447, 1449);
    lanes_destroy(l);
}

static void test_throttle__of_the_link_gives_each_direction_the_rate(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=10KB/s per=link", 2);

    (void)state;
    for (int i = 0; i < 2; i++) {
        lanes_push_pattern(l, i, TO_SERVER, 60000);
        lanes_push_pattern(l, i, TO_CLIENT, 60000);
    }
    lanes_advance_us(l, 2 * second_us);
    for (enum direction d = TO_SERVER; d < DIRECTION_COUNT; d++)
        assert_in_range(lanes_size(l, 0, d) + lanes_size(l, 1, d), 19900, 20010);
    lanes_destroy(l);
}

static void test_throttle__of_connections_gives_each_the_rate(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=10KB/s direction=to_server", 2);

    (void)state;
    for (int i = 0; i < 2; i++)
        lanes_push_pattern(l, i, TO_SERVER, 60000);
    lanes_push_pattern(l, 0, TO_CLIENT, 60000);
    assert_int_equal(lanes_size(l, 0, TO_CLIENT), 60000);
    lanes_advance_us(l, 2 * second_us);
    assert_in_range(lanes_size(l, 0, TO_SERVER), 19900, 20010);
    assert_in_range(lanes_size(l, 1, TO_SERVER), 19900, 20010);
    lanes_destroy(l);
}

static void test_throttle__changes_who_shares_the_rate(void **state)
{
    struct lanes *l = lanes_create("throttle", "rate=10KB/s", 2);

    (void)state;
    for (int i = 0; i < 2; i++)
        lanes_push_pattern(l, i, TO_SERVER, 200000);
    lanes_advance_us(l, second_us);
    lanes_change(l, "per=link");
    lanes_advance_us(l, 4 * second_us);
    assert_in_range(lanes_size(l, 0, TO_SERVER) + lanes_size(l, 1, TO_SERVER), 59800,
                    60100);
    lanes_change(l, "per=connection");
    lanes_advance_us(l, second_us);
    assert_in_range(lanes_size(l, 0, TO_SERVER) + lanes_size(l, 1, TO_SERVER), 79700,
                    80200);
    lanes_destroy(l);
}

/* The one that goes may be the one that carries the wake of all. */
static void test_throttle__goes_on_when_a_waiting_connection_ends(void **state)
{
    (void)state;
    for (int gone = 0; gone < 3; gone++) {
        struct lanes *l = lanes_create("throttle", "rate=10KB/s per=link", 3);
        uint64_t total = 0;

        for (int i = 0; i < 3; i++)
            lanes_push_pattern(l, i, TO_SERVER, 100000);
        lanes_advance_us(l, 50000);
        total = lanes_size(l, gone, TO_SERVER);
        lanes_close(l, gone);
        lanes_advance_us(l, 2950000);
        assert_int_equal(lanes_size(l, gone, TO_SERVER), total);
        for (int i = 0; i < 3; i++)
            total += i != gone ? lanes_size(l, i, TO_SERVER) : 0;
        assert_in_range(total, 29800, 30020);
        lanes_destroy(l);
    }
}

static void test_throttle__does_not_change_the_bytes_however_they_come(void **state)
{
    size_t size;
    uint8_t *bytes =
        cutter_compare("throttle", "rate=100KB/s", 50000, CUTTER_SAME_TIMES, &size);

    (void)state;
    assert_int_equal(size, 50000);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], lanes_pattern(i));
    free(bytes);
}

static void test_throttle__refuses_parameters_out_of_range(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("throttle", "rate=1MB/s", &err), 0);
    assert_int_equal(rig_check("throttle", "rate=0B/s", &err), 0);
    assert_int_equal(rig_check("throttle", "", &err), E_PARAM);
    assert_non_null(strstr(err.text, "rate"));
    assert_int_equal(rig_check("throttle", "rate=-1MB/s", &err), E_PARAM);
    assert_int_equal(rig_check("throttle", "rate=1MB", &err), E_PARAM);
    assert_non_null(strstr(err.text, "rate"));
    assert_int_equal(rig_check("throttle", "rate=1MB/s per=host", &err), E_PARAM);
    assert_non_null(strstr(err.text, "per"));
    assert_int_equal(rig_check("throttle", "rate=1MB/s burst=-1", &err), E_PARAM);
    assert_non_null(strstr(err.text, "burst"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_throttle__keeps_its_rate_over_seconds_and_windows),
        cmocka_unit_test(test_throttle__keeps_a_slow_rate_within_a_percent),
        cmocka_unit_test(test_throttle__makes_up_for_late_wakes_without_bursts),
        cmocka_unit_test(test_throttle__passes_single_bytes_on_time),
        cmocka_unit_test(test_throttle__never_loses_the_fraction_of_a_byte),
        cmocka_unit_test(test_throttle__wakes_about_once_a_millisecond_at_any_rate),
        cmocka_unit_test(test_throttle__lets_a_burst_pass_after_a_pause),
        cmocka_unit_test(test_throttle__of_zero_holds_everything_until_it_is_changed),
        cmocka_unit_test(test_throttle__of_zero_holds_a_lone_end_too),
        cmocka_unit_test(test_throttle__a_change_acts_on_what_is_held),
        cmocka_unit_test(test_throttle__healed_it_lets_go_at_once_end_last),
        cmocka_unit_test(test_throttle__a_reset_discards_what_waits_and_others_go_on),
        cmocka_unit_test(test_throttle__of_the_link_is_shared_in_equal_parts),
        cmocka_unit_test(test_throttle__of_the_link_gives_a_lone_message_its_turn),
        cmocka_unit_test(test_throttle__of_the_link_takes_turns_at_a_crawl),
        cmocka_unit_test(test_throttle__of_the_link_gives_each_direction_the_rate),
        cmocka_unit_test(test_throttle__of_connections_gives_each_the_rate),
        cmocka_unit_test(test_throttle__changes_who_shares_the_rate),
        cmocka_unit_test(test_throttle__goes_on_when_a_waiting_connection_ends),
        cmocka_unit_test(test_throttle__does_not_change_the_bytes_however_they_come),
        cmocka_unit_test(test_throttle__refuses_parameters_out_of_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
