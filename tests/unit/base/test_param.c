/* test_param: a table fills, changes, copies, writes and frees a conf.
 *
 * The sentences about bad values have a file of their own: test_param_problem.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/param.h"
#include "proxy/base/rng.h"
#include "tests/lib/memory/memory.h"

struct storm_conf {
    uint64_t base_ns;
    uint64_t buffer_bytes;
    double rate_per_s;
    double bytes_per_s;
    double probability;
    double share;
    int64_t count;
    double factor;
    bool sticky;
    int shape;
    char *label;
    json_t *values;
    struct param_value jitter;
};

static const char *const shapes[] = {"uniform", "normal", "pareto", NULL};
static const char *const spreads[] = {"none", "equal", "full", NULL};

static const struct param params[] = {
    PARAM(storm_conf, base_ns, DURATION, "base", "100ms", "0", "1000000h", "time"),
    PARAM(storm_conf, buffer_bytes, BYTES, "buffer", "1MiB", NULL, NULL, "room"),
    PARAM(storm_conf, rate_per_s, RATE, "rate", "500/s", NULL, NULL, "messages"),
    PARAM(storm_conf, bytes_per_s, BYTE_RATE, "throughput", "1MiB/s", NULL, NULL, "b"),
    PARAM(storm_conf, probability, PERCENT, "probability", "100%", "0%", "100%", "how"),
    PARAM(storm_conf, share, FRACTION, "share", "0.5", "0", "1", "which part"),
    PARAM(storm_conf, count, INTEGER, "count", "3", NULL, NULL, "how many"),
    PARAM(storm_conf, factor, NUMBER, "factor", "2", NULL, NULL, "growth"),
    PARAM(storm_conf, sticky, BOOL, "sticky", "false", NULL, NULL, "keeps"),
    PARAM_CHOICE(storm_conf, shape, "shape", "uniform", shapes, "distribution"),
    PARAM(storm_conf, label, TEXT, "label", NULL, NULL, NULL, "a name"),
    PARAM(storm_conf, values, JSON, "values", NULL, NULL, NULL, "recorded values"),
    PARAM_UNION(storm_conf, jitter, PARAM_DURATION | PARAM_PERCENT | PARAM_ENUM, "jitter",
                "none", NULL, NULL, spreads, "random part"),
    PARAM_END,
};

/* Single quotes in the tests' JSON keep it readable. */
static json_t *json_of(const char *text)
{
    char *copy = strdup(text);
    json_t *json;

    for (char *at = copy; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    json = json_loads(copy, JSON_DECODE_ANY, NULL);
    free(copy);
    assert_non_null(json);
    return json;
}

static int read_conf(struct storm_conf *conf, const char *text)
{
    json_t *object = json_of(text);
    struct error err = {.code = 0};
    int rc = param_read(params, conf, object, "storm", &err);

    json_decref(object);
    if (rc != 0)
        print_message("%s\n", err.text);
    return rc;
}

static void assert_writes(const struct storm_conf *conf, const char *text)
{
    json_t *written = param_write(params, conf);
    json_t *expected = json_of(text);

    if (!json_equal(written, expected)) {
        char *dump = json_dumps(written, 0);

        print_message("written: %s\n", dump);
        free(dump);
        fail();
    }
    json_decref(written);
    json_decref(expected);
}

static void test_param__an_empty_object_gives_the_defaults(void **state)
{
    struct storm_conf conf;

    (void)state;
    memset(&conf, 0xAA, sizeof conf); /* what was there before does not matter */
    assert_int_equal(param_read(params, &conf, NULL, "storm", NULL), 0);
    assert_true(conf.base_ns == 100000000);
    assert_true(conf.buffer_bytes == 1048576);
    assert_true(conf.rate_per_s == 500);
    assert_true(conf.bytes_per_s == 1048576);
    assert_true(conf.probability == 1);
    assert_true(conf.share == 0.5);
    assert_true(conf.count == 3);
    assert_true(conf.factor == 2);
    assert_false(conf.sticky);
    assert_int_equal(conf.shape, 0);
    assert_null(conf.label);
    assert_null(conf.values);
    assert_int_equal(conf.jitter.kind, PARAM_ENUM);
    assert_int_equal(conf.jitter.choice, 0);
    param_release(params, &conf);
}

static void test_param__reads_every_kind_from_text(void **state)
{
    struct storm_conf conf;

    (void)state;
    assert_int_equal(
        read_conf(&conf, "{'base': '1m30s', 'buffer': '64KiB', 'rate': '30/m', "
                         "'throughput': '1KB/s', 'probability': '12.5%', 'share': '25%',"
                         "'count': '-7', 'factor': '2.5', 'sticky': 'true',"
                         "'shape': 'pareto', 'label': 'n1', 'jitter': '10%'}"),
        0);
    assert_true(conf.base_ns == 90000000000);
    assert_true(conf.buffer_bytes == 65536);
    assert_true(conf.rate_per_s == 0.5);
    assert_true(conf.bytes_per_s == 1000);
    assert_true(conf.probability == 0.125);
    assert_true(conf.share == 0.25);
    assert_true(conf.count == -7);
    assert_true(conf.factor == 2.5);
    assert_true(conf.sticky);
    assert_int_equal(conf.shape, 2);
    assert_string_equal(conf.label, "n1");
    assert_int_equal(conf.jitter.kind, PARAM_PERCENT);
    assert_true(conf.jitter.number == 0.1);
    param_release(params, &conf);
    assert_null(conf.label);
}

static void test_param__reads_plain_json_where_no_unit_is_needed(void **state)
{
    struct storm_conf conf;

    (void)state;
    assert_int_equal(read_conf(&conf, "{'base': 0, 'buffer': 512, 'share': 0.75,"
                                      "'count': 20, 'factor': 3, 'sticky': true,"
                                      "'values': [1, {'a': null}], 'jitter': '5ms'}"),
                     0);
    assert_true(conf.base_ns == 0);
    assert_true(conf.buffer_bytes == 512);
    assert_true(conf.share == 0.75);
    assert_true(conf.count == 20);
    assert_true(conf.factor == 3);
    assert_true(conf.sticky);
    assert_int_equal(json_array_size(conf.values), 2);
    assert_int_equal(conf.jitter.kind, PARAM_DURATION);
    assert_true(conf.jitter.ns == 5000000);
    param_release(params, &conf);
    assert_null(conf.values);
}

static void test_param__whole_numbers_may_come_as_reals(void **state)
{
    struct storm_conf conf;

    (void)state; /* Lua's 1e3 is a float */
    assert_int_equal(read_conf(&conf, "{'count': 1000.0, 'buffer': 4096.0}"), 0);
    assert_true(conf.count == 1000);
    assert_true(conf.buffer_bytes == 4096);
    param_release(params, &conf);
}

static void test_param__json_is_copied_to_the_bottom(void **state)
{
    json_t *object = json_of("{'values': [[1]]}");
    struct storm_conf conf;

    (void)state;
    assert_int_equal(param_read(params, &conf, object, "storm", NULL), 0);
    json_array_clear(json_array_get(json_object_get(object, "values"), 0));
    json_decref(object);
    assert_int_equal(json_array_size(json_array_get(conf.values, 0)), 1);
    param_release(params, &conf);
}

static void test_param__a_change_touches_only_what_it_names(void **state)
{
    json_t *change = json_of("{'base': '1s', 'label': 'new', 'values': [2]}");
    struct storm_conf conf;

    (void)state;
    assert_int_equal(read_conf(&conf, "{'count': 9, 'label': 'old', 'values': [1]}"), 0);
    assert_int_equal(param_change(params, &conf, change, "storm", NULL), 0);
    assert_true(conf.base_ns == 1000000000);
    assert_true(conf.count == 9);
    assert_string_equal(conf.label, "new");
    assert_int_equal(json_integer_value(json_array_get(conf.values, 0)), 2);
    json_decref(change);
    param_release(params, &conf);
}

static void test_param__a_bad_change_changes_nothing(void **state)
{
    json_t *change = json_of("{'base': '1s', 'label': 'new', 'count': 'many'}");
    struct storm_conf conf;
    struct error err;

    (void)state;
    assert_int_equal(read_conf(&conf, "{'label': 'old'}"), 0);
    assert_int_equal(param_change(params, &conf, change, "storm", &err), E_PARAM);
    assert_true(conf.base_ns == 100000000);
    assert_string_equal(conf.label, "old");
    assert_true(conf.count == 3);
    json_decref(change);
    param_release(params, &conf);
}

static void test_param__a_failed_reading_leaves_nothing_to_free(void **state)
{
    struct storm_conf conf;

    (void)state;
    assert_int_equal(read_conf(&conf, "{'label': 'x', 'values': [1], 'count': 'many'}"),
                     E_PARAM);
    assert_null(conf.label);
    assert_null(conf.values);
}

static void test_param__a_copy_is_a_copy(void **state)
{
    struct storm_conf conf, copy;

    (void)state;
    assert_int_equal(read_conf(&conf, "{'label': 'x', 'values': [1], 'jitter': 'full',"
                                      "'base': '7ns'}"),
                     0);
    assert_int_equal(param_copy(params, &copy, &conf, NULL), 0);
    assert_ptr_not_equal(copy.label, conf.label);
    assert_ptr_not_equal(copy.values, conf.values);
    param_release(params, &conf);
    assert_string_equal(copy.label, "x");
    assert_true(copy.base_ns == 7);
    assert_int_equal(copy.jitter.choice, 2);
    param_release(params, &copy);
}

static void test_param__writes_every_parameter_as_a_user_would(void **state)
{
    struct storm_conf conf;

    (void)state;
    assert_int_equal(read_conf(&conf, "{'base': '1500us', 'label': 'x'}"), 0);
    assert_writes(&conf, "{'base': '1.5ms', 'buffer': '1MiB', 'rate': '500/s',"
                         "'throughput': '1MiB/s', 'probability': '100%', 'share': 0.5,"
                         "'count': 3, 'factor': 2.0, 'sticky': false, 'shape': 'uniform',"
                         "'label': 'x', 'jitter': 'none'}");
    param_release(params, &conf);
}

static void draw_conf(struct rng *rng, struct storm_conf *conf)
{
    conf->base_ns = rng_below(rng, 3600000000000000000) >> rng_below(rng, 60);
    conf->buffer_bytes = rng_next(rng) >> rng_below(rng, 64);
    conf->rate_per_s = rng_unit(rng) * 1000;
    conf->bytes_per_s = rng_unit(rng) * 1e9;
    conf->probability = rng_unit(rng);
    conf->share = rng_unit(rng);
    conf->count = (int64_t)rng_next(rng);
    conf->factor = rng_unit(rng) * 20 - 10;
    conf->sticky = rng_below(rng, 2) == 0;
    conf->shape = (int)rng_below(rng, 3);
    conf->jitter = (struct param_value){.kind = PARAM_ENUM, .choice = 1};
    if (rng_below(rng, 2) == 0)
        conf->jitter =
            (struct param_value){.kind = PARAM_PERCENT, .number = rng_unit(rng)};
    else if (rng_below(rng, 2) == 0)
        conf->jitter =
            (struct param_value){.kind = PARAM_DURATION, .ns = rng_next(rng) >> 1};
}

static void test_param__what_is_written_reads_back_exactly(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 2026);
    for (int i = 0; i < 5000; i++) {
        struct storm_conf conf = {.base_ns = 0};
        struct storm_conf back;
        struct error err;
        json_t *written;

        draw_conf(&rng, &conf);
        written = param_write(params, &conf);
        if (param_read(params, &back, written, "storm", &err) != 0)
            fail_msg("%s", err.text);
        assert_true(back.base_ns == conf.base_ns);
        assert_true(back.buffer_bytes == conf.buffer_bytes);
        assert_true(back.rate_per_s == conf.rate_per_s);
        assert_true(back.bytes_per_s == conf.bytes_per_s);
        assert_true(back.probability == conf.probability);
        assert_true(back.share == conf.share);
        assert_true(back.count == conf.count);
        assert_true(back.factor == conf.factor);
        assert_true(back.sticky == conf.sticky);
        assert_int_equal(back.shape, conf.shape);
        assert_int_equal(back.jitter.kind, conf.jitter.kind);
        if (conf.jitter.kind != PARAM_ENUM)
            assert_true(back.jitter.ns == conf.jitter.ns); /* all 64 bits of either */
        json_decref(written);
    }
}

