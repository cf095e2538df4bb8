/* deadlines: nothing early, nothing out of order, on a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/base/rng.h"
#include "proxy/deadlines.h"

enum { COUNT = 500 };

struct item {
    struct deadline deadline; /* first */
    struct test *test;
    uint64_t fired_ns; /* 0: not yet */
    int turn;
};

struct test {
    struct virtual_clock clock;
    struct deadlines deadlines;
    struct item items[COUNT];
    int turns;
};

static void on_due(struct deadline *own)
{
    struct item *item = (struct item *)own;

    item->fired_ns = clock_now(&item->test->clock.clock);
    item->turn = ++item->test->turns;
}

static void begin(struct test *t)
{
    *t = (struct test){.turns = 0};
    virtual_clock_init(&t->clock, 1000);
    deadlines_init(&t->deadlines, &t->clock.clock);
    for (int i = 0; i < COUNT; i++) {
        t->items[i].test = t;
        assert_true(deadline_init(&t->deadlines, &t->items[i].deadline, on_due));
    }
}

static void end(struct test *t)
{
    for (int i = 0; i < COUNT; i++)
        deadline_release(&t->deadlines, &t->items[i].deadline);
    deadlines_release(&t->deadlines);
}

static void test_deadlines__fires_in_the_order_of_time_and_never_early(void **state)
{
    static struct test t;
    struct rng rng;

    (void)state;
    begin(&t);
    rng_init(&rng, 3);
    for (int i = 0; i < COUNT; i++)
        deadline_set(&t.deadlines, &t.items[i].deadline, 1001 + rng_below(&rng, 300));
    while (deadlines_next_ns(&t.deadlines) != UINT64_MAX) {
        virtual_clock_advance(&t.clock, 1);
        deadlines_run(&t.deadlines);
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(t.items[i].fired_ns, t.items[i].deadline.due_ns);
    end(&t);
}

static void test_deadlines__equal_times_fire_in_the_order_of_setting(void **state)
{
    static struct test t;

    (void)state;
    begin(&t);
    for (int i = 0; i < COUNT; i++)
        deadline_set(&t.deadlines, &t.items[i].deadline, 2000);
    virtual_clock_advance(&t.clock, 1000);
    deadlines_run(&t.deadlines);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(t.items[i].turn, i + 1);
    end(&t);
}

static void test_deadlines__survives_any_mix_of_set_move_and_clear(void **state)
{
    static struct test t;
    uint64_t due_ns[COUNT] = {0};
    struct rng rng;

    (void)state;
    begin(&t);
    rng_init(&rng, 5);
    for (int step = 0; step < 20000; step++) {
        int i = (int)rng_below(&rng, COUNT);
        uint64_t now_ns = clock_now(&t.clock.clock);

        if (rng_below(&rng, 4) == 0) {
            deadline_clear(&t.deadlines, &t.items[i].deadline);
            due_ns[i] = 0;
        } else {
            due_ns[i] = now_ns + 1 + rng_below(&rng, 400);
            t.items[i].fired_ns = 0;
            deadline_set(&t.deadlines, &t.items[i].deadline, due_ns[i]);
        }
        virtual_clock_advance(&t.clock, 1);
        deadlines_run(&t.deadlines);
        now_ns = clock_now(&t.clock.clock);
        for (int k = 0; k < COUNT && step % 50 == 0; k++) {
            if (due_ns[k] != 0 && due_ns[k] <= now_ns)
                assert_int_equal(t.items[k].fired_ns, due_ns[k]);
            if (due_ns[k] > now_ns)
                assert_int_equal(t.items[k].deadline.due_ns, due_ns[k]);
        }
    }
    end(&t);
}

static void on_due_again(struct deadline *own)
{
    struct item *item = (struct item *)own;

    on_due(own);
    if (item->turn < 5)
        deadline_set(&item->test->deadlines, own, own->due_ns + 10);
}

static void test_deadlines__a_callback_may_set_its_own_again(void **state)
{
    static struct test t;

    (void)state;
    begin(&t);
    t.items[0].deadline.on_due = on_due_again;
    deadline_set(&t.deadlines, &t.items[0].deadline, 1010);
    virtual_clock_advance(&t.clock, 25);
    deadlines_run(&t.deadlines);
    assert_int_equal(t.turns, 2);
    virtual_clock_advance(&t.clock, 1000);
    deadlines_run(&t.deadlines);
    assert_int_equal(t.turns, 5);
    end(&t);
}

/* A clock that moves by itself: each look at it costs 100 ns. */
struct running_clock {
    struct clock clock;
    uint64_t ns;
};

static uint64_t running_now_ns(const struct clock *clock)
{
    struct running_clock *own = (struct running_clock *)clock;

    own->ns += 100;
    return own->ns;
}

struct precise_test {
    struct running_clock clock;
    struct deadlines deadlines;
    struct deadline items[2];
    uint64_t fired_ns[2];
};

static void note(struct precise_test *t, int index)
{
    t->fired_ns[index] = t->clock.ns;
}

static void on_first(struct deadline *own)
{
    note((struct precise_test *)((char *)own - offsetof(struct precise_test, items[0])),
         0);
}

static void on_second(struct deadline *own)
{
    note((struct precise_test *)((char *)own - offsetof(struct precise_test, items[1])),
         1);
}

static void begin_precise(struct precise_test *t)
{
    *t = (struct precise_test){.clock = {.clock = {running_now_ns}, .ns = 1000}};
    deadlines_init(&t->deadlines, &t->clock.clock);
    assert_true(deadline_init(&t->deadlines, &t->items[0], on_first));
    assert_true(deadline_init(&t->deadlines, &t->items[1], on_second));
}

static void end_precise(struct precise_test *t)
{
    deadline_release(&t->deadlines, &t->items[0]);
    deadline_release(&t->deadlines, &t->items[1]);
    deadlines_release(&t->deadlines);
}

static void test_deadlines__the_last_microseconds_of_a_precise_one_are_spun(void **state)
{
    struct precise_test t;

    (void)state;
    begin_precise(&t);
    t.items[0].is_precise = true;
    deadline_set(&t.deadlines, &t.items[0], 1000 + 50 * NS_PER_US);
    deadline_set(&t.deadlines, &t.items[1], 1000 + 55 * NS_PER_US);
    deadlines_run(&t.deadlines);
    assert_in_range(t.fired_ns[0], 1000 + 50 * NS_PER_US, 1200 + 50 * NS_PER_US);
    /* Nobody spins for one that did not ask for it. */
    assert_int_equal(t.fired_ns[1], 0);
    end_precise(&t);
}

static void test_deadlines__spinning_is_bounded_in_one_run(void **state)
{
    struct precise_test t;

    (void)state;
    begin_precise(&t);
    t.items[0].is_precise = true;
    t.items[1].is_precise = true;
    deadline_set(&t.deadlines, &t.items[0], 1000 + 40 * NS_PER_US);
    deadline_set(&t.deadlines, &t.items[1], 1000 + (DEADLINES_SPIN_NS + 20 * NS_PER_US));
    deadlines_run(&t.deadlines);
    assert_in_range(t.fired_ns[0], 1000 + 40 * NS_PER_US, 1200 + 40 * NS_PER_US);
    assert_int_equal(t.fired_ns[1], 0);
    deadlines_run(&t.deadlines);
    assert_in_range(t.fired_ns[1], 1000 + (DEADLINES_SPIN_NS + 20 * NS_PER_US),
                    1200 + (DEADLINES_SPIN_NS + 20 * NS_PER_US));
    end_precise(&t);
}

static void test_deadlines__a_clock_that_stands_still_is_not_waited_for(void **state)
{
    static struct test t;

    (void)state;
    begin(&t);
    t.items[0].deadline.is_precise = true;
    deadline_set(&t.deadlines, &t.items[0].deadline, 1050);
    deadlines_run(&t.deadlines);
    assert_int_equal(t.turns, 0);
    virtual_clock_advance(&t.clock, 50);
    deadlines_run(&t.deadlines);
    assert_int_equal(t.turns, 1);
    end(&t);
}

/* A clock on which each callback takes a millisecond. */
struct busy {
    struct deadline deadline; /* first */
    struct test *test;
};

static void on_busy(struct deadline *own)
{
    struct busy *busy = (struct busy *)own;

    busy->test->turns++;
    virtual_clock_advance(&busy->test->clock, NS_PER_MS);
}

static void test_deadlines__much_that_is_due_leaves_the_loop_its_turn(void **state)
{
    static struct test t;
    struct busy busy[10];

    (void)state;
    begin(&t);
    for (int i = 0; i < 10; i++) {
        busy[i].test = &t;
        assert_true(deadline_init(&t.deadlines, &busy[i].deadline, on_busy));
        deadline_set(&t.deadlines, &busy[i].deadline, 1);
    }
    for (int run = 1; run <= 5; run++) {
        deadlines_run(&t.deadlines);
        assert_int_equal(t.turns, 2 * run);
    }
    for (int i = 0; i < 10; i++)
        deadline_release(&t.deadlines, &busy[i].deadline);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadlines__fires_in_the_order_of_time_and_never_early),
        cmocka_unit_test(test_deadlines__equal_times_fire_in_the_order_of_setting),
        cmocka_unit_test(test_deadlines__survives_any_mix_of_set_move_and_clear),
        cmocka_unit_test(test_deadlines__a_callback_may_set_its_own_again),
        cmocka_unit_test(test_deadlines__the_last_microseconds_of_a_precise_one_are_spun),
        cmocka_unit_test(test_deadlines__spinning_is_bounded_in_one_run),
        cmocka_unit_test(test_deadlines__a_clock_that_stands_still_is_not_waited_for),
        cmocka_unit_test(test_deadlines__much_that_is_due_leaves_the_loop_its_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
