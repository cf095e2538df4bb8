/* test_client_defects: nats.c 3.4.1 hangs where a fault tool pushes (nats-facts.md, D1 to
 * D9); the client outlives it or ends with a plain word, never silently. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/client/client.h"
#include "harness/client/watchdog.h"
#include "tests/lib/client/stage.h"

/* Short time-outs make short limits: (1 + 2) * 100 ms + 100 ms + 2 s for a call. */
#define BRISK "\"timeout\": \"100ms\", \"write_deadline\": \"100ms\""
#define PATIENT "\"reconnect\": {\"wait\": \"50ms\", \"attempts\": 2000}"

static void expect_watchdog(const struct stage *stage, struct member *member,
                            const char *call)
{
    json_t *line = member_line(member);
    char words[512];
    int status = member_wait(member);

    assert_string_equal(json_string_value(json_object_get(line, "event")), "failed");
    assert_non_null(strstr(json_string_value(json_object_get(line, "text")), call));
    json_decref(line);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), WATCHDOG_EXIT_CODE);
    assert_int_equal(stage_records(stage, member, "watchdog"), 1);
    stage_detail(stage, member, "watchdog", words, sizeof words);
    assert_non_null(strstr(words, call));
}

static void test_client_defects__d1_a_connect_that_never_ends_is_ended(void **state)
{
    struct stage stage;

    (void)state;
    stage_open(&stage);
    relay_set_mode(stage.relay, RELAY_INFO_ONLY);
    expect_watchdog(&stage, member_start(&stage, "connector", "{" BRISK "}"),
                    "natsConnection_Connect");
    stage_close(&stage);
}

/* Nobody in a subscriber calls the library: it must notice all the same. */
static void
test_client_defects__d1_is_noticed_on_reconnect_by_an_idle_client(void **state)
{
    struct stage stage;
    struct member *idle;

    (void)state;
    stage_open(&stage);
    idle = member_start(&stage, "subscriber",
                        "{\"subject\": \"a\", " BRISK ", " PATIENT "}");
    member_await_ready(idle);
    relay_set_mode(stage.relay, RELAY_INFO_ONLY);
    relay_cut(stage.relay);
    expect_watchdog(&stage, idle, "nats");
    assert_int_equal(stage_records(&stage, idle, "disconnected"), 1);
    stage_close(&stage);
}

static void test_client_defects__d3_a_peer_that_stops_reading_is_left(void **state)
{
    struct stage stage;
    struct member *publisher;
    uint64_t before;

    (void)state;
    stage_open(&stage);
    publisher = member_start(&stage, "publisher",
                             "{\"subject\": \"a\", \"rate\": \"20000/s\", "
                             "\"size\": \"16KiB\", \"write_deadline\": \"300ms\", "
                             "\"timeout\": \"300ms\", " PATIENT "}");
    member_await_ready(publisher);
    await_count(&publisher->status->accepted, 1000);
    relay_set_mode(stage.relay, RELAY_STALL);
    await_level(&publisher->status->connected, 0);
    relay_set_mode(stage.relay, RELAY_PASS);
    await_level(&publisher->status->connected, 1);
    before = publisher->status->accepted;
    await_count(&publisher->status->accepted, before + 1000);
    member_obeys(publisher, "stop", NULL);
    assert_int_equal(publisher->status->accepted + publisher->status->failed,
                     publisher->status->attempted);
    member_exit(publisher);
    stage_close(&stage);
}

/* While an attempt hangs before INFO the connection's lock is held for `timeout`, again
 * and again: slow, but no reason to end the client. */
static void test_client_defects__d9_attempts_that_hang_do_not_end_a_client(void **state)
{
    struct stage stage;
    struct member *publisher;
    uint32_t accepts;

    (void)state;
    stage_open(&stage);
    publisher = member_start(&stage, "publisher",
                             "{\"subject\": \"a\", \"rate\": \"500/s\", "
                             "\"timeout\": \"300ms\", " PATIENT "}");
    member_await_ready(publisher);
    relay_set_mode(stage.relay, RELAY_SILENT);
    accepts = relay_accepts(stage.relay);
    relay_cut(stage.relay);
    await_level(&publisher->status->connected, 0);
    /* Long enough for the sum of all waits to pass the limit of one call. */
    while (relay_accepts(stage.relay) < accepts + 16)
        await_level(&publisher->status->closed, 0);
    relay_set_mode(stage.relay, RELAY_PASS);
    await_level(&publisher->status->connected, 1);
    member_obeys(publisher, "stop", NULL);
    assert_int_equal(publisher->status->accepted, publisher->status->attempted);
    member_exit(publisher);
    assert_int_equal(stage_records(&stage, publisher, "watchdog"), 0);
    assert_int_equal(stage_records(&stage, publisher, "reconnected"), 1);
    stage_close(&stage);
}

