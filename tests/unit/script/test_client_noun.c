/* client_noun: groups of clients, and streams that wait for theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/memory/memory.h"
#include "tests/lib/script/script_rig.h"

#define GROUP                                                                            \
    "local g = t.cluster:publisher { subject = 'x', name = 'p', count = 3, "             \
    "rate = '5/s' }\n"

static void test_client_noun__count_makes_that_many_clients(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig,
                   GROUP "note('%s has %d: %s %s', g, #g, g[1].name, g[3])\n"
                         "for i, one in ipairs(g) do note('%d %s', i, one.name) end\n"
                         "assert(g[2] == g[2] and g[2] ~= g[1] and g ~= g[1])\n"
                         "g[2]:kill()");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(
        rig->fakes->deeds,
        "client publisher {\"name\": \"p-1\", \"rate\": \"5/s\", \"subject\": \"x\"}\n"
        "client publisher {\"name\": \"p-2\", \"rate\": \"5/s\", \"subject\": \"x\"}\n"
        "client publisher {\"name\": \"p-3\", \"rate\": \"5/s\", \"subject\": \"x\"}\n"
        "kill p-2\n");
    EXPECT_PART(rig->progress, "note group p has 3: p-1 client p-3\n");
    EXPECT_PART(rig->progress, "note 1 p-1\nnote 2 p-2\nnote 3 p-3\n");
    script_rig_destroy(rig);
}

static void test_client_noun__a_count_of_one_is_a_plain_client(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local p = t.cluster:subscriber { subject = 'x', name = 'p',\n"
                        "                                 count = 1 }\n"
                        "note('%s', p)\n"
                        "t.cluster:connector { count = 4 }");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(rig->fakes->deeds,
                "client subscriber {\"name\": \"p\", \"subject\": \"x\"}\n"
                "client connector {\"count\": 4}\n");
    EXPECT_PART(rig->progress, "note client p\n");
    script_rig_destroy(rig);
}

/* Without a name the workload makes them; a durable is numbered like a name. */
static void test_client_noun__numbers_durables_and_leaves_names_to_workloads(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local s = t.cluster:stream('S', { subjects = 's.>' })\n"
                        "local g = s:consumer { durable = 'worker', count = 2 }\n"
                        "note('%s', g)");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_PART(rig->fakes->deeds,
                "client consumer {\"durable\": \"worker-1\", \"stream\": \"S\"}\n"
                "client consumer {\"durable\": \"worker-2\", \"stream\": \"S\"}\n");
    EXPECT_PART(rig->progress, "note group consumer-1 to consumer-2\n");
    script_rig_destroy(rig);
}

static void test_client_noun__a_group_does_what_a_client_does(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, GROUP "assert(g:is_connected() == true and g.name == 'p')\n"
                              "assert(g:attempted() == 600)\n"
                              "assert(g:acknowledged() == 540)\n"
                              "assert(g:received() == 480 and g:missed() == 6)\n"
                              "g:await_connected '5s'\n"
                              "assert(g:await_caught_up '7s' == true)\n"
                              "g:stop() g:restart() g:kill()\n"
                              "g:terminate { grace = '3s' }");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_PART(rig->fakes->deeds,
                "await_connected p-1 5000 ms\nawait_connected p-2 5000 ms\n"
                "await_connected p-3 5000 ms\n"
                "await_caught_up p-1 7000 ms\nawait_caught_up p-2 7000 ms\n"
                "await_caught_up p-3 7000 ms\n"
                "stop p-1\nstop p-2\nstop p-3\n"
                "restart p-1\nrestart p-2\nrestart p-3\n"
                "kill p-1\nkill p-2\nkill p-3\n"
                "terminate p-1 3000 ms\nterminate p-2 3000 ms\nterminate p-3 3000 ms\n");
    EXPECT_PART(rig->fakes->records, "\"action\": \"restart\", \"on\": \"p-3\"");
    EXPECT_PART(rig->fakes->records, "\"action\": \"terminate\", \"on\": \"p-3\"");
    script_rig_destroy(rig);
}

