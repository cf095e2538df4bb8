/* bucket: earned to the fraction, bounded when idle, patient with late wakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/base/clock.h"
#include "proxy/bucket.h"

static const uint64_t ms = NS_PER_MS;

/* Take all that is allowed. */
static uint64_t take(struct bucket *b, uint64_t now_ns)
{
    uint64_t bytes = bucket_allows(b, now_ns);

    bucket_spend(b, bytes);
    return bytes;
}

static void test_bucket__begins_with_its_burst_and_earns_its_rate(void **state)
{
    struct bucket b = {0};

    (void)state;
    bucket_set(&b, 1000.0, 50, 5 * ms);
    assert_int_equal(take(&b, 5 * ms), 50);
    assert_int_equal(take(&b, 5 * ms), 0);
    assert_int_equal(take(&b, 6 * ms - 1000), 0);
    assert_int_equal(take(&b, 6 * ms), 1);
    assert_int_equal(take(&b, 8 * ms), 2);
}

static void test_bucket__loses_no_fraction_however_often_it_is_asked(void **state)
{
    struct bucket b = {0};
    uint64_t sum = 0;

    (void)state;
    bucket_set(&b, 12345.678, 0, 0);
    for (uint64_t us = 0; us <= 10000000; us += 7)
        sum += take(&b, us * NS_PER_US);
    assert_in_range(sum, 123455, 123456);
}

static void test_bucket__holds_a_burst_and_a_step_when_idle(void **state)
{
    struct bucket b = {0};

    (void)state;
    bucket_set(&b, 1e6, 500, 0);
    assert_int_equal(take(&b, 0), 500);
    assert_int_equal(take(&b, 3600ull * NS_PER_S), 1501);
    assert_int_equal(take(&b, 3600ull * NS_PER_S), 0);
}

static void test_bucket__of_rate_zero_allows_nothing(void **state)
{
    struct bucket b = {0};

    (void)state;
    bucket_set(&b, 0.0, 500, 0);
    assert_int_equal(bucket_allows(&b, NS_PER_S), 0);
    assert_true(bucket_when(&b, 1) == UINT64_MAX);
}

static void test_bucket__says_when_to_the_nanosecond(void **state)
{
    const double rates[] = {3.0, 10.0, 1000.0, 333333.3, 1e6, 1e9};

    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct bucket b = {0};
        uint64_t now_ns = 77;

        bucket_set(&b, rates[i], 0, now_ns);
        for (int k = 0; k < 1000; k++) {
            now_ns = bucket_when(&b, 1);
            /* A fraction of a nanosecond is nobody's. */
            assert_int_equal(bucket_allows(&b, now_ns - (rates[i] < 1e6 ? 2 : 1)), 0);
            assert_int_equal(bucket_allows(&b, now_ns), 1);
            bucket_spend(&b, 1);
        }
    }
}

static void test_bucket__asks_to_be_looked_at_once_a_step_at_most(void **state)
{
    struct bucket b = {0};

    (void)state;
    bucket_set(&b, 1e6, 0, 0);
    assert_int_equal(bucket_when(&b, 10), 10 * NS_PER_US);
    assert_int_equal(bucket_when(&b, 1000), ms);
    assert_int_equal(bucket_when(&b, 1000000), ms);
}

static void test_bucket__keeps_what_was_earned_when_the_rate_changes(void **state)
{
    struct bucket b = {0};

    (void)state;
    bucket_set(&b, 1e6, 0, 0);
    bucket_set(&b, 1e5, 0, ms / 10); /* 100 earned */
    assert_int_equal(take(&b, ms / 10), 100);
    assert_int_equal(take(&b, 2 * ms / 10), 10);
    /* As before: nothing happens, however often it is said. */
    for (int i = 0; i < 1000; i++)
        bucket_set(&b, 1e5, 0, 2 * ms / 10 + (uint64_t)i);
    assert_int_equal(take(&b, 3 * ms / 10), 10);
}

static void test_bucket__pays_for_a_late_wake_in_portions(void **state)
{
    struct bucket b = {0};
    uint64_t sum;

    (void)state;
    bucket_set(&b, 1e6, 0, 0);
    bucket_note_late(&b, ms, 7 * ms);
    sum = take(&b, 7 * ms);
    assert_in_range(sum, 3000, 3003);
    assert_int_equal(take(&b, 7 * ms + ms / 2), 0); /* the same step */
    sum += take(&b, 8 * ms);
    assert_in_range(sum, 6000, 6006);
    sum += take(&b, 9 * ms);
    assert_in_range(sum, 8999, 9000); /* all of nine milliseconds */
    assert_in_range(take(&b, 10 * ms), 1000, 1001);
}

static void test_bucket__pays_at_most_for_25_milliseconds(void **state)
{
    struct bucket b = {0};
    uint64_t sum = 0;

    (void)state;
    bucket_set(&b, 1e6, 0, 0);
    bucket_note_late(&b, ms, 1000 * ms);
    for (uint64_t t = 1000; t < 1030; t++)
        sum += take(&b, t * ms);
    /* The step that was due, those that were missed, and 29 new ones. */
    assert_in_range(sum, 54999, 55002);
}

static void test_bucket__forgets_what_it_owes_when_nobody_fetches_it(void **state)
{
    struct bucket b = {0};

    (void)state;
    bucket_set(&b, 1e6, 0, 0);
    bucket_note_late(&b, ms, 7 * ms);
    assert_int_equal(take(&b, 1000 * ms), 1001);
    assert_int_equal(take(&b, 1000 * ms), 0);
}

static void test_bucket__stays_exact_over_terabytes(void **state)
{
    struct bucket b = {0};
    uint64_t sum = 0;

    (void)state;
    bucket_set(&b, 1e9, 0, 0);
    for (uint64_t t = 1; t <= 1000000; t++)
        sum += take(&b, t * ms);
    assert_in_range(sum, 999999999000ull, 1000000000000ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket__begins_with_its_burst_and_earns_its_rate),
        cmocka_unit_test(test_bucket__loses_no_fraction_however_often_it_is_asked),
        cmocka_unit_test(test_bucket__holds_a_burst_and_a_step_when_idle),
        cmocka_unit_test(test_bucket__of_rate_zero_allows_nothing),
        cmocka_unit_test(test_bucket__says_when_to_the_nanosecond),
        cmocka_unit_test(test_bucket__asks_to_be_looked_at_once_a_step_at_most),
        cmocka_unit_test(test_bucket__keeps_what_was_earned_when_the_rate_changes),
        cmocka_unit_test(test_bucket__pays_for_a_late_wake_in_portions),
        cmocka_unit_test(test_bucket__pays_at_most_for_25_milliseconds),
        cmocka_unit_test(test_bucket__forgets_what_it_owes_when_nobody_fetches_it),
        cmocka_unit_test(test_bucket__stays_exact_over_terabytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
