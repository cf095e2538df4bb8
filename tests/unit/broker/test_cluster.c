/* test_cluster: all nodes together, and every way in which a broker does not come up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/broker/broker_rig.h"
#include "tests/lib/memory/memory.h"

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

/* Start what cannot start; the error stays in `outcome`. */
static void fail_to_start(struct broker_rig *rig, const char *conf,
                          struct outcome *outcome)
{
    *outcome = (struct outcome){.calls = 0};
    broker_rig_create(rig, conf);
    cluster_start(rig->cluster, broker_rig_done, outcome);
    broker_rig_until(rig, outcome);
    assert_int_not_equal(outcome->rc, 0);
    assert_int_equal(node_state(cluster_node(rig->cluster, 0)), NODE_DOWN);
    assert_int_equal(broker_rig_processes(rig), 0);
}

static void test_cluster__translates_what_the_broker_says_of_its_config(void **state)
{
    struct outcome outcome;

    fail_to_start(*state, "{\"config\": {\"jetstrem\": {}}}", &outcome);
    assert_int_equal(outcome.rc, E_ENVIRONMENT);
    assert_string_equal(outcome.error.text, "broker n1 stopped while starting (exit 1): "
                                            "n1.conf:6: unknown field \"jetstrem\"");
    assert_non_null(strstr(outcome.error.hint, "n1.conf is made from cluster.config"));
}

static void test_cluster__translates_a_fatal_word_of_the_log(void **state)
{
    struct broker_rig *rig = *state;
    struct outcome outcome;
    char path[512];
    FILE *file;

    /* A file where the store's folder should be. */
    snprintf(path, sizeof path, "%s/brokers", rig->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/brokers/n1", rig->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/brokers/n1/store", rig->folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    fail_to_start(rig, "{\"jetstream\": true}", &outcome);
    assert_non_null(strstr(outcome.error.text, "(exit 1): Can't start JetStream"));
    assert_non_null(strstr(outcome.error.hint, "n1.log"));
}

static void test_cluster__says_that_the_broker_is_missing(void **state)
{
    struct outcome outcome;

    fail_to_start(*state, "{\"broker\": \"/no/such/nats-server\"}", &outcome);
    assert_int_equal(outcome.rc, E_NOT_FOUND);
    assert_string_equal(outcome.error.text, "broker n1: cannot run /no/such/nats-server: "
                                            "No such file or directory");
}

static void test_cluster__says_that_the_program_is_no_broker(void **state)
{
    struct outcome outcome;

    fail_to_start(*state, "{\"broker\": \"/bin/true\"}", &outcome);
    assert_int_equal(outcome.rc, E_ENVIRONMENT);
    assert_string_equal(outcome.error.text,
                        "broker n1 stopped while starting (exit 0), silently");
    assert_string_equal(outcome.error.hint, "is /bin/true a nats-server?");
}

static void test_cluster__refuses_keys_that_are_its_own(void **state)
{
    static const struct {
        const char *conf;
        const char *text;
    } rows[] = {
        {"{\"config\": {\"port\": 4222}}", "cluster.config.port"},
        {"{\"config\": {\"HTTP_Port\": 8222}}", "cluster.config.HTTP_Port"},
        {"{\"config\": {\"server_name\": \"x\"}}", "cluster.config.server_name"},
        {"{\"config\": {\"store_dir\": \"/x\"}}", "cluster.config.store_dir"},
        {"{\"config\": {\"pid_file\": \"/x\"}}", "cluster.config.pid_file"},
        {"{\"config\": {\"ports_file_dir\": \"/x\"}}", "cluster.config.ports_file_dir"},
        {"{\"jetstream\": true, \"config\": {\"jetstream\": {\"store_dir\": \"/x\"}}}",
         "cluster.config.jetstream.store_dir"},
        {"{\"config\": {\"jetstream\": {\"max_file\": 1}}}",
         "cluster.config.jetstream without cluster.jetstream"},
        {"{\"nodes\": 2, \"config\": {\"cluster\": {\"routes\": []}}}",
         "cluster.config.cluster.routes"},
        {"{\"config\": {\"authorization\": {\"user\": null}}}", "user has no value"},
        {"{\"nodes\": 0}", "nodes"},
        {"{\"nodez\": 1}", "nodes"},
    };
    struct broker_rig *rig = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err;

        assert_int_equal(broker_rig_try(rig, rows[i].conf, &err), E_PARAM);
        if (strstr(err.text, rows[i].text) == NULL)
            fail_msg("\"%s\" should name %s", err.text, rows[i].text);
        assert_null(rig->cluster);
    }
}