static void test_client_noun__one_that_is_not_connected_is_enough(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    rig->fakes->apart = 2;
    script_rig_run(rig, GROUP "assert(g[1]:is_connected() and not g[2]:is_connected())\n"
                              "assert(g:is_connected() == false)");
    EXPECT_TEXT(rig->error.text, "");
    script_rig_destroy(rig);
}

static void test_client_noun__puts_one_fault_on_all_links_of_a_group(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, GROUP "local f = g.link:latency { base = '20ms' }\n"
                              "note(f.text) f:heal()\n"
                              "f = g:link_to('n2'):stall()\n"
                              "note(f.text)\n"
                              "g.link:reset()");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_PART(rig->fakes->deeds, "add latency link 11 fault 1 {\"base\": \"20ms\"}\n");
    EXPECT_PART(rig->fakes->deeds, "add latency link 32 fault 6 {\"base\": \"20ms\"}\n"
                                   "heal fault 1\nheal fault 2\nheal fault 3\n"
                                   "heal fault 4\nheal fault 5\nheal fault 6\n"
                                   "add stall link 12 fault 7 {}\n"
                                   "add stall link 22 fault 8 {}\n"
                                   "add stall link 32 fault 9 {}\n"
                                   "reset link 11\nreset link 12\nreset link 21\n"
                                   "reset link 22\nreset link 31\nreset link 32\n"
                                   "heal fault 7\nheal fault 8\nheal fault 9\n");
    EXPECT_PART(rig->progress, "note latency base=20ms on p\n");
    EXPECT_PART(rig->progress, "note stall on p -> n2\n");
    script_rig_destroy(rig);
}

/* A connector has a link to each node for each of its connections. */
static void test_client_noun__link_to_is_every_link_to_that_node(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local c = t.cluster:connector { count = 3 }\n"
                        "c:link_to('n2'):stall()\n"
                        "c.link:reset()");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_PART(rig->fakes->deeds, "add stall link 12 fault 1 {}\n"
                                   "add stall link 14 fault 2 {}\n"
                                   "add stall link 16 fault 3 {}\n"
                                   "reset link 11\nreset link 12\nreset link 13\n"
                                   "reset link 14\nreset link 15\nreset link 16\n");
    script_rig_destroy(rig);
}

/* Each process is a fault of its own in evidence: checks ask for clients, not groups. */
static void test_client_noun__pauses_and_resumes_each_of_a_group(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, GROUP "do local f <close> = g:pause() note(f.text) end\n"
                              "note 'after'");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_PART(rig->fakes->deeds,
                "pause p-1\npause p-2\npause p-3\nresume p-1\nresume p-2\nresume p-3\n");
    EXPECT_PART(rig->progress, "note pause on p\n");
    EXPECT_PART(rig->fakes->records,
                "fault_begin a=1000001 {\"fault\": \"pause\", \"on\": \"p-1\"");
    EXPECT_PART(rig->fakes->records,
                "fault_begin a=1000003 {\"fault\": \"pause\", \"on\": \"p-3\"");
    EXPECT_PART(rig->fakes->records, "fault_heal a=1000002");
    EXPECT_PART(rig->fakes->records, "fault_heal a=1000003");
    script_rig_destroy(rig);
}

/* One of them has ended: the others are let go again, and the script hears why. */
static void test_client_noun__takes_a_pause_back_when_one_cannot_be_paused(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    rig->fakes->verb_rc = E_STALE;
    rig->fakes->verb_fails = 2;
    script_rig_run(rig, GROUP "g:pause()");
    assert_int_equal(rig->rc, E_STALE);
    EXPECT_PART(rig->fakes->deeds, "resume p-1\nresume p-3\n");
    assert_false(script_rig_has(rig->fakes->deeds, "resume p-2"));
    EXPECT_PART(rig->fakes->records, "fault_heal a=1000002");
    script_rig_destroy(rig);
}

static void test_client_noun__says_how_many_more_failed(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    rig->fakes->await_rc = E_TIMEOUT;
    script_rig_run(rig, GROUP "local held, why = g:await_caught_up '1s'\n"
                              "note('%s %s', held, why)\n"
                              "g:await_connected '1s'");
    assert_int_equal(rig->rc, E_EXPECTATION);
    EXPECT_PART(rig->progress, "note false timed out (and 2 more)\n");
    EXPECT_ERROR(rig, 5, "timed out (and 2 more)");
    script_rig_destroy(rig);
}

