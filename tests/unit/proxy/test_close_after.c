/* close_after: the end comes in time, busy or not. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static void test_close_after__closes_while_data_flows(void **state)
{
    struct rig *rig = rig_create("close_after", "time=100ms");

    (void)state;
    for (int i = 0; i < 9; i++) {
        rig_push(rig, "x");
        rig_advance_ms(rig, 10);
    }
    rig_advance_us(rig, 9999);
    assert_string_equal(rig_output(rig), "xxxxxxxxx");
    rig_advance_us(rig, 1);
    assert_string_equal(rig_output(rig), "xxxxxxxxx<CLOSE>");
    rig_destroy(rig);
}

static void test_close_after__counts_from_where_it_met_a_live_connection(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_advance_ms(rig, 1000);
    rig_add(rig, "close_after", "time=100ms with=rst");
    rig_advance_ms(rig, 99);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_close_after__of_zero_ends_at_once(void **state)
{
    struct rig *rig = rig_create("close_after", "time=0");

    (void)state;
    assert_string_equal(rig_output(rig), "<CLOSE>");
    rig_destroy(rig);
}

static void test_close_after__lets_earlier_ends_pass(void **state)
{
    struct rig *rig = rig_create("close_after", "time=100ms");

    (void)state;
    rig_push_end(rig, CHUNK_FIN);
    rig_push_end(rig, CHUNK_RST);
    assert_string_equal(rig_output(rig), "<FIN><RST>");
    rig_destroy(rig);
}

static void test_close_after__a_changed_time_counts_from_the_same_beginning(void **state)
{
    struct rig *rig = rig_create("close_after", "time=100ms");

    (void)state;
    rig_advance_ms(rig, 90);
    rig_change(rig, 0, "time=200ms");
    rig_advance_ms(rig, 109);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<CLOSE>");
    rig_destroy(rig);
}

static void
test_close_after__a_time_that_is_over_after_a_change_ends_at_once(void **state)
{
    struct rig *rig = rig_create("close_after", "time=10s");

    (void)state;
    rig_advance_ms(rig, 2000);
    rig_change(rig, 0, "time=1s with=rst");
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_close_after__healed_in_time_leaves_no_trace(void **state)
{
    struct rig *rig = rig_create("close_after", "time=100ms");

    (void)state;
    rig_push(rig, "a");
    rig_heal(rig, 0);
    rig_advance_ms(rig, 1000);
    rig_push(rig, "b");
    assert_string_equal(rig_output(rig), "ab");
    rig_destroy(rig);
}

static void test_close_after__its_end_stays_behind_bytes_that_are_held(void **state)
{
    struct rig *rig = rig_create("close_after", "time=100ms");
    int stall = rig_add(rig, "stall", "");

    (void)state;
    rig_push(rig, "sent before");
    rig_advance_ms(rig, 500);
    assert_string_equal(rig_output(rig), "");
    rig_heal(rig, stall);
    assert_string_equal(rig_output(rig), "sent before<CLOSE>");
    rig_destroy(rig);
}

static void test_close_after__refuses_parameters_that_make_no_sense(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("close_after", "time=8d", &err), E_PARAM);
    assert_non_null(strstr(err.text, "time"));
    assert_int_equal(rig_check("close_after", "time=3", &err), E_PARAM);
    assert_int_equal(rig_check("close_after", "with=fin", &err), E_PARAM);
    assert_non_null(strstr(err.text, "with"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_after__closes_while_data_flows),
        cmocka_unit_test(test_close_after__counts_from_where_it_met_a_live_connection),
        cmocka_unit_test(test_close_after__of_zero_ends_at_once),
        cmocka_unit_test(test_close_after__lets_earlier_ends_pass),
        cmocka_unit_test(test_close_after__a_changed_time_counts_from_the_same_beginning),
        cmocka_unit_test(
            test_close_after__a_time_that_is_over_after_a_change_ends_at_once),
        cmocka_unit_test(test_close_after__healed_in_time_leaves_no_trace),
        cmocka_unit_test(test_close_after__its_end_stays_behind_bytes_that_are_held),
        cmocka_unit_test(test_close_after__refuses_parameters_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
