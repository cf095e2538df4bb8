/* at_least_once: when it passes, and what it fails for. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/checks/judge.h"
#include "tests/lib/checks/stories.h"
#include "tests/lib/evidence/build.h"

static void expect(struct evidence *e, const char *params, enum verdict_value value,
                   const char *reason)
{
    expect_verdict(e, "at_least_once", params, value, reason);
    evidence_close(e);
}

/* ---- passes ---- */

static void
test_at_least_once__passes_when_everything_acknowledged_was_processed(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    publish(e, 0, 10);
    consume(e, 0, 10);
    drain(e);
    verdict = judge(e, "at_least_once", NULL);
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_int_equal(verdict_integer(&verdict, "acknowledged"), 10);
    assert_int_equal(verdict_integer(&verdict, "arrived"), 10);
    assert_string_equal(json_string_value(json_object_get(verdict.numbers, "level")),
                        "processed");
    verdict_release(&verdict);
    evidence_close(e);
}

static void
test_at_least_once__passes_without_a_drain_when_everything_arrived(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 10);
    consume(e, 0, 10);
    expect(e, NULL, VERDICT_PASSED, NULL);
}

static void test_at_least_once__takes_a_redelivery_for_an_arrival(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 2);
    add_received(e, WORKER, PRODUCER, 0, 1);
    consume(e, 0, 2);
    consume(e, 0, 1);
    drain(e);
    expect(e, NULL, VERDICT_PASSED, NULL);
}

static void test_at_least_once__does_not_ask_for_what_was_never_acknowledged(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    publish(e, 0, 5);
    add_attempted(e, PRODUCER, 5);
    add_publish_failed(e, PRODUCER, 5, EVIDENCE_UNKNOWN);
    add_attempted(e, PRODUCER, 6);
    add_publish_failed(e, PRODUCER, 6, EVIDENCE_UNKNOWN);
    consume(e, 0, 6); /* the fifth was stored after all */
    drain(e);
    verdict = judge(e, "at_least_once", NULL);
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_int_equal(verdict_integer(&verdict, "recovered"), 1);
    assert_int_equal(verdict_integer(&verdict, "unknown"), 1);
    assert_int_equal(verdict_integer(&verdict, "attempted"), 7);
    verdict_release(&verdict);
    evidence_close(e);
}

static void
test_at_least_once__passes_what_was_refused_first_and_stored_later(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    add_attempted(e, PRODUCER, 0);
    add_publish_failed(e, PRODUCER, 0, 0);
    add_resent(e, PRODUCER, 0, 1);
    add_acknowledged(e, PRODUCER, 0, 1);
    consume(e, 0, 1);
    drain(e);
    expect(e, NULL, VERDICT_PASSED, NULL);
}

static void test_at_least_once__passes_up_to_stored_without_a_consumer(void **state)
{
    struct evidence *e = evidence_create();

    (void)state;
    add_client(e, PRODUCER, "producer", "publisher", json("{\"window\":100}"));
    publish(e, 0, 3);
    expect(e, "{\"upto\":\"stored\"}", VERDICT_PASSED, NULL);
}

static void test_at_least_once__lets_a_durable_share_its_work(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    add_client(e, AUDITOR, "worker-2", "consumer",
               json("{\"stream\":\"ORDERS\",\"durable\":\"worker\"}"));
    publish(e, 0, 10);
    consume_by(e, WORKER, 0, 4);
    consume_by(e, AUDITOR, 4, 10);
    drain(e);
    expect(e, NULL, VERDICT_PASSED, NULL);
}

static void test_at_least_once__looks_at_its_phase_only(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    add_phase(e, "before");
    publish(e, 0, 5);
    add_phase(e, "storm");
    publish(e, 5, 10);
    consume(e, 5, 10);
    drain(e);
    expect_verdict(e, "at_least_once", "{\"phase\":\"storm\"}", VERDICT_PASSED, NULL);
    expect_verdict(e, "at_least_once", "{\"after\":\"storm\"}", VERDICT_PASSED, NULL);
    expect(e, NULL, VERDICT_FAILED, "lost");
}

/* ---- fails ---- */

