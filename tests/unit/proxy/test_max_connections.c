/* max_connections: who is counted, and what becomes of one more. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

#include "proxy/plane.h"

static enum fault_answer accept_of(struct rig *rig, int connection)
{
    rig_use_connection(rig, connection);
    return rig_accept(rig, 0);
}

static void close_of(struct rig *rig, int connection)
{
    rig_use_connection(rig, connection);
    rig_close_connection(rig, 0);
}

static void test_max_connections__lets_in_so_many_and_no_more(void **state)
{
    struct rig *rig = rig_create("max_connections", "max=2");

    (void)state;
    assert_int_equal(accept_of(rig, 1), FAULT_LET);
    assert_int_equal(accept_of(rig, 2), FAULT_LET);
    assert_int_equal(accept_of(rig, 3), FAULT_CLOSE_RST);
    close_of(rig, 1);
    assert_int_equal(accept_of(rig, 4), FAULT_LET);
    assert_int_equal(accept_of(rig, 5), FAULT_CLOSE_RST);
    rig_destroy(rig);
}

static void test_max_connections__over_says_how_the_next_one_ends(void **state)
{
    struct rig *rig = rig_create("max_connections", "max=0 over=fin");

    (void)state;
    assert_int_equal(accept_of(rig, 1), FAULT_CLOSE_FIN);
    rig_change(rig, 0, "over=wait");
    assert_int_equal(accept_of(rig, 2), FAULT_WAIT);
    assert_int_equal(rig_asked_in_ns(rig, 0), FAULT_FOREVER);
    rig_destroy(rig);
}

/* Asked about again at each change and close: a connection counts once. */
static void test_max_connections__counts_a_connection_once(void **state)
{
    struct rig *rig = rig_create("max_connections", "max=2");

    (void)state;
    assert_int_equal(accept_of(rig, 1), FAULT_LET);
    assert_int_equal(accept_of(rig, 1), FAULT_LET);
    assert_int_equal(rig_open_connection(rig, 0), FAULT_LET);
    assert_int_equal(accept_of(rig, 2), FAULT_LET);
    assert_int_equal(accept_of(rig, 3), FAULT_CLOSE_RST);
    rig_destroy(rig);
}

static void test_max_connections__counts_those_that_were_open_before(void **state)
{
    struct rig *rig = rig_create("max_connections", "max=2 over=wait");

    (void)state;
    for (int i = 1; i <= 3; i++) {
        rig_use_connection(rig, i);
        assert_int_equal(rig_open_connection(rig, 0), FAULT_LET);
    }
    assert_int_equal(accept_of(rig, 4), FAULT_WAIT);
    close_of(rig, 1);
    assert_int_equal(accept_of(rig, 4), FAULT_WAIT);
    close_of(rig, 2);
    assert_int_equal(accept_of(rig, 4), FAULT_LET);
    assert_int_equal(accept_of(rig, 5), FAULT_WAIT);
    rig_destroy(rig);
}

/* A lower number ends nobody; it holds once enough have gone. */
static void test_max_connections__changes_without_ending_anybody(void **state)
{
    struct rig *rig = rig_create("max_connections", "max=3");

    (void)state;
    for (int i = 1; i <= 3; i++)
        assert_int_equal(accept_of(rig, i), FAULT_LET);
    rig_change(rig, 0, "max=1");
    for (int i = 1; i <= 3; i++) {
        rig_use_connection(rig, i);
        assert_int_equal(rig_open_connection(rig, 0), FAULT_LET);
    }
    close_of(rig, 1);
    close_of(rig, 2);
    assert_int_equal(accept_of(rig, 4), FAULT_CLOSE_RST);
    rig_change(rig, 0, "max=2");
    assert_int_equal(accept_of(rig, 5), FAULT_LET);
    rig_destroy(rig);
}

static void test_max_connections__leaves_bytes_alone(void **state)
{
    (void)state;
    assert_false(fault_has_bytes(fault_type_find("max_connections")));
}

static void test_max_connections__refuses_parameters_that_make_no_sense(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("max_connections", "max=-1", &err), E_PARAM);
    assert_non_null(strstr(err.text, "max"));
    assert_int_equal(rig_check("max_connections", "max=1.5", &err), E_PARAM);
    assert_int_equal(rig_check("max_connections", "over=queue", &err), E_PARAM);
    assert_non_null(strstr(err.text, "over"));
    assert_int_equal(rig_check("max_connections", "direction=to_client", &err), E_PARAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_max_connections__lets_in_so_many_and_no_more),
        cmocka_unit_test(test_max_connections__over_says_how_the_next_one_ends),
        cmocka_unit_test(test_max_connections__counts_a_connection_once),
        cmocka_unit_test(test_max_connections__counts_those_that_were_open_before),
        cmocka_unit_test(test_max_connections__changes_without_ending_anybody),
        cmocka_unit_test(test_max_connections__leaves_bytes_alone),
        cmocka_unit_test(test_max_connections__refuses_parameters_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
