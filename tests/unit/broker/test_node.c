/* test_node: a real nats-server through all its verbs and states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/broker/broker_rig.h"

static int setup(void **state)
{
    static struct broker_rig rig;

    broker_rig_init(&rig);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    broker_rig_release(*state);
    return 0;
}

/* Follows a node's address like the links of a client do. */
struct follower {
    struct node_watch watch;
    int told;
    bool holds_back; /* says "done" only when the test does it */
    char address[64];
};

static void on_address(struct node_watch *watch, struct node *node, const char *address)
{
    struct follower *follower = watch->arg;

    follower->told++;
    snprintf(follower->address, sizeof follower->address, "%s", address);
    if (!follower->holds_back)
        node_watch_done(node);
}

static void follow(struct broker_rig *rig, struct follower *follower)
{
    *follower = (struct follower){.watch = {.on_address = on_address}};
    follower->watch.arg = follower;
    cluster_watch(rig->cluster, &follower->watch);
}

static void test_node__starts_and_says_who_it_is(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "");
    char line[1024];

    assert_int_equal(node_state(node), NODE_UP);
    assert_true(node_pid(node) > 0);
    assert_string_equal(node_name(node), "n1");
    assert_int_equal(node_number(node), 1);
    assert_ptr_equal(cluster_node_named(rig->cluster, "n1"), node);
    assert_null(cluster_node_named(rig->cluster, "n2"));
    broker_rig_hear(node_address(node), line, sizeof line);
    assert_non_null(strstr(line, "\"server_name\":\"stormdrill-"));
    assert_null(strstr(line, "\"jetstream\""));
    assert_true(broker_rig_file_has(rig, "brokers/n1/n1.log", "Server is ready"));
}

static void test_node__has_jetstream_with_its_store_in_the_run_folder(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "{\"jetstream\": true}");
    char line[1024];
    char path[512];

    broker_rig_hear(node_address(node), line, sizeof line);
    assert_non_null(strstr(line, "\"jetstream\":true"));
    snprintf(path, sizeof path, "%s/brokers/n1/store/jetstream", rig->folder);
    assert_int_equal(access(path, F_OK), 0);
}

static void test_node__stops_politely_and_starts_on_another_port(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "");
    struct follower follower;
    struct outcome outcome;

    follow(rig, &follower);
    assert_int_equal(broker_rig_run(rig, node, node_stop, &outcome), 0);
    assert_int_equal(node_state(node), NODE_DOWN);
    assert_int_equal(node_pid(node), 0);
    assert_string_equal(node_address(node), "");
    assert_int_equal(follower.told, 1);
    assert_string_equal(follower.address, "");
    assert_int_equal(broker_rig_processes(rig), 0);
    assert_true(broker_rig_file_has(rig, "brokers/n1/n1.log", "Server Exiting"));

    assert_int_equal(broker_rig_run(rig, node, node_start, &outcome), 0);
    assert_int_equal(follower.told, 2);
    assert_string_equal(follower.address, node_address(node));
    assert_non_null(strstr(follower.address, "127.0.0.1:"));
    cluster_unwatch(rig->cluster, &follower.watch);
}

static void test_node__is_killed_without_a_last_word(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "");
    struct outcome outcome;

    assert_int_equal(broker_rig_run(rig, node, node_kill, &outcome), 0);
    assert_int_equal(node_state(node), NODE_DOWN);
    assert_int_equal(broker_rig_processes(rig), 0);
    assert_false(broker_rig_file_has(rig, "brokers/n1/n1.log", "Initiating Shutdown"));
}

static void test_node__pauses_in_force_and_resumes(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "");
    struct outcome outcome;
    char line[1024];

    assert_int_equal(broker_rig_run(rig, node, node_pause, &outcome), 0);
    assert_int_equal(node_state(node), NODE_PAUSED);
    /* The kernel accepts, but nobody speaks. */
    broker_rig_hear(node_address(node), line, sizeof line);
    assert_string_equal(line, "");
    assert_int_equal(broker_rig_run(rig, node, node_resume, &outcome), 0);
    assert_int_equal(node_state(node), NODE_UP);
    broker_rig_hear(node_address(node), line, sizeof line);
    assert_non_null(strstr(line, "INFO "));
}