static void test_client_defects__closed_for_good_is_said_and_survived(void **state)
{
    struct stage stage;
    struct member *stays, *leaves;
    int status;

    (void)state;
    stage_open(&stage);
    stays = member_start(&stage, "subscriber",
                         "{\"subject\": \"a\", \"reconnect\": \"none\"}");
    leaves = member_start(&stage, "connector",
                          "{\"reconnect\": \"none\", \"exit_when_closed\": true}");
    member_await_ready(stays);
    member_await_ready(leaves);
    stage_kill_broker(&stage);
    await_level(&stays->status->closed, 1);
    status = member_wait(leaves);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 69);
    assert_int_equal(stage_records(&stage, stays, "closed"), 1);
    assert_int_equal(stays->status->connected, 0);
    member_exit(stays);
    stage_close(&stage);
}

static void test_client_defects__attempts_are_counted_per_outage(void **state)
{
    struct stage stage;
    struct member *client;
    uint32_t before;

    (void)state;
    stage_open(&stage);
    client = member_start(&stage, "connector",
                          "{\"reconnect\": {\"first\": \"20ms\", \"attempts\": 3}}");
    member_await_ready(client);
    for (int outage = 1; outage <= 2; outage++) {
        relay_cut(stage.relay);
        await_count(&client->status->reconnects, (uint64_t)outage);
    }
    stage_kill_broker(&stage);
    before = relay_accepts(stage.relay);
    await_level(&client->status->closed, 1);
    assert_int_equal(relay_accepts(stage.relay) - before, 3);
    member_exit(client);
    stage_close(&stage);
}

static void test_client_defects__sigterm_ends_a_client_that_cannot_connect(void **state)
{
    struct stage stage;
    struct member *client;
    int status;

    (void)state;
    stage_open(&stage);
    stage_kill_broker(&stage);
    client = member_start(&stage, "connector", "{\"connect_within\": \"1h\"}");
    while (relay_accepts(stage.relay) < 3)
        await_level(&client->status->closed, 0);
    kill(client->pid, SIGTERM);
    status = member_wait(client);
    assert_true(WIFEXITED(status));
    assert_true(stage_records(&stage, client, "connect_failed") >= 2);
    stage_close(&stage);
}

static void test_client_defects__a_stopped_process_is_not_a_stuck_call(void **state)
{
    struct stage stage;
    struct member *publisher;
    uint64_t before;

    (void)state;
    stage_open(&stage);
    publisher = member_start(&stage, "publisher",
                             "{\"subject\": \"a\", \"rate\": \"50000/s\", " BRISK
                             ", " PATIENT "}");
    member_await_ready(publisher);
    await_count(&publisher->status->accepted, 1000);
    kill(publisher->pid, SIGSTOP);
    /* Longer than any limit of this client. */
    usleep(3500 * 1000);
    kill(publisher->pid, SIGCONT);
    before = publisher->status->accepted;
    await_count(&publisher->status->accepted, before + 1000);
    member_obeys(publisher, "stop", NULL);
    member_exit(publisher);
    stage_close(&stage);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_defects__d1_a_connect_that_never_ends_is_ended),
        cmocka_unit_test(
            test_client_defects__d1_is_noticed_on_reconnect_by_an_idle_client),
        cmocka_unit_test(test_client_defects__d3_a_peer_that_stops_reading_is_left),
        cmocka_unit_test(test_client_defects__d9_attempts_that_hang_do_not_end_a_client),
        cmocka_unit_test(test_client_defects__closed_for_good_is_said_and_survived),
        cmocka_unit_test(test_client_defects__attempts_are_counted_per_outage),
        cmocka_unit_test(test_client_defects__sigterm_ends_a_client_that_cannot_connect),
        cmocka_unit_test(test_client_defects__a_stopped_process_is_not_a_stuck_call),
    };

    if (stage_is_client(argc, argv))
        return client_main(argc - 1, argv + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
