/* refuse: what it answers to new and old connections, and when it closes the port. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static void test_refuse__resets_new_and_old_connections_by_default(void **state)
{
    struct rig *rig = rig_create("refuse", "");

    (void)state;
    assert_int_equal(rig_accept(rig, 0), FAULT_CLOSE_RST);
    assert_int_equal(rig_open_connection(rig, 0), FAULT_CLOSE_RST);
    rig_destroy(rig);
}

static void test_refuse__with_fin_ends_them_with_fin(void **state)
{
    struct rig *rig = rig_create("refuse", "with=fin");

    (void)state;
    assert_int_equal(rig_accept(rig, 0), FAULT_CLOSE_FIN);
    assert_int_equal(rig_open_connection(rig, 0), FAULT_CLOSE_FIN);
    rig_destroy(rig);
}

static void test_refuse__keep_old_lets_open_connections_live(void **state)
{
    struct rig *rig = rig_create("refuse", "keep_old=true");

    (void)state;
    assert_int_equal(rig_accept(rig, 0), FAULT_CLOSE_RST);
    assert_int_equal(rig_open_connection(rig, 0), FAULT_LET);
    rig_destroy(rig);
}

static void test_refuse__lets_bytes_of_kept_connections_pass(void **state)
{
    struct rig *rig = rig_create("refuse", "keep_old=true");

    (void)state;
    rig_push(rig, "PING\r\n");
    rig_push_end(rig, CHUNK_FIN);
    assert_string_equal(rig_output(rig), "PING\r\n<FIN>");
    rig_destroy(rig);
}

static void test_refuse__a_closed_port_cannot_be_a_matter_of_chance(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("refuse", "port=closed", &err), 0);
    assert_int_equal(rig_check("refuse", "port=closed probability=0.5", &err), E_PARAM);
    assert_non_null(strstr(err.text, "probability"));
    assert_true(strlen(err.hint) > 0);
}

static void test_refuse__has_no_direction(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("refuse", "direction=both", &err), 0);
    assert_int_equal(rig_check("refuse", "direction=to_client", &err), E_PARAM);
    assert_non_null(strstr(err.text, "direction"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuse__resets_new_and_old_connections_by_default),
        cmocka_unit_test(test_refuse__with_fin_ends_them_with_fin),
        cmocka_unit_test(test_refuse__keep_old_lets_open_connections_live),
        cmocka_unit_test(test_refuse__lets_bytes_of_kept_connections_pass),
        cmocka_unit_test(test_refuse__a_closed_port_cannot_be_a_matter_of_chance),
        cmocka_unit_test(test_refuse__has_no_direction),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
