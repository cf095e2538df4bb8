/* test_client_subscriber: what arrives is told apart: data, fences, strangers. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/client/client.h"
#include "tests/lib/client/stage.h"

#define PATIENT "\"reconnect\": {\"wait\": \"50ms\", \"attempts\": 2000}"

static struct member *ready(struct stage *stage, const char *workload, const char *conf)
{
    struct member *member = member_start(stage, workload, conf);

    member_await_ready(member);
    return member;
}

/* Somebody who is not one of us publishes five bytes. */
static void publish_as_a_stranger(const struct stage *stage, const char *subject)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(stage->broker_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char line[4096];

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    dprintf(fd, "CONNECT {\"verbose\":false}\r\nPUB %s 5\r\nhello\r\nPING\r\n", subject);
    while (read(fd, line, sizeof line) > 0 && strstr(line, "PONG") == NULL)
        memset(line, 0, sizeof line);
    close(fd);
}

static void test_client_subscriber__receives_what_is_published_after_ready(void **state)
{
    struct stage stage;
    struct member *subscriber, *publisher;

    (void)state;
    stage_open(&stage);
    subscriber = ready(&stage, "subscriber", "{\"subject\": \"a.>\"}");
    publisher = ready(&stage, "publisher",
                      "{\"subject\": \"a.b\", \"messages\": 500, \"rate\": \"5000/s\"}");
    await_count(&subscriber->status->distinct, 500);
    assert_int_equal(subscriber->status->received, 500);
    await_count(&subscriber->status->processed, 500);
    member_obeys(publisher, "stop", NULL);
    member_obeys(subscriber, "stop", NULL);
    assert_int_equal(stage_records(&stage, subscriber, "received"), 500);
    assert_int_equal(stage_records(&stage, subscriber, "processed"), 500);
    assert_int_equal(stage_records(&stage, subscriber, "subscribed"), 1);
    assert_int_equal(stage_records(&stage, subscriber, "acked"), 0);
    member_exit(publisher);
    member_exit(subscriber);
    stage_close(&stage);
}

static void
test_client_subscriber__a_fence_is_the_last_word_of_its_publisher(void **state)
{
    struct stage stage;
    struct member *subscriber, *publisher;

    (void)state;
    stage_open(&stage);
    subscriber = ready(&stage, "subscriber", "{\"subject\": \"a\", " PATIENT "}");
    publisher = ready(&stage, "publisher",
                      "{\"subject\": \"a\", \"rate\": \"2000/s\", " PATIENT "}");
    await_count(&publisher->status->accepted, 100);
    relay_cut(stage.relay);
    await_count(&publisher->status->reconnects, 1);
    await_count(&subscriber->status->reconnects, 1);
    member_obeys(publisher, "stop", NULL);
    member_obeys(publisher, "fence", "{\"number\": 7}");
    await_count(&subscriber->status->fences_seen[publisher->number], 7);
    /* Behind the fence nothing of this publisher can come. */
    assert_int_equal(stage_records(&stage, subscriber, "received"),
                     subscriber->status->received);
    assert_int_equal(stage_records(&stage, publisher, "fence_sent"), 1);
    assert_int_equal(stage_records(&stage, subscriber, "fence_seen"), 1);
    member_exit(publisher);
    /* The publisher is gone; the admin speaks in its name. */
    json_decref(stage_admin(&stage, "fence",
                            "{\"subject\": \"a\", \"client\": 2, \"number\": 9}"));
    await_count(&subscriber->status->fences_seen[2], 9);
    member_exit(subscriber);
    stage_close(&stage);
}

static void test_client_subscriber__a_stranger_s_message_is_unexpected(void **state)
{
    struct stage stage;
    struct member *subscriber;

    (void)state;
    stage_open(&stage);
    subscriber = ready(&stage, "subscriber", "{\"subject\": \"a\"}");
    publish_as_a_stranger(&stage, "a");
    stage_await_records(&stage, subscriber, "unexpected", 1);
    assert_int_equal(subscriber->status->received, 0);
    member_exit(subscriber);
    stage_close(&stage);
}

