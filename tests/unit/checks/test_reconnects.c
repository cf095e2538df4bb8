/* reconnects: who is back in time, from when the time counts, and when there is nothing
 * to say. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/observer.h"
#include "tests/lib/checks/judge.h"
#include "tests/lib/checks/stories.h"
#include "tests/lib/evidence/build.h"

enum { CLIENT = 1, NODE = 1, LINK = 1 };

static const char *const within_1s = "{\"within\":\"1s\"}";

/* A program of anybody's, which the proxy alone watches. */
static struct evidence *foreign_story(void)
{
    struct evidence *e = evidence_create();

    at_ms(e, 1);
    add_run_begin(e, "by hand", "");
    add_client(e, CLIENT, "service", "process", NULL);
    add_link(e, LINK, "service->n1", CLIENT, NODE);
    return e;
}

static uint64_t ns(uint64_t ms)
{
    return BUILD_ORIGIN_NS + ms * NS_PER_MS;
}

static void connection(struct evidence *e, uint32_t number, uint64_t from_ms,
                       uint64_t to_ms, unsigned flags)
{
    add_accept(e, LINK, number, ns(from_ms), 0);
    add_first_byte(e, LINK, number, ns(from_ms) + 1000);
    if (to_ms > 0)
        add_close(e, LINK, number, ns(to_ms), flags);
}

static void expect(struct evidence *e, const char *params, enum verdict_value value,
                   const char *reason)
{
    expect_verdict(e, "reconnects", params, value, reason);
    evidence_close(e);
}

/* ---- passes ---- */

static void test_reconnects__passes_who_is_back_in_time(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);
    struct verdict verdict;

    (void)state;
    at_ms(e, 1000);
    add_action(e, "reset", "worker->n1", LINK, 1);
    add_disconnected(e, CLIENT);
    at_ms(e, 1600);
    add_reconnected(e, CLIENT);
    end_at(e, 5000);
    verdict = judge(e, "reconnects", within_1s);
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_non_null(strstr(verdict.text, "from the loss"));
    assert_int_equal(verdict_integer(&verdict, "outages"), 1);
    verdict_release(&verdict);
    evidence_close(e);
}

static void test_reconnects__counts_from_when_the_broker_was_ready(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);
    struct verdict verdict;

    (void)state;
    at_ms(e, 1000);
    add_broker_signal(e, NODE, SIGKILL);
    add_disconnected(e, CLIENT);
    add_broker_exit(e, NODE, SIGKILL);
    at_ms(e, 9000);
    add_broker_start(e, NODE, "n1");
    at_ms(e, 9100);
    add_broker_ready(e, NODE);
    at_ms(e, 9800);
    add_reconnected(e, CLIENT);
    end_at(e, 20000);
    verdict = judge(e, "reconnects", within_1s);
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_non_null(strstr(verdict.text, "n1 was ready"));
    verdict_release(&verdict);
    evidence_close(e);
}

static void test_reconnects__counts_from_when_a_fault_was_healed(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);
    struct verdict verdict;

    (void)state;
    at_ms(e, 1000);
    add_fault_begin(e, 5, LINK, "refuse", "worker->n1");
    add_disconnected(e, CLIENT);
    at_ms(e, 4000);
    add_fault_heal(e, 5, LINK, 3);
    at_ms(e, 4900);
    add_reconnected(e, CLIENT);
    end_at(e, 9000);
    verdict = judge(e, "reconnects", within_1s);
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_non_null(strstr(verdict.text, "refuse on worker->n1 was healed"));
    verdict_release(&verdict);
    evidence_close(e);
}

static void test_reconnects__counts_from_when_the_link_led_to_a_broker_again(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    at_ms(e, 1000);
    add(e, (struct record){.kind = RECORD_link_upstream, .link = LINK}, NULL,
        json("{\"upstream\":\"\"}"));
    add_disconnected(e, CLIENT);
    at_ms(e, 4000);
    add(e, (struct record){.kind = RECORD_link_upstream, .link = LINK}, NULL,
        json("{\"upstream\":\"127.0.0.1:5\"}"));
    at_ms(e, 4900);
    add_reconnected(e, CLIENT);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_PASSED, NULL);
}

static void
test_reconnects__does_not_count_time_in_which_the_client_was_paused(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    at_ms(e, 1000);
    add_disconnected(e, CLIENT);
    at_ms(e, 1100);
    add_client_signal(e, CLIENT, SIGSTOP);
    at_ms(e, 5000);
    add_client_signal(e, CLIENT, SIGCONT);
    at_ms(e, 5500);
    add_reconnected(e, CLIENT);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_PASSED, NULL);
}

static void test_reconnects__sees_a_foreign_client_come_back(void **state)
{
    struct evidence *e = foreign_story();

    (void)state;
    connection(e, 1, 10, 1000, PROXY_BY_SERVER | PROXY_HOW_RST);
    connection(e, 2, 1700, 0, 0);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_PASSED, NULL);
}

/* ---- fails ---- */

