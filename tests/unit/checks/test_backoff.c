/* backoff: from accepts and closes at the proxy to a verdict. How often it errs is in
 * test_backoff_rates.c. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/observer.h"
#include "tests/lib/checks/judge.h"
#include "tests/lib/evidence/build.h"

enum { CLIENT = 1, LINK = 1, OTHER_LINK = 2 };

static const char *const asked = "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\"}";

struct line { /* one client's connections, written as time goes on */
    struct evidence *e;
    uint64_t now_us;
    uint32_t connection;
    uint16_t link;
};

static uint64_t now_ns(const struct line *line)
{
    return BUILD_ORIGIN_NS + line->now_us * NS_PER_US;
}

static struct line story(void)
{
    struct line line = {.e = evidence_create(), .now_us = 10000, .link = LINK};

    add_client(line.e, CLIENT, "worker", "process", NULL);
    add_link(line.e, LINK, "worker->n1", CLIENT, 1);
    return line;
}

/* Accepted and turned away again. */
static void try(struct line *line, uint64_t after_ms)
{
    line->now_us += after_ms * 1000;
    add_accept(line->e, line->link, ++line->connection, now_ns(line), 0);
    line->now_us += 300;
    add_close(line->e, line->link, line->connection, now_ns(line),
              PROXY_BY_PROXY | PROXY_HOW_RST);
}

/* Accepted, connected for a second, lost. */
static void connect(struct line *line, uint64_t after_ms)
{
    line->now_us += after_ms * 1000;
    add_accept(line->e, line->link, ++line->connection, now_ns(line), 0);
    add_first_byte(line->e, line->link, line->connection, now_ns(line) + 1000);
    line->now_us += 1000000;
    add_close(line->e, line->link, line->connection, now_ns(line),
              PROXY_BY_SERVER | PROXY_HOW_RST);
}

static void try_all(struct line *line, const uint64_t *waits_ms, int count)
{
    for (int i = 0; i < count; i++)
        try(line, waits_ms[i]);
}

static void expect(struct line *line, const char *params, enum verdict_value value,
                   const char *reason)
{
    expect_verdict(line->e, "backoff", params, value, reason);
    evidence_close(line->e);
}

static const uint64_t good[] = {101, 200, 401, 800, 1001, 1000};
enum { GOOD = sizeof good / sizeof good[0] };

static void test_backoff__names_a_fixed_wait_with_jitter(void **state)
{
    static const uint64_t waits[] = {430, 560, 480, 520, 610, 450, 590, 505, 410, 575};
    struct line line = story();

    (void)state;
    connect(&line, 0);
    try_all(&line, waits, sizeof waits / sizeof waits[0]);
    connect(&line, 500);
    expect(&line, asked, VERDICT_FAILED, "fixed_with_jitter");
}

static void test_backoff__says_so_when_it_recognises_nothing(void **state)
{
    static const uint64_t waits[] = {430, 12, 2800, 95, 1, 700, 20, 3100, 5, 160, 900};
    struct line line = story();

    (void)state;
    connect(&line, 0);
    try_all(&line, waits, sizeof waits / sizeof waits[0]);
    connect(&line, 500);
    expect(&line, asked, VERDICT_FAILED, "unclassified");
}

static void test_backoff__says_how_much_of_a_list_it_shows(void **state)
{
    struct line line = story();
    struct verdict verdict;
    json_t *series;
    int i;

    (void)state;
    connect(&line, 0);
    for (i = 0; i < 41; i++)
        try(&line, 2020);
    connect(&line, 2020);
    verdict = judge(line.e, "backoff", "{\"first\":\"2s\",\"factor\":1}");
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_null(strstr(verdict.expected, "cap"));
    assert_non_null(strstr(verdict.text, "2.02 s"));
    assert_null(strstr(verdict.text, "e+"));
    series = json_array_get(json_object_get(verdict.numbers, "series"), 0);
    assert_int_equal(json_array_size(json_object_get(series, "waits_ms")), 30);
    assert_string_equal(json_string_value(json_object_get(series, "waits_ms_shown")),
                        "first 30 of 41");
    assert_null(json_object_get(verdict.numbers, "series_shown"));
    verdict_release(&verdict);
    evidence_close(line.e);
}

