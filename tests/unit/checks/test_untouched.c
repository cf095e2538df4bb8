/* untouched: a disturbance that met nothing proves nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/checks/judge.h"
#include "tests/lib/checks/stories.h"
#include "tests/lib/evidence/build.h"

enum { LINK = 1, FAULT = 1, OTHER = 2 };

/* All is delivered; the weather comes in between. */
static struct evidence *fine_story(void)
{
    struct evidence *e = stream_story();

    add_link(e, LINK, "client->n1", PRODUCER, 1);
    at_ms(e, 100);
    return e;
}

static void fault(struct evidence *e, uint64_t number, uint64_t touched)
{
    at_ms(e, 1000);
    add_fault_begin(e, number, LINK, "latency", "client->n1");
    at_ms(e, 46000);
    add_fault_heal(e, number, LINK, touched);
}

static void finish(struct evidence *e)
{
    publish(e, 0, 5);
    consume(e, 0, 5);
    drain(e);
}

static void expect(struct evidence *e, enum verdict_value value, const char *reason,
                   const char *words)
{
    struct verdict verdict = judge(e, "at_least_once", NULL);

    assert_verdict(&verdict, value, reason);
    if (words != NULL && strstr(verdict.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", verdict.text, words);
    verdict_release(&verdict);
    evidence_close(e);
}

static void test_untouched__passes_a_run_without_any_disturbance(void **state)
{
    struct evidence *e = fine_story();

    (void)state;
    finish(e);
    expect(e, VERDICT_PASSED, NULL, NULL);
}

static void test_untouched__passes_where_something_was_touched(void **state)
{
    struct evidence *e = fine_story();

    (void)state;
    fault(e, FAULT, 0);
    fault(e, OTHER, 3);
    finish(e);
    expect(e, VERDICT_PASSED, NULL, NULL);
}

static void test_untouched__cannot_say_when_nothing_passed_through(void **state)
{
    struct evidence *e = fine_story();

    (void)state;
    fault(e, FAULT, 0);
    finish(e);
    expect(e, VERDICT_INCONCLUSIVE, "untouched",
           "latency on client->n1 was active for 45 s, but nothing passed through it");
}

static void test_untouched__counts_the_others(void **state)
{
    struct evidence *e = fine_story();

    (void)state;
    fault(e, FAULT, 0);
    fault(e, OTHER, 0);
    at_ms(e, 47000);
    add_action(e, "reset", "client->n1", LINK, 0);
    finish(e);
    expect(e, VERDICT_INCONCLUSIVE, "untouched", "2 disturbances");
}

static void test_untouched__names_an_action_that_found_nothing(void **state)
{
    struct evidence *e = fine_story();

    (void)state;
    add_action(e, "reset", "client->n1", LINK, 0);
    finish(e);
    expect(e, VERDICT_INCONCLUSIVE, "untouched",
           "reset on client->n1 found nothing to touch");
}

static void test_untouched__leaves_a_failure_alone(void **state)
{
    struct evidence *e = fine_story();

    (void)state;
    fault(e, FAULT, 0);
    publish(e, 0, 5);
    consume(e, 0, 4);
    drain(e);
    expect(e, VERDICT_FAILED, "lost", NULL);
}

static void test_untouched__trusts_a_fault_that_was_never_healed(void **state)
{
    struct evidence *e = fine_story();

    (void)state;
    add_fault_begin(e, FAULT, LINK, "latency", "client->n1");
    finish(e);
    expect(e, VERDICT_PASSED, NULL, NULL);
}

static void test_untouched__takes_no_clearing_up_for_a_disturbance(void **state)
{
    struct evidence *e = fine_story();

    (void)state;
    finish(e);
    add_run_end(e, 0);
    add_action(e, "reset", "client->n1", LINK, 0);
    expect(e, VERDICT_PASSED, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_untouched__passes_a_run_without_any_disturbance),
        cmocka_unit_test(test_untouched__passes_where_something_was_touched),
        cmocka_unit_test(test_untouched__cannot_say_when_nothing_passed_through),
        cmocka_unit_test(test_untouched__counts_the_others),
        cmocka_unit_test(test_untouched__names_an_action_that_found_nothing),
        cmocka_unit_test(test_untouched__leaves_a_failure_alone),
        cmocka_unit_test(test_untouched__trusts_a_fault_that_was_never_healed),
        cmocka_unit_test(test_untouched__takes_no_clearing_up_for_a_disturbance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
