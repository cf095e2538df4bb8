/* test_param_problem: the sentence and the way out for each kind of bad value.
 *
 * These texts are what a user meets first, so they are compared whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/param.h"

struct fault_conf {
    uint64_t from_ns;
    uint64_t to_ns;
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
    PARAM(fault_conf, from_ns, DURATION, "from", "0", "0", "60s", "start"),
    PARAM(fault_conf, to_ns, DURATION, "to", "0", NULL, NULL, "end"),
    PARAM(fault_conf, buffer_bytes, BYTES, "buffer", "1MiB", "4KiB", "1GiB", "room"),
    PARAM(fault_conf, rate_per_s, RATE, "rate", "1/s", "1/h", NULL, "messages"),
    PARAM(fault_conf, bytes_per_s, BYTE_RATE, "throughput", "1MiB/s", NULL, "1GiB/s",
          "b"),
    PARAM(fault_conf, probability, PERCENT, "probability", "100%", "0%", "100%", "how"),
    PARAM(fault_conf, share, FRACTION, "share", "0.5", "0", "1", "part"),
    PARAM(fault_conf, count, INTEGER, "count", "3", "1", "100", "how many"),
    PARAM(fault_conf, factor, NUMBER, "factor", "2", "1", NULL, "growth"),
    PARAM(fault_conf, sticky, BOOL, "sticky", "false", NULL, NULL, "keeps"),
    PARAM_CHOICE(fault_conf, shape, "shape", "uniform", shapes, "distribution"),
    PARAM(fault_conf, label, TEXT, "label", NULL, NULL, NULL, "a name"),
    PARAM(fault_conf, values, JSON, "values", NULL, NULL, NULL, "recorded"),
    PARAM_UNION(fault_conf, jitter, PARAM_DURATION | PARAM_PERCENT | PARAM_ENUM, "jitter",
                "none", NULL, "60s", spreads, "random part"),
    PARAM_END,
};

static void refuse(json_t *object, const char *text, const char *hint)
{
    struct fault_conf conf;
    struct error err;

    assert_non_null(object);
    assert_int_equal(param_read(params, &conf, object, "link:latency", &err), E_PARAM);
    assert_string_equal(err.text, text);
    assert_string_equal(err.hint, hint);
    assert_int_equal(err.code, E_PARAM);
    json_decref(object);
}

/* `words` as on a command line. */
static void refuse_words(const char *words, const char *text, const char *hint)
{
    json_t *object = NULL;

    assert_int_equal(param_words(words, NULL, 0, &object, NULL), 0);
    refuse(object, text, hint);
}

static void refuse_json(const char *text_json, const char *text, const char *hint)
{
    refuse(json_loads(text_json, JSON_ALLOW_NUL, NULL), text, hint);
}

#define ALL                                                                              \
    "it takes: from, to, buffer, rate, throughput, probability, share, count, factor, "  \
    "sticky, shape, label, values, jitter"

static void test_param_problem__an_unknown_name_gets_a_suggestion(void **state)
{
    (void)state;
    refuse_words("form=1s", "link:latency has no option 'form'; did you mean 'from'?",
                 ALL);
    refuse_words("bandwidth=1", "link:latency has no option 'bandwidth'", ALL);
    refuse_words("From=1s", "link:latency has no option 'From'; did you mean 'from'?",
                 ALL);
}

static void test_param_problem__a_thing_without_options_says_so(void **state)
{
    static const struct param none[] = {PARAM_END};
    json_t *object = json_pack("{s:i}", "x", 1);
    struct error err;
    int nothing;

    (void)state;
    assert_int_equal(param_read(none, &nothing, object, "stall", &err), E_PARAM);
    assert_string_equal(err.text, "stall takes no options, but got 'x'");
    json_decref(object);
}

static void test_param_problem__a_missing_unit_gets_the_likely_spellings(void **state)
{
    const char *from =
        "link:latency: from needs a unit: write \"20s\" or \"20ms\", not 20";

    (void)state;
    refuse_words("from=20", from, "");
    refuse_json("{\"from\": 20}", from, "");
    refuse_json("{\"from\": 20.0}", from, "");
    refuse_json("{\"from\": 2.5}",
                "link:latency: from needs a unit: write \"2.5s\" or \"2.5ms\", not 2.5",
                "");
    refuse_words("rate=500",
                 "link:latency: rate needs a unit: write \"500/s\" or \"500/m\", not 500",
                 "");
    refuse_words("throughput=100",
                 "link:latency: throughput needs a unit: write \"100KB/s\" or "
                 "\"100MiB/s\", not 100",
                 "");
    refuse_words("probability=95",
                 "link:latency: probability needs a unit: write \"95%\", not 95", "");
    refuse_words("jitter=20",
                 "link:latency: jitter needs a unit: write \"20s\" or \"20ms\", not 20",
                 "");
}

