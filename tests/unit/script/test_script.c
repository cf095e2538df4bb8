/* script: a scenario file from the disk to its cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/memory/memory.h"
#include "tests/lib/script/script_rig.h"

#define MINIMAL "scenario \"one\" { run = function(t) end }\n"

static void test_script__gives_the_cases_of_every_scenario_in_a_file(void **state)
{
    struct script_rig *rig = script_rig_create();
    const struct script_case *first;

    (void)state;
    assert_int_equal(script_rig_load(rig, "scenario \"a\" { tags = { 'x', 'y' },\n"
                                          "  timeout = '90s', exclusive = true,\n"
                                          "  run = function(t) end }\n" MINIMAL),
                     0);
    assert_int_equal(script_case_count(rig->script), 2);
    first = script_case_at(rig->script, 0);
    EXPECT_TEXT(first->scenario, "a");
    EXPECT_TEXT(first->name, "");
    EXPECT_TEXT(first->id, "a");
    EXPECT_TEXT(first->file, rig->path);
    assert_int_equal(first->line, 1);
    assert_true(first->exclusive);
    assert_true(first->timeout_ns == 90ull * NS_PER_S);
    assert_int_equal(json_array_size(first->tags), 2);
    assert_int_equal(json_array_size(first->needs), 0);
    assert_null(first->cluster);
    assert_int_equal(script_case_at(rig->script, 1)->line, 4);
    assert_true(script_case_at(rig->script, 1)->timeout_ns == 120ull * NS_PER_S);
    script_rig_destroy(rig);
}

static void test_script__sorts_named_cases_and_keeps_expect_apart(void **state)
{
    struct script_rig *rig = script_rig_create();
    const struct script_case *trap;

    (void)state;
    assert_int_equal(
        script_rig_load(rig, "scenario \"s\" { checks = { check.at_least_once() },\n"
                             "cases = { trap = { n = 1,\n"
                             "  expect = { fails = { at_least_once = 'lost' } } },\n"
                             "  remedy = {} }, run = function(t) end }"),
        0);
    assert_int_equal(script_case_count(rig->script), 2);
    EXPECT_TEXT(script_case_at(rig->script, 0)->id, "s [remedy]");
    trap = script_case_at(rig->script, 1);
    EXPECT_TEXT(trap->id, "s [trap]");
    assert_non_null(trap->expect);
    assert_null(json_object_get(trap->values, "expect"));
    assert_int_equal(json_integer_value(json_object_get(trap->values, "n")), 1);
    assert_int_equal(trap->check_count, 1);
    EXPECT_TEXT(check_id(trap->checks[0]), "at_least_once");
    EXPECT_PART(trap->checks[0]->where, ":1");
    script_rig_destroy(rig);
}

static void test_script__expands_a_matrix_in_the_order_of_its_names(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    assert_int_equal(script_rig_load(rig, "scenario \"s\" { matrix = {\n"
                                          "  sync = { 'default', 'always' },\n"
                                          "  replicas = { 3, 1 } },\n"
                                          "run = function(t) end }"),
                     0);
    assert_int_equal(script_case_count(rig->script), 4);
    EXPECT_TEXT(script_case_at(rig->script, 0)->name, "replicas=3,sync=default");
    EXPECT_TEXT(script_case_at(rig->script, 1)->name, "replicas=3,sync=always");
    EXPECT_TEXT(script_case_at(rig->script, 3)->name, "replicas=1,sync=always");
    script_rig_destroy(rig);
}

static void test_script__asks_a_cluster_function_for_each_case(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    assert_int_equal(
        script_rig_load(rig, "scenario \"s\" { matrix = { n = { 1, 3 } },\n"
                             "cluster = function(case) return { nodes = case.n } end,\n"
                             "run = function(t) end }"),
        0);
    assert_int_equal(json_integer_value(json_object_get(
                         script_case_at(rig->script, 1)->cluster, "nodes")),
                     3);
    script_rig_destroy(rig);
}

static void test_script__reads_files_with_a_mark_carriage_returns_or_a_hash_bang(void **s)
{
    struct script_rig *rig = script_rig_create();

    (void)s;
    assert_int_equal(script_rig_load(rig, "\xEF\xBB\xBF" MINIMAL), 0);
    assert_int_equal(script_rig_load(rig, "#!/usr/bin/env stormdrill\n" MINIMAL), 0);
    assert_int_equal(script_case_at(rig->script, 0)->line, 2);
    assert_int_equal(script_rig_load(rig, "\r\n\r\n" MINIMAL "\r\n"), 0);
    assert_int_equal(script_case_at(rig->script, 0)->line, 3);
    script_rig_load(rig, "\xEF\xBB\xBF-- one\r\nlocal x = \r\n");
    EXPECT_ERROR(rig, 3, "unexpected symbol near <eof>");
    script_rig_destroy(rig);
}

static void test_script__says_why_a_file_cannot_be_read(void **state)
{
    struct script *script = NULL;
    struct error err;

    (void)state;
    assert_int_equal(script_load(&script, "/nowhere/x.lua", &err), E_SCRIPT);
    EXPECT_TEXT(err.text, "cannot read /nowhere/x.lua: No such file or directory");
    assert_int_equal(script_load(&script, "/tmp", &err), E_SCRIPT);
    EXPECT_TEXT(err.text, "cannot read /tmp: Is a directory");
    assert_int_equal(script_load(&script, "/dev/zero", &err), E_SCRIPT);
    EXPECT_TEXT(err.text, "/dev/zero is no scenario: not a file");
    assert_int_equal(script_load(&script, "/nowhere", NULL), E_SCRIPT);
}

/* The system's own words, whatever they are: here a link that leads to itself. */
static void test_script__says_what_the_system_says(void **state)
{
    struct script *script = NULL;
    struct error err;
    char path[] = "/tmp/stormdrill-loop-XXXXXX";

    (void)state;
    close(mkstemp(path));
    unlink(path);
    assert_int_equal(symlink(path, path), 0);
    assert_int_equal(script_load(&script, path, &err), E_SCRIPT);
    EXPECT_PART(err.text, "Too many levels of symbolic links");
    unlink(path);
}

