/* outages: what reconnects counts and what backoff measures are the same losses, or it is
 * said which are not. The stories have the order of records that busy machines wrote. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/observer.h"
#include "tests/lib/checks/judge.h"
#include "tests/lib/evidence/build.h"

enum { CLIENT = 1, NODE = 1, LINK = 1 };

static const char *const within_5s = "{\"within\":\"5s\"}";
static const char *const fixed = "{\"first\":\"100ms\",\"factor\":1}";

struct line {
    struct evidence *e;
    uint32_t connection;
};

static uint64_t ns(uint64_t ms)
{
    return BUILD_ORIGIN_NS + ms * NS_PER_MS;
}

static struct line story(void)
{
    struct line line = {.e = evidence_create()};

    at_ms(line.e, 1);
    add_run_begin(line.e, "by hand", "");
    add_broker_start(line.e, NODE, "n1");
    add_broker_ready(line.e, NODE);
    add_link(line.e, LINK, "worker->n1", CLIENT, NODE);
    return line;
}

static void started_at(struct line *line, uint64_t ms)
{
    at_ms(line->e, ms);
    add_client(line->e, CLIENT, "worker", "connector", NULL);
}

/* Accepted, answered by the broker, ended by it (0: open). */
static void answered(struct line *line, uint64_t from_ms, uint64_t to_ms)
{
    add_accept(line->e, LINK, ++line->connection, ns(from_ms), 0);
    add_first_byte(line->e, LINK, line->connection, ns(from_ms) + NS_PER_MS);
    if (to_ms > 0)
        add_close(line->e, LINK, line->connection, ns(to_ms),
                  PROXY_BY_SERVER | PROXY_HOW_FIN);
}

/* Turned away every 100 ms. */
static void turned_away(struct line *line, uint64_t from_ms, int times)
{
    for (int i = 0; i < times; i++) {
        uint64_t at = from_ms + (uint64_t)i * 100;

        add_accept(line->e, LINK, ++line->connection, ns(at), 0);
        add_close(line->e, LINK, line->connection, ns(at),
                  PROXY_BY_PROXY | PROXY_HOW_RST);
    }
}

static void told_at(struct line *line, uint64_t ms,
                    void (*word)(struct evidence *e, uint32_t client))
{
    at_ms(line->e, ms);
    word(line->e, CLIENT);
}

static void end_at(struct line *line, uint64_t ms)
{
    at_ms(line->e, ms);
    add_run_end(line->e, 0);
}

static void expect_outages(const struct line *line, const char *check, const char *params,
                           long long outages)
{
    struct verdict verdict = judge(line->e, check, params);

    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_int_equal(verdict_integer(&verdict, "outages"), outages);
    verdict_release(&verdict);
}

/* Two outages of 600 ms after 300 ms of connection each; the process' own start is
 * written down at `started_ms`, its callbacks speak `late_ms` after the fact. */
static struct line two_outages(uint64_t started_ms, uint64_t late_ms)
{
    struct line line = story();

    answered(&line, 200, 500);
    turned_away(&line, 600, 5);
    answered(&line, 1100, 1400);
    turned_away(&line, 1500, 5);
    answered(&line, 2000, 0);
    started_at(&line, started_ms);
    told_at(&line, 201 + late_ms, add_connected);
    told_at(&line, 500 + late_ms, add_disconnected);
    told_at(&line, 1102 + late_ms, add_reconnected);
    told_at(&line, 1400 + late_ms, add_disconnected);
    told_at(&line, 2002 + late_ms, add_reconnected);
    end_at(&line, 4000);
    return line;
}

/* The harness writes client_start when the process runs: its first connection may be
 * older. Taken for an end, it hid the first outage of one run in ten. */
static void test_outages__count_though_the_start_is_written_late(void **state)
{
    struct line line = two_outages(210, 0);

    (void)state;
    expect_outages(&line, "reconnects", within_5s, 2);
    expect_outages(&line, "backoff", fixed, 2);
    evidence_close(line.e);
}

static void test_outages__count_though_the_client_speaks_late(void **state)
{
    struct line line = two_outages(10, 90);

    (void)state;
    expect_outages(&line, "reconnects", within_5s, 2);
    expect_outages(&line, "backoff", fixed, 2);
    evidence_close(line.e);
}

/* Up for ten milliseconds, and the callback comes when it is over: still a connection,
 * and two outages. */
