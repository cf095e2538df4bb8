/* check: when the n-th allocation fails, for n = 1, 2, 3 …, a check never says what it
 * would not have said with memory: the same verdict, or inconclusive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/checks/judge.h"
#include "tests/lib/checks/simulated.h"
#include "tests/lib/checks/stories.h"
#include "tests/lib/evidence/build.h"
#include "tests/lib/memory/memory.h"

static void starve(struct evidence *e, const char *name, const char *params)
{
    json_t *object = params == NULL ? NULL : json(params);
    struct verdict well = judge(e, name, params);
    struct check *check;
    struct cast *cast;
    unsigned n;

    assert_int_equal(check_create(&check, name, object, "x.lua:1", NULL), 0);
    assert_int_equal(cast_create(&cast, e, NULL), 0);
    for (n = 1;; n++) {
        struct verdict verdict;
        bool failed;

        memory_fail_at(n);
        check_judge(check, e, cast, &verdict);
        failed = memory_failed();
        memory_fail_at(0);
        if (verdict.value != VERDICT_INCONCLUSIVE) {
            assert_int_equal(verdict.value, well.value);
            assert_string_equal(verdict.reason, well.reason);
        }
        verdict_release(&verdict);
        if (!failed)
            break;
    }
    assert_true(n > 5);
    cast_destroy(cast);
    check_destroy(check);
    verdict_release(&well);
    json_decref(object);
}

static void test_check_memory__at_least_once_never_lies_without_memory(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 10);
    consume(e, 0, 10);
    drain(e);
    starve(e, "at_least_once", NULL);
    evidence_close(e);

    e = stream_story();
    publish(e, 0, 10);
    consume(e, 0, 7);
    add_action(e, "kill", "n1", 0, 1);
    drain(e);
    starve(e, "at_least_once", NULL);
    evidence_close(e);
}

static void test_check_memory__reconnects_never_lies_without_memory(void **state)
{
    struct evidence *e = evidence_create();

    (void)state;
    add_broker_start(e, 1, "n1");
    add_broker_ready(e, 1);
    add_client(e, 1, "worker", "consumer", NULL);
    add_link(e, 1, "worker->n1", 1, 1);
    add_connected(e, 1);
    at_ms(e, 1000);
    add_disconnected(e, 1);
    at_ms(e, 1200);
    add_reconnected(e, 1);
    at_ms(e, 5000);
    add_run_end(e, 0);
    starve(e, "reconnects", "{\"within\":\"1s\"}");
    starve(e, "reconnects", "{\"within\":\"100ms\"}");
    evidence_close(e);
}

static void test_check_memory__backoff_never_lies_without_memory(void **state)
{
    static const struct sim_policy policy = {
        .first_ms = 100, .factor = 2, .cap_ms = 1000, .percent = 0.1};
    struct evidence *e = simulate(1, &policy, 2, 1, 7);

    (void)state;
    starve(e, "backoff",
           "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\",\"jitter\":\"10%\"}");
    starve(e, "backoff", "{\"first\":\"30ms\",\"factor\":1}");
    evidence_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check_memory__at_least_once_never_lies_without_memory),
        cmocka_unit_test(test_check_memory__reconnects_never_lies_without_memory),
        cmocka_unit_test(test_check_memory__backoff_never_lies_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