static void test_script__refuses_compiled_and_binary_files(void **state)
{
    struct script_rig *rig = script_rig_create();
    static const char zeros[64];

    (void)state;
    script_rig_load_bytes(rig, "\x1bLuaT\0\x19\x93", 8);
    EXPECT_PART(rig->error.text, "is compiled Lua, which is not run");
    script_rig_load_bytes(rig, "\xEF\xBB\xBF\x1bLua", 7);
    EXPECT_PART(rig->error.text, "is compiled Lua, which is not run");
    assert_int_equal(script_rig_load_bytes(rig, zeros, sizeof zeros), E_SCRIPT);
    EXPECT_PART(rig->error.text, "unexpected symbol");
    script_rig_load(rig, "");
    EXPECT_PART(rig->error.text, "declares no scenario");
    script_rig_destroy(rig);
}

static void test_script__places_a_syntax_error_as_the_manual_shows_it(void **state)
{
    struct script_rig *rig = script_rig_create();
    char expected[300];

    (void)state;
    script_rig_load(rig, "scenario \"x\" {\n  run = function(t)\n    sleep(\"1s\"\n"
                         "    phase \"two\"\n  end }\n");
    EXPECT_ERROR(rig, 4, "')' expected (to close '(' at line 3) near 'phase'");
    snprintf(expected, sizeof expected, "%s:4", rig->path);
    EXPECT_TEXT(rig->error.where, expected);
    assert_int_equal(rig->rc, E_SCRIPT);
    script_rig_destroy(rig);
}

/* A path longer than Lua's own short names must still give whole places. */
static void test_script__places_errors_of_files_with_long_paths(void **state)
{
    struct script_rig *rig = script_rig_create();
    char folder[200] =
        "/tmp/stormdrill-a-very-long-folder-name-that-lua-would-cut-XXXXXX";
    char path[256];
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/scenario.lua", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("\nlocal x = nil + 1\n", file);
    fclose(file);
    assert_int_equal(script_load(&rig->script, path, &rig->error), E_SCRIPT);
    EXPECT_TEXT(rig->error.text, "attempt to perform arithmetic on a nil value");
    EXPECT_PART(rig->error.where, "/scenario.lua:2");
    unlink(path);
    rmdir(folder);
    script_rig_destroy(rig);
}

