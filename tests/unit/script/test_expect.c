/* expect, eventually, always, and await_* that are not met. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/script/script_rig.h"

static void test_expect__records_what_held_and_goes_on(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "expect('one', 1, '<', 2)\n"
                        "expect('two', 'b', '>=', 'a')\n"
                        "expect('three', nil, '==', nil)\n"
                        "expect('four', true, '~=', false)\n"
                        "expect('five', 1 == 1)\n"
                        "note 'end'");
    assert_int_equal(rig->rc, 0);
    EXPECT_TEXT(rig->progress,
                "held one\nheld two\nheld three\nheld four\nheld five\nnote end\n");
    EXPECT_PART(rig->fakes->records, "expectation a=0 held {\"bound\": 2, \"op\": \"<\", "
                                     "\"text\": \"one\", \"value\": 1, \"where\": \"");
    script_rig_destroy(rig);
}

static void test_expect__ends_run_with_its_line_when_false(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "\nexpect('messages missed', 0, '>', 0)\nnote 'never'");
    assert_int_equal(rig->rc, E_EXPECTATION);
    EXPECT_ERROR(rig, 3, "messages missed: expected > 0, measured 0");
    EXPECT_PART(rig->fakes->records, "expectation a=0 {\"bound\": 0, \"op\": \">\"");
    assert_false(script_rig_has(rig->fakes->records, "held"));
    assert_false(script_rig_has(rig->fakes->records, "task_error"));
    EXPECT_TEXT(rig->progress, "not held: messages missed: expected > 0, measured 0\n");
    script_rig_run(rig, "expect('it holds', false)");
    EXPECT_ERROR(rig, 2, "it holds");
    script_rig_run(rig, "expect('it holds', nil)");
    EXPECT_ERROR(rig, 2, "it holds");
    script_rig_destroy(rig);
}

/* A false expectation counts even if a pcall around it catches the error. */
static void test_expect__counts_also_when_its_error_is_caught(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "\npcall(expect, 'caught', 1, '==', 2)\nnote 'goes on'");
    EXPECT_PART(rig->progress, "note goes on\n");
    assert_int_equal(rig->rc, E_EXPECTATION);
    EXPECT_ERROR(rig, 3, "caught: expected == 2, measured 1");
    script_rig_destroy(rig);
}

static void test_expect__refuses_what_cannot_be_compared(void **state)
{
    static const struct {
        const char *text;
        const char *sentence;
    } slips[] = {
        {"expect('x', 1, '=', 1)", "expect does not know '='"},
        {"expect('x', 1, '<', 'a')", "expect cannot compare 1 < \"a\""},
        {"expect('x', nil, '<', 1)", "expect cannot compare nil < 1"},
        {"expect('x')", "expect takes (what, condition) or (what, value, \"<\", bound)"},
        {"expect('x', 1, '<')",
         "expect takes (what, condition) or (what, value, \"<\", bound)"},
        {"expect(1, true)", "expect takes a text, not a number"},
        {"expect('x', function() end)",
         "expect takes a value, not a function: call it, or use eventually(...)"},
    };
    struct script_rig *rig = script_rig_create();

    (void)state;
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        script_rig_run(rig, slips[i].text);
        assert_int_equal(rig->rc, E_SCRIPT);
        EXPECT_ERROR(rig, 2, slips[i].sentence);
    }
    script_rig_destroy(rig);
}

static void test_expect__eventually_holds_as_soon_as_it_is_true(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local n = 0\n"
                        "eventually('1h', 'three', function()\n"
                        "  sleep '1ms' n = n + 1 return n == 3 end)\n"
                        "assert(n == 3)\n"
                        "eventually('0s', 'at once', function() return true end)");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(rig->progress, "held three\nheld at once\n");
    script_rig_destroy(rig);
}

static void test_expect__eventually_asks_a_last_time_at_the_end(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local asked = 0\n"
                        "eventually('20ms', 'never true',\n"
                        "           function() asked = asked + 1 return false end)");
    assert_int_equal(rig->rc, E_EXPECTATION);
    EXPECT_ERROR(rig, 3, "not within 20ms: never true");
    EXPECT_TEXT(rig->progress, "not held: not within 20ms: never true\n");
    script_rig_run(rig, "local asked = 0\n"
                        "pcall(eventually, '0s', 'zero',\n"
                        "      function() asked = asked + 1 end)\n"
                        "note('asked %d', asked)");
    EXPECT_PART(rig->progress, "note asked 1\n");
    script_rig_destroy(rig);
}

static void test_expect__eventually_passes_on_errors_of_its_function(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "eventually('1s', 'x', function()\n"
                        "  return nil + 1 end)");
    assert_int_equal(rig->rc, E_SCRIPT);
    EXPECT_ERROR(rig, 3, "attempt to perform arithmetic on a nil value");
    script_rig_run(rig, "eventually('the text first', '5s', function() end)");
    assert_int_equal(script_rig_line(rig), 2);
    EXPECT_PART(rig->error.text, "the text first");
    script_rig_run(rig, "eventually('5s', 'no function')");
    assert_int_equal(script_rig_line(rig), 2);
    EXPECT_PART(rig->error.text, "eventually takes a function last");
    script_rig_run(rig, "eventually(5, 'x', function() end)");
    EXPECT_ERROR(rig, 2, "eventually needs a unit: write \"5s\" or \"5ms\", not 5");
    script_rig_destroy(rig);
}

