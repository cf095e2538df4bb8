/* draws: each law is the law it says, and leaning draws keep it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "proxy/draws.h"
#include "tests/lib/proxy/stats.h"

enum { COUNT = 20000 };

/* What a right law stays below for 99 seeds in 100. */
static const double distance_max = 1.63;

static double cdf_unit(double x)
{
    return x;
}

static double cdf_normal(double x)
{
    return 0.5 * erfc(-x / M_SQRT2);
}

static double cdf_exponential(double x)
{
    return 1.0 - exp(-x / 30.0);
}

/* Mean 30 and shape 3: the scale is 60. */
static double cdf_pareto(double x)
{
    return 1.0 - pow(1.0 + x / 60.0, -3.0);
}

static void test_draws__normal_is_normal(void **state)
{
    double values[COUNT];
    struct rng rng;

    (void)state;
    rng_init(&rng, 1);
    for (size_t i = 0; i < COUNT; i++)
        values[i] = draw_normal(&rng);
    assert_true(fabs(stats_mean(values, COUNT)) < 0.03);
    assert_true(fabs(stats_deviation(values, COUNT) - 1.0) < 0.02);
    assert_true(fabs(stats_autocorrelation(values, COUNT)) < 0.03);
    assert_true(stats_distance(values, COUNT, cdf_normal) < distance_max);
}

static void test_draws__quantiles_turn_uniform_numbers_into_their_law(void **state)
{
    double exponential[COUNT];
    double pareto[COUNT];
    struct rng rng;

    (void)state;
    rng_init(&rng, 2);
    for (size_t i = 0; i < COUNT; i++) {
        double u = rng_unit(&rng);

        exponential[i] = quantile_exponential(u, 30.0);
        pareto[i] = quantile_pareto(u, 30.0, 3.0);
    }
    assert_true(fabs(stats_mean(exponential, COUNT) - 30.0) < 1.0);
    assert_true(fabs(stats_mean(pareto, COUNT) - 30.0) < 2.0);
    assert_true(stats_distance(exponential, COUNT, cdf_exponential) < distance_max);
    assert_true(stats_distance(pareto, COUNT, cdf_pareto) < distance_max);
    /* And the distance does tell them apart. */
    assert_true(stats_distance(exponential, COUNT, cdf_pareto) > 4 * distance_max);
    assert_true(stats_distance(pareto, COUNT, cdf_exponential) > 4 * distance_max);
}

static void test_draws__a_row_that_leans_stays_uniform(void **state)
{
    const double leanings[] = {0.0, 0.25, 0.5, 0.9};
    /* Of uniform places: 6 / pi * asin(c / 2), a hair below c. */
    const double expected[] = {0.0, 0.2394, 0.4826, 0.8915};

    (void)state;
    for (size_t k = 0; k < 4; k++) {
        double values[COUNT];
        struct leaning row = {0};
        struct rng rng;

        rng_init(&rng, 3 + k);
        for (size_t i = 0; i < COUNT; i++)
            values[i] = draw_leaning(&rng, &row, leanings[k]);
        assert_true(fabs(stats_autocorrelation(values, COUNT) - expected[k]) < 0.03);
        /* Neighbours that lean tell less: so many look like fewer independent ones. */
        assert_true(stats_distance(values, COUNT, cdf_unit) <
                    distance_max * sqrt((1 + leanings[k]) / (1 - leanings[k])));
    }
}

static void test_draws__a_row_that_leans_fully_stands_still(void **state)
{
    struct leaning row = {0};
    struct rng rng;
    double first;

    (void)state;
    rng_init(&rng, 9);
    first = draw_leaning(&rng, &row, 1.0);
    for (int i = 0; i < 100; i++)
        assert_true(draw_leaning(&rng, &row, 1.0) == first);
}

static void test_draws__geometric_counts_failures_before_a_success(void **state)
{
    size_t counts[4] = {0};
    double sum = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 4);
    for (size_t i = 0; i < COUNT; i++) {
        uint64_t failures = quantile_geometric(rng_unit(&rng), 0.3, 1000);

        sum += (double)failures;
        if (failures < 4)
            counts[failures]++;
    }
    /* 0.3, 0.21, 0.147, 0.1029 of 20,000; deviations 65, 58, 50, 43. Mean 7 / 3. */
    assert_in_range(counts[0], 5740, 6260);
    assert_in_range(counts[1], 3970, 4430);
    assert_in_range(counts[2], 2740, 3140);
    assert_in_range(counts[3], 1886, 2230);
    assert_true(fabs(sum / COUNT - 7.0 / 3.0) < 0.08);
    assert_int_equal(quantile_geometric(0.5, 0.0, 77), 77);
    assert_int_equal(quantile_geometric(0.5, 1.0, 77), 0);
    assert_int_equal(quantile_geometric(0.999999, 1e-12, 77), 77);
    assert_int_equal(quantile_geometric(0.0, 0.5, 77), 0);
}

/* Any place, in any order, as often as one likes. */
static void test_draws__a_place_has_its_number(void **state)
{
    double values[COUNT];
    struct rng rng;
    struct rng other;

    (void)state;
    rng_init(&rng, 5);
    rng_init(&other, 6);
    for (size_t i = COUNT; i > 0; i--)
        values[i - 1] = draw_unit_at(&rng, i - 1);
    rng_next(&rng); /* draws move the stream, not its places */
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(draw_unit_at(&rng, i) == values[i]);
        assert_true(draw_unit_at(&other, i) != values[i]);
    }
    assert_true(fabs(stats_autocorrelation(values, COUNT)) < 0.03);
    assert_true(stats_distance(values, COUNT, cdf_unit) < distance_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws__normal_is_normal),
        cmocka_unit_test(test_draws__quantiles_turn_uniform_numbers_into_their_law),
        cmocka_unit_test(test_draws__a_row_that_leans_stays_uniform),
        cmocka_unit_test(test_draws__a_row_that_leans_fully_stands_still),
        cmocka_unit_test(test_draws__geometric_counts_failures_before_a_success),
        cmocka_unit_test(test_draws__a_place_has_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
