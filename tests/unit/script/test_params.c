/* params: what --set may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/script/state.h"
#include "tests/lib/memory/memory.h"
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

/* A scenario whose checks are told by its parameters; `return {` is line 4. */
static struct script_rig *load_told(const char *checks)
{
    struct script_rig *rig = script_rig_create();
    char text[2048];

    snprintf(text, sizeof text,
             "scenario \"s\" { params = { first = param('250ms'), cap = param('3s'),\n"
             "  two = param(false) },\n"
             "cases = { a = { x = 1 }, b = { expect = { fails = { 'backoff' } } } },\n"
             "checks = %s,\n"
             "run = function() end }",
             checks);
    script_rig_load(rig, text);
    return rig;
}

static const char told[] =
    "function(t) return {\n"
    "check.backoff { first = t.params.first, cap = t.params.cap },\n"
    "t.params.two and check.at_least_once() or nil } end";

static char *check_params(const struct script_rig *rig, int at)
{
    const struct script_case *which = script_case_at(rig->script, at);
    json_t *written = check_write(which->checks[0]);
    char *text = json_dumps(json_object_get(written, "params"), JSON_SORT_KEYS);

    json_decref(written);
    return text;
}

static void expect_first(const struct script_rig *rig, int at, const char *first)
{
    char *text = check_params(rig, at);

    EXPECT_PART(text, first);
    free(text);
}

static int set_one(struct script_rig *rig, int at, const char *name, const char *value)
{
    json_t *words = json_pack("{s:s}", name, value);
    json_t *params = NULL;
    int rc;

    error_clear(&rig->error);
    rc = script_params(script_case_at(rig->script, at), words, &params, &rig->error);
    rig->rc = rc;
    json_decref(words);
    json_decref(params);
    return rc;
}

static void test_params__tell_the_checks_what_to_judge(void **state)
{
    struct script_rig *rig = load_told(told);

    (void)state;
    EXPECT_TEXT(rig->error.text, "");
    assert_int_equal(script_case_at(rig->script, 0)->check_count, 1);
    expect_first(rig, 0, "250");
    assert_int_equal(set_one(rig, 0, "first", "400ms"), 0);
    expect_first(rig, 0, "400");
    expect_first(rig, 1, "250");
    assert_int_equal(set_one(rig, 0, "two", "true"), 0);
    assert_int_equal(script_case_at(rig->script, 0)->check_count, 2);
    EXPECT_TEXT(check_id(script_case_at(rig->script, 0)->checks[1]), "at_least_once");
    expect_first(rig, 0, "250");
    script_rig_destroy(rig);
}

static void test_params__leave_the_checks_alone_when_these_refuse_them(void **state)
{
    struct script_rig *rig = load_told(told);

    (void)state;
    assert_int_equal(set_one(rig, 0, "first", "20s"), E_SCRIPT);
    EXPECT_PART(rig->error.text, "check.backoff: cap is below first");
    assert_int_equal(script_rig_line(rig), 5);
    assert_true(rig->error.hint[0] != '\0');
    expect_first(rig, 0, "250");
    assert_int_equal(set_one(rig, 0, "first", "soon"), E_USAGE);
    expect_first(rig, 0, "250");
    script_rig_destroy(rig);
}

static const struct untold {
    const char *checks;
    int line;
    const char *sentence;
} untold[] = {
    {"function() end", 1, "the function checks gave nil instead of a list"},
    {"function() return 'x' end", 1,
     "the function checks gave a string instead of a list"},
    {"function() return { check.backoff } end", 1,
     "checks: check.backoff is not called: write check.backoff() or check.backoff { ... "
     "}"},
    {"function(t)\nreturn { t.cluster } end", 5,
     "there is no t.cluster yet: checks are made before anything starts"},
    {"function(t)\nreturn { t.params.fist } end", 5,
     "t.params has no 'fist'; did you mean 'first'?"},
    {"function(t)\nt.x = 1 end", 5,
     "t cannot be assigned to; keep values of your own in a local"},
    {"function() sleep '1s' end", 4, "sleep belongs into run = function(t) ... end"},
    {"function() error({}) end", 4, "an error was raised with table instead of words"},
    {"function() scenario 'y' { run = function() end } end", 4,
     "scenario \"s\" is not finished"},
    {"function(t) while true do end end", 4,
     "no wait for 1 s: this looks like an endless loop"},
    {"function(t) return { check.backoff { first = t.case.x } } end", 4, "check.backoff"},
    {"function(t) return {} end", 1, "backoff"},
    {"'x'", 1, "checks is a list: checks = { check.NAME { ... } }"},
};