/* Every slip: the text of the file, the line and the sentence. */
static const struct slip {
    const char *text;
    int line;
    const char *sentence;
} slips[] = {
    {"\nscenario \"x\"\n", 2, "scenario \"x\" has no body"},
    {"scenario \"x\"\n\n" MINIMAL, 1, "scenario \"x\" has no body"},
    {"scenario { run = 1 }", 1,
     "scenario takes its name first: scenario \"name\" { ... }"},
    {"scenario(7) {}", 1, "scenario takes a text, not a number"},
    {"scenario(\"x\", {})", 1,
     "scenario takes its name alone, then the table: scenario \"x\" { ... }"},
    {"scenario \"x\" \"y\"", 1,
     "scenario \"x\" takes one table: scenario \"x\" { run = ... }"},
    {"scenario \"x\" {}", 1, "scenario \"x\" needs run = function(t) ... end"},
    {MINIMAL MINIMAL, 2, "two scenarios are called \"one\""},
    {"scenario \"x\" {\n  tags = {},\n  tmeout = '1s',\n  run = 1 }", 3,
     "scenario has no 'tmeout'; did you mean 'timeout'?"},
    {"scenario \"x\" { 'loose', run = function() end }", 1,
     "scenario has a value without a name: write name = value"},
    {"scenario \"x\" { timeout = 20, run = function() end }", 1,
     "timeout needs a unit: write \"20s\" or \"20ms\", not 20"},
    {"scenario \"x\" { tags = 'quick', run = function() end }", 1,
     "tags is a list of texts: tags = { \"one\", \"two\" }"},
    {"scenario \"x\" { tags = { 1 }, run = function() end }", 1,
     "tags: number 1 is no text"},
    {"scenario \"x\" { exclusive = 'yes', run = function() end }", 1,
     "exclusive is true or false, not a string"},
    {"scenario \"x\" { cluster = 3, run = function() end }", 1,
     "cluster takes a table: cluster = { nodes = 1 }, not a number"},
    {"scenario \"x\" { cluster = { nods = 1 }, run = function() end }", 1,
     "cluster has no option 'nods'; did you mean 'nodes'?"},
    {"scenario \"x\" { cluster = { config = { port = 4222 } }, run = function() end }", 1,
     "cluster.config.port cannot be set in a scenario"},
    {"scenario \"x\" { run = function() end, cluster = function() return\n"
     "{ config = { port = 1 } } end }",
     1, "cluster.config.port cannot be set in a scenario"},
    {"scenario \"x\" { cluster = { config = { f = print } } }", 1,
     "'print' is not available in a scenario: use note(\"...\"): it goes into the "
     "evidence, with its time"},
    {"scenario \"x\" { cluster = { config = { f = type } } }", 1,
     "cluster.config.f is a function; it takes text, numbers, true or false"},
    {"scenario \"x\" { checks = {\n check.at_least_onec() } }", 2,
     "check has no 'at_least_onec'; did you mean 'at_least_once'?"},
    {"scenario \"x\" { checks = {\n check.reconnects \"5s\" } }", 2,
     "check.reconnects takes one table: write check.reconnects { name = value } or "
     "check.reconnects()"},
    {"scenario \"x\" { checks = {\n check.reconnects } }", 1,
     "checks: check.reconnects is not called: write check.reconnects() or "
     "check.reconnects { ... }"},
    {"scenario \"x\" { checks = { 'backoff' } }", 1,
     "checks: number 1 is a string; it takes check.NAME { ... }"},
    {"scenario \"x\" { checks = {\n\n check.reconnects { wthin = '5s' } } }", 3,
     "check.reconnects has no option 'wthin'; did you mean 'within'?"},
    {"scenario \"x\" { cases = { a = 1 }, run = function() end }", 1,
     "case a takes a table of values: a = { name = value }"},
    {"scenario \"x\" { cases = { ['a b'] = {} }, run = function() end }", 1,
     "case 'a b': a name has letters, digits, '_', '-' and '.'"},
    {"scenario \"x\" { cases = { a = {} }, matrix = { b = { 1 } } }", 1,
     "a scenario has cases or a matrix, not both"},
    {"scenario \"x\" { matrix = { b = 1 }, run = function() end }", 1,
     "matrix.b takes a list of values: b = { 1, 3 }"},
    {"scenario \"x\" { params = { p = {} }, run = function() end }", 1,
     "params.p is a table: write param(\"1s\", \"what it is\")"},
    {"scenario \"x\\xff\" {}", 1, "scenario takes UTF-8 text"},
    {"scenario \"x\" { params = { ['\\xff'] = 1 }, run = function() end }", 1,
     "params has a name that is not UTF-8 text"},
    {"scenario \"x\" { params = { a = param(1, '\\xff') } }", 1,
     "param's description takes UTF-8 text"},
    {"scenario \"x\" { tags = { '\\xff' } }", 1, "tags is not UTF-8 text"},
    {"pcall(function() scenario \"x\" { tmeout = 1 } end)", 1,
     "scenario \"x\" is not finished"},
    {"sleep '1s'", 1, "sleep belongs into run = function(t) ... end"},
    {"\nphase 'x'", 2, "phase belongs into run = function(t) ... end"},
    {"local x = random()", 1, "random belongs into run = function(t) ... end"},
    {"eventually('1s', 'x', function() end)", 1,
     "eventually belongs into run = function(t) ... end"},
    {"error('my own words')", 1, "my own words"},
    {"\nerror({})", 2, "an error was raised with table instead of words"},
    {"error()", 1, "an error was raised with nil instead of words"},
    {"local function f() error('up', 2) end\n\nf()", 3, "up"},
    {"string.rep()", 1, "bad argument #2 to 'rep' (number expected, got no value)"},
};

