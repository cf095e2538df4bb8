/* priority: who goes first decides what the machine does next; the numbers decide who.
 * Whether the system lets us is not asked here: the decision is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/priority.h"

static void tick(struct priority *p, uint64_t events, uint64_t due)
{
    p->events += events;
    p->due += due;
    priority_tick(p);
}

static void storm(struct priority *p, int ticks)
{
    for (int i = 0; i < ticks; i++)
        tick(p, PRIORITY_STORM_EVENTS, 0);
}

static void test_priority__goes_first_until_a_storm_has_lasted(void **state)
{
    struct priority p;

    (void)state;
    priority_begin(&p);
    storm(&p, PRIORITY_STORM_TICKS - 1);
    assert_false(p.stands_back);
    storm(&p, 1);
    assert_true(p.stands_back);
    storm(&p, 1000);
    assert_true(p.stands_back);
}

static void test_priority__a_calm_tick_ends_the_storm(void **state)
{
    struct priority p;

    (void)state;
    priority_begin(&p);
    storm(&p, PRIORITY_STORM_TICKS);
    tick(&p, PRIORITY_STORM_EVENTS - 1, 0);
    assert_false(p.stands_back);
    storm(&p, PRIORITY_STORM_TICKS - 1);
    assert_false(p.stands_back);
}

static void test_priority__never_stands_back_while_something_is_delayed(void **state)
{
    struct priority p;

    (void)state;
    priority_begin(&p);
    for (int i = 0; i < 100; i++)
        tick(&p, 10 * PRIORITY_STORM_EVENTS, 1);
    assert_false(p.stands_back);
    storm(&p, PRIORITY_STORM_TICKS);
    assert_true(p.stands_back);
    tick(&p, 10 * PRIORITY_STORM_EVENTS, 1);
    assert_false(p.stands_back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_priority__goes_first_until_a_storm_has_lasted),
        cmocka_unit_test(test_priority__a_calm_tick_ends_the_storm),
        cmocka_unit_test(test_priority__never_stands_back_while_something_is_delayed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
