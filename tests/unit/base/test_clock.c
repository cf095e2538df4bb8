/* test_clock: real time only moves forward, virtual time only when it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proxy/base/clock.h"

static void test_clock__real_time_never_goes_back(void **state)
{
    const struct clock *clock = clock_real();
    uint64_t before = clock_now(clock);

    (void)state;
    assert_true(before > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_now(clock);

        assert_true(now >= before);
        before = now;
    }
}

static void test_clock__wall_time_is_after_this_was_written(void **state)
{
    (void)state;
    assert_true(clock_wall_ns() > 1600000000ull * NS_PER_S);
}

static void test_clock__virtual_time_stands_still_until_told(void **state)
{
    struct virtual_clock clock;

    (void)state;
    virtual_clock_init(&clock, 5 * (uint64_t)NS_PER_S);
    assert_true(clock_now(&clock.clock) == 5 * (uint64_t)NS_PER_S);
    assert_true(clock_now(&clock.clock) == 5 * (uint64_t)NS_PER_S);
    virtual_clock_advance(&clock, 1);
    assert_true(clock_now(&clock.clock) == 5 * (uint64_t)NS_PER_S + 1);
    virtual_clock_advance(&clock, 0);
    assert_true(clock_now(&clock.clock) == 5 * (uint64_t)NS_PER_S + 1);
}

static void test_clock__two_virtual_clocks_are_two(void **state)
{
    struct virtual_clock a, b;

    (void)state;
    virtual_clock_init(&a, 0);
    virtual_clock_init(&b, 0);
    virtual_clock_advance(&a, NS_PER_MS);
    assert_true(clock_now(&a.clock) == NS_PER_MS);
    assert_true(clock_now(&b.clock) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock__real_time_never_goes_back),
        cmocka_unit_test(test_clock__wall_time_is_after_this_was_written),
        cmocka_unit_test(test_clock__virtual_time_stands_still_until_told),
        cmocka_unit_test(test_clock__two_virtual_clocks_are_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
