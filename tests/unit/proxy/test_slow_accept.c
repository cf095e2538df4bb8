/* slow_accept: how long a connection waits at the door. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

#include "proxy/plane.h"

static void test_slow_accept__waits_and_then_lets_in(void **state)
{
    struct rig *rig = rig_create("slow_accept", "delay=100ms");

    (void)state;
    assert_int_equal(rig_accept(rig, 0), FAULT_WAIT);
    assert_int_equal(rig_asked_in_ns(rig, 0), 100 * NS_PER_MS);
    rig_advance_ms(rig, 100);
    assert_int_equal(rig_accept(rig, 0), FAULT_LET);
    rig_destroy(rig);
}

static void
test_slow_accept__asked_early_it_still_counts_from_the_first_time(void **state)
{
    struct rig *rig = rig_create("slow_accept", "delay=100ms");

    (void)state;
    rig_advance_ms(rig, 5000);
    assert_int_equal(rig_accept(rig, 0), FAULT_WAIT);
    rig_advance_ms(rig, 60);
    assert_int_equal(rig_accept(rig, 0), FAULT_WAIT);
    assert_int_equal(rig_asked_in_ns(rig, 0), 40 * NS_PER_MS);
    rig_destroy(rig);
}

static void test_slow_accept__a_changed_delay_is_in_force_at_once(void **state)
{
    struct rig *rig = rig_create("slow_accept", "delay=10s");

    (void)state;
    assert_int_equal(rig_accept(rig, 0), FAULT_WAIT);
    rig_advance_ms(rig, 60);
    rig_change(rig, 0, "delay=50ms");
    assert_int_equal(rig_accept(rig, 0), FAULT_LET);
    rig_destroy(rig);
}

static void test_slow_accept__each_connection_waits_for_itself(void **state)
{
    struct rig *rig = rig_create("slow_accept", "delay=100ms");

    (void)state;
    assert_int_equal(rig_accept(rig, 0), FAULT_WAIT);
    rig_advance_ms(rig, 90);
    rig_use_connection(rig, 1);
    assert_int_equal(rig_accept(rig, 0), FAULT_WAIT);
    assert_int_equal(rig_asked_in_ns(rig, 0), 100 * NS_PER_MS);
    rig_use_connection(rig, 0);
    rig_advance_ms(rig, 10);
    assert_int_equal(rig_accept(rig, 0), FAULT_LET);
    rig_destroy(rig);
}

static void test_slow_accept__of_zero_lets_in_at_once(void **state)
{
    struct rig *rig = rig_create("slow_accept", "delay=0");

    (void)state;
    assert_int_equal(rig_accept(rig, 0), FAULT_LET);
    rig_destroy(rig);
}

static void test_slow_accept__leaves_bytes_and_open_connections_alone(void **state)
{
    (void)state;
    assert_false(fault_has_bytes(fault_type_find("slow_accept")));
    assert_null(fault_type_find("slow_accept")->on_open);
}

static void test_slow_accept__refuses_parameters_that_make_no_sense(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("slow_accept", "delay=8d", &err), E_PARAM);
    assert_non_null(strstr(err.text, "delay"));
    assert_int_equal(rig_check("slow_accept", "direction=to_server", &err), E_PARAM);
    assert_int_equal(rig_check("slow_accept", "after=1KiB", &err), E_PARAM);
    assert_int_equal(rig_check("slow_accept", "after=1s probability=0.5", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_accept__waits_and_then_lets_in),
        cmocka_unit_test(
            test_slow_accept__asked_early_it_still_counts_from_the_first_time),
        cmocka_unit_test(test_slow_accept__a_changed_delay_is_in_force_at_once),
        cmocka_unit_test(test_slow_accept__each_connection_waits_for_itself),
        cmocka_unit_test(test_slow_accept__of_zero_lets_in_at_once),
        cmocka_unit_test(test_slow_accept__leaves_bytes_and_open_connections_alone),
        cmocka_unit_test(test_slow_accept__refuses_parameters_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