static void test_node__can_be_stopped_and_killed_while_paused(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "");
    struct outcome outcome;

    assert_int_equal(broker_rig_run(rig, node, node_pause, &outcome), 0);
    assert_int_equal(broker_rig_run(rig, node, node_stop, &outcome), 0);
    assert_true(broker_rig_file_has(rig, "brokers/n1/n1.log", "Server Exiting"));
    assert_int_equal(broker_rig_run(rig, node, node_start, &outcome), 0);
    assert_int_equal(broker_rig_run(rig, node, node_pause, &outcome), 0);
    assert_int_equal(broker_rig_run(rig, node, node_kill, &outcome), 0);
    assert_int_equal(node_state(node), NODE_DOWN);
}

static void
test_node__restarts_with_its_name_and_tells_the_watchers_in_order(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "{\"jetstream\": true}");
    struct follower follower;
    struct outcome outcome;
    char before[1024];
    char after[1024];
    int pid = node_pid(node);

    broker_rig_hear(node_address(node), before, sizeof before);
    follow(rig, &follower);
    assert_int_equal(broker_rig_run(rig, node, node_restart, &outcome), 0);
    assert_int_equal(follower.told, 2); /* "" and then the new one */
    assert_string_equal(follower.address, node_address(node));
    assert_int_not_equal(node_pid(node), pid);
    broker_rig_hear(node_address(node), after, sizeof after);
    assert_memory_equal(strstr(before, "\"server_name\""),
                        strstr(after, "\"server_name\""),
                        strlen("\"server_name\":\"stormdrill-12345678-n1\""));
    cluster_unwatch(rig->cluster, &follower.watch);
}

static void test_node__is_done_only_after_every_watcher_has_acted(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "");
    struct follower slow;
    struct follower quick;
    struct outcome outcome = {.calls = 0};

    follow(rig, &slow);
    follow(rig, &quick);
    slow.holds_back = true;
    node_kill(node, broker_rig_done, &outcome);
    while (node_state(node) != NODE_DOWN)
        uv_run(&rig->loop, UV_RUN_ONCE);
    for (int i = 0; i < 20; i++)
        uv_run(&rig->loop, UV_RUN_ONCE);
    assert_int_equal(slow.told, 1);
    assert_int_equal(quick.told, 1);
    assert_int_equal(outcome.calls, 0);
    node_watch_done(node);
    broker_rig_until(rig, &outcome);
    assert_int_equal(outcome.rc, 0);
    cluster_unwatch(rig->cluster, &slow.watch);
    cluster_unwatch(rig->cluster, &quick.watch);
}

static void test_node__refuses_verbs_that_do_not_fit(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node;
    struct outcome outcome;

    broker_rig_create(rig, "");
    node = cluster_node(rig->cluster, 0);
    assert_int_equal(broker_rig_run(rig, node, node_kill, &outcome), E_PARAM);
    assert_string_equal(outcome.error.text, "cannot kill n1: it is down");
    assert_int_equal(broker_rig_run(rig, node, node_stop, &outcome), E_PARAM);
    assert_int_equal(broker_rig_run(rig, node, node_pause, &outcome), E_PARAM);
    assert_int_equal(broker_rig_run(rig, node, node_resume, &outcome), E_PARAM);
    assert_int_equal(broker_rig_run(rig, node, node_restart, &outcome), E_PARAM);
    assert_int_equal(broker_rig_run(rig, node, node_start, &outcome), 0);
    assert_int_equal(broker_rig_run(rig, node, node_start, &outcome), E_PARAM);
    assert_string_equal(outcome.error.text, "cannot start n1: it is up");
    assert_int_equal(broker_rig_run(rig, node, node_resume, &outcome), E_PARAM);
}

