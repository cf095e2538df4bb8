/* stall: reading stops; what was read before waits; heal lets it go on. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static void test_stall__stops_reading_while_it_is_on(void **state)
{
    struct rig *rig = rig_create("stall", "");

    (void)state;
    assert_int_equal(rig_chain(rig)->stopping, 1);
    rig_heal(rig, 0);
    assert_int_equal(rig_chain(rig)->stopping, 0);
    rig_destroy(rig);
}

static void test_stall__holds_what_was_read_until_it_is_healed(void **state)
{
    struct rig *rig = rig_create("stall", "");

    (void)state;
    rig_push(rig, "out of the pipe");
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 3600 * 1000);
    assert_string_equal(rig_output(rig), "");
    rig_heal(rig, 0);
    assert_string_equal(rig_output(rig), "out of the pipe<FIN>");
    rig_destroy(rig);
}

static void test_stall__holds_a_reset_until_it_is_healed(void **state)
{
    struct rig *rig = rig_create("stall", "");

    (void)state;
    rig_push_end(rig, CHUNK_RST);
    rig_advance_ms(rig, 3600 * 1000);
    assert_string_equal(rig_output(rig), "");
    rig_heal(rig, 0);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_stall__goes_on_when_it_is_changed(void **state)
{
    struct rig *rig = rig_create("stall", "");

    (void)state;
    rig_push(rig, "still");
    rig_change(rig, 0, "probability=0.9");
    assert_string_equal(rig_output(rig), "");
    rig_heal(rig, 0);
    assert_string_equal(rig_output(rig), "still");
    rig_destroy(rig);
}

static void test_stall__behind_a_latency_lets_the_delay_run_out(void **state)
{
    struct rig *rig = rig_create("latency", "base=10ms");
    int stall = rig_add(rig, "stall", "");

    (void)state;
    rig_push(rig, "a");
    rig_advance_ms(rig, 50);
    assert_string_equal(rig_output(rig), "");
    rig_heal(rig, stall);
    assert_string_equal(rig_output(rig), "a");
    rig_destroy(rig);
}

static void test_stall__has_no_parameters_of_its_own(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("stall", "direction=to_client probability=50%", &err), 0);
    assert_int_equal(rig_check("stall", "time=5s", &err), E_PARAM);
    assert_non_null(strstr(err.text, "time"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stall__stops_reading_while_it_is_on),
        cmocka_unit_test(test_stall__holds_what_was_read_until_it_is_healed),
        cmocka_unit_test(test_stall__holds_a_reset_until_it_is_healed),
        cmocka_unit_test(test_stall__goes_on_when_it_is_changed),
        cmocka_unit_test(test_stall__behind_a_latency_lets_the_delay_run_out),
        cmocka_unit_test(test_stall__has_no_parameters_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
