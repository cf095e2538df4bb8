/* slow_close: the end waits, data does not. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static void test_slow_close__delays_a_fin_and_no_data(void **state)
{
    struct rig *rig = rig_create("slow_close", "delay=100ms");

    (void)state;
    rig_push(rig, "data");
    assert_string_equal(rig_output(rig), "data");
    assert_int_equal(rig_touched(rig, 0), 0);
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 99);
    assert_string_equal(rig_output(rig), "data");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "data<FIN>");
    rig_destroy(rig);
}

static void test_slow_close__a_reset_is_not_delayed_and_takes_the_fin(void **state)
{
    struct rig *rig = rig_create("slow_close", "delay=100ms");

    (void)state;
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 50);
    rig_push_end(rig, CHUNK_RST);
    rig_advance_ms(rig, 100);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_slow_close__delays_a_reset_when_asked(void **state)
{
    struct rig *rig = rig_create("slow_close", "delay=100ms rst=true");

    (void)state;
    rig_push_end(rig, CHUNK_RST);
    rig_advance_ms(rig, 99);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_slow_close__delays_the_end_that_another_fault_made(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=3");

    (void)state;
    rig_add(rig, "slow_close", "delay=100ms");
    rig_push(rig, "abcdef");
    assert_string_equal(rig_output(rig), "abc");
    rig_advance_ms(rig, 100);
    assert_string_equal(rig_output(rig), "abc<CLOSE>");
    rig_destroy(rig);
}

static void test_slow_close__heal_and_change_let_the_end_go(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig *rig = rig_create("slow_close", "delay=100ms");

        rig_push(rig, "data");
        rig_push_end(rig, CHUNK_FIN);
        if (i == 0)
            rig_heal(rig, 0);
        else
            rig_change(rig, 0, "delay=10s");
        assert_string_equal(rig_output(rig), "data<FIN>");
        rig_destroy(rig);
    }
}

static void test_slow_close__comes_to_a_live_connection(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_push(rig, "before");
    rig_add(rig, "slow_close", "delay=100ms");
    rig_push(rig, "after");
    rig_push_end(rig, CHUNK_FIN);
    assert_string_equal(rig_output(rig), "beforeafter");
    rig_advance_ms(rig, 100);
    assert_string_equal(rig_output(rig), "beforeafter<FIN>");
    rig_destroy(rig);
}

static void test_slow_close__refuses_parameters_that_make_no_sense(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("slow_close", "delay=8d", &err), E_PARAM);
    assert_non_null(strstr(err.text, "delay"));
    assert_int_equal(rig_check("slow_close", "rst=maybe", &err), E_PARAM);
    assert_int_equal(rig_check("slow_close", "direction=to_server", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_close__delays_a_fin_and_no_data),
        cmocka_unit_test(test_slow_close__a_reset_is_not_delayed_and_takes_the_fin),
        cmocka_unit_test(test_slow_close__delays_a_reset_when_asked),
        cmocka_unit_test(test_slow_close__delays_the_end_that_another_fault_made),
        cmocka_unit_test(test_slow_close__heal_and_change_let_the_end_go),
        cmocka_unit_test(test_slow_close__comes_to_a_live_connection),
        cmocka_unit_test(test_slow_close__refuses_parameters_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
