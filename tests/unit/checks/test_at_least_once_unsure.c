/* at_least_once: when it cannot say, and why. */
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

/* ---- inconclusive ---- */

static void test_at_least_once_unsure__cannot_say_without_messages(void **state)
{
    (void)state;
    expect(stream_story(), NULL, VERDICT_INCONCLUSIVE, "nothing_published");
}

static void
test_at_least_once_unsure__cannot_say_when_nothing_was_acknowledged(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    add_attempted(e, PRODUCER, 0);
    add_publish_failed(e, PRODUCER, 0, EVIDENCE_UNKNOWN);
    drain(e);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "nothing_published");
}

static void test_at_least_once_unsure__cannot_say_without_a_receiver(void **state)
{
    struct evidence *e = evidence_create();

    (void)state;
    add_client(e, PRODUCER, "producer", "publisher", json("{\"wait_for_ack\":\"2s\"}"));
    publish(e, 0, 3);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "no_consumer");
}

static void
test_at_least_once_unsure__cannot_say_when_nobody_heard_one_publisher(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    add_client(e, 7, "stray", "publisher", json("{\"subject\":\"other\"}"));
    publish(e, 0, 3);
    consume(e, 0, 3);
    add_attempted(e, 7, 0);
    add_accepted(e, 7, 0);
    drain(e);
    expect_verdict(e, "at_least_once", "{\"of\":\"producer\"}", VERDICT_PASSED, NULL);
    expect_verdict(e, "at_least_once", "{\"stream\":\"ORDERS\"}", VERDICT_PASSED, NULL);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "no_consumer");
}

/* discard = old with room for two: what the limit removed is no loss, and clients cannot
 * tell the two apart. */
static void test_at_least_once_unsure__cannot_tell_removed_from_lost(void **state)
{
    static const struct {
        const char *asked;
        enum verdict_value value;
        const char *reason;
    } cases[] = {
        {"{\"name\":\"ORDERS\",\"conf\":{\"max_msgs\":2}}", VERDICT_INCONCLUSIVE,
         "removal_possible"},
        {"{\"name\":\"OTHER\",\"conf\":{\"max_msgs\":2}}", VERDICT_FAILED, "lost"},
        {"{\"name\":\"ORDERS\",\"conf\":{}}", VERDICT_FAILED, "lost"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct evidence *e = stream_story();

        add(e, (struct record){.kind = RECORD_stream_asked}, NULL, json(cases[i].asked));
        publish(e, 0, 4);
        consume(e, 2, 4);
        drain(e);
        expect(e, NULL, cases[i].value, cases[i].reason);
    }
}

static void
test_at_least_once_unsure__stored_is_not_known_after_a_broker_died(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    add(e, (struct record){.kind = RECORD_broker_exit, .a = 1}, NULL, NULL);
    expect(e, "{\"upto\":\"stored\"}", VERDICT_INCONCLUSIVE, "not_read_back");
}

static void test_at_least_once_unsure__cannot_say_while_more_can_come(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 2);
    add_drained(e, PRODUCER, true);
    add_caught_up(e, WORKER, 0);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "not_drained");
}

static void
test_at_least_once_unsure__cannot_say_when_nobody_asked_for_the_rest(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 2);
    add_drained(e, PRODUCER, true);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "not_drained");
}

static void test_at_least_once_unsure__cannot_say_when_the_publisher_went_on(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 2);
    add_caught_up(e, WORKER, EVIDENCE_HELD);
    add_drained(e, PRODUCER, true); /* only now */
    expect(e, NULL, VERDICT_INCONCLUSIVE, "not_drained");
}

/* A queue group of WORKER, who has caught up, and AUDITOR, who has work in hand. */
static struct evidence *queue_story(void)
{
    struct evidence *e = evidence_create();
    int i;

    add_run_begin(e, "by hand", "");
    add_client(e, PRODUCER, "producer", "publisher",
               json("{\"subject\":\"orders.new\"}"));
    for (i = WORKER; i <= AUDITOR; i++)
        add_client(e, (uint32_t)i, i == WORKER ? "worker" : "auditor", "subscriber",
                   json("{\"subject\":\"orders.>\",\"queue\":\"q\"}"));
    publish_core(e, 0, 3);
    hear(e, 0, 2);
    add_received(e, AUDITOR, PRODUCER, 1, 0);
    return e;
}

static void
test_at_least_once_unsure__cannot_say_while_another_of_the_queue_group_works(void **state)
{
    struct evidence *e = queue_story();

    (void)state;
    drain(e);
    add_run_end(e, 0);
    add_client_exit(e, AUDITOR, 0);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "not_drained");
    e = queue_story();
    add_client_signal(e, AUDITOR, SIGKILL); /* what it had in hand is gone */
    drain(e);
    expect(e, NULL, VERDICT_FAILED, "lost");
    e = queue_story();
    drain(e);
    add_caught_up(e, AUDITOR, EVIDENCE_HELD);
    expect(e, NULL, VERDICT_FAILED, "lost");
}

