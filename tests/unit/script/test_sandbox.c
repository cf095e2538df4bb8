/* sandbox: what a scenario can name, how much memory and time it may take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/script/script_rig.h"

/* Names that Lua has and scenarios do not; each error says what to use instead. */
static void test_sandbox__refuses_the_ways_out_and_names_another(void **state)
{
    static const struct {
        const char *name;
        const char *way;
    } names[] = {
        {"os", "now()"},
        {"io", "note"},
        {"require", "one file"},
        {"load", "a function"},
        {"dofile", "one file"},
        {"debug", "note"},
        {"coroutine", "spawn"},
        {"loadfile", "one file"},
        {"collectgarbage", "256 MiB"},
        {"print", "note"},
        {"_G", "no globals"},
        {"package", "one file"},
        {"loadstring", "a function"},
    };
    struct script_rig *rig = script_rig_create();
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(text, sizeof text, "\nlocal x = %s", names[i].name);
        assert_int_equal(script_rig_load(rig, text), E_SCRIPT);
        assert_int_equal(script_rig_line(rig), 2);
        EXPECT_PART(rig->error.text, "is not available in a scenario");
        EXPECT_PART(rig->error.text, names[i].way);
    }
    script_rig_load(rig, "os.exit(0)");
    EXPECT_ERROR(rig, 1,
                 "'os' is not available in a scenario: use now(), sleep \"1s\" or "
                 "process { ... } instead");
    script_rig_destroy(rig);
}

static void test_sandbox__refuses_unknown_names_and_suggests_the_near_one(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load(rig, "\nscenaro \"x\" {}");
    EXPECT_ERROR(rig, 2, "unknown name 'scenaro'; did you mean 'scenario'?");
    script_rig_load(rig, "\n\nif somethingelse then end");
    EXPECT_ERROR(rig, 3, "unknown name 'somethingelse'");
    EXPECT_PART(rig->error.hint, "local");
    script_rig_destroy(rig);
}

static void test_sandbox__refuses_to_make_globals(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load(rig, "local a = 1\ncounter = a");
    EXPECT_ERROR(rig, 2, "a scenario has no globals: write local counter = ...");
    script_rig_load(rig, "sleep = 1");
    EXPECT_ERROR(rig, 1, "'sleep' is a word of the language and cannot be assigned to");
    script_rig_load(rig, "function helper() end");
    EXPECT_ERROR(rig, 1, "a scenario has no globals: write local helper = ...");
    script_rig_load(rig, "check.mine = 1");
    EXPECT_ERROR(rig, 1, "check cannot be assigned to; checks come with stormdrill");
    script_rig_destroy(rig);
}

static void test_sandbox__keeps_text_table_and_number_functions(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    assert_int_equal(script_rig_load(rig,
                                     "assert(string.format('%d', 3) == '3')\n"
                                     "assert(('x'):rep(3) == 'xxx')\n"
                                     "assert(math.max(1, 2) == 2)\n"
                                     "assert(utf8.len('\xC3\xA4') == 1)\n"
                                     "assert(table.concat({ 1, 2 }, ',') == '1,2')\n"
                                     "assert(select('#', pcall(error, 'x')) == 2)\n"
                                     "assert(getmetatable('') == false)\n"
                                     "assert(table.move({ 1, 2 }, 1, 2, 2)[3] == 2)\n"
                                     "assert(string.dump == nil)\n"
                                     "scenario \"s\" { run = function(t) end }"),
                     0);
    script_rig_destroy(rig);
}

static void test_sandbox__refuses_finalizers(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load(rig, "\nsetmetatable({}, { __gc = function() end })");
    EXPECT_ERROR(rig, 2, "'__gc' is not available in a scenario");
    script_rig_destroy(rig);
}

static void test_sandbox__goes_through_tables_in_the_order_of_their_keys(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local all, t1 = {}, { b = 1, a = 2, [10] = 3, [2] = 4, c = 5,\n"
                        "  [1.5] = 6, [true] = 7, B = 8, [-1] = 9 }\n"
                        "for k, v in pairs(t1) do all[#all + 1] = tostring(k) .. v end\n"
                        "note(table.concat(all, ' '))\n"
                        "local keys, k = {}, nil\n"
                        "repeat k = next(t1, k) keys[#keys + 1] = tostring(k)\n"
                        "until k == nil\n"
                        "note(table.concat(keys, ' '))\n"
                        "for k in pairs(t1) do t1[k] = nil end\n"
                        "assert(next(t1) == nil)\n"
                        "local own = setmetatable({}, { __pairs = function()\n"
                        "  return function(_, k) sleep '1ms' if not k then return 1 end\n"
                        "  end end })\n"
                        "for k in pairs(own) do note('own %d', k) end");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_PART(rig->progress, "note -19 1.56 24 103 B8 a2 b1 c5 true7\n");
    EXPECT_PART(rig->progress, "note -1 1.5 2 10 B a b c true nil\n");
    EXPECT_PART(rig->progress, "note own 1\n");
    script_rig_destroy(rig);
}

static void test_sandbox__goes_through_long_tables_in_order(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local big, last, count = {}, -1, 0\n"
                        "for i = 1, 1000 do big[(i * 7919) % 10007] = true end\n"
                        "for k in pairs(big) do assert(k > last) last = k\n"
                        "  count = count + 1 end\n"
                        "assert(count == 1000)");
    EXPECT_TEXT(rig->error.text, "");
    script_rig_destroy(rig);
}