static void test_cluster__says_that_the_run_folder_is_not_there(void **state)
{
    struct broker_rig *rig = *state;
    struct error err;

    rig->context.folder = "/no/such/run";
    assert_int_equal(broker_rig_try(rig, "", &err), E_SYSTEM);
    assert_string_equal(err.text,
                        "create /no/such/run/brokers: No such file or directory");
}

static void test_cluster__merges_the_config_of_the_user(void **state)
{
    struct node *node = broker_rig_start(
        *state, "{\"jetstream\": true, \"config\": {\"max_payload\": 2048, "
                "\"jetstream\": {\"max_file\": \"64M\"}, \"authorization\": {\"users\": "
                "[{\"user\": \"a\\\"b\\\\\", \"password\": \"$x {y}\\n\"}]}}}");
    char line[1024];

    broker_rig_hear(node_address(node), line, sizeof line);
    assert_non_null(strstr(line, "\"max_payload\":2048"));
    assert_non_null(strstr(line, "\"auth_required\":true"));
    assert_true(broker_rig_file_has(*state, "brokers/n1/n1.log", "64.00 MB"));
}

static void
test_cluster__is_not_confused_by_another_broker_on_the_usual_port(void **state)
{
    struct broker_rig *rig = *state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(4222)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct node *node;
    char line[1024];

    /* Somebody else's broker may be there already: as good. */
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) == 0)
        assert_int_equal(listen(fd, 4), 0);
    else
        assert_int_equal(errno, EADDRINUSE);
    node = broker_rig_start(rig, "");
    assert_null(strstr(node_address(node), ":4222"));
    broker_rig_hear(node_address(node), line, sizeof line);
    assert_non_null(strstr(line, "\"server_name\":\"stormdrill-"));
    close(fd);
}

/* A program that writes a ports file which names somebody else's port. */
static void test_cluster__does_not_take_another_server_for_its_own(void **state)
{
    struct broker_rig *rig = *state;
    struct broker_rig other;
    struct node *theirs;
    struct outcome started = {.calls = 0};
    struct outcome killed = {.calls = 0};
    struct node *node;
    char path[512];
    char conf[600];
    FILE *file;

    broker_rig_init(&other);
    theirs = broker_rig_start(&other, "");
    snprintf(path, sizeof path, "%s/impostor", rig->folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "#!/bin/sh\necho '{\"nats\":[\"nats://%s\"],\"monitoring\":[\"http://%s\"]}' "
            "> %s/brokers/n1/x_1.ports\nexec sleep 1000\n",
            node_address(theirs), node_address(theirs), rig->folder);
    fchmod(fileno(file), 0700);
    fclose(file);
    snprintf(conf, sizeof conf, "{\"broker\": \"%s\"}", path);
    broker_rig_create(rig, conf);
    node = cluster_node(rig->cluster, 0);
    node_start(node, broker_rig_done, &started);
    /* It is asked many times meanwhile, and never believed. */
    for (int i = 0; i < 300; i++)
        uv_run(&rig->loop, UV_RUN_ONCE);
    assert_int_equal(node_state(node), NODE_STARTING);
    assert_int_equal(started.calls, 0);
    node_kill(node, broker_rig_done, &killed);
    broker_rig_until(rig, &killed);
    broker_rig_until(rig, &started);
    assert_int_equal(started.rc, E_CANCELLED);
    broker_rig_release(&other);
}

static void test_cluster__fails_cleanly_at_every_allocation_of_its_making(void **state)
{
    struct broker_rig *rig = *state;
    unsigned n = 1;

    for (;; n++) {
        struct cluster_conf conf = {.nodes = 2, .jetstream = true};
        struct error err;
        int rc;

        conf.config = json_pack("{s:i}", "max_payload", 1024);
        memory_fail_at(n);
        rc = cluster_create(&rig->cluster, &rig->context, &conf, &err);
        if (!memory_failed())
            break;
        memory_fail_at(0);
        assert_int_equal(rc, E_NOMEM);
        assert_null(rig->cluster);
        assert_null(conf.config); /* taken, also on failure */
    }
    memory_fail_at(0);
    assert_true(n > 4);
}