/* One run per allocation: the n-th fails, and nothing leaks or is half done. */
static void test_param__no_memory_is_an_error_and_leaves_nothing(void **state)
{
    json_t *object = json_of("{'label': 'x', 'values': [1, 2], 'base': '1s'}");
    struct storm_conf conf;
    unsigned n = 1;

    (void)state;
    for (;; n++) {
        int rc;

        assert_in_range(n, 1, 200);
        memory_fail_at(n);
        rc = param_read(params, &conf, object, "storm", NULL);
        if (!memory_failed()) {
            assert_int_equal(rc, 0);
            break;
        }
        memory_fail_at(0);
        assert_int_equal(rc, E_NOMEM);
        assert_null(conf.label);
        assert_null(conf.values);
    }
    assert_true(n > 3);
    for (n = 1;; n++) {
        struct storm_conf copy;

        memory_fail_at(n);
        if (param_copy(params, &copy, &conf, NULL) == 0) {
            param_release(params, &copy);
            break;
        }
        assert_true(memory_failed());
    }
    for (n = 1;; n++) {
        json_t *written;

        memory_fail_at(n);
        written = param_write(params, &conf);
        if (!memory_failed()) {
            json_decref(written);
            break;
        }
        assert_null(written);
    }
    memory_fail_at(0);
    param_release(params, &conf);
    json_decref(object);
}

