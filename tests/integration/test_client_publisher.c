/* test_client_publisher: what a publisher was told and what became of it agree, whatever
 * happens to the broker. Real nats-server, real processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "harness/client/client.h"
#include "harness/evidence/record.h"
#include "tests/lib/client/stage.h"

#define PATIENT "\"reconnect\": {\"wait\": \"50ms\", \"attempts\": 2000}"

static struct member *ready(struct stage *stage, const char *workload, const char *conf)
{
    struct member *member = member_start(stage, workload, conf);

    member_await_ready(member);
    return member;
}

static void add_stream(struct stage *stage)
{
    json_decref(stage_admin(stage, "add_stream",
                            "{\"name\": \"ORDERS\", \"subjects\": \"orders.>\"}"));
}

/* The page, the records and each other: every number must be the same. */
static void expect_books_balance(const struct stage *stage,
                                 const struct member *publisher)
{
    const struct client_status *status = publisher->status;

    assert_int_equal(status->attempted, stage_records(stage, publisher, "attempted"));
    assert_int_equal(status->accepted, stage_records(stage, publisher, "accepted"));
    assert_int_equal(status->acknowledged,
                     stage_records(stage, publisher, "acknowledged"));
    assert_int_equal(status->failed, stage_records(stage, publisher, "publish_failed"));
    assert_int_equal(status->in_flight, 0);
}

/* Kill the broker under load, start it again, publish on, stop: all that was attempted
 * is acknowledged in the end, and all that was acknowledged is processed. */
static void survive_a_restart(const char *conf)
{
    struct stage stage;
    struct member *worker, *publisher;
    uint64_t before;

    stage_open(&stage);
    add_stream(&stage);
    worker = ready(&stage, "consumer",
                   "{\"stream\": \"ORDERS\", \"durable\": \"worker\", "
                   "\"ack_wait\": \"1s\", " PATIENT "}");
    publisher = ready(&stage, "publisher", conf);
    await_count(&publisher->status->acknowledged, 200);
    stage_kill_broker(&stage);
    await_level(&publisher->status->connected, 0);
    await_level(&worker->status->connected, 0);
    stage_start_broker(&stage);
    await_level(&publisher->status->connected, 1);
    before = publisher->status->acknowledged;
    await_count(&publisher->status->acknowledged, before + 200);
    member_obeys(publisher, "stop", NULL);
    assert_int_equal(publisher->status->acknowledged, publisher->status->attempted);
    expect_books_balance(&stage, publisher);
    await_count(&worker->status->distinct, publisher->status->attempted);
    member_obeys(worker, "stop", NULL);
    member_exit(publisher);
    member_exit(worker);
    assert_int_equal(stage_lost(&stage, publisher, worker, "processed"), 0);
    assert_int_equal(stage_records(&stage, publisher, "disconnected"), 1);
    assert_int_equal(stage_records(&stage, publisher, "reconnected"), 1);
    assert_int_equal(stage_records(&stage, publisher, "load_end"), 1);
    assert_true(stage_records(&stage, publisher, "flushed") >= 1);
    assert_int_equal(stage_records(&stage, worker, "processed"),
                     worker->status->processed);
    assert_int_equal(stage_records(&stage, worker, "acked"), worker->status->acked);
    stage_close(&stage);
}

static void test_client_publisher__sync_loses_nothing_in_a_restart(void **state)
{
    (void)state;
    survive_a_restart("{\"stream\": \"ORDERS\", \"subject\": \"orders.new\", "
                      "\"rate\": \"1000/s\", \"wait_for_ack\": \"2s\", " PATIENT "}");
}

static void test_client_publisher__async_loses_nothing_in_a_restart(void **state)
{
    (void)state;
    survive_a_restart("{\"stream\": \"ORDERS\", \"rate\": \"3000/s\", \"window\": 64, "
                      "\"wait_for_ack\": \"1s\", " PATIENT "}");
}

/* An RST takes the PubAcks that are on the way with it. */
static void test_client_publisher__async_sends_again_what_a_reset_left_open(void **state)
{
    struct stage stage;
    struct member *publisher;
    json_t *info;
    uint64_t resent;

    (void)state;
    stage_open(&stage);
    add_stream(&stage);
    publisher = ready(
        &stage, "publisher",
        "{\"stream\": \"ORDERS\", \"rate\": \"20000/s\", \"window\": 256, " PATIENT "}");
    do {
        uint64_t reconnects = publisher->status->reconnects;
        uint64_t before = publisher->status->acknowledged;

        relay_cut(stage.relay);
        await_count(&publisher->status->reconnects, reconnects + 1);
        await_count(&publisher->status->acknowledged, before + 500);
        resent = stage_records(&stage, publisher, "resent");
    } while (resent == 0);
    member_obeys(publisher, "stop", NULL);
    expect_books_balance(&stage, publisher);
    assert_int_equal(publisher->status->acknowledged, publisher->status->attempted);
    /* The ids have kept the stream free of second copies. */
    info = stage_admin(&stage, "stream_info", "{\"stream\": \"ORDERS\"}");
    assert_int_equal(json_integer_value(json_object_get(info, "messages")),
                     publisher->status->attempted);
    json_decref(info);
    member_exit(publisher);
    stage_close(&stage);
}