static void test_sandbox__ends_an_endless_loop_at_its_line(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load(rig, "local n = 0\n\nwhile true do n = n + 1 end\n");
    EXPECT_ERROR(rig, 3, "no wait for 1 s: this looks like an endless loop");
    script_rig_run(rig, "sleep '1ms'\nlocal n = 0\nrepeat n = n + 1 until false");
    EXPECT_ERROR(rig, 4, "no wait for 1 s: this looks like an endless loop");
    assert_int_equal(rig->rc, E_SCRIPT);
    script_rig_destroy(rig);
}

/* A pcall around the loop, and a loop around the pcall, must not save it. */
static void test_sandbox__ends_an_endless_loop_that_catches_errors(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load(rig, "while true do\n"
                         "  pcall(function() while true do end end)\n"
                         "end\n");
    EXPECT_ERROR(rig, 2, "no wait for 1 s: this looks like an endless loop");
    script_rig_run(rig, "while true do\n"
                        "  xpcall(function() while true do end end,\n"
                        "         function(e) return e end)\n"
                        "end\n");
    EXPECT_ERROR(rig, 3, "no wait for 1 s: this looks like an endless loop");
    script_rig_run(rig, "xpcall(error, function() while true do end end)\n"
                        "note 'never'");
    assert_int_equal(rig->rc, E_SCRIPT);
    assert_false(script_rig_has(rig->progress, "never"));
    script_rig_destroy(rig);
}

static void test_sandbox__counts_the_second_between_waits_only(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "for i = 1, 60 do\n"
                        "  for j = 1, 200000 do local x = i * j end\n"
                        "  sleep '1ms'\n"
                        "end");
    EXPECT_TEXT(rig->error.text, "");
    script_rig_destroy(rig);
}

static void test_sandbox__stops_at_its_memory_and_names_the_line(void **state)
{
    static const char sentence[] = "the scenario needs more than 256 MiB of memory";
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load(rig, "local t = {}\nlocal s = ('x'):rep(1 << 20)\n"
                         "for i = 1, 1000 do\n  t[i] = s .. i\nend\n");
    EXPECT_ERROR(rig, 4, sentence);
    script_rig_load(rig, "\nlocal s = string.rep('x', 1 << 28)");
    EXPECT_ERROR(rig, 2, sentence);
    script_rig_run(rig, "local s = ('x'):rep(1 << 26)\nlocal t = {}\n"
                        "for i = 1, 100 do t[i] = s .. i end");
    EXPECT_ERROR(rig, 4, sentence);
    script_rig_destroy(rig);
}

static void test_sandbox__bounds_what_would_count_for_ever_in_c(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load(rig, "string.rep('', 1 << 60)");
    EXPECT_ERROR(rig, 1, "string.rep: more than 268435456 repetitions");
    script_rig_load(rig, "table.move({}, 1, 1 << 60, 2)");
    EXPECT_ERROR(rig, 1, "table.move: more than 16777216 elements");
    script_rig_destroy(rig);
}

static void test_sandbox__survives_deep_recursion(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    assert_int_equal(script_rig_load(rig, "local function f() return 1 + f() end\nf()"),
                     E_SCRIPT);
    EXPECT_PART(rig->error.text, "stack overflow");
    assert_int_equal(script_rig_line(rig), 1);
    assert_int_equal(script_rig_load(rig, "local function f() pcall(f) end f()\n"
                                          "scenario \"s\" { run = function(t) end }"),
                     0);
    assert_int_equal(script_rig_load(rig, "local t = {} t.t = t\n"
                                          "scenario \"s\" { cluster = t }"),
                     E_SCRIPT);
    EXPECT_PART(rig->error.text, "is nested too deeply (does it contain itself?)");
    assert_int_equal(script_rig_load(rig, "string.gsub(('a'):rep(300000),\n"
                                          "  ('(a)'):rep(40), '')"),
                     E_SCRIPT);
    EXPECT_PART(rig->error.text, "too many captures");
    script_rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sandbox__refuses_the_ways_out_and_names_another),
        cmocka_unit_test(test_sandbox__refuses_unknown_names_and_suggests_the_near_one),
        cmocka_unit_test(test_sandbox__refuses_to_make_globals),
        cmocka_unit_test(test_sandbox__keeps_text_table_and_number_functions),
        cmocka_unit_test(test_sandbox__refuses_finalizers),
        cmocka_unit_test(test_sandbox__goes_through_tables_in_the_order_of_their_keys),
        cmocka_unit_test(test_sandbox__goes_through_long_tables_in_order),
        cmocka_unit_test(test_sandbox__ends_an_endless_loop_at_its_line),
        cmocka_unit_test(test_sandbox__ends_an_endless_loop_that_catches_errors),
        cmocka_unit_test(test_sandbox__counts_the_second_between_waits_only),
        cmocka_unit_test(test_sandbox__stops_at_its_memory_and_names_the_line),
        cmocka_unit_test(test_sandbox__bounds_what_would_count_for_ever_in_c),
        cmocka_unit_test(test_sandbox__survives_deep_recursion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