static void test_client_subscriber__a_queue_group_shares_the_messages(void **state)
{
    const char *conf = "{\"subject\": \"a\", \"queue\": \"group\", \"concurrency\": 2}";
    struct stage stage;
    struct member *one, *two, *publisher;

    (void)state;
    stage_open(&stage);
    one = ready(&stage, "subscriber", conf);
    two = ready(&stage, "subscriber", conf);
    publisher = ready(&stage, "publisher",
                      "{\"subject\": \"a\", \"messages\": 400, \"rate\": \"5000/s\"}");
    await_count(&publisher->status->accepted, 400);
    member_obeys(publisher, "stop", NULL);
    /* Each of the two drains to its end, so that all have arrived. */
    member_obeys(publisher, "fence", "{\"number\": 1}");
    member_obeys(one, "stop", NULL);
    member_obeys(two, "stop", NULL);
    assert_int_equal(one->status->distinct + two->status->distinct, 400);
    assert_true(one->status->received > 0);
    assert_true(two->status->received > 0);
    member_exit(publisher);
    member_exit(one);
    member_exit(two);
    stage_close(&stage);
}

static void test_client_subscriber__stop_finishes_what_has_arrived(void **state)
{
    struct stage stage;
    struct member *subscriber, *publisher;

    (void)state;
    stage_open(&stage);
    subscriber = ready(&stage, "subscriber",
                       "{\"subject\": \"a\", \"handler\": {\"time\": \"3ms\"}}");
    publisher = ready(&stage, "publisher",
                      "{\"subject\": \"a\", \"messages\": 200, \"rate\": \"100000/s\"}");
    await_count(&publisher->status->accepted, 200);
    await_count(&subscriber->status->received, 1);
    member_obeys(subscriber, "stop", NULL);
    assert_int_equal(subscriber->status->processed, subscriber->status->received);
    /* Stopped is stopped: nothing more is taken. */
    publish_as_a_stranger(&stage, "a");
    assert_int_equal(stage_records(&stage, subscriber, "unexpected"), 0);
    member_exit(publisher);
    member_exit(subscriber);
    stage_close(&stage);
}

static void test_client_subscriber__a_full_queue_drops_and_says_so(void **state)
{
    struct stage stage;
    struct member *subscriber, *publisher;

    (void)state;
    stage_open(&stage);
    subscriber = ready(&stage, "subscriber",
                       "{\"subject\": \"a\", \"handler\": {\"time\": \"20ms\"}, "
                       "\"pending_limits\": {\"messages\": 5}}");
    publisher = ready(&stage, "publisher",
                      "{\"subject\": \"a\", \"messages\": 300, \"rate\": \"100000/s\"}");
    stage_await_records(&stage, subscriber, "dropped", 1);
    assert_true(stage_records(&stage, subscriber, "error") >= 1);
    member_exit(publisher);
    member_exit(subscriber);
    stage_close(&stage);
}

static void
test_client_subscriber__wrong_orders_are_answered_with_the_reason(void **state)
{
    struct stage stage;
    struct member *subscriber;
    json_t *answer;

    (void)state;
    stage_open(&stage);
    subscriber = ready(&stage, "subscriber", "{\"subject\": \"a\"}");
    answer = member_order(subscriber, "fence", "{\"number\": 1}");
    assert_int_equal(json_integer_value(json_object_get(answer, "rc")), E_PARAM);
    json_decref(answer);
    answer = member_order(subscriber, "dance", NULL);
    assert_non_null(
        strstr(json_string_value(json_object_get(answer, "text")), "'dance'"));
    json_decref(answer);
    member_exit(subscriber);
    stage_close(&stage);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_subscriber__receives_what_is_published_after_ready),
        cmocka_unit_test(
            test_client_subscriber__a_fence_is_the_last_word_of_its_publisher),
        cmocka_unit_test(test_client_subscriber__a_stranger_s_message_is_unexpected),
        cmocka_unit_test(test_client_subscriber__a_queue_group_shares_the_messages),
        cmocka_unit_test(test_client_subscriber__stop_finishes_what_has_arrived),
        cmocka_unit_test(test_client_subscriber__a_full_queue_drops_and_says_so),
        cmocka_unit_test(
            test_client_subscriber__wrong_orders_are_answered_with_the_reason),
    };

    if (stage_is_client(argc, argv))
        return client_main(argc - 1, argv + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