static void
test_client_publisher__a_refusal_is_told_at_once_and_not_repeated(void **state)
{
    struct stage stage;
    struct member *publisher;

    (void)state;
    stage_open(&stage);
    json_decref(stage_admin(&stage, "add_stream",
                            "{\"name\": \"SMALL\", \"subjects\": \"small\", "
                            "\"max_msgs\": 10, \"discard\": \"new\"}"));
    publisher = ready(&stage, "publisher",
                      "{\"stream\": \"SMALL\", \"messages\": 25, \"rate\": \"1000/s\", "
                      "\"wait_for_ack\": \"2s\"}");
    await_count(&publisher->status->attempted, 25);
    member_obeys(publisher, "stop", NULL);
    expect_books_balance(&stage, publisher);
    assert_int_equal(publisher->status->acknowledged, 10);
    assert_int_equal(publisher->status->failed, 15);
    assert_int_equal(stage_flagged(&stage, publisher, "publish_failed", EVIDENCE_UNKNOWN),
                     0);
    assert_int_equal(stage_records(&stage, publisher, "resent"), 0);
    member_exit(publisher);
    stage_close(&stage);
}

static void test_client_publisher__without_a_broker_the_outcome_is_unknown(void **state)
{
    struct stage stage;
    struct member *publisher;
    json_t *answer;

    (void)state;
    stage_open(&stage);
    add_stream(&stage);
    publisher =
        ready(&stage, "publisher",
              "{\"stream\": \"ORDERS\", \"rate\": \"500/s\", "
              "\"wait_for_ack\": \"200ms\", \"retry_for\": \"500ms\", " PATIENT "}");
    await_count(&publisher->status->acknowledged, 50);
    stage_kill_broker(&stage);
    await_count(&publisher->status->failed, 3);
    /* A stop is answered all the same, and says what could not be done. */
    answer = member_order(publisher, "stop", NULL);
    assert_true(json_integer_value(json_object_get(answer, "rc")) < 0);
    assert_non_null(json_object_get(answer, "text"));
    json_decref(answer);
    expect_books_balance(&stage, publisher);
    assert_true(stage_flagged(&stage, publisher, "publish_failed", EVIDENCE_UNKNOWN) > 0);
    assert_int_equal(stage_records(&stage, publisher, "load_end"), 1);
    stage_close(&stage);
}

static void test_client_publisher__core_is_told_when_the_buffer_is_full(void **state)
{
    struct stage stage;
    struct member *publisher;

    (void)state;
    stage_open(&stage);
    publisher = ready(&stage, "publisher",
                      "{\"subject\": \"a\", \"rate\": \"2000/s\", \"buffer\": \"4KiB\", "
                      "\"header\": {\"From\": \"test\"}, " PATIENT "}");
    await_count(&publisher->status->accepted, 100);
    stage_kill_broker(&stage);
    await_count(&publisher->status->failed, 20);
    stage_start_broker(&stage);
    await_level(&publisher->status->connected, 1);
    member_obeys(publisher, "stop", NULL);
    expect_books_balance(&stage, publisher);
    assert_int_equal(publisher->status->accepted + publisher->status->failed,
                     publisher->status->attempted);
    member_exit(publisher);
    stage_close(&stage);
}

static void test_client_publisher__a_stream_that_is_not_there_is_named(void **state)
{
    struct stage stage;
    struct member *publisher;
    json_t *line;

    (void)state;
    stage_open(&stage);
    publisher = member_start(&stage, "publisher",
                             "{\"stream\": \"NOPE\", \"wait_for_ack\": \"1s\"}");
    line = member_line(publisher);
    assert_string_equal(json_string_value(json_object_get(line, "event")), "failed");
    assert_string_equal(json_string_value(json_object_get(line, "text")),
                        "there is no stream 'NOPE'");
    json_decref(line);
    assert_int_equal(WEXITSTATUS(member_wait(publisher)), 4);
    stage_close(&stage);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_publisher__sync_loses_nothing_in_a_restart),
        cmocka_unit_test(test_client_publisher__async_loses_nothing_in_a_restart),
        cmocka_unit_test(test_client_publisher__async_sends_again_what_a_reset_left_open),
        cmocka_unit_test(
            test_client_publisher__a_refusal_is_told_at_once_and_not_repeated),
        cmocka_unit_test(test_client_publisher__without_a_broker_the_outcome_is_unknown),
        cmocka_unit_test(test_client_publisher__core_is_told_when_the_buffer_is_full),
        cmocka_unit_test(test_client_publisher__a_stream_that_is_not_there_is_named),
    };

    if (stage_is_client(argc, argv))
        return client_main(argc - 1, argv + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