static void test_param_problem__a_lone_value_is_named_as_its_reader_names_it(void **state)
{
    struct error err;
    uint64_t ns = 77;
    double number = 77;

    (void)state;
    assert_int_equal(param_duration("20", &ns, "sleep", &err), E_PARAM);
    assert_string_equal(err.text,
                        "sleep needs a unit: write \"20s\" or \"20ms\", not 20");
    assert_int_equal(param_bytes("-1", &ns, "size", &err), E_PARAM);
    assert_string_equal(err.text, "size cannot be negative: -1");
    assert_int_equal(param_rate("fast", &number, "rate", &err), E_PARAM);
    assert_string_equal(err.text, "rate takes a rate such as \"500/s\", not \"fast\"");
    assert_int_equal(param_percent("", &number, "target", &err), E_PARAM);
    assert_string_equal(err.text,
                        "target is empty; it takes a percentage such as \"95%\"");
    assert_true(ns == 77);
    assert_true(number == 77);
    assert_int_equal(param_duration("1.5ms", &ns, "sleep", &err), 0);
    assert_true(ns == 1500000);
}

static void test_param_problem__a_value_out_of_range_gets_the_range(void **state)
{
    (void)state;
    refuse_words("from=2h", "link:latency: from must be between 0 and 60s, not 2h", "");
    refuse_words("from=-5ms", "link:latency: from must be between 0 and 60s, not -5ms",
                 "");
    refuse_words("buffer=1", "link:latency: buffer must be between 4KiB and 1GiB, not 1",
                 "");
    refuse_json("{\"buffer\": -1}",
                "link:latency: buffer must be between 4KiB and 1GiB, not -1", "");
    refuse_words("rate=0", "link:latency: rate must be at least 1/h, not 0", "");
    refuse_words("throughput=2GiB/s",
                 "link:latency: throughput must be at most 1GiB/s, not 2GiB/s", "");
    refuse_words("probability=101%",
                 "link:latency: probability must be between 0% and 100%, not 101%", "");
    refuse_words("share=1.5", "link:latency: share must be between 0 and 1, not 1.5", "");
    refuse_words("count=0", "link:latency: count must be between 1 and 100, not 0", "");
    refuse_json("{\"count\": -3}",
                "link:latency: count must be between 1 and 100, not -3", "");
    refuse_words("factor=0.5", "link:latency: factor must be at least 1, not 0.5", "");
    refuse_words("jitter=61s", "link:latency: jitter must be at most 60s, not 61s", "");
}

static void test_param_problem__each_slip_in_a_duration_has_its_sentence(void **state)
{
    const char *units = "units of a duration: ns, us, ms, s, m, h, d";

    (void)state;
    refuse_words(
        "to=", "link:latency: to is empty; it takes a duration such as \"250ms\"", "");
    refuse_words("to=-1s", "link:latency: to cannot be negative: -1s", "");
    refuse_words("to=\"5 s\"", "link:latency: to must have no blank in it, not \"5 s\"",
                 "");
    refuse_words("to=5sec", "link:latency: to has an unknown unit: \"5sec\"", units);
    refuse_words("to=1e9s",
                 "link:latency: to takes a duration such as \"250ms\", not \"1e9s\"", "");
    refuse_words("to=nan",
                 "link:latency: to takes a duration such as \"250ms\", not \"nan\"", "");
    refuse_words("to=inf",
                 "link:latency: to takes a duration such as \"250ms\", not \"inf\"", "");
    refuse_words("to=5s!",
                 "link:latency: to takes a duration such as \"250ms\", not \"5s!\"", "");
    refuse_words("to=30s1m",
                 "link:latency: to must go from large units to small ones, as in "
                 "\"1m30s\", not \"30s1m\"",
                 "");
    refuse_words("to=0.1ns",
                 "link:latency: to must be a whole number of nanoseconds, not 0.1ns", "");
    refuse_words("to=99999999999h",
                 "link:latency: to is too large for a duration: 99999999999h", "");
}