static void test_at_least_once_unsure__cannot_say_what_nobody_can_see(void **state)
{
    struct evidence *e = core_story();

    (void)state;
    publish_core(e, 0, 3);
    hear(e, 0, 3);
    drain(e);
    expect_verdict(e, "at_least_once", "{\"upto\":\"stored\"}", VERDICT_INCONCLUSIVE,
                   "not_visible");
    expect(e, "{\"upto\":\"acked\"}", VERDICT_INCONCLUSIVE, "not_visible");
}

static void
test_at_least_once_unsure__does_not_trust_a_ledger_that_contradicts_itself(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 4); /* the fourth was never attempted */
    drain(e);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "ledger_contradiction");

    e = stream_story();
    publish(e, 0, 3);
    consume(e, 0, 2);
    add_acked(e, WORKER, PRODUCER, 2, 3); /* never delivered */
    drain(e);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "ledger_contradiction");

    e = stream_story();
    publish(e, 0, 3);
    add_acknowledged(e, PRODUCER, 3, 4); /* never attempted */
    consume(e, 0, 3);
    drain(e);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "ledger_contradiction");
}

static void test_at_least_once_unsure__counts_what_is_none_of_ours(void **state)
{
    struct evidence *e = stream_story();
    struct verdict verdict;

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 3);
    add_unexpected(e, WORKER, 17);
    drain(e);
    verdict = judge(e, "at_least_once", NULL);
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    assert_int_equal(verdict_integer(&verdict, "unexpected"), 1);
    verdict_release(&verdict);
    evidence_close(e);
}

static void test_at_least_once_unsure__outlives_a_hostile_number(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 3);
    consume(e, 0, 3);
    add_attempted(e, PRODUCER, UINT64_MAX - 1);
    add_received(e, WORKER, PRODUCER, UINT64_C(1) << 40, 9);
    drain(e);
    expect(e, NULL, VERDICT_INCONCLUSIVE, "ledger_too_large");

    /* Within reach, it costs one page and is counted like any other. */
    e = stream_story();
    publish(e, 0, 3);
    publish(e, UINT64_C(1) << 35, (UINT64_C(1) << 35) + 1);
    consume(e, 0, 3);
    consume(e, UINT64_C(1) << 35, (UINT64_C(1) << 35) + 1);
    drain(e);
    expect(e, NULL, VERDICT_PASSED, NULL);
}

static void test_at_least_once_unsure__keeps_incarnations_apart(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 2);
    add_client_signal(e, PRODUCER, SIGKILL);
    add_client_again(e, PRODUCER, 1, "producer", "publisher",
                     json("{\"stream\":\"ORDERS\",\"wait_for_ack\":\"2s\"}"));
    add_attempted_again(e, PRODUCER, 1, 0);
    add_acknowledged_again(e, PRODUCER, 1, 0, 3);
    consume(e, 0, 2); /* not the second life's message 0 */
    evidence_add_seen_by(e, 0, 0,
                         (struct record){.kind = RECORD_drained,
                                         .message = {PRODUCER, 1, 0},
                                         .a = PRODUCER,
                                         .flags = EVIDENCE_HELD},
                         NULL, NULL);
    add_caught_up(e, WORKER, EVIDENCE_HELD);
    expect(e, NULL, VERDICT_FAILED, "lost");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_least_once_unsure__cannot_say_without_messages),
        cmocka_unit_test(
            test_at_least_once_unsure__cannot_say_when_nothing_was_acknowledged),
        cmocka_unit_test(test_at_least_once_unsure__cannot_say_without_a_receiver),
        cmocka_unit_test(
            test_at_least_once_unsure__cannot_say_when_nobody_heard_one_publisher),
        cmocka_unit_test(test_at_least_once_unsure__cannot_tell_removed_from_lost),
        cmocka_unit_test(
            test_at_least_once_unsure__stored_is_not_known_after_a_broker_died),
        cmocka_unit_test(test_at_least_once_unsure__cannot_say_while_more_can_come),
        cmocka_unit_test(
            test_at_least_once_unsure__cannot_say_when_nobody_asked_for_the_rest),
        cmocka_unit_test(
            test_at_least_once_unsure__cannot_say_when_the_publisher_went_on),
        cmocka_unit_test(
            test_at_least_once_unsure__cannot_say_while_another_of_the_queue_group_works),
        cmocka_unit_test(test_at_least_once_unsure__cannot_say_what_nobody_can_see),
        cmocka_unit_test(
            test_at_least_once_unsure__does_not_trust_a_ledger_that_contradicts_itself),
        cmocka_unit_test(test_at_least_once_unsure__counts_what_is_none_of_ours),
        cmocka_unit_test(test_at_least_once_unsure__outlives_a_hostile_number),
        cmocka_unit_test(test_at_least_once_unsure__keeps_incarnations_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
