/* test_node_evidence: what a broker did and what was done to it, read back from a run. */
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

#include "harness/evidence/evidence.h"
#include "harness/evidence/writer.h"
#include "tests/lib/broker/broker_rig.h"

/* The records of a run, as one line each: "broker_start b=<pid>". */
struct story {
    struct broker_rig rig;
    struct evidence *evidence;
    struct record records[4096];
    int count;
};

static int setup(void **state)
{
    static struct story story;
    struct evidence_home_options options = {.log = NULL};
    char folder[300];
    struct error err;

    memset(&story, 0, sizeof story);
    broker_rig_init(&story.rig);
    snprintf(folder, sizeof folder, "%s/evidence", story.rig.folder);
    options.folder = folder;
    if (evidence_home_create(&story.rig.context.home, &options, &err) != 0 ||
        writer_open(&story.rig.context.evidence, story.rig.context.home, "main", 0, 0,
                    &err) != 0)
        fail_msg("%s", err.text);
    *state = &story;
    return 0;
}

/* Stop the cluster, close the writer, read everything back. */
static void read_back(struct story *story)
{
    struct broker_rig *rig = &story->rig;
    struct outcome stopped = {.calls = 0};
    struct evidence_walk walk;
    const struct record *record;
    char folder[300];
    struct error err;

    cluster_stop(rig->cluster, broker_rig_done, &stopped);
    broker_rig_until(rig, &stopped);
    writer_close(rig->context.evidence);
    rig->context.evidence = NULL;
    evidence_home_close(rig->context.home);
    snprintf(folder, sizeof folder, "%s/evidence", rig->folder);
    if (evidence_collect(folder, &err) != 0 ||
        evidence_open(&story->evidence, folder, &err) != 0)
        fail_msg("%s", err.text);
    evidence_walk(&walk, story->evidence, 0);
    while ((record = evidence_walk_next(&walk)) != NULL && story->count < 4096)
        memcpy(&story->records[story->count++], record, sizeof *record);
}

static int teardown(void **state)
{
    struct story *story = *state;

    evidence_close(story->evidence);
    broker_rig_release(&story->rig);
    return 0;
}

/* The n-th (from 0) record of a kind; fails the test when there is none. */
static const struct record *nth(struct story *story, unsigned kind, int n)
{
    for (int i = 0; i < story->count; i++)
        if (record_kind(&story->records[i]) == kind && n-- == 0)
            return &story->records[i];
    fail_msg("no such %s", record_kind_name(kind));
    return NULL;
}

static int count_of(struct story *story, unsigned kind)
{
    int count = 0;

    for (int i = 0; i < story->count; i++)
        count += record_kind(&story->records[i]) == kind;
    return count;
}

static void assert_detail(struct story *story, const struct record *record,
                          const char *member, const char *text)
{
    json_t *detail = evidence_detail(story->evidence, 0, record->detail);
    const char *value = json_string_value(json_object_get(detail, member));

    assert_non_null(value);
    assert_string_equal(value, text);
    json_decref(detail);
}

static void test_node_evidence__tells_start_kill_and_exit_in_order(void **state)
{
    struct story *story = *state;
    struct node *node = broker_rig_start(&story->rig, "");
    struct outcome outcome;
    uint64_t pid = (uint64_t)node_pid(node);
    const struct record *start;
    const struct record *ready;
    const struct record *action;
    const struct record *signal;
    const struct record *exit;

    assert_int_equal(broker_rig_run(&story->rig, node, node_kill, &outcome), 0);
    read_back(story);
    start = nth(story, RECORD_broker_start, 0);
    ready = nth(story, RECORD_broker_ready, 0);
    action = nth(story, RECORD_action, 0);
    signal = nth(story, RECORD_broker_signal, 0);
    exit = nth(story, RECORD_broker_exit, 0);
    assert_int_equal(start->a, 1);
    assert_int_equal(start->b, pid);
    assert_detail(story, start, "name", "n1");
    assert_detail(story, start, "version", story->rig.broker.version);
    assert_true(ready->b > 0);
    assert_detail(story, ready, "version", story->rig.broker.version);
    assert_detail(story, action, "action", "kill");
    assert_detail(story, action, "on", "n1");
    assert_int_equal(signal->b, SIGKILL);
    assert_int_equal(exit->b, SIGKILL);
    assert_true(start->time_ns <= ready->time_ns);
    assert_true(ready->time_ns <= action->time_ns);
    assert_true(action->time_ns <= signal->time_ns);
    assert_true(signal->time_ns <= exit->time_ns);
    assert_true(count_of(story, RECORD_broker_log) > 5);
    assert_int_equal(count_of(story, RECORD_warning), 0);
}