static void test_expect__always_watches_for_the_whole_time(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local asked = 0\n"
                        "always('10ms', 'stays', function()\n"
                        "  asked = asked + 1 return true end)\n"
                        "expect('asked more than once', asked, '>', 1)");
    EXPECT_TEXT(rig->error.text, "");
    script_rig_run(rig, "local asked = 0\n"
                        "always('1h', 'breaks', function()\n"
                        "  asked = asked + 1 return asked < 3 end)");
    assert_int_equal(rig->rc, E_EXPECTATION);
    assert_int_equal(script_rig_line(rig), 3);
    EXPECT_PART(rig->error.text, "not true any more after ");
    EXPECT_PART(rig->error.text, " of 1h: breaks");
    script_rig_destroy(rig);
}

/* DESIGN 9: an uncaught await_* time-out is a failed expectation with its line. */
static void test_expect__counts_an_uncaught_await_that_times_out(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    rig->fakes->await_rc = E_TIMEOUT;
    script_rig_run(rig, "\nt.cluster:await_healthy '20s'\nnote 'never'");
    assert_int_equal(rig->rc, E_EXPECTATION);
    EXPECT_ERROR(rig, 3, "timed out");
    EXPECT_PART(rig->fakes->deeds, "await_healthy 20000 ms");
    EXPECT_PART(rig->fakes->records, "deadline a=0 {\"text\": \"timed out\"");
    EXPECT_PART(rig->fakes->records, "expectation a=0 {\"text\": \"timed out\"");
    script_rig_destroy(rig);
}

static void test_expect__leaves_a_caught_await_to_the_script(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    rig->fakes->await_rc = E_TIMEOUT;
    script_rig_run(rig, "local ok, e = pcall(function()\n"
                        "  t.cluster:await_healthy '1s' end)\n"
                        "note('%s %s', ok, e.text)");
    assert_int_equal(rig->rc, 0);
    EXPECT_PART(rig->fakes->records, "deadline");
    assert_false(script_rig_has(rig->fakes->records, "expectation"));
    EXPECT_PART(rig->progress, "note false timed out\n");
    script_rig_destroy(rig);
}

/* Not caught up is for the checks to judge: run goes on. */
static void test_expect__lets_the_checks_judge_who_is_not_caught_up(void **state)
{
    static const int codes[] = {E_TIMEOUT, E_LIMIT};
    struct script_rig *rig = script_rig_create();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rig->fakes->await_rc = codes[i];
        script_rig_run(rig, "local c = t.cluster:subscriber { subject = 'x' }\n"
                            "local ok, why = c:await_caught_up '2s'\n"
                            "note('%s %s', ok, why)");
        assert_int_equal(rig->rc, 0);
        EXPECT_PART(rig->progress,
                    i == 0 ? "note false timed out\n" : "note false limit reached\n");
        EXPECT_PART(rig->fakes->records, "deadline");
        assert_false(script_rig_has(rig->fakes->records, "expectation"));
    }
    rig->fakes->await_rc = 0;
    script_rig_run(rig, "local c = t.cluster:subscriber { subject = 'x' }\n"
                        "assert(c:await_caught_up '2s' == true)");
    EXPECT_TEXT(rig->error.text, "");
    script_rig_destroy(rig);
}

static void test_expect__fails_the_scenario_from_a_spawned_task(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "spawn(function()\n"
                        "  expect('in a task', 1, '==', 2) end)\n"
                        "sleep '1h'");
    assert_int_equal(rig->rc, E_EXPECTATION);
    EXPECT_ERROR(rig, 3, "in a task: expected == 2, measured 1");
    script_rig_destroy(rig);
}

/* A script can hand over any bytes; records and progress stay whole. */
static void test_expect__keeps_records_whole_whatever_bytes_come(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "note('c\\xc3\\xa4\\xe2\\x82\\nd\\xed\\xa0\\x80')\n"
                        "expect('e', '\\xc0\\x80', '==', '\\xc0\\x80')\n"
                        "error('f\\xf4\\x90\\x80\\x80')");
    EXPECT_TEXT(rig->progress, "note c\xC3\xA4?? d???\nheld e\nerror f????\n");
    EXPECT_PART(rig->fakes->records, "\"bound\": \"??\"");
    EXPECT_ERROR(rig, 4, "f????");
    script_rig_run(rig, "phase 'a\\xff'");
    EXPECT_ERROR(rig, 2, "phase takes UTF-8 text");
    script_rig_run(rig, "phase 'a\\nb'");
    EXPECT_ERROR(rig, 2, "a phase's name is one line without tabs");
    script_rig_run(rig, "note(7)");
    EXPECT_ERROR(rig, 2, "note takes a text first: note(\"%d of %d\", a, b)");
    script_rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expect__records_what_held_and_goes_on),
        cmocka_unit_test(test_expect__ends_run_with_its_line_when_false),
        cmocka_unit_test(test_expect__counts_also_when_its_error_is_caught),
        cmocka_unit_test(test_expect__refuses_what_cannot_be_compared),
        cmocka_unit_test(test_expect__eventually_holds_as_soon_as_it_is_true),
        cmocka_unit_test(test_expect__eventually_asks_a_last_time_at_the_end),
        cmocka_unit_test(test_expect__eventually_passes_on_errors_of_its_function),
        cmocka_unit_test(test_expect__always_watches_for_the_whole_time),
        cmocka_unit_test(test_expect__counts_an_uncaught_await_that_times_out),
        cmocka_unit_test(test_expect__leaves_a_caught_await_to_the_script),
        cmocka_unit_test(test_expect__lets_the_checks_judge_who_is_not_caught_up),
        cmocka_unit_test(test_expect__fails_the_scenario_from_a_spawned_task),
        cmocka_unit_test(test_expect__keeps_records_whole_whatever_bytes_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