static void test_cluster__stops_in_every_state(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node;

    broker_rig_create(rig, "{\"jetstream\": true}");
    node = cluster_node(rig->cluster, 0);
    for (int which = 0; which < 6; which++) {
        struct outcome started = {.calls = 0};
        struct outcome other = {.calls = 0};
        struct outcome stopped = {.calls = 0};

        if (which > 0)
            cluster_start(rig->cluster, broker_rig_done, &started);
        if (which > 1)
            broker_rig_until(rig, &started);
        if (which == 3)
            assert_int_equal(broker_rig_run(rig, node, node_pause, &other), 0);
        if (which == 4)
            node_stop(node, broker_rig_done, &other);
        if (which == 5)
            node_restart(node, broker_rig_done, &other);
        cluster_stop(rig->cluster, broker_rig_done, &stopped);
        assert_int_equal(stopped.calls, 0);
        broker_rig_until(rig, &stopped);
        assert_int_equal(stopped.rc, 0);
        assert_int_equal(node_state(node), NODE_DOWN);
        assert_int_equal(broker_rig_processes(rig), 0);
        /* Everything else was told before. */
        assert_int_equal(started.calls, which > 0 ? 1 : 0);
        assert_int_equal(other.calls, which > 2 ? 1 : 0);
        assert_int_equal(started.rc, which == 1 ? E_CANCELLED : 0);
        assert_int_equal(other.rc, which == 5 ? E_CANCELLED : 0);
    }
}

static void test_cluster__of_three_nodes_agrees_and_survives_a_kill(void **state)
{
    struct broker_rig *rig = *state;
    struct outcome outcome = {.calls = 0};

    broker_rig_start(rig, "{\"nodes\": 3, \"jetstream\": true}");
    assert_int_equal(cluster_node_count(rig->cluster), 3);
    assert_int_equal(
        broker_rig_run(rig, cluster_node_named(rig->cluster, "n2"), node_kill, &outcome),
        0);
    outcome.calls = 0;
    cluster_await_healthy(rig->cluster, 200ull * NS_PER_MS, broker_rig_done, &outcome);
    broker_rig_until(rig, &outcome);
    assert_int_equal(outcome.rc, E_TIMEOUT);
    assert_non_null(
        strstr(outcome.error.text, "is not healthy within 200ms: n2 is down"));
    assert_int_equal(
        broker_rig_run(rig, cluster_node(rig->cluster, 1), node_start, &outcome), 0);
    outcome.calls = 0;
    cluster_await_healthy(rig->cluster, 30ull * NS_PER_S, broker_rig_done, &outcome);
    broker_rig_until(rig, &outcome);
    assert_int_equal(outcome.rc, 0);
}

static void test_cluster__that_is_paused_is_not_healthy(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "{\"jetstream\": true}");
    struct outcome outcome;

    assert_int_equal(broker_rig_run(rig, node, node_pause, &outcome), 0);
    outcome.calls = 0;
    cluster_await_healthy(rig->cluster, 100ull * NS_PER_MS, broker_rig_done, &outcome);
    broker_rig_until(rig, &outcome);
    assert_int_equal(outcome.rc, E_TIMEOUT);
    assert_non_null(strstr(outcome.error.text, "n1 is paused"));
    assert_int_equal(broker_rig_run(rig, node, node_resume, &outcome), 0);
    outcome.calls = 0;
    cluster_await_healthy(rig->cluster, 20ull * NS_PER_S, broker_rig_done, &outcome);
    broker_rig_until(rig, &outcome);
    assert_int_equal(outcome.rc, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_cluster__translates_what_the_broker_says_of_its_config),
        TEST(test_cluster__translates_a_fatal_word_of_the_log),
        TEST(test_cluster__says_that_the_broker_is_missing),
        TEST(test_cluster__says_that_the_program_is_no_broker),
        TEST(test_cluster__refuses_keys_that_are_its_own),
        TEST(test_cluster__says_that_the_run_folder_is_not_there),
        TEST(test_cluster__merges_the_config_of_the_user),
        TEST(test_cluster__is_not_confused_by_another_broker_on_the_usual_port),
        TEST(test_cluster__does_not_take_another_server_for_its_own),
        TEST(test_cluster__fails_cleanly_at_every_allocation_of_its_making),
        TEST(test_cluster__stops_in_every_state),
        TEST(test_cluster__of_three_nodes_agrees_and_survives_a_kill),
        TEST(test_cluster__that_is_paused_is_not_healthy),
    };
    int code;

    if (broker_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
