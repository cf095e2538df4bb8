/* test_client_consumer: received, processed, acknowledged, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "harness/client/client.h"
#include "tests/lib/client/stage.h"

#define PATIENT "\"reconnect\": {\"wait\": \"50ms\", \"attempts\": 2000}"
#define WORKER "\"stream\": \"ORDERS\", \"durable\": \"worker\", " PATIENT

static struct member *ready(struct stage *stage, const char *workload, const char *conf)
{
    struct member *member = member_start(stage, workload, conf);

    member_await_ready(member);
    return member;
}

static void open_with_orders(struct stage *stage, int count)
{
    struct member *publisher;
    char conf[256];

    stage_open(stage);
    json_decref(stage_admin(stage, "add_stream",
                            "{\"name\": \"ORDERS\", \"subjects\": [\"orders.>\"]}"));
    snprintf(conf, sizeof conf,
             "{\"stream\": \"ORDERS\", \"subject\": \"orders.new\", \"messages\": %d, "
             "\"rate\": \"100000/s\", \"window\": 200}",
             count);
    publisher = ready(stage, "publisher", conf);
    await_count(&publisher->status->acknowledged, (uint64_t)count);
    member_exit(publisher);
}

static json_int_t consumer_info(struct stage *stage, const char *member)
{
    json_t *info = stage_admin(stage, "consumer_info",
                               "{\"stream\": \"ORDERS\", \"consumer\": \"worker\"}");
    json_int_t value = json_integer_value(json_object_get(info, member));

    json_decref(info);
    return value;
}

static void test_client_consumer__everything_is_processed_then_acknowledged(void **state)
{
    struct stage stage;
    struct member *worker;

    (void)state;
    open_with_orders(&stage, 300);
    worker = ready(&stage, "consumer", "{" WORKER "}");
    await_count(&worker->status->acked, 300);
    member_obeys(worker, "stop", NULL);
    assert_int_equal(stage_records(&stage, worker, "received"), 300);
    assert_int_equal(stage_records(&stage, worker, "processed"), 300);
    assert_int_equal(stage_records(&stage, worker, "acked"), 300);
    assert_int_equal(consumer_info(&stage, "num_pending"), 0);
    assert_int_equal(consumer_info(&stage, "num_ack_pending"), 0);
    assert_int_equal(consumer_info(&stage, "delivered"), 300);
    member_exit(worker);
    stage_close(&stage);
}

static void test_client_consumer__a_killed_one_goes_on_where_it_was(void **state)
{
    const char *conf = "{" WORKER ", \"ack_wait\": \"500ms\", "
                       "\"handler\": {\"time\": \"2ms\"}}";
    struct stage stage;
    struct member *worker;
    uint64_t processed;

    (void)state;
    open_with_orders(&stage, 300);
    worker = ready(&stage, "consumer", conf);
    await_count(&worker->status->processed, 50);
    member_kill(worker);
    processed = worker->status->processed;
    assert_true(processed < 300);
    member_restart(&stage, worker, "consumer", conf);
    member_await_ready(worker);
    stage_await_caught_up(&stage, "ORDERS", "worker");
    /* What its first life had written down survived the kill. */
    assert_true(stage_records(&stage, worker, "processed") >= 300);
    assert_true(stage_records(&stage, worker, "processed") >= processed);
    member_exit(worker);
    stage_close(&stage);
}

static void test_client_consumer__after_a_broker_restart_it_is_bound_again(void **state)
{
    struct stage stage;
    struct member *worker, *publisher;

    (void)state;
    open_with_orders(&stage, 100);
    worker = ready(&stage, "consumer", "{" WORKER ", \"ack_wait\": \"500ms\"}");
    await_count(&worker->status->distinct, 100);
    stage_kill_broker(&stage);
    await_level(&worker->status->connected, 0);
    stage_start_broker(&stage);
    await_level(&worker->status->connected, 1);
    publisher = ready(&stage, "publisher",
                      "{\"subject\": \"orders.new\", \"stream\": \"ORDERS\", "
                      "\"wait_for_ack\": \"2s\", \"messages\": 1}");
    await_count(&publisher->status->acknowledged, 1);
    member_exit(publisher);
    await_count(&worker->status->distinct, 101);
    member_exit(worker);
    stage_close(&stage);
}