/* Stuck says more than slow, an error more than both. */
static void test_client_noun__tells_the_failure_that_says_most(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    rig->fakes->await_rc = E_TIMEOUT;
    rig->fakes->odd_rc = E_LIMIT;
    rig->fakes->odd_one = 2;
    script_rig_run(rig, GROUP "local held, why = g:await_caught_up '1s'\n"
                              "note('%s %s', held, why)");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_PART(rig->progress, "note false limit reached (and 2 more)\n");
    script_rig_destroy(rig);
    rig = script_rig_create();
    rig->fakes->await_rc = E_TIMEOUT;
    rig->fakes->odd_rc = E_CLOSED;
    rig->fakes->odd_one = 2;
    script_rig_run(rig, GROUP "g:await_caught_up '1s'");
    assert_int_equal(rig->rc, E_CLOSED);
    script_rig_destroy(rig);
}

/* The name of the third is taken: the two that were started answer first. */
static void test_client_noun__refuses_a_group_that_cannot_be_whole(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "t.cluster:subscriber { subject = 'x', name = 'p-3' }\n"
                        "local made, err = pcall(function()\n" GROUP "end)\n"
                        "note('%s %s', made, err.text)\n"
                        "t.cluster:publisher { wrong = 1, count = 2 }");
    EXPECT_PART(rig->progress, "note false there is already a client called 'p-3'\n");
    EXPECT_ERROR(rig, 7, "publisher has no option 'wrong'");
    script_rig_destroy(rig);
}

static void test_client_noun__refuses_a_count_that_is_none(void **state)
{
    static const char *const counts[] = {"0", "-1", "257", "25000", "1.5", "'3'", "true"};

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct script_rig *rig = script_rig_create();
        char text[128];

        snprintf(text, sizeof text, "t.cluster:publisher { subject = 'x', count = %s }",
                 counts[i]);
        script_rig_run(rig, text);
        EXPECT_ERROR(rig, 2,
                     "cluster:publisher: count takes a whole number from 1 to 256");
        EXPECT_PART(rig->error.hint, "messages = N");
        script_rig_destroy(rig);
    }
}

static void test_client_noun__answers_slips_with_groups(void **state)
{
    static const char *const slips[][2] = {
        {"local x = g[0]", "group p has 3 clients; there is no number 0"},
        {"local x = g[5]", "group p has 3 clients; there is no number 5"},
        {"g:stp()", "group has no 'stp'; did you mean 'stop'?"},
        {"g.stop()", "call it with a colon: client:stop(...), not client.stop(...)"},
        {"g[1] = 2", "a group cannot be assigned to; keep values of your own in a local"},
        {"local x = g[1][1]", "a client is no list: it has names only"},
        {"g:link_to 'n9'", "client:link_to takes a node; there is no 'n9'"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        struct script_rig *rig = script_rig_create();
        char text[256];

        snprintf(text, sizeof text, GROUP "%s", slips[i][0]);
        script_rig_run(rig, text);
        EXPECT_ERROR(rig, 3, slips[i][1]);
        script_rig_destroy(rig);
    }
}

static void test_client_noun__a_stream_waits_for_its_own_consumers(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local a = t.cluster:stream('A', { subjects = 'a.>' })\n"
                        "local b = t.cluster:stream('B', { subjects = 'b.>' })\n"
                        "a:publisher()\n"
                        "a:consumer { durable = 'w', name = 'x', count = 2 }\n"
                        "b:consumer { durable = 'w', name = 'other' }\n"
                        "a:consumer { durable = 'v', name = 'y' }\n"
                        "assert(a:await_caught_up '10s' == true)");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_PART(rig->fakes->deeds,
                "await_caught_up x-1 10000 ms\nawait_caught_up x-2 10000 ms\n"
                "await_caught_up y 10000 ms\n");
    assert_false(script_rig_has(rig->fakes->deeds, "await_caught_up other"));
    assert_false(script_rig_has(rig->fakes->deeds, "await_caught_up publisher"));
    script_rig_destroy(rig);
}

