/* test_watchdog: a call that does not come back is noticed, a pause of all is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "harness/client/watchdog.h"

static const uint64_t tick_ns = (uint64_t)WATCHDOG_TICK_MS * NS_PER_MS;

static bool tick(struct guard *guard, int times)
{
    bool expired = false;

    for (int i = 0; i < times && !expired; i++)
        expired = guard_tick(guard, tick_ns);
    return expired;
}

static void test_watchdog__a_call_within_its_limit_is_left_alone(void **state)
{
    struct guard guard = {0};

    (void)state;
    guard_enter(&guard, "call", 10 * tick_ns);
    assert_false(tick(&guard, 10));
    guard_leave(&guard);
    assert_false(tick(&guard, 1000));
}

static void test_watchdog__a_call_past_its_limit_is_noticed(void **state)
{
    struct guard guard = {0};

    (void)state;
    guard_enter(&guard, "call", 10 * tick_ns);
    assert_true(tick(&guard, 13));
    assert_string_equal(atomic_load(&guard.call), "call");
}

static void test_watchdog__each_call_has_a_limit_of_its_own(void **state)
{
    struct guard guard = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        guard_enter(&guard, "call", 10 * tick_ns);
        assert_false(tick(&guard, 8));
        guard_leave(&guard);
    }
}

static void test_watchdog__time_in_which_nobody_ran_does_not_count(void **state)
{
    struct guard guard = {0};

    (void)state;
    guard_enter(&guard, "call", 10 * tick_ns);
    assert_false(tick(&guard, 2));
    /* SIGSTOP for an hour, then SIGCONT: one tick that came very late. */
    assert_false(guard_tick(&guard, 3600ull * NS_PER_S));
    assert_false(tick(&guard, 5));
    assert_true(tick(&guard, 10));
}

struct bark {
    _Atomic bool heard;
    const char *_Atomic call;
};

static void on_expired(void *arg, const char *call, uint64_t ns)
{
    struct bark *bark = arg;

    assert_true(ns > 0);
    bark->call = call;
    atomic_store(&bark->heard, true);
}

static void test_watchdog__the_thread_tells_which_call_it_was(void **state)
{
    struct bark bark = {0};
    struct guard fine = {0}, stuck = {0};
    struct watchdog *watchdog;

    (void)state;
    assert_int_equal(watchdog_start(&watchdog, clock_real(), on_expired, &bark, NULL), 0);
    assert_int_equal(watchdog_add(watchdog, &fine), 0);
    assert_int_equal(watchdog_add(watchdog, &stuck), 0);
    guard_enter(&stuck, "natsConnection_Connect", 2 * tick_ns);
    while (!atomic_load(&bark.heard))
        continue;
    assert_string_equal(bark.call, "natsConnection_Connect");
    watchdog_stop(watchdog);
}

static void test_watchdog__it_takes_so_many_guards_and_gives_them_back(void **state)
{
    struct guard guards[WATCHDOG_GUARDS_MAX + 1] = {0};
    struct bark bark = {0};
    struct watchdog *watchdog;

    (void)state;
    assert_int_equal(watchdog_start(&watchdog, clock_real(), on_expired, &bark, NULL), 0);
    for (int i = 0; i < WATCHDOG_GUARDS_MAX; i++)
        assert_int_equal(watchdog_add(watchdog, &guards[i]), 0);
    assert_int_equal(watchdog_add(watchdog, &guards[WATCHDOG_GUARDS_MAX]), E_LIMIT);
    watchdog_remove(watchdog, &guards[3]);
    assert_int_equal(watchdog_add(watchdog, &guards[WATCHDOG_GUARDS_MAX]), 0);
    watchdog_stop(watchdog);
    assert_false(atomic_load(&bark.heard));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watchdog__a_call_within_its_limit_is_left_alone),
        cmocka_unit_test(test_watchdog__a_call_past_its_limit_is_noticed),
        cmocka_unit_test(test_watchdog__each_call_has_a_limit_of_its_own),
        cmocka_unit_test(test_watchdog__time_in_which_nobody_ran_does_not_count),
        cmocka_unit_test(test_watchdog__the_thread_tells_which_call_it_was),
        cmocka_unit_test(test_watchdog__it_takes_so_many_guards_and_gives_them_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