static void test_node__can_be_killed_and_stopped_while_it_starts(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node;
    void (*const verbs[])(struct node *, node_done_fn *, void *) = {node_kill, node_stop};

    broker_rig_create(rig, "{\"jetstream\": true}");
    node = cluster_node(rig->cluster, 0);
    /* At once, and after so many turns of the loop: in every step of a start. */
    for (int turns = 0; turns < 12; turns++) {
        struct outcome started = {.calls = 0};
        struct outcome ended = {.calls = 0};

        node_start(node, broker_rig_done, &started);
        for (int i = 0; i < turns * turns / 2 && node_state(node) == NODE_STARTING; i++)
            uv_run(&rig->loop, UV_RUN_ONCE);
        verbs[turns % 2](node, broker_rig_done, &ended);
        broker_rig_until(rig, &ended);
        broker_rig_until(rig, &started);
        assert_int_equal(ended.rc, 0);
        assert_true(started.rc == 0 || started.rc == E_CANCELLED);
        assert_int_equal(node_state(node), NODE_DOWN);
        assert_int_equal(broker_rig_processes(rig), 0);
    }
}

static bool is_down(void *arg)
{
    return node_state(arg) == NODE_DOWN;
}

static void test_node__that_dies_by_itself_is_down_and_can_start_again(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "");
    struct follower follower;
    struct outcome outcome;

    follow(rig, &follower);
    assert_int_equal(kill(node_pid(node), SIGKILL), 0);
    broker_rig_until_true(rig, is_down, node);
    assert_string_equal(follower.address, "");
    assert_int_equal(broker_rig_run(rig, node, node_start, &outcome), 0);
    cluster_unwatch(rig->cluster, &follower.watch);
}

static void test_node__that_dies_while_a_verb_runs_ends_the_verb(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "");
    struct outcome outcome;

    assert_int_equal(broker_rig_run(rig, node, node_pause, &outcome), 0);
    assert_int_equal(kill(node_pid(node), SIGKILL), 0);
    broker_rig_until_true(rig, is_down, node);
    assert_int_equal(broker_rig_run(rig, node, node_resume, &outcome), E_ENVIRONMENT);
    assert_string_equal(outcome.error.text,
                        "cannot resume n1: it ended by itself (signal 9)");
    assert_non_null(strstr(outcome.error.hint, "n1.log"));
}

static void test_node__restarts_twenty_times_without_leaking_descriptors(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "{\"jetstream\": true}");
    struct outcome outcome;
    int before;

    assert_int_equal(broker_rig_run(rig, node, node_restart, &outcome), 0);
    before = broker_rig_open_fds();
    for (int i = 0; i < 20; i++)
        assert_int_equal(broker_rig_run(rig, node, node_restart, &outcome), 0);
    /* A probe's socket may be closed one turn later. */
    for (int i = 0; i < 20 && broker_rig_open_fds() > before; i++)
        uv_run(&rig->loop, UV_RUN_ONCE);
    assert_int_equal(broker_rig_open_fds(), before);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_node__starts_and_says_who_it_is),
        TEST(test_node__has_jetstream_with_its_store_in_the_run_folder),
        TEST(test_node__stops_politely_and_starts_on_another_port),
        TEST(test_node__is_killed_without_a_last_word),
        TEST(test_node__pauses_in_force_and_resumes),
        TEST(test_node__can_be_stopped_and_killed_while_paused),
        TEST(test_node__restarts_with_its_name_and_tells_the_watchers_in_order),
        TEST(test_node__is_done_only_after_every_watcher_has_acted),
        TEST(test_node__refuses_verbs_that_do_not_fit),
        TEST(test_node__can_be_killed_and_stopped_while_it_starts),
        TEST(test_node__that_dies_by_itself_is_down_and_can_start_again),
        TEST(test_node__that_dies_while_a_verb_runs_ends_the_verb),
        TEST(test_node__restarts_twenty_times_without_leaking_descriptors),
    };
    int code;

    if (broker_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
