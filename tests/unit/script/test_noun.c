/* noun: the cluster, nodes, clients, streams, links and faults as a scenario holds them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/memory/memory.h"
#include "tests/lib/script/script_rig.h"

#define PUBLISHER "local p = t.cluster:publisher { subject = 'x', name = 'p' }\n"

static void test_noun__starts_clients_and_asks_them(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, PUBLISHER "note('%s %s', p, p.name)\n"
                                  "assert(p:is_connected() == true)\n"
                                  "assert(p:attempted() == 100)\n"
                                  "assert(p:acknowledged() == 90)\n"
                                  "assert(p:received() == 80 and p:missed() == 1)\n"
                                  "p:await_connected '5s'\n"
                                  "p:stop() p:restart() p:kill()\n"
                                  "p:terminate { grace = '3s' }\n"
                                  "t.cluster:subscriber { subject = 'x' }\n"
                                  "t.cluster:connector { count = 4 }\n"
                                  "t.cluster:stop_workloads()");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(rig->fakes->deeds,
                "client publisher {\"name\": \"p\", \"subject\": \"x\"}\n"
                "await_connected p 5000 ms\n"
                "stop p\nrestart p\nkill p\nterminate p 3000 ms\n"
                "client subscriber {\"subject\": \"x\"}\n"
                "client connector {\"count\": 4}\n"
                "stop_workloads\n");
    EXPECT_PART(rig->progress, "note client p p\n");
    script_rig_destroy(rig);
}

static void test_noun__makes_streams_and_their_clients(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local s = t.cluster:stream('ORDERS', { subjects = 'orders.>',\n"
                        "                                       storage = 'file' })\n"
                        "s:publisher { rate = '500/s' }\n"
                        "s:publisher { subject = 'orders.old' }\n"
                        "s:consumer { durable = 'worker' }\n"
                        "s:add_consumer { durable = 'idle' }\n"
                        "note('%s has %d', s.name, s:info().messages)");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(
        rig->fakes->deeds,
        "admin {\"name\": \"ORDERS\", \"op\": \"add_stream\", \"storage\": \"file\", "
        "\"subjects\": \"orders.>\"}\n"
        "client publisher {\"rate\": \"500/s\", \"stream\": \"ORDERS\", "
        "\"subject\": \"orders.new\"}\n"
        "client publisher {\"stream\": \"ORDERS\", \"subject\": \"orders.old\"}\n"
        "client consumer {\"durable\": \"worker\", \"stream\": \"ORDERS\"}\n"
        "admin {\"durable\": \"idle\", \"op\": \"add_consumer\", \"stream\": "
        "\"ORDERS\"}\n"
        "admin {\"op\": \"stream_info\", \"stream\": \"ORDERS\"}\n");
    EXPECT_PART(rig->progress, "note ORDERS has 42\n");
    script_rig_destroy(rig);
}

static void test_noun__acts_on_nodes(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "for i, node in ipairs(t.cluster.nodes) do\n"
                        "  note('%d %s', i, node.name)\n"
                        "end\n"
                        "local n = t.cluster.nodes[2]\n"
                        "assert(n == t.cluster.nodes[2] and n ~= t.cluster.nodes[1])\n"
                        "n:kill() n:start() n:stop() n:restart()\n"
                        "do local f <close> = n:pause() note(f.text) end\n"
                        "n:kill()");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(rig->fakes->deeds,
                "kill n2\nstart n2\nstop n2\nrestart n2\npause n2\nresume n2\nkill n2\n");
    EXPECT_PART(rig->progress, "note 1 n1\nnote 2 n2\n");
    EXPECT_PART(rig->progress, "note pause on n2\n");
    EXPECT_PART(rig->fakes->records,
                "fault_begin a=1000001 {\"fault\": \"pause\", \"on\": \"n2\"");
    EXPECT_PART(rig->fakes->records, "fault_heal a=1000001");
    script_rig_destroy(rig);
}

static void test_noun__names_the_nodes_there_are(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "t.cluster.nodes[9]:kill()");
    EXPECT_ERROR(rig, 2, "there is no node 9: the cluster has nodes[1] to nodes[2]");
    script_rig_run(rig, "t.cluster.nodes.first:kill()");
    EXPECT_ERROR(rig, 2, "there is no node first: the cluster has nodes[1] to nodes[2]");
    script_rig_destroy(rig);
}

static void test_noun__puts_one_fault_on_all_links_of_a_client(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, PUBLISHER "local f = p.link:latency { base = '20ms' }\n"
                                  "note('%s, now %s', f.text, f:current())\n"
                                  "f:change { base = '40ms' }\n"
                                  "note('now %s', f:current())\n"
                                  "f:heal() f:heal()\n"
                                  "note('now %s', f:current())\n"
                                  "p:link_to('n2'):stall()\n"
                                  "p:link_to(t.cluster.nodes[1]):refuse()\n"
                                  "p.link:reset()");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(rig->fakes->deeds,
                "client publisher {\"name\": \"p\", \"subject\": \"x\"}\n"
                "add latency link 11 fault 1 {\"base\": \"20ms\"}\n"
                "add latency link 12 fault 2 {\"base\": \"20ms\"}\n"
                "change fault 1 {\"base\": \"40ms\"}\n"
                "change fault 2 {\"base\": \"40ms\"}\n"
                "heal fault 1\nheal fault 2\n"
                "add stall link 12 fault 3 {}\n"
                "add refuse link 11 fault 4 {}\n"
                "reset link 11\nreset link 12\n"
                "heal fault 3\nheal fault 4\n");
    EXPECT_PART(rig->progress, "note latency base=20ms on p, now 20ms\n");
    EXPECT_PART(rig->progress, "note now 40ms\n");
    EXPECT_PART(rig->progress, "note now none\n");
    EXPECT_PART(rig->progress, "fault stall on p -> n2\n");
    script_rig_destroy(rig);
}

static void test_noun__heals_what_is_left_however_run_ends(void **state)
{
    static const char *const endings[] = {"", "error 'x'", "expect('x', false)",
                                          "spawn(function() error 'y' end) sleep '1h'"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct script_rig *rig = script_rig_create();
        char text[512];

        snprintf(text, sizeof text,
                 PUBLISHER "p.link:stall() p:pause() t.cluster.nodes[1]:pause() %s",
                 endings[i]);
        script_rig_run(rig, text);
        EXPECT_PART(rig->fakes->deeds, "heal fault 1\nheal fault 2\nresume p\n"
                                       "resume n1\n");
        script_rig_destroy(rig);
    }
}

static void test_noun__heals_at_the_end_of_a_block_that_fails(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, PUBLISHER "pcall(function()\n"
                                  "  local f <close> = p.link:stall()\n"
                                  "  error 'inside'\n"
                                  "end)\n"
                                  "t.cluster.nodes[1]:kill()");
    EXPECT_PART(rig->fakes->deeds, "heal fault 1\nheal fault 2\nkill n1\n");
    script_rig_destroy(rig);
}

static void test_noun__repeats_a_fault_and_leaves_it_healed(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "local f = t.cluster.nodes[1]:pause()\n"
                        "f:repeat_every { on = '1ms', off = '1ms', times = 3 }\n"
                        "note 'done'");
    EXPECT_TEXT(rig->error.text, "");
    EXPECT_TEXT(rig->fakes->deeds,
                "pause n1\nresume n1\npause n1\nresume n1\npause n1\nresume n1\n");
    script_rig_run(rig, "local f = t.cluster.nodes[1]:pause()\n"
                        "f:repeat_every { on = '1ms', of = '1ms', times = 3 }");
    EXPECT_ERROR(rig, 3, "fault:repeat_every has no option 'of'");
    script_rig_run(rig, "local f = t.cluster.nodes[1]:pause()\n"
                        "f:repeat_every { on = '1ms', off = '1ms' }");
    EXPECT_ERROR(rig, 3, "fault:repeat_every needs times = a whole number above zero");
    script_rig_destroy(rig);
}

/* One link refuses the fault: the others lose it again, and the script hears why. */
static void test_noun__takes_a_fault_back_when_one_link_refuses(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    rig->fakes->add_rc = E_CLOSED;
    rig->fakes->add_fails = 12;
    script_rig_run(rig, PUBLISHER "p.link:stall()");
    assert_int_equal(rig->rc, E_CLOSED);
    EXPECT_ERROR(rig, 3, "closed");
    EXPECT_PART(rig->fakes->deeds, "heal fault 1\n");
    assert_false(script_rig_has(rig->fakes->deeds, "heal fault 2"));
    script_rig_destroy(rig);
}