static void
test_at_least_once__fails_when_an_acknowledged_message_never_came(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    at_ms(e, 100);
    publish(e, 0, 10);
    at_ms(e, 200);
    add_action(e, "kill", "n1", 0, 1);
    consume(e, 2, 5);
    consume(e, 6, 9);
    drain(e);
    verdict = judge(e, "at_least_once", NULL);
    assert_verdict(&verdict, VERDICT_FAILED, "lost");
    assert_int_equal(verdict_integer(&verdict, "lost"), 4);
    assert_int_equal(verdict_integer(&verdict, "lost_prefix"), 2);
    assert_int_equal(verdict_integer(&verdict, "lost_middle"), 1);
    assert_int_equal(verdict_integer(&verdict, "lost_postfix"), 1);
    assert_int_equal(json_array_size(verdict.witnesses), 3);
    assert_non_null(
        strstr(verdict_witness_text(&verdict, 0), "messages 0 to 1 of producer"));
    assert_non_null(strstr(verdict_witness_text(&verdict, 0), "by worker"));
    assert_non_null(strstr(verdict_witness_text(&verdict, 0), "next: kill on n1"));
    verdict_release(&verdict);
    evidence_close(e);
}

static void test_at_least_once__fails_fire_and_forget_that_lost_something(void **state)
{
    struct evidence *e = core_story();

    (void)state;
    publish_core(e, 0, 10);
    hear(e, 0, 5);
    hear(e, 8, 10);
    drain(e);
    expect(e, NULL, VERDICT_FAILED, "lost");
}

static void test_at_least_once__wants_a_message_in_every_independent_group(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    add_client(e, AUDITOR, "auditor", "consumer",
               json("{\"stream\":\"ORDERS\",\"durable\":\"audit\"}"));
    publish(e, 0, 3);
    consume(e, 0, 3);
    consume_by(e, AUDITOR, 0, 2);
    drain(e);
    add_caught_up(e, AUDITOR, EVIDENCE_HELD);
    verdict = judge(e, "at_least_once", NULL);
    assert_verdict(&verdict, VERDICT_FAILED, "lost");
    assert_non_null(strstr(verdict_witness_text(&verdict, 0), "by auditor"));
    verdict_release(&verdict);
    expect_verdict(e, "at_least_once", "{\"of\":\"worker\"}", VERDICT_PASSED, NULL);
    expect(e, "{\"of\":\"auditor\"}", VERDICT_FAILED, "lost");
}

static void
test_at_least_once__fails_when_acked_before_the_work_and_never_done(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 2);
    consume(e, 0, 1);
    add_received(e, WORKER, PRODUCER, 1, 2);
    add_acked(e, WORKER, PRODUCER, 1, 2);
    drain(e);
    expect_verdict(e, "at_least_once", "{\"upto\":\"delivered\"}", VERDICT_PASSED, NULL);
    expect_verdict(e, "at_least_once", "{\"upto\":\"acked\"}", VERDICT_PASSED, NULL);
    expect(e, NULL, VERDICT_FAILED, "lost");
}

static void test_at_least_once__fails_a_stuck_consumer(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 2);
    add_drained(e, PRODUCER, true);
    add_caught_up(e, WORKER, EVIDENCE_STUCK);
    expect(e, NULL, VERDICT_FAILED, "stuck");
}

static void test_at_least_once__fails_a_handler_that_never_finished_anything(void **state)
{
    struct evidence *e = core_story();
    uint64_t i;

    (void)state;
    publish_core(e, 0, 3);
    for (i = 0; i < 3; i++)
        add_received(e, WORKER, PRODUCER, i, 0);
    drain(e);
    expect_verdict(e, "at_least_once", "{\"upto\":\"delivered\"}", VERDICT_PASSED, NULL);
    expect(e, NULL, VERDICT_FAILED, "lost");
}

/* Two of three arrived; a fault from 1 s to `healed_ms` (0: never); stuck at 20 s. */
static struct evidence *still_story(uint64_t healed_ms)
{
    struct evidence *e = stream_story();

    publish(e, 0, 3);
    consume(e, 0, 2);
    add_drained(e, PRODUCER, true);
    at_ms(e, 1000);
    add_fault_begin(e, 5, 1, "stall", "worker->n1");
    if (healed_ms != 0) {
        at_ms(e, healed_ms);
        add_fault_heal(e, 5, 1, 1);
    }
    at_ms(e, 20000);
    add_caught_up(e, WORKER, EVIDENCE_STUCK);
    return e;
}

static void test_at_least_once__blames_nobody_for_standing_still_in_a_fault(void **state)
{
    (void)state;
    expect(still_story(0), NULL, VERDICT_INCONCLUSIVE, "not_drained");
    expect(still_story(15000), NULL, VERDICT_INCONCLUSIVE, "not_drained");
    expect(still_story(9000), NULL, VERDICT_FAILED, "stuck");
}

