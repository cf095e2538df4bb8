/* params: what --set may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/script/script_rig.h"

static struct script_rig *load(void)
{
    struct script_rig *rig = script_rig_create();

    assert_int_equal(script_rig_load(rig,
                                     "scenario \"s\" { params = {\n"
                                     "down = param('1s', 'how long'),\n"
                                     "times = param(3), factor = param(1.5),\n"
                                     "strict = param(true), name = param('orders'),\n"
                                     "rate = param('500/s'), part = param('95%'),\n"
                                     "size = param('64KiB'), plain = 7 },\n"
                                     "run = function(t)\n"
                                     "note('%s %s %s', t.params.down,\n"
                                     "     t.params.times + 1, t.params.strict)\n"
                                     "end }"),
                     0);
    return rig;
}

static int set(struct script_rig *rig, const char *name, const char *value,
               json_t **params)
{
    json_t *words = json_pack("{s:s}", name, value);
    int rc;

    *params = NULL;
    rc = script_params(script_case_at(rig->script, 0), words, params, &rig->error);
    json_decref(words);
    return rc;
}

static void test_params__have_defaults_and_a_text(void **state)
{
    struct script_rig *rig = load();
    const struct script_case *which = script_case_at(rig->script, 0);
    json_t *down = json_object_get(which->params, "down");
    json_t *params;

    (void)state;
    EXPECT_TEXT(json_string_value(json_object_get(down, "default")), "1s");
    EXPECT_TEXT(json_string_value(json_object_get(down, "text")), "how long");
    assert_int_equal(script_params(which, NULL, &params, NULL), 0);
    assert_int_equal(json_object_size(params), 9);
    assert_int_equal(json_integer_value(json_object_get(params, "plain")), 7);
    json_decref(params);
    script_rig_destroy(rig);
}

static void test_params__take_values_of_the_kind_of_the_default(void **state)
{
    static const char *const good[][2] = {
        {"down", "250ms"}, {"times", "12"},     {"times", "2.5"},
        {"factor", "3"},   {"strict", "false"}, {"name", "whatever"},
        {"rate", "30/m"},  {"part", "1%"},      {"size", "4MiB"},
    };
    struct script_rig *rig = load();
    json_t *params;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(set(rig, good[i][0], good[i][1], &params), 0);
        json_decref(params);
    }
    set(rig, "times", "12", &params);
    assert_true(json_is_integer(json_object_get(params, "times")));
    json_decref(params);
    set(rig, "strict", "false", &params);
    assert_true(json_is_false(json_object_get(params, "strict")));
    json_decref(params);
    script_rig_destroy(rig);
}

static void test_params__refuse_values_of_another_kind(void **state)
{
    static const char *const bad[][2] = {
        {"down", "20"},  {"down", "soon"}, {"down", ""},      {"times", "many"},
        {"times", "3x"}, {"times", ""},    {"factor", "inf"}, {"strict", "yes"},
        {"rate", "500"}, {"part", "95"},   {"size", "big"},   {"name", "\xff"},
    };
    struct script_rig *rig = load();
    json_t *params;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *words = json_object();

        json_object_set_new(words, bad[i][0], json_string_nocheck(bad[i][1]));
        error_clear(&rig->error);
        assert_int_equal(
            script_params(script_case_at(rig->script, 0), words, &params, &rig->error),
            E_USAGE);
        EXPECT_PART(rig->error.text, bad[i][0]);
        json_decref(words);
    }
    script_rig_destroy(rig);
}

static void test_params__suggest_the_name_that_was_meant(void **state)
{
    struct script_rig *rig = load();
    json_t *params;

    (void)state;
    assert_int_equal(set(rig, "dwon", "1s", &params), E_USAGE);
    EXPECT_TEXT(rig->error.text,
                "scenario \"s\" has no parameter 'dwon'; did you mean 'down'?");
    script_rig_destroy(rig);
}

static void test_params__reach_the_run(void **state)
{
    struct script_rig *rig = load();
    json_t *words = json_pack("{s:s, s:s}", "down", "5ms", "times", "9");

    (void)state;
    assert_int_equal(script_rig_run_case(rig, 0, words), 0);
    EXPECT_TEXT(rig->progress, "note 5ms 10 true\n");
    json_decref(words);
    script_rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_params__have_defaults_and_a_text),
        cmocka_unit_test(test_params__take_values_of_the_kind_of_the_default),
        cmocka_unit_test(test_params__refuse_values_of_another_kind),
        cmocka_unit_test(test_params__suggest_the_name_that_was_meant),
        cmocka_unit_test(test_params__reach_the_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