/* ---- passes ---- */

static void test_backoff__passes_the_policy_asked_for(void **state)
{
    struct line line = story();
    struct verdict verdict;

    (void)state;
    connect(&line, 0);
    try_all(&line, good, GOOD);
    connect(&line, 1000);
    try_all(&line, good, GOOD);
    verdict = judge(line.e, "backoff", asked);
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_int_equal(verdict_integer(&verdict, "outages"), 2);
    assert_int_equal(verdict_integer(&verdict, "waits"), 11);
    verdict_release(&verdict);
    evidence_close(line.e);
}

static void test_backoff__passes_who_tries_at_once_and_then_waits(void **state)
{
    struct line line = story();

    (void)state;
    connect(&line, 0);
    try(&line, 1);
    try_all(&line, good, GOOD);
    expect(&line, asked, VERDICT_PASSED, NULL);
}

static void test_backoff__passes_a_fixed_wait_where_that_is_asked(void **state)
{
    struct line line = story();

    (void)state;
    connect(&line, 0);
    for (int i = 0; i < 6; i++)
        try(&line, 250);
    expect(&line, "{\"first\":\"250ms\",\"factor\":1}", VERDICT_PASSED, NULL);
}

static void test_backoff__counts_one_wait_per_sweep_of_the_pool(void **state)
{
    struct line line = story();

    (void)state;
    add_link(line.e, OTHER_LINK, "worker->n2", CLIENT, 2);
    connect(&line, 0);
    line.link = OTHER_LINK; /* the other server at once, then a wait per sweep */
    try(&line, 1);
    for (int i = 0; i < GOOD; i++) {
        line.link = LINK;
        try(&line, good[i]);
        line.link = OTHER_LINK;
        try(&line, 0);
    }
    expect(&line, asked, VERDICT_PASSED, NULL);
}

static void test_backoff__forgives_one_hiccup(void **state)
{
    static const uint64_t waits[] = {100, 200, 400, 800, 1000, 1119, 1000, 1000};
    struct line line = story();

    (void)state;
    connect(&line, 0);
    try_all(&line, waits, 8);
    expect(&line, asked, VERDICT_PASSED, NULL);
}

static void test_backoff__believes_a_tolerance(void **state)
{
    static const uint64_t waits[] = {100, 380, 600, 950, 1150, 1170};
    struct line line = story();

    (void)state;
    connect(&line, 0);
    try_all(&line, waits, 6);
    expect_verdict(line.e, "backoff", asked, VERDICT_FAILED, "factor");
    expect(&line,
           "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\",\"tolerance\":\"200ms\"}",
           VERDICT_PASSED, NULL);
}

/* ---- fails, and why ---- */

static void test_backoff__names_the_class_it_saw(void **state)
{
    static const uint64_t linear[] = {100, 200, 300, 400, 500, 600, 700};
    struct line line = story();
    struct verdict verdict;

    (void)state;
    connect(&line, 0);
    for (int i = 0; i < 40; i++)
        try(&line, 20);
    verdict = judge(line.e, "backoff", asked);
    assert_verdict(&verdict, VERDICT_FAILED, "fixed");
    assert_non_null(strstr(verdict_witness_text(&verdict, 0), "lost its connection"));
    verdict_release(&verdict);
    evidence_close(line.e);

    line = story();
    connect(&line, 0);
    for (int i = 0; i < 400; i++)
        try(&line, 0);
    expect(&line, asked, VERDICT_FAILED, "hot_loop");

    line = story();
    connect(&line, 0);
    for (int i = 0; i < 6; i++)
        try(&line, 0);
    expect(&line, asked, VERDICT_FAILED, "immediate");

    line = story();
    connect(&line, 0);
    try_all(&line, linear, 7);
    expect(&line, asked, VERDICT_FAILED, "linear");

    line = story();
    connect(&line, 0);
    try_all(&line, good, GOOD);
    expect(&line, "{\"first\":\"200ms\",\"factor\":1}", VERDICT_FAILED, "exponential");
}