static void test_at_least_once__blames_nobody_whom_we_killed(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 2);
    add_drained(e, PRODUCER, true);
    add_client_signal(e, WORKER, SIGKILL);
    at_ms(e, 20000);
    add_caught_up(e, WORKER, EVIDENCE_STUCK);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "not_drained");
}

static void test_at_least_once__fails_what_was_refused_unless_it_is_allowed(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    add_attempted(e, PRODUCER, 3);
    add_publish_failed(e, PRODUCER, 3, 0);
    consume(e, 0, 3);
    drain(e);
    expect_verdict(e, "at_least_once", "{\"allow\":[\"refused\"]}", VERDICT_PASSED, NULL);
    expect(e, NULL, VERDICT_FAILED, "refused");
}

static void
test_at_least_once__fails_for_what_a_killed_publisher_had_acknowledged(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    add_client_signal(e, PRODUCER, SIGKILL);
    add_client_exit(e, PRODUCER, SIGKILL);
    consume(e, 0, 2);
    add_caught_up(e, WORKER, EVIDENCE_HELD);
    expect(e, NULL, VERDICT_FAILED, "lost");
}

/* ---- a killed publisher of core messages ---- */

static void
test_at_least_once__calls_the_last_words_of_a_killed_publisher_unknown(void **state)
{
    struct evidence *e = core_story();
    struct verdict verdict;

    (void)state;
    publish_core(e, 0, 10);
    add_client_signal(e, PRODUCER, SIGKILL);
    hear(e, 0, 7);
    add_caught_up(e, WORKER, EVIDENCE_HELD);
    verdict = judge(e, "at_least_once", NULL);
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_int_equal(verdict_integer(&verdict, "entitled"), 7);
    assert_int_equal(verdict_integer(&verdict, "unknown"), 3);
    verdict_release(&verdict);
    evidence_close(e);
}

static void test_at_least_once__still_fails_for_what_it_had_flushed(void **state)
{
    struct evidence *e = core_story();
    struct verdict verdict;

    (void)state;
    publish_core(e, 0, 8);
    add_flushed(e, PRODUCER);
    publish_core(e, 8, 10);
    add_client_signal(e, PRODUCER, SIGKILL);
    hear(e, 0, 7);
    add_caught_up(e, WORKER, EVIDENCE_HELD);
    verdict = judge(e, "at_least_once", NULL);
    assert_verdict(&verdict, VERDICT_FAILED, "lost");
    assert_int_equal(verdict_integer(&verdict, "lost"), 1);
    assert_int_equal(verdict_integer(&verdict, "unknown"), 2);
    assert_int_equal(json_array_size(verdict.witnesses), 1);
    verdict_release(&verdict);
    evidence_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_at_least_once__passes_when_everything_acknowledged_was_processed),
        cmocka_unit_test(
            test_at_least_once__passes_without_a_drain_when_everything_arrived),
        cmocka_unit_test(test_at_least_once__takes_a_redelivery_for_an_arrival),
        cmocka_unit_test(
            test_at_least_once__does_not_ask_for_what_was_never_acknowledged),
        cmocka_unit_test(
            test_at_least_once__passes_what_was_refused_first_and_stored_later),
        cmocka_unit_test(test_at_least_once__passes_up_to_stored_without_a_consumer),
        cmocka_unit_test(test_at_least_once__lets_a_durable_share_its_work),
        cmocka_unit_test(test_at_least_once__looks_at_its_phase_only),
        cmocka_unit_test(
            test_at_least_once__fails_when_an_acknowledged_message_never_came),
        cmocka_unit_test(test_at_least_once__fails_fire_and_forget_that_lost_something),
        cmocka_unit_test(test_at_least_once__wants_a_message_in_every_independent_group),
        cmocka_unit_test(
            test_at_least_once__fails_when_acked_before_the_work_and_never_done),
        cmocka_unit_test(
            test_at_least_once__fails_a_handler_that_never_finished_anything),
        cmocka_unit_test(test_at_least_once__fails_a_stuck_consumer),
        cmocka_unit_test(test_at_least_once__blames_nobody_for_standing_still_in_a_fault),
        cmocka_unit_test(test_at_least_once__blames_nobody_whom_we_killed),
        cmocka_unit_test(test_at_least_once__fails_what_was_refused_unless_it_is_allowed),
        cmocka_unit_test(
            test_at_least_once__fails_for_what_a_killed_publisher_had_acknowledged),
        cmocka_unit_test(
            test_at_least_once__calls_the_last_words_of_a_killed_publisher_unknown),
        cmocka_unit_test(test_at_least_once__still_fails_for_what_it_had_flushed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