static void test_reconnects__fails_who_is_late(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);
    struct verdict verdict;

    (void)state;
    at_ms(e, 1000);
    add_disconnected(e, CLIENT);
    at_ms(e, 2600);
    add_reconnected(e, CLIENT);
    end_at(e, 5000);
    verdict = judge(e, "reconnects", within_1s);
    assert_verdict(&verdict, VERDICT_FAILED, "late");
    assert_string_equal(verdict.measured, "1.6 s");
    assert_int_equal(json_array_size(verdict.witnesses), 1);
    verdict_release(&verdict);
    evidence_close(e);
}

static void test_reconnects__fails_who_missed_a_chance_and_took_the_next(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    at_ms(e, 1000);
    add_disconnected(e, CLIENT);
    at_ms(e, 3000); /* two seconds were enough */
    add_fault_begin(e, 5, LINK, "stall", "worker->n1");
    at_ms(e, 4000);
    add_fault_heal(e, 5, LINK, 3);
    at_ms(e, 4100);
    add_reconnected(e, CLIENT);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_FAILED, "late");
}

static void test_reconnects__fails_who_is_never_back(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    at_ms(e, 1000);
    add_disconnected(e, CLIENT);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_FAILED, "never_reconnected");
}

static void test_reconnects__fails_who_closes_for_good(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    at_ms(e, 1000);
    add_broker_signal(e, NODE, SIGKILL);
    add_disconnected(e, CLIENT);
    add_closed(e, CLIENT, "no reconnect");
    end_at(e, 1500); /* the broker never came back: closed is closed */
    expect(e, within_1s, VERDICT_FAILED, "closed");
}

static void test_reconnects__fails_who_never_noticed(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    connection(e, 1, 9, 1000, PROXY_BY_SERVER | PROXY_HOW_RST);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_FAILED, "never_reconnected");
}

static void test_reconnects__fails_a_foreign_client_that_stays_away(void **state)
{
    struct evidence *e = foreign_story();

    (void)state;
    connection(e, 1, 10, 1000, PROXY_BY_SERVER | PROXY_HOW_RST);
    add_accept(e, LINK, 2, ns(1500), 0); /* tried once, never got through */
    add_close(e, LINK, 2, ns(1501), PROXY_BY_PROXY | PROXY_HOW_RST);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_FAILED, "never_reconnected");
}

static void test_reconnects__judges_each_connection_of_a_connector(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);
    struct verdict verdict;

    (void)state;
    add_client(e, 2, "crowd", "connector", json("{\"count\":2}"));
    add_link(e, 2, "crowd#1->n1", 2, NODE);
    add_link(e, 3, "crowd#2->n1", 2, NODE);
    at_ms(e, 1000);
    for (uint64_t i = 0; i < 2; i++) {
        struct record r = {.kind = RECORD_connected, .message = {2, 0, 0}, .b = i};

        evidence_add(e, r, NULL, NULL);
        r.kind = RECORD_disconnected;
        evidence_add(e, r, NULL, NULL);
    }
    at_ms(e, 1200);
    evidence_add(
        e, (struct record){.kind = RECORD_reconnected, .message = {2, 0, 0}, .b = 0},
        NULL, NULL);
    end_at(e, 9000);
    verdict = judge(e, "reconnects", within_1s);
    assert_verdict(&verdict, VERDICT_FAILED, "never_reconnected");
    assert_non_null(strstr(verdict.text, "crowd#2"));
    assert_int_equal(verdict_integer(&verdict, "back"), 1);
    verdict_release(&verdict);
    evidence_close(e);
}

/* ---- inconclusive ---- */

static void test_reconnects__cannot_say_when_nobody_lost_a_connection(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    connection(e, 1, 9, 0, 0);
    end_at(e, 5000);
    expect(e, within_1s, VERDICT_INCONCLUSIVE, "no_disconnect");
}

static void test_reconnects__takes_no_leave_for_a_loss(void **state)
{
    struct evidence *e = foreign_story();

    (void)state;
    connection(e, 1, 10, 1000, PROXY_BY_CLIENT | PROXY_HOW_FIN);
    at_ms(e, 1010);
    add_client_exit(e, CLIENT, 0);
    end_at(e, 5000);
    expect(e, within_1s, VERDICT_INCONCLUSIVE, "no_disconnect");

    e = foreign_story(); /* killed by us */
    at_ms(e, 900);
    add_client_signal(e, CLIENT, SIGKILL);
    connection(e, 1, 10, 1000, PROXY_BY_CLIENT | PROXY_HOW_RST);
    end_at(e, 5000);
    expect(e, within_1s, VERDICT_INCONCLUSIVE, "no_disconnect");
}

static void test_reconnects__does_not_judge_the_clearing_up(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    end_at(e, 1000);
    at_ms(e, 1010);
    add_disconnected(e, CLIENT);
    at_ms(e, 9000);
    add_broker_exit(e, NODE, 0);
    expect(e, within_1s, VERDICT_INCONCLUSIVE, "no_disconnect");
}

