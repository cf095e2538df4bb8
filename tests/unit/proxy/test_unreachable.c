/* unreachable: the dial hangs, and nothing else. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

#include "proxy/plane.h"

static void test_unreachable__lets_a_connection_in_and_its_dial_hang(void **state)
{
    struct rig *rig = rig_create("unreachable", "");

    (void)state;
    assert_null(fault_type_find("unreachable")->on_accept);
    assert_int_equal(rig_dial(rig, 0), FAULT_WAIT);
    rig_advance_ms(rig, 3600 * 1000);
    assert_int_equal(rig_dial(rig, 0), FAULT_WAIT);
    rig_destroy(rig);
}

static void test_unreachable__leaves_connections_alone_that_are_through(void **state)
{
    (void)state;
    assert_false(fault_has_bytes(fault_type_find("unreachable")));
    assert_null(fault_type_find("unreachable")->on_open);
}

static void test_unreachable__says_what_the_client_sees(void **state)
{
    const char *summary = fault_type_summary(fault_type_find("unreachable"));

    (void)state;
    assert_non_null(strstr(summary, "accepted"));
    assert_non_null(strstr(summary, "time-out"));
}

static void test_unreachable__refuses_parameters_that_make_no_sense(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("unreachable", "delay=1s", &err), E_PARAM);
    assert_non_null(strstr(err.text, "delay"));
    assert_int_equal(rig_check("unreachable", "direction=to_server", &err), E_PARAM);
    assert_int_equal(rig_check("unreachable", "after=1KiB", &err), E_PARAM);
    assert_int_equal(rig_check("unreachable", "after=1s probability=0.5", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unreachable__lets_a_connection_in_and_its_dial_hang),
        cmocka_unit_test(test_unreachable__leaves_connections_alone_that_are_through),
        cmocka_unit_test(test_unreachable__says_what_the_client_sees),
        cmocka_unit_test(test_unreachable__refuses_parameters_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