static void test_script__answers_every_slip_with_its_line_and_a_way_out(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        assert_int_equal(script_rig_load(rig, slips[i].text), E_SCRIPT);
        EXPECT_ERROR(rig, slips[i].line, slips[i].sentence);
    }
    script_rig_destroy(rig);
}

static void test_script__refuses_an_expectation_of_a_check_that_is_not_there(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    assert_int_equal(script_rig_load(rig, "scenario \"x\" {\n"
                                          "checks = { check.at_least_once() },\n"
                                          "cases = { trap = { expect = { fails = {\n"
                                          "  at_least_onc = 'lost' } } } },\n"
                                          "run = function() end }"),
                     E_SCRIPT);
    EXPECT_PART(rig->error.text, "at_least_onc");
    EXPECT_PART(rig->error.hint, "at_least_once");
    assert_int_equal(script_rig_line(rig), 1);
    script_rig_destroy(rig);
}

/* Words of the language that come later say so; none of them is a crash or a riddle. */
static void test_script__answers_what_is_not_there_yet(void **state)
{
    static const char *const lines[][2] = {
        {"local p = process { argv = { 'x' } }", "'process' is not available"},
        {"local n = incident 'x.jsonl'", "'incident' is not available"},
        {"local c = check.threshold 'publish.p99 < 1s'", "check has no 'threshold'"},
        {"scenario 'x' { cluster = { tls = {} } }", "cluster has no option 'tls'"},
    };
    struct script_rig *rig = script_rig_create();

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(script_rig_load(rig, lines[i][0]), E_SCRIPT);
        EXPECT_PART(rig->error.text, lines[i][1]);
        assert_int_equal(script_rig_line(rig), 1);
    }
    script_rig_destroy(rig);
}

static void test_script__loads_every_scenario_of_the_tree(void **state)
{
    static const char *const files[] = {
        "scenarios/traps/03-reconnect-backoff.lua",
        "scenarios/traps/06-message-loss.lua",
    };

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct script *script = NULL;
        struct error err = {0};
        char path[512];

        snprintf(path, sizeof path, "%s/%s", STORMDRILL_SOURCE_DIR, files[i]);
        assert_int_equal(script_load(&script, path, &err), 0);
        script_destroy(script);
    }
}

static void test_script__survives_every_allocation_that_fails(void **state)
{
    struct script_rig *rig = script_rig_create();
    bool failed = true;

    (void)state;
    for (unsigned n = 1; failed; n += n < 60 ? 1 : 37) {
        memory_fail_at(n);
        script_rig_load(rig, "scenario \"s\" { cases = { a = { x = 1 }, b = {} },\n"
                             "checks = { check.at_least_once() },\n"
                             "params = { p = param('1s', 'text') },\n"
                             "run = function(t) end }");
        failed = memory_failed();
        memory_fail_at(0);
        if (rig->rc != 0)
            assert_true(rig->error.text[0] != '\0');
    }
    assert_int_equal(rig->rc, 0);
    script_rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_script__gives_the_cases_of_every_scenario_in_a_file),
        cmocka_unit_test(test_script__sorts_named_cases_and_keeps_expect_apart),
        cmocka_unit_test(test_script__expands_a_matrix_in_the_order_of_its_names),
        cmocka_unit_test(test_script__asks_a_cluster_function_for_each_case),
        cmocka_unit_test(
            test_script__reads_files_with_a_mark_carriage_returns_or_a_hash_bang),
        cmocka_unit_test(test_script__says_why_a_file_cannot_be_read),
        cmocka_unit_test(test_script__says_what_the_system_says),
        cmocka_unit_test(test_script__refuses_compiled_and_binary_files),
        cmocka_unit_test(test_script__places_a_syntax_error_as_the_manual_shows_it),
        cmocka_unit_test(test_script__places_errors_of_files_with_long_paths),
        cmocka_unit_test(test_script__answers_every_slip_with_its_line_and_a_way_out),
        cmocka_unit_test(
            test_script__refuses_an_expectation_of_a_check_that_is_not_there),
        cmocka_unit_test(test_script__answers_what_is_not_there_yet),
        cmocka_unit_test(test_script__loads_every_scenario_of_the_tree),
        cmocka_unit_test(test_script__survives_every_allocation_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