static void test_outages__count_a_connection_shorter_than_its_callback(void **state)
{
    struct line line = story();

    (void)state;
    started_at(&line, 10);
    answered(&line, 200, 500);
    turned_away(&line, 600, 5);
    answered(&line, 1100, 1110);
    turned_away(&line, 1210, 5);
    answered(&line, 1710, 0);
    told_at(&line, 201, add_connected);
    told_at(&line, 500, add_disconnected);
    told_at(&line, 1190, add_reconnected);
    told_at(&line, 1191, add_disconnected);
    told_at(&line, 1712, add_reconnected);
    end_at(&line, 4000);
    expect_outages(&line, "reconnects", within_5s, 2);
    expect_outages(&line, "backoff", fixed, 2);
    evidence_close(line.e);
}

/* The broker answers and hangs up during the handshake: no connection, one outage. */
static void test_outages__take_a_failed_handshake_for_an_attempt(void **state)
{
    struct line line = story();

    (void)state;
    started_at(&line, 10);
    answered(&line, 200, 500);
    turned_away(&line, 600, 5);
    answered(&line, 1100, 1102);
    answered(&line, 1202, 0);
    told_at(&line, 201, add_connected);
    told_at(&line, 500, add_disconnected);
    told_at(&line, 1204, add_reconnected);
    end_at(&line, 4000);
    expect_outages(&line, "reconnects", within_5s, 1);
    expect_outages(&line, "backoff", fixed, 1);
    evidence_close(line.e);
}

/* What nobody saw at the proxy cannot be measured: then nothing is green, and the text
 * and the figures say what was left out. */
static void test_outages__say_what_the_proxy_did_not_see(void **state)
{
    struct line line = story();
    struct verdict verdict;

    (void)state;
    started_at(&line, 10);
    answered(&line, 200, 500);
    turned_away(&line, 600, 5);
    answered(&line, 1100, 0);
    told_at(&line, 201, add_connected);
    told_at(&line, 500, add_disconnected);
    told_at(&line, 1102, add_reconnected);
    told_at(&line, 3000, add_disconnected);
    told_at(&line, 3500, add_reconnected);
    end_at(&line, 4000);
    verdict = judge(line.e, "backoff", fixed);
    assert_verdict(&verdict, VERDICT_INCONCLUSIVE, "outage_unseen");
    assert_int_equal(verdict_integer(&verdict, "outages"), 1);
    assert_int_equal(verdict_integer(&verdict, "excluded"), 1);
    assert_non_null(strstr(verdict.text, "excluded: 1 outage, because"));
    verdict_release(&verdict);
    evidence_close(line.e);
}

/* A wrong pace stays wrong; what was left out is said beside it. */
static void test_outages__fail_all_the_same_for_what_was_seen(void **state)
{
    struct line line = two_outages(10, 0);
    struct verdict verdict;

    (void)state;
    told_at(&line, 3800, add_disconnected);
    verdict = judge(line.e, "backoff", "{\"first\":\"400ms\",\"factor\":2}");
    assert_verdict(&verdict, VERDICT_FAILED, "fixed");
    assert_non_null(strstr(verdict.text, "excluded: 1 outage, because"));
    verdict_release(&verdict);
    evidence_close(line.e);
}

/* The client never spoke of the second loss, and came back: counted as it was seen. */
static void test_outages__count_what_the_client_did_not_speak_of(void **state)
{
    struct line line = story();

    (void)state;
    started_at(&line, 10);
    answered(&line, 200, 500);
    turned_away(&line, 600, 5);
    answered(&line, 1100, 4000);
    turned_away(&line, 4100, 5);
    answered(&line, 4600, 0);
    told_at(&line, 201, add_connected);
    told_at(&line, 500, add_disconnected);
    told_at(&line, 1102, add_reconnected);
    end_at(&line, 8000);
    expect_outages(&line, "reconnects", within_5s, 2);
    expect_outages(&line, "backoff", fixed, 2);
    evidence_close(line.e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outages__count_though_the_start_is_written_late),
        cmocka_unit_test(test_outages__count_though_the_client_speaks_late),
        cmocka_unit_test(test_outages__count_a_connection_shorter_than_its_callback),
        cmocka_unit_test(test_outages__take_a_failed_handshake_for_an_attempt),
        cmocka_unit_test(test_outages__say_what_the_proxy_did_not_see),
        cmocka_unit_test(test_outages__fail_all_the_same_for_what_was_seen),
        cmocka_unit_test(test_outages__count_what_the_client_did_not_speak_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