static void test_client_consumer__work_that_fails_comes_again_until_it_works(void **state)
{
    struct stage stage;
    struct member *worker;

    (void)state;
    open_with_orders(&stage, 50);
    worker = ready(&stage, "consumer",
                   "{" WORKER ", \"ack_wait\": \"100ms\", \"handler\": {\"fail\": 0.5}}");
    await_count(&worker->status->processed, 50);
    stage_await_caught_up(&stage, "ORDERS", "worker");
    assert_true(worker->status->received > 50);
    assert_int_equal(worker->status->distinct, 50);
    assert_int_equal(worker->status->processed, worker->status->acked);
    member_exit(worker);
    stage_close(&stage);
}

/* An ack before the work, and a kill in the middle: what was in hand is lost. */
static void test_client_consumer__an_early_ack_loses_the_work_in_hand(void **state)
{
    const char *conf = "{" WORKER ", \"ack_wait\": \"300ms\", "
                       "\"handler\": {\"time\": \"10s\", \"before_ack\": true}}";
    struct stage stage;
    struct member *worker;

    (void)state;
    open_with_orders(&stage, 1);
    worker = ready(&stage, "consumer", conf);
    await_count(&worker->status->acked, 1);
    stage_await_caught_up(&stage, "ORDERS", "worker");
    member_kill(worker);
    assert_int_equal(stage_records(&stage, worker, "acked"), 1);
    assert_int_equal(stage_records(&stage, worker, "processed"), 0);
    assert_int_equal(consumer_info(&stage, "num_pending"), 0);
    stage_close(&stage);
}

static void test_client_consumer__a_redelivery_is_recognised_when_asked_for(void **state)
{
    struct stage stage;
    struct member *worker;

    (void)state;
    open_with_orders(&stage, 3);
    /* The work takes longer than the broker waits, so each comes at least twice. */
    worker = ready(&stage, "consumer",
                   "{" WORKER ", \"ack_wait\": \"100ms\", \"deduplicate\": true, "
                   "\"handler\": {\"time\": \"250ms\"}}");
    stage_await_records(&stage, worker, "duplicate_dropped", 1);
    await_count(&worker->status->processed, 3);
    stage_await_caught_up(&stage, "ORDERS", "worker");
    assert_int_equal(stage_records(&stage, worker, "processed"), 3);
    assert_true(worker->status->received > 3);
    member_exit(worker);
    stage_close(&stage);
}

static void test_client_consumer__ack_none_and_all_are_the_broker_s_own(void **state)
{
    struct stage stage;
    struct member *none, *all;

    (void)state;
    open_with_orders(&stage, 20);
    none = ready(&stage, "consumer",
                 "{\"stream\": \"ORDERS\", \"durable\": \"none\", \"ack\": \"none\"}");
    all = ready(&stage, "consumer", "{" WORKER ", \"ack\": \"all\"}");
    await_count(&none->status->processed, 20);
    await_count(&all->status->acked, 20);
    assert_int_equal(none->status->acked, 0);
    stage_await_caught_up(&stage, "ORDERS", "worker");
    member_exit(none);
    member_exit(all);
    stage_close(&stage);
}

static void test_client_consumer__a_stream_that_is_not_there_is_named(void **state)
{
    struct stage stage;
    struct member *worker;
    json_t *line;

    (void)state;
    stage_open(&stage);
    worker = member_start(&stage, "consumer", "{" WORKER "}");
    line = member_line(worker);
    assert_string_equal(json_string_value(json_object_get(line, "text")),
                        "there is no stream 'ORDERS'");
    json_decref(line);
    assert_int_equal(WEXITSTATUS(member_wait(worker)), 4);
    stage_close(&stage);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_consumer__everything_is_processed_then_acknowledged),
        cmocka_unit_test(test_client_consumer__a_killed_one_goes_on_where_it_was),
        cmocka_unit_test(test_client_consumer__after_a_broker_restart_it_is_bound_again),
        cmocka_unit_test(
            test_client_consumer__work_that_fails_comes_again_until_it_works),
        cmocka_unit_test(test_client_consumer__an_early_ack_loses_the_work_in_hand),
        cmocka_unit_test(test_client_consumer__a_redelivery_is_recognised_when_asked_for),
        cmocka_unit_test(test_client_consumer__ack_none_and_all_are_the_broker_s_own),
        cmocka_unit_test(test_client_consumer__a_stream_that_is_not_there_is_named),
    };

    if (stage_is_client(argc, argv))
        return client_main(argc - 1, argv + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
