/* test_flights: what is under way is found by number, in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "harness/client/flights.h"
#include "proxy/base/rng.h"

static natsMsg *message(void)
{
    natsMsg *msg = NULL;

    assert_int_equal(natsMsg_Create(&msg, "a", NULL, "x", 1), NATS_OK);
    return msg;
}

static void test_flights__a_full_window_takes_no_more(void **state)
{
    struct flights *flights = flights_create(3);

    (void)state;
    assert_true(flights_add(flights, 1, 10, 100));
    assert_true(flights_add(flights, 17, 20, 200)); /* the same bucket as 1 */
    assert_true(flights_add(flights, 33, 30, 300));
    assert_false(flights_add(flights, 4, 40, 400));
    assert_true(flights_finish(flights, 17, NULL));
    assert_true(flights_add(flights, 4, 40, 400));
    assert_int_equal(flights_count(flights), 3);
    flights_destroy(flights);
}

static void test_flights__each_is_finished_once(void **state)
{
    struct flights *flights = flights_create(4);
    struct flight flight;

    (void)state;
    flights_add(flights, 5, 50, 500);
    assert_true(flights_finish(flights, 5, &flight));
    assert_int_equal(flight.intended_ns, 50);
    assert_int_equal(flight.first_ns, 500);
    assert_false(flights_finish(flights, 5, &flight));
    flights_destroy(flights);
}

static void test_flights__the_oldest_is_the_one_that_was_sent_first(void **state)
{
    struct flights *flights = flights_create(4);

    (void)state;
    assert_true(flights_oldest_ns(flights) == UINT64_MAX);
    flights_add(flights, 1, 0, 100);
    flights_add(flights, 2, 0, 200);
    assert_int_equal(flights_oldest_ns(flights), 100);
    assert_int_equal(flights_touch(flights, 1, 300), 1);
    assert_int_equal(flights_touch(flights, 1, 310), 2);
    assert_int_equal(flights_oldest_ns(flights), 200);
    flights_destroy(flights);
}

static void test_flights__what_came_back_waits_and_goes_in_order(void **state)
{
    struct flights *flights = flights_create(4);
    natsMsg *one = message(), *two = message(), *late = message();

    (void)state;
    flights_add(flights, 2, 0, 100);
    flights_add(flights, 1, 0, 100);
    flights_add(flights, 3, 0, 900);
    assert_true(flights_keep(flights, 2, two));
    assert_true(flights_keep(flights, 1, one));
    assert_true(flights_keep(flights, 3, late));
    assert_false(flights_keep(flights, 9, NULL));
    assert_ptr_equal(flights_take_again(flights, 500), one);
    assert_ptr_equal(flights_take_again(flights, 500), two);
    assert_null(flights_take_again(flights, 500));
    natsMsg_Destroy(one);
    natsMsg_Destroy(two);
    flights_destroy(flights); /* destroys what still waits */
}

static void test_flights__thousands_come_and_go_and_none_is_lost(void **state)
{
    struct flights *flights = flights_create(100);
    uint64_t alive[100];
    uint32_t count = 0;
    struct rng rng;
    struct flight flight;

    (void)state;
    rng_init(&rng, 1);
    for (uint64_t number = 0; number < 20000; number++) {
        if (count == 100) {
            uint64_t at = rng_below(&rng, count);

            assert_true(flights_finish(flights, alive[at], &flight));
            assert_int_equal(flight.number, alive[at]);
            alive[at] = alive[--count];
        }
        assert_true(flights_add(flights, number, number, number));
        alive[count++] = number;
    }
    while (flights_pop(flights, &flight))
        count--;
    assert_int_equal(count, 0);
    flights_destroy(flights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flights__a_full_window_takes_no_more),
        cmocka_unit_test(test_flights__each_is_finished_once),
        cmocka_unit_test(test_flights__the_oldest_is_the_one_that_was_sent_first),
        cmocka_unit_test(test_flights__what_came_back_waits_and_goes_in_order),
        cmocka_unit_test(test_flights__thousands_come_and_go_and_none_is_lost),
    };

    int failed;

    /* A message is destroyed by the library's collector, so the library must run. */
    nats_Open(-1);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    nats_CloseAndWait(0);
    return failed;
}
