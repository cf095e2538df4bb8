/* tasks: where waiting is possible, and how tasks end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/script/script_rig.h"

static const char cannot_wait[] =
    "cannot wait here: this code is called from C (a table.sort comparator, a gsub "
    "callback or require)";

/* ux.md 3.5, trap 1: what yields in Lua 5.4 must, the rest must say why not. */
static void
test_tasks__may_wait_inside_protected_calls_metamethods_and_iterators(void **s)
{
    struct script_rig *rig = script_rig_create();

    (void)s;
    script_rig_run(
        rig, "assert(pcall(sleep, '1ms'))\n"
             "assert(select(2, pcall(function() sleep '1ms' return 'x' end)) == 'x')\n"
             "assert(xpcall(sleep, function(e) return e end, '1ms'))\n"
             "local ok, e = pcall(function() sleep '1ms' error('later') end)\n"
             "assert(not ok and tostring(e):find('later'))\n"
             "local m = setmetatable({}, { __add = function() sleep '1ms' return 7 end,\n"
             "  __index = function(_, k) sleep '1ms' return k end,\n"
             "  __call = function() sleep '1ms' return 9 end,\n"
             "  __eq = function() sleep '1ms' return true end })\n"
             "assert(m + 1 == 7 and m.abc == 'abc' and m() == 9)\n"
             "local function step(_, i) sleep '1ms' if i < 3 then return i + 1 end end\n"
             "local n = 0\n"
             "for i in step, nil, 0 do n = n + i end\n"
             "assert(n == 6)\n"
             "do local c <close> = setmetatable({}, { __close = function()\n"
             "  sleep '1ms' note 'closed' end }) end\n"
             "local closed = {}\n"
             "pcall(function()\n"
             "  local c <close> = setmetatable({}, { __close = function()\n"
             "    sleep '1ms' note 'closed by error' end })\n"
             "  error 'x'\n"
             "end)\n");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_PART(rig->progress, "note closed\n");
    EXPECT_PART(rig->progress, "note closed by error\n");
    script_rig_destroy(rig);
}

static void test_tasks__says_where_waiting_is_not_possible(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "\ntable.sort({ 2, 1 }, function(a, b)\n"
                        "  sleep '1ms' return a < b end)");
    EXPECT_ERROR(rig, 4, cannot_wait);
    script_rig_run(rig, "local s = ('ab'):gsub('.', function(c)\n"
                        "  t.cluster:await_healthy '1s' end)");
    EXPECT_ERROR(rig, 3, cannot_wait);
    script_rig_run(rig, "local o = setmetatable({}, { __tostring = function()\n"
                        "  parallel(function() end) return 'x' end })\n"
                        "tostring(o)");
    EXPECT_ERROR(rig, 3, cannot_wait);
    script_rig_run(rig, "local p = t.cluster:publisher {}\n"
                        "table.sort({ 2, 1 }, function(a, b)\n"
                        "  p.link:stall() return a < b end)");
    EXPECT_ERROR(rig, 4, cannot_wait);
    script_rig_destroy(rig);
}

static void test_tasks__refuses_times_without_a_unit(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "sleep(20)");
    EXPECT_ERROR(rig, 2, "sleep needs a unit: write \"20s\" or \"20ms\", not 20");
    script_rig_run(rig, "sleep(1.5)");
    EXPECT_ERROR(rig, 2, "sleep needs a unit: write \"1.5s\" or \"1.5ms\", not 1.5");
    script_rig_run(rig, "sleep()");
    EXPECT_ERROR(rig, 2, "sleep needs a time: write sleep \"20s\"");
    script_rig_run(rig, "sleep {}");
    EXPECT_ERROR(rig, 2, "sleep takes a time such as \"20s\", not a table");
    script_rig_run(rig, "sleep '20'");
    assert_int_equal(script_rig_line(rig), 2);
    EXPECT_PART(rig->error.text, "20");
    script_rig_run(rig, "sleep '-5s'");
    assert_int_equal(script_rig_line(rig), 2);
    script_rig_destroy(rig);
}