struct common_conf {
    double probability;
    uint64_t begin_ns;
};

struct own_conf {
    uint64_t base_ns;
    char *label;
};

static const struct param common_params[] = {
    PARAM(common_conf, probability, PERCENT, "probability", "100%", "0%", "100%", "p"),
    PARAM(common_conf, begin_ns, DURATION, "after", "0", NULL, NULL, "begins later"),
    PARAM_END,
};

static const struct param own_params[] = {
    PARAM(own_conf, base_ns, DURATION, "base", "!", "1ms", "60s", "time"),
    PARAM(own_conf, label, TEXT, "label", "x", NULL, NULL, "name"),
    PARAM_END,
};

static void test_param__layers_share_one_object(void **state)
{
    struct own_conf own;
    struct common_conf common;
    const struct param_layer layers[] = {{own_params, &own}, {common_params, &common}};
    json_t *object = json_of("{'base': '5ms', 'probability': '50%'}");
    json_t *change = json_of("{'after': '1s', 'label': 'y'}");
    json_t *bad = json_of("{'label': 'z', 'after': 'soon'}");

    (void)state;
    assert_int_equal(param_read_layers(layers, 2, object, "fault", NULL), 0);
    assert_true(own.base_ns == 5000000);
    assert_true(common.probability == 0.5);
    assert_int_equal(param_change_layers(layers, 2, change, "fault", NULL), 0);
    assert_true(common.begin_ns == 1000000000);
    assert_string_equal(own.label, "y");
    assert_int_equal(param_change_layers(layers, 2, bad, "fault", NULL), E_PARAM);
    assert_string_equal(own.label, "y");
    param_release(own_params, &own);
    json_decref(object);
    json_decref(change);
    json_decref(bad);
}

