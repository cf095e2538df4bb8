/* latency_conf: each distribution draws by its law, correlation keeps it, and what does
 * not go together is refused with the way out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/plane.h"
#include "tests/lib/proxy/lanes.h"
#include "tests/lib/proxy/rig.h"
#include "tests/lib/proxy/stats.h"

enum { COUNT = 20000 };

static const double distance_max = 1.63;

/* How long COUNT single bytes wait, in ms, each by itself. */
static void draw(const char *words, enum direction to, uint64_t seed, double *waits)
{
    struct lanes *l = lanes_create_seeded("latency", words, 1, seed);
    uint64_t *pushed_ns = calloc(COUNT, sizeof *pushed_ns);
    const struct lane_piece *pieces;
    size_t count;

    assert_non_null(pushed_ns);
    for (size_t i = 0; i < COUNT; i++) {
        pushed_ns[i] = lanes_now_ns(l);
        lanes_push(l, 0, to, "x", 1);
        lanes_advance_us(l, 200ull * NS_PER_S / NS_PER_US);
    }
    pieces = lanes_pieces(l, 0, to, &count);
    assert_int_equal(count, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        waits[i] = (double)(pieces[i].at_ns - pushed_ns[i]) / NS_PER_MS;
    free(pushed_ns);
    lanes_destroy(l);
}

static double cdf_above(double x)
{
    return x < 100 ? 0 : x > 140 ? 1 : (x - 100) / 40;
}

static double cdf_around(double x)
{
    return x < 60 ? 0 : x > 140 ? 1 : (x - 60) / 80;
}

static double cdf_normal(double x)
{
    return 0.5 * erfc(-(x - 100) / 10 / M_SQRT2);
}

static double cdf_exponential(double x)
{
    return x < 100 ? 0 : 1 - exp(-(x - 100) / 40);
}

/* Mean 40: scale 40 with shape 2, scale 80 with shape 3. */
static double cdf_pareto_2(double x)
{
    return x < 100 ? 0 : 1 - pow(1 + (x - 100) / 40, -2);
}

static double cdf_pareto_3(double x)
{
    return x < 100 ? 0 : 1 - pow(1 + (x - 100) / 80, -3);
}

struct law {
    const char *words;
    double (*cdf)(double x);
    double mean, mean_slack;
    double deviation, deviation_slack; /* slack 0: it has none */
};

static const struct law laws[] = {
    {"base=100ms jitter=40ms", cdf_above, 120, 0.4, 11.547, 0.2},
    {"base=100ms jitter=40%", cdf_above, 120, 0.4, 11.547, 0.2},
    {"base=100ms jitter=40ms spread=around", cdf_around, 100, 0.8, 23.094, 0.4},
    {"base=100ms jitter=10ms distribution=normal", cdf_normal, 100, 0.3, 10, 0.25},
    {"base=100ms jitter=40ms distribution=exponential", cdf_exponential, 140, 1.2, 40, 2},
    {"base=100ms jitter=40ms distribution=pareto", cdf_pareto_2, 140, 8, 0, 0},
    {"base=100ms jitter=40ms distribution=pareto shape=3", cdf_pareto_3, 140, 2, 0, 0},
};

enum { LAWS = sizeof laws / sizeof laws[0] };

static void test_latency_conf__each_distribution_draws_by_its_law(void **state)
{
    double *waits = calloc(COUNT, sizeof *waits);

    (void)state;
    for (size_t i = 0; i < LAWS; i++) {
        const struct law *law = &laws[i];
        double mean;

        draw(law->words, TO_SERVER, 11 + i, waits);
        mean = stats_mean(waits, COUNT);
        if (fabs(mean - law->mean) > law->mean_slack)
            fail_msg("%s: mean %g", law->words, mean);
        if (law->deviation_slack > 0)
            assert_true(fabs(stats_deviation(waits, COUNT) - law->deviation) <
                        law->deviation_slack);
        assert_true(fabs(stats_autocorrelation(waits, COUNT)) < 0.03);
        if (stats_distance(waits, COUNT, law->cdf) > distance_max)
            fail_msg("%s: distance %g", law->words,
                     stats_distance(waits, COUNT, law->cdf));
        /* Every other law is far away, so the distance means something. */
        for (size_t k = 0; k < LAWS; k++)
            if (laws[k].cdf != law->cdf)
                assert_true(stats_distance(waits, COUNT, laws[k].cdf) > 3 * distance_max);
    }
    free(waits);
}

static void test_latency_conf__correlation_leans_and_keeps_the_law(void **state)
{
    double *waits = calloc(COUNT, sizeof *waits);

    (void)state;
    for (size_t i = 0; i < LAWS; i++) {
        char words[128];
        double lean;

        snprintf(words, sizeof words, "%s correlation=50%%", laws[i].words);
        draw(words, TO_SERVER, 31 + i, waits);
        lean = stats_autocorrelation(waits, COUNT);
        /* About as much as asked; less where the law has a tail. */
        if (lean < (laws[i].deviation_slack > 0 ? 0.4 : 0.1) || lean > 0.55)
            fail_msg("%s: leans by %g", words, lean);
        if (stats_distance(waits, COUNT, laws[i].cdf) > distance_max * sqrt(3.0))
            fail_msg("%s: distance %g", words, stats_distance(waits, COUNT, laws[i].cdf));
    }
    free(waits);
}

static void test_latency_conf__a_normal_wait_below_zero_is_none(void **state)
{
    double *waits = calloc(COUNT, sizeof *waits);
    size_t none = 0;

    (void)state;
    draw("base=10ms jitter=10ms distribution=normal", TO_SERVER, 50, waits);
    for (size_t i = 0; i < COUNT; i++)
        none += waits[i] == 0;
    assert_in_range(none, 2960, 3390); /* 15.87 % lie below */
    free(waits);
}

static void test_latency_conf__a_tail_ends_after_a_minute(void **state)
{
    double *waits = calloc(COUNT, sizeof *waits);
    size_t longest = 0;

    (void)state;
    draw("base=1s jitter=60s distribution=pareto shape=1.05", TO_SERVER, 51, waits);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(waits[i] <= 61000);
        longest += waits[i] == 61000;
    }
    assert_true(longest > 10);
    free(waits);
}