static void test_tasks__runs_spawned_tasks_beside_run(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig,
                   "local job = spawn(function() note 'a' sleep '5ms' note 'c' end)\n"
                   "assert(not job:is_done())\n"
                   "sleep '1ms' note 'b'\n"
                   "job:await '5s'\n"
                   "assert(job:is_done())\n"
                   "job:await() note 'd'");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(rig->progress, "note a\nnote b\nnote c\nnote d\n");
    script_rig_destroy(rig);
}

static void test_tasks__cancels_spawned_tasks_when_run_ends(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "spawn(function()\n"
                        "  local c <close> = setmetatable({}, { __close = function()\n"
                        "    note 'tidied up' end })\n"
                        "  sleep '1h' note 'never'\n"
                        "end)\n"
                        "sleep '1ms'");
    assert_int_equal(rig->rc, 0);
    EXPECT_TEXT(rig->progress, "note tidied up\n");
    script_rig_destroy(rig);
}

static void test_tasks__fails_the_scenario_with_the_line_of_a_spawned_task(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "spawn(function()\n"
                        "  sleep '1ms'\n"
                        "  local x = nil\n"
                        "  x.y = 1\n"
                        "end)\n"
                        "sleep '1h'\n"
                        "note 'never'");
    assert_int_equal(rig->rc, E_SCRIPT);
    EXPECT_ERROR(rig, 5, "attempt to index a nil value (local 'x')");
    EXPECT_PART(rig->fakes->records, "task_error");
    EXPECT_PART(rig->fakes->records, "attempt to index a nil value (local 'x')");
    assert_false(script_rig_has(rig->progress, "never"));
    script_rig_destroy(rig);
}

static void test_tasks__waits_for_all_of_parallel_and_gives_their_results(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local a, b, c = parallel(\n"
                        "  function() sleep '3ms' return 'slow' end,\n"
                        "  function() end,\n"
                        "  function() return 3, 4 end)\n"
                        "note('%s %s %s', a, b, c)");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(rig->progress, "note slow nil 3\n");
    script_rig_run(rig, "parallel()");
    assert_int_equal(script_rig_line(rig), 2);
    EXPECT_PART(rig->error.text, "parallel takes functions");
    script_rig_run(rig, "parallel(function() end, 7)");
    EXPECT_ERROR(rig, 2, "parallel takes functions; number 2 is a number");
    script_rig_destroy(rig);
}

static void test_tasks__ends_the_siblings_when_one_of_parallel_fails(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local ok, e = pcall(parallel,\n"
                        "  function() pcall(sleep, '1h') note 'woken' sleep '1h' end,\n"
                        "  function()\n"
                        "    sleep '1ms' error 'mine' end)\n"
                        "note('%s %s', ok, e.text)\n"
                        "parallel(function() error('uncaught') end)");
    EXPECT_TEXT(rig->progress, "note woken\nnote false mine\nerror uncaught\n");
    EXPECT_ERROR(rig, 7, "uncaught");
    script_rig_destroy(rig);
}

static void test_tasks__repeats_every_beat_until_it_is_cancelled(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig,
                   "local turns = 0\n"
                   "local beat = every('1ms', function() turns = turns + 1 end)\n"
                   "eventually('5s', 'three turns', function() return turns >= 3 end)\n"
                   "beat:cancel()\n"
                   "beat:await '5s'\n"
                   "local before = turns\n"
                   "sleep '5ms'\n"
                   "assert(turns == before)");
    EXPECT_TEXT(rig->error.text, "");
    assert_int_equal(rig->rc, 0);
    script_rig_run(rig, "every('0s', function() end)");
    EXPECT_ERROR(rig, 2, "every needs a time above zero, such as \"1s\"");
    script_rig_run(rig, "every('1s')");
    assert_int_equal(script_rig_line(rig), 2);
    script_rig_destroy(rig);
}