/* Cancelled while the fault is still being added: it is healed when it is there. */
static void test_noun__heals_a_fault_that_arrives_after_the_end(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_load_run(rig, PUBLISHER "p.link:stall()");
    rig->fakes->plane_silent = true;
    script_rig_start(rig, 0, NULL);
    while (!script_rig_has(rig->fakes->deeds, "add stall"))
        script_rig_turn(rig);
    script_cancel(rig->script, E_CANCELLED, "interrupted");
    for (int i = 0; i < 10; i++)
        script_rig_turn(rig);
    assert_false(rig->done);
    fakes_answer(rig->fakes);
    assert_int_equal(script_rig_finish(rig), E_CANCELLED);
    EXPECT_PART(rig->fakes->deeds, "heal fault 1\nheal fault 2\n");
    script_rig_destroy(rig);
}

static void test_noun__raises_what_the_layers_below_refuse(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    script_rig_run(rig, "t.cluster:publisher { wrong = 1 }");
    EXPECT_ERROR(rig, 2, "publisher has no option 'wrong'");
    rig->fakes->create_rc = E_ENVIRONMENT;
    script_rig_run(rig, "\nt.cluster:publisher { subject = 'x' }");
    assert_int_equal(rig->rc, E_ENVIRONMENT);
    EXPECT_ERROR(rig, 3, "environment not fit");
    rig->fakes->create_rc = 0;
    rig->fakes->verb_rc = E_PARAM;
    script_rig_run(rig, "\nt.cluster.nodes[1]:start()");
    EXPECT_ERROR(rig, 3, "bad parameter");
    script_rig_run(rig, "\nt.cluster.nodes[1]:pause()");
    EXPECT_ERROR(rig, 3, "bad parameter");
    EXPECT_PART(rig->fakes->records, "fault_heal");
    script_rig_destroy(rig);
}