/* 3, 5, 5, 50 ms, base 1 ms added: a quarter, a half, a quarter. */
static void test_latency_conf__a_table_is_drawn_from_evenly(void **state)
{
    const char *const tables[] = {
        "base=1ms distribution=table table=3ms,5ms,5ms,50ms",
        "base=1ms distribution=table table=\" 3ms, 5ms , 5ms,50ms \"",
        "base=1ms distribution=table table=3ms,5ms,5ms,50ms correlation=60%"};
    double *waits = calloc(COUNT, sizeof *waits);

    (void)state;
    for (size_t k = 0; k < 3; k++) {
        size_t slack = k == 2 ? 500 : 250;
        size_t counts[3] = {0};
        double lean;

        draw(tables[k], TO_SERVER, 60 + k, waits);
        lean = stats_autocorrelation(waits, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            counts[0] += waits[i] == 4;
            counts[1] += waits[i] == 6;
            counts[2] += waits[i] == 51;
        }
        assert_int_equal(counts[0] + counts[1] + counts[2], COUNT);
        assert_in_range(counts[0], 5000 - slack, 5000 + slack);
        assert_in_range(counts[1], 10000 - slack, 10000 + slack);
        assert_in_range(counts[2], 5000 - slack, 5000 + slack);
        assert_true(k == 2 ? lean > 0.56 && lean < 0.64 : fabs(lean) < 0.03);
    }
    free(waits);
}

static void test_latency_conf__directions_draw_from_streams_of_their_own(void **state)
{
    double *there = calloc(COUNT, sizeof *there);
    double *back = calloc(COUNT, sizeof *back);
    size_t alike = 0;

    (void)state;
    draw("base=0 jitter=50ms", TO_SERVER, 70, there);
    draw("base=0 jitter=50ms", TO_CLIENT, 70, back);
    for (size_t i = 0; i < COUNT; i++)
        alike += fabs(there[i] - back[i]) < 0.05; /* 1 in 500 by chance */
    assert_in_range(alike, 10, 80);
    draw("base=0 jitter=50ms", TO_SERVER, 70, back);
    assert_memory_equal(there, back, COUNT * sizeof *there);
    free(there);
    free(back);
}

/* A list, as Lua and HTTP give it. */
static int check_list(const char *json, struct error *err)
{
    json_t *params = json_pack("{s:s, s:o}", "distribution", "table", "table",
                               json_loads(json, JSON_DECODE_ANY, NULL));
    int rc = fault_check("latency", params, err);

    json_decref(params);
    return rc;
}