/* DESIGN 7.1: a cancelled task gets an error at this and at every later wait. */
static void test_tasks__cancels_at_every_wait_whatever_pcall_does(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load_run(rig,
                        "local ok, e = pcall(sleep, '1h')\n"
                        "note('first %s', e.text)\n"
                        "ok, e = pcall(function() t.cluster:await_healthy '1s' end)\n"
                        "note('second %s', e.text)\n"
                        "for i = 1, 3 do pcall(sleep, '1h') end\n"
                        "sleep '1h'\n"
                        "note 'never'");
    script_rig_start(rig, 0, NULL);
    script_rig_turn(rig);
    script_cancel(rig->script, E_TIMEOUT, "timed out after 1m");
    script_cancel(rig->script, E_CANCELLED, "too late");
    assert_int_equal(script_rig_finish(rig), E_TIMEOUT);
    EXPECT_TEXT(rig->progress, "note first timed out after 1m\n"
                               "note second timed out after 1m\n");
    EXPECT_ERROR(rig, 2, "timed out after 1m");
    EXPECT_TEXT(rig->fakes->deeds, "");
    script_rig_destroy(rig);
}

static void test_tasks__cancels_a_task_that_loops_around_its_cancellation(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load_run(rig, "while true do pcall(sleep, '1h') end");
    script_rig_start(rig, 0, NULL);
    script_rig_turn(rig);
    script_cancel(rig->script, E_CANCELLED, "interrupted");
    assert_int_equal(script_rig_finish(rig), E_CANCELLED);
    EXPECT_ERROR(rig, 2, "interrupted");
    script_rig_destroy(rig);
}

static void test_tasks__tells_an_error_that_a_cancelled_task_raised(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "spawn(function()\n"
                        "  pcall(sleep, '1h')\n"
                        "  local x = nil\n"
                        "  x.y = 1\n"
                        "end)\n"
                        "spawn(function() sleep '1h' end)\n"
                        "spawn(function()\n"
                        "  local ok, e = pcall(sleep, '1h')\n"
                        "  error('wrapped: ' .. tostring(e))\n"
                        "end)\n"
                        "sleep '1ms'");
    assert_int_equal(rig->rc, 0);
    EXPECT_TEXT(rig->progress, "warning a task that was being cancelled failed: attempt "
                               "to index a nil value (local 'x')\n");
    EXPECT_PART(rig->fakes->records, "warning");
    EXPECT_PART(rig->fakes->records, ":5\"");
    script_rig_destroy(rig);
}

static void test_tasks__runs_close_handlers_of_a_cancelled_task(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load_run(rig,
                        "local outer <close> = setmetatable({}, { __close = function()\n"
                        "  note 'outer' end })\n"
                        "local inner <close> = setmetatable({}, { __close = function()\n"
                        "  note 'inner' sleep '1s' note 'never' end })\n"
                        "local f <close> = t.cluster.nodes[1]:pause()\n"
                        "note 'paused' sleep '1h'");
    script_rig_start(rig, 0, NULL);
    while (!script_rig_has(rig->progress, "note paused"))
        script_rig_turn(rig);
    script_cancel(rig->script, E_CANCELLED, "interrupted");
    assert_int_equal(script_rig_finish(rig), E_CANCELLED);
    EXPECT_PART(rig->progress, "fault pause on n1\nnote paused\nheal pause on n1\n"
                               "note inner\nnote outer\n");
    assert_false(script_rig_has(rig->progress, "never"));
    EXPECT_TEXT(rig->fakes->deeds, "pause n1\nresume n1\n");
    script_rig_destroy(rig);
}

static void
test_tasks__cancels_before_the_first_line_and_ignores_it_after_the_end(void **s)
{
    struct script_rig *rig = script_rig_create();

    (void)s;
    script_rig_load_run(rig, "note 'never'");
    script_cancel(rig->script, E_CANCELLED, "nothing runs yet");
    script_rig_start(rig, 0, NULL);
    script_cancel(rig->script, E_CANCELLED, "at once");
    assert_int_equal(script_rig_finish(rig), E_CANCELLED);
    EXPECT_TEXT(rig->progress, "");
    script_cancel(rig->script, E_CANCELLED, "it is over");
    script_rig_destroy(rig);
}

/* The answer of what a cancelled task asked for comes when nobody is there any more. */
static void test_tasks__drops_an_answer_that_comes_too_late(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load_run(rig, "t.cluster.nodes[1]:kill()");
    rig->fakes->silent = true;
    script_rig_start(rig, 0, NULL);
    while (rig->fakes->waiting == 0)
        script_rig_turn(rig);
    script_cancel(rig->script, E_CANCELLED, "interrupted");
    assert_int_equal(script_rig_finish(rig), E_CANCELLED);
    assert_int_equal(rig->fakes->waiting, 1);
    fakes_answer(rig->fakes);
    script_rig_destroy(rig);
}