static const struct slip {
    const char *text;
    const char *sentence;
} slips[] = {
    {"t.cluster:sream('X')", "cluster has no 'sream'; did you mean 'stream'?"},
    {"t.cluster:partition {}", "cluster has no 'partition'"},
    {"t.cluster.stop_workloads()",
     "call it with a colon: cluster:stop_workloads(...), not "
     "cluster.stop_workloads(...)"},
    {"t.cluster.nodes[1].kill()",
     "call it with a colon: node:kill(...), not node.kill(...)"},
    {"t.cluster.nodes[1]:kill(9)", "node:kill takes nothing"},
    {"t.cluster.nodes[1]:pause '2s'", "node:pause takes nothing"},
    {"t.cluster:stop_workloads '2s'", "cluster:stop_workloads takes nothing"},
    {"t.cluster:connector {}:await_caught_up '2s'",
     "client:await_caught_up: a connector receives nothing"},
    {"t.cluster.nodes[1].nme = 1",
     "a node cannot be assigned to; keep values of your own in a local"},
    {"local x = t.cluster[1]", "a cluster is no list: it has names only"},
    {"local x = t.clster", "t has no 'clster'; did you mean 'cluster'?"},
    {"local x = t.params.down", "t.params has no 'down'"},
    {"t.extra = 1", "t cannot be assigned to; keep values of your own in a local"},
    {"t.cluster:await_healthy(20)",
     "await_healthy needs a unit: write \"20s\" or \"20ms\", not 20"},
    {"t.cluster:await_healthy()",
     "await_healthy needs a time: write await_healthy \"20s\""},
    {"t.cluster:publisher 'x'",
     "cluster:publisher takes a table: write cluster:publisher { name = value }, not a "
     "string"},
    {"t.cluster:publisher({}, {})", "cluster:publisher takes one table"},
    {"t.cluster:publisher { rate = type }",
     "cluster:publisher.rate is a function; it takes text, numbers, true or false"},
    {"t.cluster:publisher { subject = '\\xff' }",
     "cluster:publisher.subject is not UTF-8 text"},
    {"t.cluster:publisher { rate = 0/0 }",
     "cluster:publisher.rate is not a finite number"},
    {"t.cluster:publisher { 'x', rate = 1 }",
     "cluster:publisher mixes a list with names, or has a gap: use one or the other"},
    {"t.cluster:stream({})", "cluster:stream takes a text, not a table"},
    {"t.cluster:stream('a.b')",
     "stream 'a.b': the name has a character it must not have"},
    {"t.cluster:stream('X', { subject = 'x' })",
     "stream has no option 'subject'; did you mean 'subjects'?"},
    {PUBLISHER "p:stop().x = 1", NULL},
    {PUBLISHER "p.link:latncy {}", "link has no 'latncy'; did you mean 'latency'?"},
    {PUBLISHER "p.link:latency { form = '5ms' }", "link:latency has no option 'form'"},
    {PUBLISHER "p.link:latency '20ms'",
     "link:latency takes a table: write link:latency { name = value }, not a string"},
    {PUBLISHER "p.link.stall {}",
     "call it with a colon: link:stall(...), not link.stall(...)"},
    {PUBLISHER "p.link:reset '3s'",
     "link:reset takes nothing, and resets now, or a table such as { after = \"3s\" }, "
     "and is a fault that lasts"},
    {PUBLISHER "p.link:reset(nil)", "link:reset takes nothing, and resets now"},
    {PUBLISHER "p.link:reset { wiat = '3s' }",
     "link:reset has no option 'wiat'; did you mean 'wait'?"},
    {PUBLISHER "p.link.reset { wait = '3s' }",
     "call it with a colon: link:reset(...), not link.reset(...)"},
    {PUBLISHER "p:link_to('n9')", "client:link_to takes a node; there is no 'n9'"},
    {PUBLISHER "p:terminate { grce = '1s' }",
     "client:terminate has no option 'grce'; did you mean 'grace'?"},
    {PUBLISHER "p:await_conected '1s'",
     "client has no 'await_conected'; did you mean 'await_connected'?"},
    {PUBLISHER "p.link:stall():hael()", "fault has no 'hael'; did you mean 'heal'?"},
    {PUBLISHER "p:pause():change { x = 1 }", "a pause has nothing to change"},
    {PUBLISHER "local f = p.link:latency() f:heal() f:change { base = '1ms' }",
     "the fault latency on p has ended"},
    {"note('%d', 'x')",
     "bad argument #2 to 'string.format' (number expected, got string)"},
    {"phase ''", "phase takes a text that is not empty"},
    {"phase(7)", "phase takes a text, not a number"},
};