static void test_node_evidence__of_the_end_of_a_case_holds_no_action(void **state)
{
    struct story *story = *state;

    broker_rig_start(&story->rig, "");
    read_back(story);
    assert_int_equal(count_of(story, RECORD_action), 0);
    assert_int_equal(nth(story, RECORD_broker_signal, 0)->b, SIGTERM);
    assert_int_equal(count_of(story, RECORD_broker_exit), 1);
}

static bool is_down(void *arg)
{
    return node_state(arg) == NODE_DOWN;
}

static void test_node_evidence__warns_of_an_end_that_nobody_asked_for(void **state)
{
    struct story *story = *state;
    struct node *node = broker_rig_start(&story->rig, "");

    assert_int_equal(kill(node_pid(node), SIGSEGV), 0);
    broker_rig_until_true(&story->rig, is_down, node);
    read_back(story);
    assert_int_equal(count_of(story, RECORD_action), 0);
    assert_int_equal(count_of(story, RECORD_broker_signal), 0);
    assert_int_equal(count_of(story, RECORD_broker_exit), 1);
    assert_int_equal(count_of(story, RECORD_warning), 1);
}

static void test_node_evidence__counts_pauses_as_signals(void **state)
{
    struct story *story = *state;
    struct node *node = broker_rig_start(&story->rig, "");
    struct outcome outcome;

    assert_int_equal(broker_rig_run(&story->rig, node, node_pause, &outcome), 0);
    assert_int_equal(broker_rig_run(&story->rig, node, node_resume, &outcome), 0);
    assert_int_equal(broker_rig_run(&story->rig, node, node_restart, &outcome), 0);
    read_back(story);
    assert_int_equal(nth(story, RECORD_broker_signal, 0)->b, SIGSTOP);
    assert_int_equal(nth(story, RECORD_broker_signal, 1)->b, SIGCONT);
    assert_int_equal(nth(story, RECORD_broker_signal, 2)->b, SIGTERM);
    assert_detail(story, nth(story, RECORD_action, 0), "action", "restart");
    assert_int_equal(count_of(story, RECORD_broker_start), 2);
    assert_int_equal(count_of(story, RECORD_broker_ready), 2);
}

static void test_node_evidence__of_a_broker_that_cannot_run_says_why(void **state)
{
    struct story *story = *state;
    struct outcome outcome = {.calls = 0};
    const struct record *exit;

    broker_rig_create(&story->rig, "{\"broker\": \"/no/such/nats-server\"}");
    cluster_start(story->rig.cluster, broker_rig_done, &outcome);
    broker_rig_until(&story->rig, &outcome);
    read_back(story);
    assert_int_equal(nth(story, RECORD_broker_start, 0)->b, 0);
    exit = nth(story, RECORD_broker_exit, 0);
    assert_detail(story, exit, "text",
                  "cannot run /no/such/nats-server: No such file or directory");
}

static void test_node_evidence__holds_no_secret(void **state)
{
    struct story *story = *state;

    broker_rig_start(&story->rig, "{\"config\": {\"authorization\": {\"user\": \"joe\", "
                                  "\"password\": \"correct-horse-battery\"}}}");
    read_back(story);
    assert_true(broker_rig_file_has(&story->rig, "brokers/n1/n1.conf", "correct-horse"));
    assert_false(broker_rig_file_has(&story->rig, "brokers/n1/n1.log", "correct-horse"));
    for (int i = 0; i < story->count; i++) {
        json_t *detail = evidence_detail(story->evidence, 0, story->records[i].detail);
        char *text = json_dumps(detail, JSON_ENCODE_ANY);

        assert_true(text == NULL || strstr(text, "correct-horse") == NULL);
        free(text);
        json_decref(detail);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_node_evidence__tells_start_kill_and_exit_in_order),
        TEST(test_node_evidence__of_the_end_of_a_case_holds_no_action),
        TEST(test_node_evidence__warns_of_an_end_that_nobody_asked_for),
        TEST(test_node_evidence__counts_pauses_as_signals),
        TEST(test_node_evidence__of_a_broker_that_cannot_run_says_why),
        TEST(test_node_evidence__holds_no_secret),
    };
    int code;

    if (broker_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