static void test_reconnects__cannot_say_when_the_run_was_over_too_soon(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    at_ms(e, 1000);
    add_disconnected(e, CLIENT);
    end_at(e, 1500);
    expect(e, within_1s, VERDICT_INCONCLUSIVE, "run_ended");
}

static void test_reconnects__cannot_say_when_we_ended_the_client(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    at_ms(e, 1000);
    add_disconnected(e, CLIENT);
    at_ms(e, 1500);
    add_client_signal(e, CLIENT, SIGKILL);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_INCONCLUSIVE, "client_ended");
}

static void test_reconnects__cannot_say_when_no_broker_came_back(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    at_ms(e, 1000);
    add_broker_signal(e, NODE, SIGKILL);
    add_disconnected(e, CLIENT);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_INCONCLUSIVE, "out_of_reach");
}

static void test_reconnects__looks_at_its_client_and_phase_only(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    add_client(e, 2, "other", "consumer", NULL);
    add_phase(e, "quiet");
    at_ms(e, 1000);
    add_connected(e, 2);
    add_disconnected(e, 2);
    at_ms(e, 2000);
    add_phase(e, "storm");
    add_disconnected(e, CLIENT);
    at_ms(e, 2100);
    add_reconnected(e, CLIENT);
    end_at(e, 9000);
    expect_verdict(e, "reconnects", "{\"within\":\"1s\",\"of\":\"worker\"}",
                   VERDICT_PASSED, NULL);
    expect_verdict(e, "reconnects", "{\"within\":\"1s\",\"after\":\"storm\"}",
                   VERDICT_PASSED, NULL);
    expect_verdict(e, "reconnects", "{\"within\":\"1s\",\"phase\":\"quiet\"}",
                   VERDICT_FAILED, "never_reconnected");
    expect(e, "{\"within\":\"1s\",\"of\":\"other\"}", VERDICT_FAILED,
           "never_reconnected");
}

/* "of" a group means each of its members, and nobody else. */
static void test_reconnects__looks_at_every_member_of_a_group(void **state)
{
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    add_client(e, 2, "pool-1", "consumer", NULL);
    add_client(e, 3, "pool-2", "consumer", NULL);
    add_link(e, 2, "pool-1->n1", 2, NODE);
    add_link(e, 3, "pool-2->n1", 3, NODE);
    add_connected(e, 2);
    add_connected(e, 3);
    at_ms(e, 1000);
    add_disconnected(e, CLIENT);
    add_disconnected(e, 2);
    add_disconnected(e, 3);
    at_ms(e, 1100);
    add_reconnected(e, CLIENT);
    add_reconnected(e, 2);
    end_at(e, 9000);
    expect_verdict(e, "reconnects", "{\"within\":\"1s\",\"of\":\"pool-1\"}",
                   VERDICT_PASSED, NULL);
    expect_verdict(e, "reconnects", "{\"within\":\"1s\",\"of\":\"worker\"}",
                   VERDICT_PASSED, NULL);
    expect(e, "{\"within\":\"1s\",\"of\":\"pool\"}", VERDICT_FAILED, "never_reconnected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reconnects__passes_who_is_back_in_time),
        cmocka_unit_test(test_reconnects__counts_from_when_the_broker_was_ready),
        cmocka_unit_test(test_reconnects__counts_from_when_a_fault_was_healed),
        cmocka_unit_test(
            test_reconnects__counts_from_when_the_link_led_to_a_broker_again),
        cmocka_unit_test(
            test_reconnects__does_not_count_time_in_which_the_client_was_paused),
        cmocka_unit_test(test_reconnects__sees_a_foreign_client_come_back),
        cmocka_unit_test(test_reconnects__fails_who_is_late),
        cmocka_unit_test(test_reconnects__looks_at_every_member_of_a_group),
        cmocka_unit_test(test_reconnects__fails_who_missed_a_chance_and_took_the_next),
        cmocka_unit_test(test_reconnects__fails_who_is_never_back),
        cmocka_unit_test(test_reconnects__fails_who_closes_for_good),
        cmocka_unit_test(test_reconnects__fails_who_never_noticed),
        cmocka_unit_test(test_reconnects__fails_a_foreign_client_that_stays_away),
        cmocka_unit_test(test_reconnects__judges_each_connection_of_a_connector),
        cmocka_unit_test(test_reconnects__cannot_say_when_nobody_lost_a_connection),
        cmocka_unit_test(test_reconnects__takes_no_leave_for_a_loss),
        cmocka_unit_test(test_reconnects__does_not_judge_the_clearing_up),
        cmocka_unit_test(test_reconnects__cannot_say_when_the_run_was_over_too_soon),
        cmocka_unit_test(test_reconnects__cannot_say_when_we_ended_the_client),
        cmocka_unit_test(test_reconnects__cannot_say_when_no_broker_came_back),
        cmocka_unit_test(test_reconnects__looks_at_its_client_and_phase_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