static void test_latency_conf__reads_a_table_as_list_or_text(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(check_list("[\"3ms\", \"0\", \"1.5s\"]", &err), 0);
    assert_int_equal(check_list("\"3ms,5ms\"", &err), 0);
    assert_int_equal(check_list("[]", &err), E_PARAM);
    assert_non_null(strstr(err.text, "empty"));
    assert_int_equal(check_list("[\"3ms\", 5]", &err), E_PARAM);
    assert_non_null(strstr(err.text, "entry 2"));
    assert_int_equal(check_list("[\"3ms\", \"soon\"]", &err), E_PARAM);
    assert_non_null(strstr(err.text, "table"));
    assert_int_equal(check_list("[\"61m\"]", &err), E_PARAM);
    assert_non_null(strstr(err.text, "61m"));
    assert_int_equal(check_list("\"3ms,,5ms\"", &err), E_PARAM);
    assert_int_equal(check_list("{\"3ms\": 1}", &err), E_PARAM);
    assert_non_null(strstr(err.text, "must be a list"));
    assert_int_equal(check_list("true", &err), E_PARAM);
}

struct refusal {
    const char *words;
    const char *said;
};

static void test_latency_conf__refuses_what_does_not_go_together(void **state)
{
    static const struct refusal refusals[] = {
        {"from=1ms to=2ms", "over is missing"},
        {"to=2ms over=1s", "from is missing"},
        {"from=1ms over=1s", "to is missing"},
        {"base=1ms from=1ms to=2ms over=1s", "base together with from"},
        {"base=0 from=1ms to=2ms over=1s", "base together with from"},
        {"distribution=normal", "without jitter"},
        {"distribution=exponential", "without jitter"},
        {"distribution=pareto jitter=0%", "without jitter"},
        {"distribution=normal jitter=1ms spread=around", "spread"},
        {"distribution=table", "without a table"},
        {"table=1ms", "without distribution"},
        {"distribution=table table=1ms jitter=1ms", "jitter together with a table"},
        {"jitter=1ms shape=3", "shape"},
        {"correlation=50%", "nothing is drawn"},
        {"jitter=1001%", "1000%"},
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        error_clear(&err);
        assert_int_equal(rig_check("latency", refusals[i].words, &err), E_PARAM);
        if (strstr(err.text, refusals[i].said) == NULL)
            fail_msg("%s: %s", refusals[i].words, err.text);
        assert_non_null(strstr(err.text, "latency"));
    }
}

static void test_latency_conf__refuses_values_out_of_range(void **state)
{
    const char *const bad[] = {"jitter=61m",
                               "jitter=-10%",
                               "distribution=gauss jitter=1ms",
                               "spread=wide",
                               "distribution=pareto jitter=1ms shape=1",
                               "jitter=1ms correlation=101%",
                               "from=1ms to=61m over=1s",
                               "from=1ms to=2ms over=0"};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (rig_check("latency", bad[i], &err) != E_PARAM)
            fail_msg("%s was let through", bad[i]);
}

/* What is in force reads back as it was given, and nothing that was not. */
static void test_latency_conf__writes_what_was_given(void **state)
{
    const struct fault_type *type = fault_type_find("latency");
    void *conf = calloc(1, type->conf_size);
    json_t *params = NULL;
    json_t *written;

    (void)state;
    assert_int_equal(
        param_words("from=0 to=5ms over=1s jitter=10%", NULL, 0, &params, NULL), 0);
    assert_int_equal(param_read(type->params, conf, params, "latency", NULL), 0);
    written = param_write(type->params, conf);
    assert_string_equal(json_string_value(json_object_get(written, "from")), "0");
    assert_string_equal(json_string_value(json_object_get(written, "over")), "1s");
    assert_string_equal(json_string_value(json_object_get(written, "jitter")), "10%");
    assert_null(json_object_get(written, "base"));
    assert_null(json_object_get(written, "shape"));
    assert_null(json_object_get(written, "table"));
    json_decref(written);
    json_decref(params);
    param_release(type->params, conf);
    free(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latency_conf__each_distribution_draws_by_its_law),
        cmocka_unit_test(test_latency_conf__correlation_leans_and_keeps_the_law),
        cmocka_unit_test(test_latency_conf__a_normal_wait_below_zero_is_none),
        cmocka_unit_test(test_latency_conf__a_tail_ends_after_a_minute),
        cmocka_unit_test(test_latency_conf__a_table_is_drawn_from_evenly),
        cmocka_unit_test(test_latency_conf__directions_draw_from_streams_of_their_own),
        cmocka_unit_test(test_latency_conf__reads_a_table_as_list_or_text),
        cmocka_unit_test(test_latency_conf__refuses_what_does_not_go_together),
        cmocka_unit_test(test_latency_conf__refuses_values_out_of_range),
        cmocka_unit_test(test_latency_conf__writes_what_was_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
