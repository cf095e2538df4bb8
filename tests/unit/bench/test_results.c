/* test_results: medians, and ratios that are made within a round. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/common/results.h"

static struct results *results_of(const char *setup, const double *values, int count,
                                  struct results *results)
{
    if (results == NULL)
        results = calloc(1, sizeof *results);
    assert_non_null(results);
    for (int i = 0; i < count; i++) {
        results->round = i;
        results_add(results, "bulk", setup, "GB/s", values[i]);
    }
    return results;
}

static void test_results__the_median_of_an_even_number_lies_between(void **state)
{
    const double odd[] = {9, 1, 5};
    const double even[] = {4, 1, 8, 2};
    struct results *results = results_of("odd", odd, 3, NULL);
    struct spread spread;

    (void)state;
    results_of("even", even, 4, results);
    spread = series_spread(results_find(results, "bulk", "odd", "GB/s"));
    assert_float_equal(spread.median, 5, 0);
    assert_float_equal(spread.least, 1, 0);
    assert_float_equal(spread.most, 9, 0);
    spread = series_spread(results_find(results, "bulk", "even", "GB/s"));
    assert_float_equal(spread.median, 3, 0);
    assert_int_equal(spread.count, 4);
    free(results);
}

/* A slow round slows both: the ratio of medians would be 2, within rounds it is 3. */
static void test_results__ratios_are_made_within_rounds(void **state)
{
    const double ours[] = {30, 3, 12};
    const double theirs[] = {10, 1, 6};
    struct results *results = results_of("ours", ours, 3, NULL);
    struct spread ratio;

    (void)state;
    results_of("theirs", theirs, 3, results);
    ratio = series_ratio(results_find(results, "bulk", "ours", "GB/s"),
                         results_find(results, "bulk", "theirs", "GB/s"), 1);
    assert_int_equal(ratio.count, 3);
    assert_float_equal(ratio.median, 3, 1e-9);
    assert_float_equal(ratio.least, 2, 1e-9);
    ratio = series_ratio(results_find(results, "bulk", "ours", "GB/s"),
                         results_find(results, "bulk", "theirs", "GB/s"), 0.5);
    assert_float_equal(ratio.median, 6, 1e-9);
    free(results);
}

static void test_results__a_round_that_one_side_missed_gives_no_ratio(void **state)
{
    const double ours[] = {30, NAN, 12};
    const double theirs[] = {10, 1};
    struct results *results = results_of("ours", ours, 3, NULL);
    struct spread ratio;

    (void)state;
    results_of("theirs", theirs, 2, results);
    ratio = series_ratio(results_find(results, "bulk", "ours", "GB/s"),
                         results_find(results, "bulk", "theirs", "GB/s"), 1);
    assert_int_equal(ratio.count, 1);
    assert_float_equal(ratio.median, 3, 1e-9);
    assert_int_equal(series_ratio(NULL, NULL, 1).count, 0);
    free(results);
}

static void test_results__a_note_is_kept_once(void **state)
{
    struct results *results = calloc(1, sizeof *results);

    (void)state;
    assert_non_null(results);
    results_note(results, "no %s", "socat");
    results_note(results, "no socat");
    results_note(results, "no nginx");
    assert_int_equal(results->note_count, 2);
    assert_string_equal(results->notes[1], "no nginx");
    free(results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results__the_median_of_an_even_number_lies_between),
        cmocka_unit_test(test_results__ratios_are_made_within_rounds),
        cmocka_unit_test(test_results__a_round_that_one_side_missed_gives_no_ratio),
        cmocka_unit_test(test_results__a_note_is_kept_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