static void
test_client_noun__a_stream_that_is_not_read_out_goes_on_and_says_so(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    rig->fakes->await_rc = E_LIMIT;
    script_rig_run(rig, "local a = t.cluster:stream('A', { subjects = 'a.>' })\n"
                        "assert(a:await_caught_up '1s' == true)\n"
                        "a:consumer { durable = 'w' }\n"
                        "local held, why = a:await_caught_up '1s'\n"
                        "note('%s %s', held, why)\n"
                        "a:await_caught_up()");
    EXPECT_PART(rig->fakes->records, "note a=0 {\"text\": \"stream A has no consumer "
                                     "client to wait for\"}");
    EXPECT_PART(rig->fakes->records, "deadline");
    EXPECT_PART(rig->progress, "note false limit reached\n");
    EXPECT_ERROR(rig, 7, "await_caught_up needs a time: write await_caught_up \"20s\"");
    script_rig_destroy(rig);
}

/* Cancelled while half of the answers are there: the rest find nobody, and that is fine.
 */
static void test_client_noun__a_group_that_is_cancelled_leaves_nothing(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load_run(rig, GROUP "g:stop()");
    script_rig_start(rig, 0, NULL);
    while (!script_rig_has(rig->fakes->deeds, "client publisher"))
        script_rig_turn(rig);
    rig->fakes->silent = true;
    script_cancel(rig->script, E_CANCELLED, "interrupted");
    assert_int_equal(script_rig_finish(rig), E_CANCELLED);
    fakes_answer(rig->fakes);
    script_rig_destroy(rig);
}

static void test_client_noun__leaves_nothing_behind_when_an_allocation_fails(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned n = 1; failed; n++) {
        struct script_rig *rig = script_rig_create();

        script_rig_load_run(rig, GROUP "g.link:latency() g:pause() g.link:reset()\n"
                                       "g:stop() g:restart() g[1]:kill()\n"
                                       "g:await_caught_up '1s'");
        memory_fail_at(n);
        if (script_rig_try_start(rig) == 0)
            script_rig_finish(rig);
        failed = memory_failed();
        memory_fail_at(0);
        if (!failed)
            assert_int_equal(rig->rc, 0);
        for (int i = 1; i <= 3; i++) {
            char paused[32];
            char resumed[32];

            snprintf(paused, sizeof paused, "pause p-%d\n", i);
            snprintf(resumed, sizeof resumed, "resume p-%d\n", i);
            if (script_rig_has(rig->fakes->deeds, paused))
                EXPECT_PART(rig->fakes->deeds, resumed);
        }
        script_rig_destroy(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_noun__count_makes_that_many_clients),
        cmocka_unit_test(test_client_noun__a_count_of_one_is_a_plain_client),
        cmocka_unit_test(
            test_client_noun__numbers_durables_and_leaves_names_to_workloads),
        cmocka_unit_test(test_client_noun__a_group_does_what_a_client_does),
        cmocka_unit_test(test_client_noun__one_that_is_not_connected_is_enough),
        cmocka_unit_test(test_client_noun__puts_one_fault_on_all_links_of_a_group),
        cmocka_unit_test(test_client_noun__link_to_is_every_link_to_that_node),
        cmocka_unit_test(test_client_noun__pauses_and_resumes_each_of_a_group),
        cmocka_unit_test(test_client_noun__takes_a_pause_back_when_one_cannot_be_paused),
        cmocka_unit_test(test_client_noun__says_how_many_more_failed),
        cmocka_unit_test(test_client_noun__tells_the_failure_that_says_most),
        cmocka_unit_test(test_client_noun__refuses_a_group_that_cannot_be_whole),
        cmocka_unit_test(test_client_noun__refuses_a_count_that_is_none),
        cmocka_unit_test(test_client_noun__answers_slips_with_groups),
        cmocka_unit_test(test_client_noun__a_stream_waits_for_its_own_consumers),
        cmocka_unit_test(
            test_client_noun__a_stream_that_is_not_read_out_goes_on_and_says_so),
        cmocka_unit_test(test_client_noun__a_group_that_is_cancelled_leaves_nothing),
        cmocka_unit_test(
            test_client_noun__leaves_nothing_behind_when_an_allocation_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