static void test_noun__answers_every_slip_with_its_line_and_a_way_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        struct script_rig *rig = script_rig_create();
        bool second = strncmp(slips[i].text, PUBLISHER, strlen(PUBLISHER)) == 0;

        script_rig_run(rig, slips[i].text);
        assert_int_not_equal(rig->rc, 0);
        assert_int_equal(script_rig_line(rig), second ? 3 : 2);
        if (slips[i].sentence != NULL)
            EXPECT_PART(rig->error.text, slips[i].sentence);
        script_rig_destroy(rig);
    }
}

static void test_noun__says_that_there_is_no_cluster_or_no_jetstream(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    assert_int_equal(script_rig_load(rig, "scenario \"s\" { run = function(t)\n"
                                          "local x = t.cluster end }"),
                     0);
    script_rig_run_case(rig, 0, NULL);
    EXPECT_ERROR(rig, 2, "this scenario has no cluster");
    assert_int_equal(script_rig_load(rig, "scenario \"s\" { cluster = {},\n"
                                          "run = function(t)\n"
                                          "t.cluster:stream('X') end }"),
                     0);
    script_rig_run_case(rig, 0, NULL);
    EXPECT_ERROR(rig, 3, "cluster:stream needs a cluster with JetStream");
    script_rig_destroy(rig);
}

