/* test_bound: what repeats can say, against values of the binomial tail that were worked
 * out independently, and against its own definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxy/base/rng.h"
#include "reports/bound.h"

static void expect_near(double have, double wanted)
{
    assert_true(fabs(have - wanted) < 1e-6);
}

static void test_bound__is_exact_without_failures(void **state)
{
    (void)state;
    expect_near(bound_failure_rate(0, 1, 0.95), 0.95);
    expect_near(bound_failure_rate(0, 10, 0.95), 1 - pow(0.05, 0.1));
    expect_near(bound_failure_rate(0, 50, 0.95), 0.0581551);
}

static void test_bound__agrees_with_known_values_of_clopper_and_pearson(void **state)
{
    (void)state;
    /* One failure: the root of (1-p)^n + n p (1-p)^(n-1) = 0.05. */
    expect_near(bound_failure_rate(1, 2, 0.95), sqrt(0.95));
    assert_true(fabs(bound_failure_rate(1, 10, 0.95) - 0.3942) < 5e-5);
    assert_true(fabs(bound_failure_rate(5, 10, 0.95) - 0.7776) < 5e-5);
    assert_true(fabs(bound_failure_rate(2, 50, 0.95) - 0.1206) < 5e-5);
}

static void test_bound__says_nothing_when_nothing_can_be_said(void **state)
{
    (void)state;
    expect_near(bound_failure_rate(0, 0, 0.95), 1);
    expect_near(bound_failure_rate(7, 7, 0.95), 1);
    expect_near(bound_failure_rate(-1, 7, 0.95), 1);
}

static void test_bound__stays_sane_for_many_runs(void **state)
{
    double before = 1;

    (void)state;
    for (int runs = 10; runs <= 100000; runs *= 10) {
        double now = bound_failure_rate(5, runs, 0.95);

        assert_true(now > 5.0 / runs);
        assert_true(now < before);
        before = now;
    }
}

/* At the bound, so few failures come in one of twenty series; below it more often. */
static void test_bound__covers_what_it_promises(void **state)
{
    double rate = bound_failure_rate(2, 30, 0.95);
    int at_most_two = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 20261122);
    for (int series = 0; series < 20000; series++) {
        int failed = 0;

        for (int i = 0; i < 30; i++)
            failed += rng_unit(&rng) < rate;
        at_most_two += failed <= 2;
    }
    /* 1,000 expected; five standard deviations are 154. */
    assert_in_range(at_most_two, 846, 1154);
}

static void expect_text(int failed, int runs, const char *wanted)
{
    char text[96];

    assert_string_equal(bound_text(text, sizeof text, failed, runs), wanted);
}

static void test_bound__is_told_in_a_sentence(void **state)
{
    (void)state;
    expect_text(0, 10, "passed 10 of 10: failure rate below 26 % at 95 %");
    expect_text(0, 50, "passed 50 of 50: failure rate below 5.8 % at 95 %");
    expect_text(0, 1000, "passed 1000 of 1000: failure rate below 0.30 % at 95 %");
    expect_text(1, 10, "failed 1 of 10 (failure rate below 39 % at 95 %)");
    expect_text(3, 3, "failed 3 of 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound__is_exact_without_failures),
        cmocka_unit_test(test_bound__agrees_with_known_values_of_clopper_and_pearson),
        cmocka_unit_test(test_bound__says_nothing_when_nothing_can_be_said),
        cmocka_unit_test(test_bound__stays_sane_for_many_runs),
        cmocka_unit_test(test_bound__covers_what_it_promises),
        cmocka_unit_test(test_bound__is_told_in_a_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