static void test_tasks__draws_the_same_numbers_from_the_same_seed(void **state)
{
    static const char body[] =
        "note('%d %d %.6f %s', random(100), math.random(5, 9), random(),\n"
        "     random('1ms', '2s'))\n"
        "parallel(function() note('a %d', random(1000000)) end,\n"
        "         function() note('b %d', random(1000000)) end)\n";
    struct script_rig *one = script_rig_create_seeded(7);
    struct script_rig *two = script_rig_create_seeded(7);
    struct script_rig *other = script_rig_create_seeded(8);

    (void)state;
    script_rig_run(one, body);
    script_rig_run(two, body);
    script_rig_run(other, body);
    EXPECT_TEXT(one->error.text, "");
    EXPECT_TEXT(one->progress, two->progress);
    assert_string_not_equal(one->progress, other->progress);
    script_rig_run(one, "math.randomseed(1)");
    EXPECT_ERROR(one, 2, "math.randomseed is not available: the seed of the run decides");
    script_rig_run(one, "random(0)");
    EXPECT_ERROR(one, 2, "random: nothing lies between 1 and 0");
    script_rig_destroy(one);
    script_rig_destroy(two);
    script_rig_destroy(other);
}

static void test_tasks__keeps_the_first_error_of_many(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "spawn(function() sleep '1ms'\n"
                        "error 'first' end)\n"
                        "local ok = pcall(sleep, '1h')\n"
                        "error 'second'");
    EXPECT_ERROR(rig, 3, "first");
    script_rig_destroy(rig);
}

static void test_tasks__needs_a_scenario_on_the_top_level_only(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "scenario 'inner'");
    EXPECT_ERROR(rig, 2, "scenario stands at the top of the file, not inside run");
    script_rig_run(rig, "\nspawn(sleep) sleep '1h'");
    EXPECT_ERROR(rig, 3, "sleep needs a time: write sleep \"20s\"");
    script_rig_run(rig, "spawn(7)");
    EXPECT_ERROR(rig, 2, "spawn takes a function, not a number");
    script_rig_run(rig, "local me me = spawn(function() me:await() end) sleep '1h'");
    EXPECT_ERROR(rig, 2, "a task cannot wait for itself");
    script_rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_tasks__may_wait_inside_protected_calls_metamethods_and_iterators),
        cmocka_unit_test(test_tasks__says_where_waiting_is_not_possible),
        cmocka_unit_test(test_tasks__refuses_times_without_a_unit),
        cmocka_unit_test(test_tasks__runs_spawned_tasks_beside_run),
        cmocka_unit_test(test_tasks__cancels_spawned_tasks_when_run_ends),
        cmocka_unit_test(test_tasks__fails_the_scenario_with_the_line_of_a_spawned_task),
        cmocka_unit_test(test_tasks__waits_for_all_of_parallel_and_gives_their_results),
        cmocka_unit_test(test_tasks__ends_the_siblings_when_one_of_parallel_fails),
        cmocka_unit_test(test_tasks__repeats_every_beat_until_it_is_cancelled),
        cmocka_unit_test(test_tasks__cancels_at_every_wait_whatever_pcall_does),
        cmocka_unit_test(test_tasks__cancels_a_task_that_loops_around_its_cancellation),
        cmocka_unit_test(test_tasks__tells_an_error_that_a_cancelled_task_raised),
        cmocka_unit_test(test_tasks__runs_close_handlers_of_a_cancelled_task),
        cmocka_unit_test(
            test_tasks__cancels_before_the_first_line_and_ignores_it_after_the_end),
        cmocka_unit_test(test_tasks__drops_an_answer_that_comes_too_late),
        cmocka_unit_test(test_tasks__draws_the_same_numbers_from_the_same_seed),
        cmocka_unit_test(test_tasks__keeps_the_first_error_of_many),
        cmocka_unit_test(test_tasks__needs_a_scenario_on_the_top_level_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