static void test_backoff__names_the_figure_that_is_off(void **state)
{
    static const uint64_t doubled[] = {200, 400, 800, 1000, 1000, 1000, 1000};
    static const uint64_t tripled[] = {100, 300, 900, 1000, 1000, 1000, 1000};
    static const uint64_t uncapped[] = {100, 200, 400, 800, 1600, 3200, 6400};
    struct line line = story();

    (void)state;
    connect(&line, 0);
    try_all(&line, doubled, 7);
    expect(&line, asked, VERDICT_FAILED, "first");

    line = story();
    connect(&line, 0);
    try_all(&line, tripled, 7);
    expect(&line, asked, VERDICT_FAILED, "factor");

    line = story();
    connect(&line, 0);
    try_all(&line, uncapped, 7);
    expect(&line, asked, VERDICT_FAILED, "cap");

    line = story();
    connect(&line, 0);
    try_all(&line, good, GOOD);
    expect(&line, "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\",\"jitter\":\"20%\"}",
           VERDICT_FAILED, "jitter");
}

static void test_backoff__fails_who_goes_on_where_the_last_outage_ended(void **state)
{
    struct line line = story();

    (void)state;
    connect(&line, 0);
    try_all(&line, good, GOOD);
    connect(&line, 1000);
    for (int i = 0; i < 5; i++)
        try(&line, 1000);
    expect_verdict(line.e, "backoff",
                   "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\",\"reset\":false}",
                   VERDICT_PASSED, NULL);
    expect(&line, asked, VERDICT_FAILED, "reset");
}

/* ---- inconclusive ---- */

static void test_backoff__cannot_say_without_an_outage(void **state)
{
    struct line line = story();

    (void)state;
    for (int i = 0; i < 6; i++) /* first connects do not count */
        try(&line, 100);
    expect(&line, asked, VERDICT_INCONCLUSIVE, "no_disconnect");
}

static void test_backoff__cannot_say_from_too_few_attempts(void **state)
{
    struct line line = story();

    (void)state;
    connect(&line, 0);
    expect_verdict(line.e, "backoff", asked, VERDICT_INCONCLUSIVE, "too_few_attempts");
    try_all(&line, good, 4); /* three waits */
    expect_verdict(line.e, "backoff", asked, VERDICT_INCONCLUSIVE, "too_few_attempts");
    expect(&line, "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\",\"jitter\":\"full\"}",
           VERDICT_INCONCLUSIVE, "too_few_attempts");
}

static void test_backoff__cannot_tell_a_jitter_below_the_noise(void **state)
{
    static const uint64_t waits[] = {10, 20, 21, 20, 21};
    struct line line = story();

    (void)state;
    connect(&line, 0);
    try_all(&line, waits, 5);
    expect(&line, "{\"first\":\"10ms\",\"factor\":2,\"cap\":\"20ms\",\"jitter\":\"10%\"}",
           VERDICT_INCONCLUSIVE, "too_few_attempts");
}

static void test_backoff__leaves_out_waits_whose_begin_nobody_saw(void **state)
{
    struct line line = story();

    (void)state;
    connect(&line, 0);
    for (int i = 0; i < 5; i++) { /* accepted into a stalled link: closed much later */
        line.now_us += 2000000;
        add_accept(line.e, LINK, ++line.connection, now_ns(&line), 0);
        add_close(line.e, LINK, line.connection, now_ns(&line) + 60ull * NS_PER_S,
                  PROXY_BY_CLIENT | PROXY_HOW_FIN);
    }
    expect(&line, asked, VERDICT_INCONCLUSIVE, "too_few_attempts");
}

