/* histogram: what is counted where, and what is told about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/base/clock.h"
#include "proxy/base/histogram.h"

static void test_histogram__counts_by_powers_of_two(void **state)
{
    static const struct {
        uint64_t ns;
        int bucket;
    } rows[] = {{0, 0},
                {1, 0},
                {NS_PER_US, 0},
                {NS_PER_US + 1, 1},
                {2 * NS_PER_US, 1},
                {2 * NS_PER_US + 1, 2},
                {4 * NS_PER_US, 2},
                {1000 * NS_PER_US, 10},
                {1024 * NS_PER_US, 10},
                {1024 * NS_PER_US + 1, 11},
                {NS_PER_S, 20},
                {UINT64_MAX - 1000, HISTOGRAM_BUCKETS - 1},
                {UINT64_MAX, HISTOGRAM_BUCKETS - 1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct histogram h = {.count = 0};

        histogram_add(&h, rows[i].ns);
        for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
            assert_int_equal(h.counts[b], b == rows[i].bucket);
        assert_true(rows[i].ns <= histogram_bound_ns(rows[i].bucket));
        assert_true(h.max_ns == rows[i].ns);
        assert_true(h.sum_ns == rows[i].ns);
        assert_int_equal(h.count, 1);
    }
}

static void test_histogram__bounds_double_and_the_last_has_none(void **state)
{
    (void)state;
    assert_int_equal(histogram_bound_ns(0), NS_PER_US);
    for (int b = 1; b < HISTOGRAM_BUCKETS - 1; b++)
        assert_int_equal(histogram_bound_ns(b), 2 * histogram_bound_ns(b - 1));
    assert_true(histogram_bound_ns(HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
}

static void test_histogram__a_quantile_is_the_bound_above_it(void **state)
{
    struct histogram h = {.count = 0};

    (void)state;
    assert_int_equal(histogram_quantile_ns(&h, 0.5), 0);
    for (int i = 0; i < 98; i++)
        histogram_add(&h, 50 * NS_PER_US);
    histogram_add(&h, 3 * NS_PER_MS);
    histogram_add(&h, 3000ull * NS_PER_S);
    assert_int_equal(histogram_quantile_ns(&h, 0), 64 * NS_PER_US);
    assert_int_equal(histogram_quantile_ns(&h, 0.5), 64 * NS_PER_US);
    assert_int_equal(histogram_quantile_ns(&h, 0.98), 64 * NS_PER_US);
    assert_int_equal(histogram_quantile_ns(&h, 0.99), 4096 * NS_PER_US);
    assert_true(histogram_quantile_ns(&h, 1) == UINT64_MAX);
}

static void test_histogram__is_written_without_what_is_empty(void **state)
{
    struct histogram h = {.count = 0};
    json_t *empty = histogram_write(&h);
    json_t *full;
    char *text;

    (void)state;
    text = json_dumps(empty, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(text, "{\"at_most\":{},\"count\":0,\"max\":\"0\"}");
    free(text);
    json_decref(empty);

    histogram_add(&h, 10);
    histogram_add(&h, 10);
    histogram_add(&h, 4 * NS_PER_US);
    histogram_add(&h, 2000ull * NS_PER_S);
    full = histogram_write(&h);
    text = json_dumps(full, JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(text, "{\"at_most\":{\"1us\":2,\"4us\":1,\"more\":1},"
                              "\"count\":4,\"max\":\"33m20s\"}");
    free(text);
    json_decref(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histogram__counts_by_powers_of_two),
        cmocka_unit_test(test_histogram__bounds_double_and_the_last_has_none),
        cmocka_unit_test(test_histogram__a_quantile_is_the_bound_above_it),
        cmocka_unit_test(test_histogram__is_written_without_what_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