static void test_param_problem__other_kinds_name_an_example_too(void **state)
{
    (void)state;
    refuse_words("buffer=64K", "link:latency: buffer has an unknown unit: \"64K\"",
                 "units of a size in bytes: B, KB, KiB, MB, MiB, GB, GiB, TB, TiB");
    refuse_words("buffer=5000.5",
                 "link:latency: buffer must be a whole number of bytes, not 5000.5", "");
    refuse_words("count=five",
                 "link:latency: count takes a whole number such as 20, not \"five\"", "");
    refuse_words("count=2.5", "link:latency: count must be a whole number, not 2.5", "");
    refuse_words("count=99999999999999999999",
                 "link:latency: count is too large for a whole number: "
                 "99999999999999999999",
                 "");
    refuse_words("factor=x", "link:latency: factor takes a number such as 2.5, not \"x\"",
                 "");
    refuse_words(
        "sticky=yes",
        "link:latency: sticky takes a boolean such as true or false, not \"yes\"", "");
    refuse_json("{\"label\": 5}",
                "link:latency: label takes text such as \"abc\", "
                "not 5",
                "");
}

static void test_param_problem__a_choice_is_suggested_and_listed(void **state)
{
    const char *all = "it takes: uniform, normal, pareto";

    (void)state;
    refuse_words("shape=norml",
                 "link:latency: shape has no choice 'norml'; did you mean 'normal'?",
                 all);
    refuse_words("shape=bell", "link:latency: shape has no choice 'bell'", all);
}

static void test_param_problem__several_kinds_are_listed_together(void **state)
{
    const char *kinds = "it takes: duration, percentage or one of none, equal, full";

    (void)state;
    refuse_words("jitter=lots", "link:latency: jitter cannot be \"lots\"", kinds);
    refuse_json("{\"jitter\": []}", "link:latency: jitter cannot be a list", kinds);
}

static void test_param_problem__a_wrong_json_type_is_named(void **state)
{
    (void)state;
    refuse_json("{\"from\": true}", "link:latency: from cannot be a boolean",
                "it takes: duration");
    refuse_json("{\"from\": {}}", "link:latency: from cannot be a table",
                "it takes: duration");
    refuse_json("{\"values\": null}", "link:latency: values cannot be null",
                "it takes: table or list");
    refuse_json("{\"sticky\": 1}",
                "link:latency: sticky takes a boolean such as true or false, not 1", "");
    refuse_json("[1]", "link:latency takes a table of options", "");
}

static void test_param_problem__a_zero_byte_does_not_hide_what_follows(void **state)
{
    (void)state;
    refuse_json("{\"from\": \"5s\\u0000evil\"}", "link:latency: from holds a zero byte",
                "");
    refuse_json("{\"label\": \"a\\u0000b\"}", "link:latency: label holds a zero byte",
                "");
}

static void test_param_problem__a_required_option_is_asked_for(void **state)
{
    static const struct param needs[] = {
        PARAM(fault_conf, rate_per_s, RATE, "rate", "!", NULL, NULL, "how fast"),
        PARAM_END,
    };
    struct fault_conf conf;
    struct error err;

    (void)state;
    assert_int_equal(param_read(needs, &conf, NULL, "throttle", &err), E_PARAM);
    assert_string_equal(err.text, "throttle needs the option 'rate'");
    assert_string_equal(err.hint, "rate: how fast (rate)");
}

static void test_param_problem__huge_and_wild_values_are_shown_short(void **state)
{
    static char endless[100001];
    json_t *object = json_object();

    (void)state;
    memset(endless, 'x', sizeof endless - 1);
    json_object_set_new(object, "from", json_string(endless));
    refuse(object, "link:latency: from is 100000 characters long, not a duration", "");
    object = json_object();
    json_object_set_new(object, endless, json_integer(1));
    refuse(object,
           "link:latency has no option 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
           "...'",
           ALL);
    refuse_json("{\"from\": \"a\\u001b[2J\"}",
                "link:latency: from takes a duration such as \"250ms\", not \"a?[2J\"",
                "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_param_problem__an_unknown_name_gets_a_suggestion),
        cmocka_unit_test(test_param_problem__a_thing_without_options_says_so),
        cmocka_unit_test(test_param_problem__a_missing_unit_gets_the_likely_spellings),
        cmocka_unit_test(
            test_param_problem__a_lone_value_is_named_as_its_reader_names_it),
        cmocka_unit_test(test_param_problem__a_value_out_of_range_gets_the_range),
        cmocka_unit_test(test_param_problem__each_slip_in_a_duration_has_its_sentence),
        cmocka_unit_test(test_param_problem__other_kinds_name_an_example_too),
        cmocka_unit_test(test_param_problem__a_choice_is_suggested_and_listed),
        cmocka_unit_test(test_param_problem__several_kinds_are_listed_together),
        cmocka_unit_test(test_param_problem__a_wrong_json_type_is_named),
        cmocka_unit_test(test_param_problem__a_zero_byte_does_not_hide_what_follows),
        cmocka_unit_test(test_param_problem__a_required_option_is_asked_for),
        cmocka_unit_test(test_param_problem__huge_and_wild_values_are_shown_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