static void test_noun__gives_a_case_its_values_and_knows_those_of_others(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    assert_int_equal(script_rig_load(rig,
                                     "scenario \"s\" {\n"
                                     "cases = { a = { n = 1 }, b = { other = {} } },\n"
                                     "run = function(t)\n"
                                     "note('%s %s', t.case.n, t.case.other)\n"
                                     "local x = t.case.othr end }"),
                     0);
    script_rig_run_case(rig, 0, NULL);
    EXPECT_PART(rig->progress, "note 1 nil\n");
    EXPECT_ERROR(rig, 5, "t.case has no 'othr'; did you mean 'other'?");
    script_rig_destroy(rig);
}

/* A handle that a file-level local carried into the next run is stale, not a crash. */
static void test_noun__refuses_handles_of_a_run_that_is_over(void **state)
{
    struct script_rig *rig = script_rig_create();

    (void)state;
    assert_int_equal(script_rig_load(rig, "local kept\n"
                                          "scenario \"s\" { cluster = {},\n"
                                          "run = function(t)\n"
                                          "if kept then kept:heal() end\n"
                                          "kept = t.cluster.nodes[1]:pause()\n"
                                          "end }"),
                     0);
    assert_int_equal(script_rig_run_case(rig, 0, NULL), 0);
    assert_int_equal(script_rig_run_case(rig, 0, NULL), E_SCRIPT);
    EXPECT_ERROR(rig, 4, "this fault belongs to a run that is over");
    script_rig_destroy(rig);
}

/* Every fault that was added is healed, whichever allocation fails on the way. */
static void check_all_healed(const char *deeds, uint32_t faults)
{
    for (uint32_t i = 1; i <= faults; i++) {
        char added[32];
        char healed[32];

        snprintf(added, sizeof added, " fault %u {", i);
        snprintf(healed, sizeof healed, "heal fault %u\n", i);
        if (strstr(deeds, added) != NULL)
            EXPECT_PART(deeds, healed);
    }
}

static void test_noun__leaves_nothing_behind_when_an_allocation_fails(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned n = 1; failed; n++) {
        struct script_rig *rig = script_rig_create();

        script_rig_load_run(rig, PUBLISHER "local f = p.link:latency { base = '1ms' }\n"
                                           "spawn(function() p.link:stall() end)\n"
                                           "parallel(function() sleep '1ms' end)\n"
                                           "f:change { base = '2ms' }\n"
                                           "p.link:reset() t.cluster.nodes[1]:pause()\n"
                                           "t.cluster:stream('S', { subjects = 's.>' })");
        memory_fail_at(n);
        if (script_rig_try_start(rig) == 0)
            script_rig_finish(rig);
        failed = memory_failed();
        memory_fail_at(0);
        check_all_healed(rig->fakes->deeds, 4);
        if (!failed)
            assert_int_equal(rig->rc, 0);
        script_rig_destroy(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noun__starts_clients_and_asks_them),
        cmocka_unit_test(test_noun__makes_streams_and_their_clients),
        cmocka_unit_test(test_noun__acts_on_nodes),
        cmocka_unit_test(test_noun__names_the_nodes_there_are),
        cmocka_unit_test(test_noun__puts_one_fault_on_all_links_of_a_client),
        cmocka_unit_test(test_noun__heals_what_is_left_however_run_ends),
        cmocka_unit_test(test_noun__heals_at_the_end_of_a_block_that_fails),
        cmocka_unit_test(test_noun__repeats_a_fault_and_leaves_it_healed),
        cmocka_unit_test(test_noun__takes_a_fault_back_when_one_link_refuses),
        cmocka_unit_test(test_noun__heals_a_fault_that_arrives_after_the_end),
        cmocka_unit_test(test_noun__raises_what_the_layers_below_refuse),
        cmocka_unit_test(test_noun__answers_every_slip_with_its_line_and_a_way_out),
        cmocka_unit_test(test_noun__says_that_there_is_no_cluster_or_no_jetstream),
        cmocka_unit_test(test_noun__gives_a_case_its_values_and_knows_those_of_others),
        cmocka_unit_test(test_noun__refuses_handles_of_a_run_that_is_over),
        cmocka_unit_test(test_noun__leaves_nothing_behind_when_an_allocation_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