static void test_backoff__does_not_count_a_new_process_as_a_retry(void **state)
{
    struct line line = story();

    (void)state;
    connect(&line, 0);
    at_ns(line.e, now_ns(&line) + 1);
    add_client_signal(line.e, CLIENT, SIGKILL);
    for (int i = 0; i < 10; i++)
        try(&line, 20);
    expect(&line, asked, VERDICT_INCONCLUSIVE, "too_few_attempts");
}

static void test_backoff__does_not_judge_when_the_proxy_itself_was_late(void **state)
{
    struct line line = story();
    struct verdict verdict;

    (void)state;
    connect(&line, 0);
    try_all(&line, good, GOOD);
    at_ns(line.e, now_ns(&line));
    add_lag(line.e, 300ull * NS_PER_MS, 1000);
    verdict = judge(line.e, "backoff", asked);
    assert_verdict(&verdict, VERDICT_INCONCLUSIVE, "harness_overloaded");
    assert_non_null(strstr(verdict.text, "would have said passed"));
    verdict_release(&verdict);
    evidence_close(line.e);
}

/* 100 % up and down is from nothing to twice: what never waits is still a hot loop. */
static void test_backoff__sees_a_hot_loop_within_any_percentage(void **state)
{
    struct line line = story();

    (void)state;
    connect(&line, 0);
    for (int i = 0; i < 100; i++)
        try(&line, 1);
    expect(&line, "{\"first\":\"100ms\",\"factor\":1,\"jitter\":\"100%\"}",
           VERDICT_FAILED, "hot_loop");
}

static void test_backoff__sees_that_a_wide_jitter_is_not_there(void **state)
{
    struct line line = story();

    (void)state;
    connect(&line, 0);
    for (int i = 0; i < 30; i++)
        try(&line, 60);
    expect(&line, "{\"first\":\"100ms\",\"factor\":1,\"jitter\":\"50%\"}", VERDICT_FAILED,
           "jitter");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff__says_how_much_of_a_list_it_shows),
        cmocka_unit_test(test_backoff__names_a_fixed_wait_with_jitter),
        cmocka_unit_test(test_backoff__says_so_when_it_recognises_nothing),
        cmocka_unit_test(test_backoff__sees_a_hot_loop_within_any_percentage),
        cmocka_unit_test(test_backoff__sees_that_a_wide_jitter_is_not_there),
        cmocka_unit_test(test_backoff__passes_the_policy_asked_for),
        cmocka_unit_test(test_backoff__passes_who_tries_at_once_and_then_waits),
        cmocka_unit_test(test_backoff__passes_a_fixed_wait_where_that_is_asked),
        cmocka_unit_test(test_backoff__counts_one_wait_per_sweep_of_the_pool),
        cmocka_unit_test(test_backoff__forgives_one_hiccup),
        cmocka_unit_test(test_backoff__believes_a_tolerance),
        cmocka_unit_test(test_backoff__names_the_class_it_saw),
        cmocka_unit_test(test_backoff__names_the_figure_that_is_off),
        cmocka_unit_test(test_backoff__fails_who_goes_on_where_the_last_outage_ended),
        cmocka_unit_test(test_backoff__cannot_say_without_an_outage),
        cmocka_unit_test(test_backoff__cannot_say_from_too_few_attempts),
        cmocka_unit_test(test_backoff__cannot_tell_a_jitter_below_the_noise),
        cmocka_unit_test(test_backoff__leaves_out_waits_whose_begin_nobody_saw),
        cmocka_unit_test(test_backoff__does_not_count_a_new_process_as_a_retry),
        cmocka_unit_test(test_backoff__does_not_judge_when_the_proxy_itself_was_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