static void test_param__finds_only_its_own_names(void **state)
{
    (void)state;
    assert_string_equal(param_find(own_params, "base")->name, "base");
    assert_null(param_find(own_params, "probability"));
    assert_null(param_find(own_params, ""));
}

static void test_param__what_was_never_given_is_not_written(void **state)
{
    static const struct param optional[] = {
        PARAM(own_conf, base_ns, DURATION, "base", NULL, "1ms", "60s", "time"),
        PARAM_END,
    };
    struct own_conf own = {.base_ns = 0};
    json_t *written = param_write(optional, &own);

    (void)state; /* "base": "0" would be refused on the way back */
    assert_int_equal(json_object_size(written), 0);
    json_decref(written);
}

static void test_param__the_manual_names_kind_default_and_range(void **state)
{
    char *manual = param_manual(own_params);

    (void)state;
    assert_string_equal(manual, "base  duration, required, 1ms to 60s\n"
                                "    time\n"
                                "label  text, default x\n"
                                "    name\n");
    free(manual);
    manual = param_manual(params);
    assert_non_null(strstr(manual, "shape  one of uniform, normal, pareto, default "));
    assert_non_null(strstr(manual, "jitter  duration, percentage or one of none, equal"));
    free(manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_param__an_empty_object_gives_the_defaults),
        cmocka_unit_test(test_param__reads_every_kind_from_text),
        cmocka_unit_test(test_param__reads_plain_json_where_no_unit_is_needed),
        cmocka_unit_test(test_param__whole_numbers_may_come_as_reals),
        cmocka_unit_test(test_param__json_is_copied_to_the_bottom),
        cmocka_unit_test(test_param__a_change_touches_only_what_it_names),
        cmocka_unit_test(test_param__a_bad_change_changes_nothing),
        cmocka_unit_test(test_param__a_failed_reading_leaves_nothing_to_free),
        cmocka_unit_test(test_param__a_copy_is_a_copy),
        cmocka_unit_test(test_param__writes_every_parameter_as_a_user_would),
        cmocka_unit_test(test_param__what_is_written_reads_back_exactly),
        cmocka_unit_test(test_param__no_memory_is_an_error_and_leaves_nothing),
        cmocka_unit_test(test_param__layers_share_one_object),
        cmocka_unit_test(test_param__finds_only_its_own_names),
        cmocka_unit_test(test_param__what_was_never_given_is_not_written),
        cmocka_unit_test(test_param__the_manual_names_kind_default_and_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
