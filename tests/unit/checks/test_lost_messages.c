/* lost_messages, ledger_words: what stands beside "lost", so that a reader sees which,
 * when, whose, and what was done around it. */
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

static struct verdict judged(struct evidence *e, enum verdict_value value,
                             const char *reason)
{
    struct verdict verdict = judge(e, "at_least_once", NULL);

    evidence_close(e);
    assert_verdict(&verdict, value, reason);
    return verdict;
}

static void expect_words(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", text, words);
}

static void test_lost_messages__tells_neighbours_in_one_line(void **state)
{
    struct evidence *e = core_story();
    struct verdict verdict;

    (void)state;
    at_ms(e, 1000);
    add_fault_begin(e, 5, 1, "latency", "producer->n1");
    at_ms(e, 1500);
    publish_core(e, 0, 100);
    at_ms(e, 1547);
    add_action(e, "kill", "n1", 0, 1);
    hear(e, 0, 10);
    hear(e, 95, 100);
    drain(e);
    verdict = judged(e, VERDICT_FAILED, "lost");
    assert_int_equal(json_array_size(verdict.witnesses), 1);
    assert_string_equal(verdict_witness_text(&verdict, 0),
                        "messages 10 to 94 of producer, accepted 2.500 to 2.500 s, never "
                        "processed by worker; before: latency on producer->n1 at 2.000 "
                        "s; next: kill on n1 at 2.547 s");
    verdict_release(&verdict);
}

static void test_lost_messages__names_few_of_those_that_stand_alone(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    publish(e, 0, 60);
    for (uint64_t i = 0; i < 30; i += 2)
        consume(e, i, i + 1);
    consume(e, 40, 60);
    drain(e);
    verdict = judged(e, VERDICT_FAILED, "lost");
    assert_int_equal(verdict_integer(&verdict, "lost"), 25);
    assert_int_equal(json_array_size(verdict.witnesses), 6);
    expect_words(verdict_witness_text(&verdict, 0), "message 1 of producer, ackn");
    expect_words(verdict_witness_text(&verdict, 5), "messages 29 to 39 of producer");
    verdict_release(&verdict);
}

/* What ends the brokers after run() is the clearing up, no "next" for anybody. */
static void test_lost_messages__does_not_name_the_clearing_up(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 2);
    drain(e);
    add_run_end(e, 0);
    add_broker_signal(e, 1, SIGTERM);
    add_broker_exit(e, 1, 0);
    verdict = judged(e, VERDICT_FAILED, "lost");
    expect_words(verdict_witness_text(&verdict, 0), "before: nothing was done");
    assert_null(strstr(verdict_witness_text(&verdict, 0), "next"));
    verdict_release(&verdict);
}

static const char *sum_at(const struct verdict *verdict, size_t at)
{
    return json_string_value(
        json_array_get(json_object_get(verdict->numbers, "sums"), at));
}

static void test_lost_messages__says_who_of_several_got_how_many(void **state)
{
    struct evidence *e = core_story();
    struct verdict verdict;

    (void)state;
    add_client(e, AUDITOR, "auditor", "subscriber", json("{\"subject\":\"orders.>\"}"));
    publish_core(e, 0, 10);
    hear(e, 0, 10);
    for (uint64_t i = 0; i < 7; i++) {
        add_received(e, AUDITOR, PRODUCER, i, 0);
        add_processed(e, AUDITOR, PRODUCER, i, 0);
    }
    drain(e);
    add_caught_up(e, AUDITOR, EVIDENCE_HELD);
    verdict = judged(e, VERDICT_FAILED, "lost");
    assert_string_equal(sum_at(&verdict, 4), "worker: 10 of 10 processed");
    assert_string_equal(sum_at(&verdict, 5), "auditor: 7 of 10 processed");
    expect_words(verdict_witness_text(&verdict, 0), "7 to 9");
    verdict_release(&verdict);
}

/* What a killed core publisher had in hand was nobody's due. */
static void test_lost_messages__takes_back_what_is_unknown(void **state)
{
    struct evidence *e = core_story();
    struct verdict verdict;

    (void)state;
    publish_core(e, 0, 8);
    add_flushed(e, PRODUCER);
    publish_core(e, 8, 12);
    add_client_signal(e, PRODUCER, SIGKILL);
    hear(e, 0, 6);
    add_caught_up(e, WORKER, EVIDENCE_HELD);
    verdict = judged(e, VERDICT_FAILED, "lost");
    assert_int_equal(verdict_integer(&verdict, "lost"), 2);
    assert_int_equal(verdict_integer(&verdict, "unknown"), 4);
    expect_words(verdict_witness_text(&verdict, 0), "messages 6 to 7 of producer");
    assert_int_equal(
        json_integer_value(json_object_get(
            json_object_get(json_object_get(verdict.numbers, "receivers"), "worker"),
            "entitled")),
        8);
    verdict_release(&verdict);
}

static void test_lost_messages__says_who_was_killed_and_not_restarted(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 2);
    add_drained(e, PRODUCER, true);
    at_ms(e, 1050);
    add_client_signal(e, WORKER, SIGKILL);
    add_client_exit(e, WORKER, SIGKILL);
    at_ms(e, 20000);
    add_caught_up(e, WORKER, EVIDENCE_STUCK);
    add_run_end(e, 0);
    verdict = judged(e, VERDICT_INCONCLUSIVE, "not_drained");
    expect_words(verdict.text, "worker was killed at 2.050 s and not restarted");
    verdict_release(&verdict);
}

/* The broker with the memory store was killed: nothing more can come, so it is lost. */
static void test_lost_messages__fails_when_the_stream_is_gone(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    publish(e, 0, 10);
    consume(e, 0, 4);
    add_drained(e, PRODUCER, true);
    add_action(e, "kill", "n1", 0, 1);
    add_caught_up(e, WORKER, EVIDENCE_GONE);
    verdict = judged(e, VERDICT_FAILED, "lost");
    assert_int_equal(verdict_integer(&verdict, "lost"), 6);
    expect_words(verdict.text, "the stream of worker is gone");
    verdict_release(&verdict);
}

/* Its publisher went on: what it believes in later is not decided by that. */
static void test_lost_messages__cannot_say_while_the_publisher_goes_on(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    publish(e, 0, 4);
    consume(e, 0, 2);
    add_caught_up(e, WORKER, EVIDENCE_GONE);
    publish(e, 4, 6);
    add_drained(e, PRODUCER, true);
    verdict = judged(e, VERDICT_INCONCLUSIVE, "not_drained");
    verdict_release(&verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_messages__tells_neighbours_in_one_line),
        cmocka_unit_test(test_lost_messages__names_few_of_those_that_stand_alone),
        cmocka_unit_test(test_lost_messages__does_not_name_the_clearing_up),
        cmocka_unit_test(test_lost_messages__says_who_of_several_got_how_many),
        cmocka_unit_test(test_lost_messages__takes_back_what_is_unknown),
        cmocka_unit_test(test_lost_messages__says_who_was_killed_and_not_restarted),
        cmocka_unit_test(test_lost_messages__fails_when_the_stream_is_gone),
        cmocka_unit_test(test_lost_messages__cannot_say_while_the_publisher_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
