/* calm: since when nobody is disturbed; a fault that rests disturbs nobody, one that
 * comes back does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/checks/calm.h"
#include "tests/lib/evidence/build.h"

enum { CLIENT = 1, LINK = 1, FAULT = 5 };

static void change(struct evidence *e, uint64_t ms, bool resting)
{
    struct record record = {.kind = RECORD_fault_change, .a = FAULT, .link = LINK};

    at_ms(e, ms);
    add(e, record, NULL, json_pack("{s:s, s:b}", "fault", "stall", "resting", resting));
}

/* On from 10, rests from 20, on from 30, rests from 40, healed at 50. */
static struct evidence *story(void)
{
    struct evidence *e = evidence_create();

    at_ms(e, 1);
    add_client(e, CLIENT, "worker", "consumer", NULL);
    add_link(e, LINK, "worker->n1", CLIENT, 1);
    at_ms(e, 10);
    add_fault_begin(e, FAULT, LINK, "stall", "worker->n1");
    change(e, 20, true);
    change(e, 30, false);
    change(e, 40, true);
    at_ms(e, 50);
    add_fault_heal(e, FAULT, LINK, 1);
    return e;
}

static uint64_t calm_at(const struct evidence *e, uint64_t until_ms)
{
    uint32_t members[] = {CLIENT};
    const struct audience_group group = {.members = members, .member_count = 1};
    struct cast *cast = NULL;
    uint64_t since_ns;

    assert_int_equal(cast_create(&cast, e, NULL), 0);
    since_ns = calm_since(e, cast, &group, BUILD_ORIGIN_NS + until_ms * NS_PER_MS);
    cast_destroy(cast);
    if (since_ns == UINT64_MAX || since_ns == 0)
        return since_ns;
    return (since_ns - BUILD_ORIGIN_NS) / NS_PER_MS;
}

static void
test_calm__it_is_calm_while_a_fault_rests_and_not_when_it_is_back(void **state)
{
    struct evidence *e = story();

    (void)state;
    assert_int_equal(calm_at(e, 9), 0);
    assert_true(calm_at(e, 15) == UINT64_MAX);
    assert_int_equal(calm_at(e, 25), 20);
    assert_true(calm_at(e, 35) == UINT64_MAX);
    assert_int_equal(calm_at(e, 45), 40);
    assert_int_equal(calm_at(e, 60), 50);
    evidence_close(e);
}

static void test_calm__a_fault_that_was_never_healed_leaves_no_calm(void **state)
{
    struct evidence *e = evidence_create();

    (void)state;
    at_ms(e, 1);
    add_client(e, CLIENT, "worker", "consumer", NULL);
    at_ms(e, 10);
    add_fault_begin(e, FAULT, LINK, "stall", "worker->n1");
    assert_true(calm_at(e, 100) == UINT64_MAX);
    evidence_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_calm__it_is_calm_while_a_fault_rests_and_not_when_it_is_back),
        cmocka_unit_test(test_calm__a_fault_that_was_never_healed_leaves_no_calm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
