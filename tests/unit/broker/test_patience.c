/* test_patience: nothing is waited for without end. The limits are the cluster's own,
 * made short here; that they are reached is what is tested, not when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/broker/node.h"
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

/* Make a shell script the cluster's broker. It gets "-c CONFIG" as $1 and $2. */
static struct node *create_with_script(struct broker_rig *rig, const char *script)
{
    char path[512];
    char conf[600];
    FILE *file;

    snprintf(path, sizeof path, "%s/broker.sh", rig->folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    fchmod(fileno(file), 0700);
    fclose(file);
    snprintf(conf, sizeof conf, "{\"jetstream\": true, \"broker\": \"%s\"}", path);
    broker_rig_create(rig, conf);
    return cluster_node(rig->cluster, 0);
}

static void test_patience__ends_with_a_broker_that_only_sits_there(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = create_with_script(rig, "echo thinking; setsid sleep 1000");
    struct outcome outcome;

    rig->cluster->start_limit_ns = 200ull * NS_PER_MS;
    assert_int_equal(broker_rig_run(rig, node, node_start, &outcome), E_ENVIRONMENT);
    assert_string_equal(outcome.error.text,
                        "broker n1 is not up after 200ms: it has not written its ports "
                        "file; its last words: thinking");
    assert_int_equal(node_state(node), NODE_DOWN);
    assert_int_equal(broker_rig_processes(rig), 0);
}

static void test_patience__says_how_far_the_start_had_come(void **state)
{
    struct broker_rig *rig = *state;
    char script[512];
    struct node *node;
    struct outcome outcome;

    /* Ports where nobody listens: 1 is reserved. */
    snprintf(script, sizeof script,
             "echo '{\"nats\":[\"nats://127.0.0.1:1\"],\"monitoring\":"
             "[\"http://127.0.0.1:1\"]}' > %s/brokers/n1/x.ports; exec sleep 1000",
             rig->folder);
    node = create_with_script(rig, script);
    rig->cluster->start_limit_ns = 200ull * NS_PER_MS;
    assert_int_equal(broker_rig_run(rig, node, node_start, &outcome), E_ENVIRONMENT);
    assert_non_null(strstr(outcome.error.text, "port 1: closed"));
    assert_non_null(strstr(outcome.error.text, "its last words: none"));
}

static void test_patience__kills_a_broker_that_ignores_sigterm(void **state)
{
    struct broker_rig *rig = *state;
    char script[8192];
    struct node *node;
    struct outcome outcome;

    snprintf(script, sizeof script, "trap '' TERM; %s \"$@\" & wait; wait",
             rig->broker.path);
    node = create_with_script(rig, script);
    rig->cluster->stop_grace_ns = 100ull * NS_PER_MS;
    assert_int_equal(broker_rig_run(rig, node, node_start, &outcome), 0);
    assert_int_equal(broker_rig_run(rig, node, node_stop, &outcome), E_TIMEOUT);
    assert_string_equal(outcome.error.text,
                        "n1 did not end within 100ms of SIGTERM and was killed");
    assert_int_equal(node_state(node), NODE_DOWN);
    /* Also what the script had started. */
    assert_int_equal(broker_rig_processes(rig), 0);
}

static void on_address(struct node_watch *watch, struct node *node, const char *address)
{
    int *told = watch->arg;

    (void)node;
    (void)address;
    (*told)++;
}

static void test_patience__does_not_wait_for_links_that_never_follow(void **state)
{
    struct broker_rig *rig = *state;
    struct node *node = broker_rig_start(rig, "");
    int told = 0;
    struct node_watch watch = {.on_address = on_address, .arg = &told};
    struct outcome outcome;

    rig->cluster->watchers_limit_ns = 50ull * NS_PER_MS;
    cluster_watch(rig->cluster, &watch);
    /* The process is gone: that is what was asked. The warning stands in evidence. */
    assert_int_equal(broker_rig_run(rig, node, node_kill, &outcome), 0);
    assert_int_equal(told, 1);
    assert_int_equal(broker_rig_run(rig, node, node_start, &outcome), E_TIMEOUT);
    assert_string_equal(outcome.error.text, "the links did not follow n1 within 50ms");
    assert_int_equal(node_state(node), NODE_UP);
    cluster_unwatch(rig->cluster, &watch);
    node_watch_done(node); /* too late, and harmless */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_patience__ends_with_a_broker_that_only_sits_there),
        TEST(test_patience__says_how_far_the_start_had_come),
        TEST(test_patience__kills_a_broker_that_ignores_sigterm),
        TEST(test_patience__does_not_wait_for_links_that_never_follow),
    };
    int code;

    if (broker_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