static void test_params__say_what_is_wrong_with_a_function_of_checks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof untold / sizeof untold[0]; i++) {
        struct script_rig *rig = load_told(untold[i].checks);

        assert_int_equal(rig->rc, E_SCRIPT);
        EXPECT_PART(rig->error.text, untold[i].sentence);
        assert_int_equal(script_rig_line(rig), untold[i].line);
        script_rig_destroy(rig);
    }
}

/* Case `b` has no x: reading it is nil there, as in run, and no error. */
static void test_params__come_to_the_checks_with_the_values_of_the_case(void **state)
{
    struct script_rig *rig = load_told(
        "function(t) return { check.backoff { first = t.case.x and '1s' or '2s' } } end");

    (void)state;
    EXPECT_TEXT(rig->error.text, "");
    expect_first(rig, 0, "1");
    expect_first(rig, 1, "2");
    script_rig_destroy(rig);
}

/* What the function gives the second time must still fit what the case expects. */
static void test_params__are_held_against_what_the_case_expects(void **state)
{
    struct script_rig *rig = load_told("function(t) return { t.params.two\n"
                                       "and check.at_least_once() or\n"
                                       "check.backoff { first = '1s' } } end");

    (void)state;
    EXPECT_TEXT(rig->error.text, "");
    assert_int_equal(set_one(rig, 0, "two", "true"), 0);
    assert_int_equal(set_one(rig, 1, "two", "true"), E_SCRIPT);
    EXPECT_PART(rig->error.text, "backoff");
    assert_int_equal(script_rig_line(rig), 1);
    assert_int_equal(set_one(rig, 1, "two", "false"), 0);
    script_rig_destroy(rig);
}

/* A list that a function gave may be changed by it later: the case has its own. */
static void test_params__do_not_share_a_list_with_the_script(void **state)
{
    struct script_rig *rig = load_told("(function()\n"
                                       "local list = { check.backoff { first = '1s' } }\n"
                                       "return function(t)\n"
                                       "  if t.params.two then list[1] = nil end\n"
                                       "  return list end end)()");

    (void)state;
    EXPECT_TEXT(rig->error.text, "");
    assert_int_equal(set_one(rig, 0, "two", "true"), 0);
    assert_int_equal(script_case_at(rig->script, 0)->check_count, 0);
    lua_gc(rig->script->L, LUA_GCCOLLECT);
    expect_first(rig, 1, "1");
    script_rig_destroy(rig);
}

static void test_params__survive_every_allocation_that_fails(void **state)
{
    struct script_rig *rig = load_told(told);
    bool failed = true;

    (void)state;
    for (unsigned n = 1; failed; n++) {
        memory_fail_at(n);
        set_one(rig, 0, "first", "500ms");
        failed = memory_failed();
        memory_fail_at(0);
        if (rig->rc != 0)
            assert_true(rig->error.text[0] != '\0');
    }
    assert_int_equal(rig->rc, 0);
    expect_first(rig, 0, "500");
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
        cmocka_unit_test(test_params__tell_the_checks_what_to_judge),
        cmocka_unit_test(test_params__leave_the_checks_alone_when_these_refuse_them),
        cmocka_unit_test(test_params__say_what_is_wrong_with_a_function_of_checks),
        cmocka_unit_test(test_params__come_to_the_checks_with_the_values_of_the_case),
        cmocka_unit_test(test_params__are_held_against_what_the_case_expects),
        cmocka_unit_test(test_params__do_not_share_a_list_with_the_script),
        cmocka_unit_test(test_params__survive_every_allocation_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
