/* reset: when the RST comes, and what becomes of the bytes until then. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static void test_reset__resets_at_once_by_default(void **state)
{
    struct rig *rig = rig_create("reset", "");

    (void)state;
    assert_string_equal(rig_output(rig), "<RST>");
    rig_push(rig, "nobody hears");
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_reset__waits_from_where_it_met_the_connection(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_advance_ms(rig, 500);
    rig_add(rig, "reset", "wait=100ms");
    rig_push(rig, "passes");
    rig_advance_ms(rig, 99);
    assert_string_equal(rig_output(rig), "passes");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "passes<RST>");
    rig_destroy(rig);
}

static void test_reset__lets_ends_pass_while_it_waits(void **state)
{
    struct rig *rig = rig_create("reset", "wait=100ms");

    (void)state;
    rig_push_end(rig, CHUNK_FIN);
    assert_string_equal(rig_output(rig), "<FIN>");
    rig_push_end(rig, CHUNK_RST);
    assert_string_equal(rig_output(rig), "<FIN><RST>");
    rig_destroy(rig);
}

static void test_reset__on_data_a_silent_connection_lives(void **state)
{
    struct rig *rig = rig_create("reset", "trigger=data");

    (void)state;
    rig_advance_ms(rig, 60 * 1000);
    assert_string_equal(rig_output(rig), "");
    rig_push(rig, "x");
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_reset__on_data_holds_what_provoked_it(void **state)
{
    struct rig *rig = rig_create("reset", "trigger=data wait=100ms");

    (void)state;
    rig_push(rig, "request");
    rig_advance_ms(rig, 60);
    rig_push(rig, "more");
    assert_int_equal(rig_chain(rig)->held_bytes, 11);
    rig_advance_ms(rig, 39);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<RST>");
    assert_int_equal(rig_chain(rig)->held_bytes, 0);
    rig_destroy(rig);
}

static void test_reset__on_data_an_end_provokes_it_too(void **state)
{
    struct rig *rig = rig_create("reset", "trigger=data wait=100ms");

    (void)state;
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 99);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_reset__healed_in_time_loses_nothing(void **state)
{
    struct rig *rig = rig_create("reset", "trigger=data wait=100ms");

    (void)state;
    rig_push(rig, "request");
    rig_push_end(rig, CHUNK_FIN);
    rig_heal(rig, 0);
    rig_advance_ms(rig, 1000);
    assert_string_equal(rig_output(rig), "request<FIN>");
    rig_destroy(rig);
}

static void test_reset__a_peers_own_reset_passes_and_takes_what_is_held(void **state)
{
    struct rig *rig = rig_create("reset", "trigger=data wait=100ms");

    (void)state;
    rig_push(rig, "request");
    rig_push_end(rig, CHUNK_RST);
    assert_string_equal(rig_output(rig), "<RST>");
    assert_int_equal(rig_chain(rig)->held_bytes, 0);
    rig_destroy(rig);
}

static void test_reset__a_changed_wait_counts_from_the_same_trigger(void **state)
{
    struct rig *rig = rig_create("reset", "trigger=data wait=100ms");

    (void)state;
    rig_advance_ms(rig, 1000);
    rig_push(rig, "request");
    rig_advance_ms(rig, 50);
    rig_change(rig, 0, "wait=80ms");
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 29);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_reset__a_wait_that_is_over_after_a_change_resets_at_once(void **state)
{
    struct rig *rig = rig_create("reset", "wait=10s");

    (void)state;
    rig_advance_ms(rig, 5000);
    rig_change(rig, 0, "wait=1s");
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_reset__changed_to_open_lets_go_what_data_had_held(void **state)
{
    struct rig *rig = rig_create("reset", "trigger=data wait=10s");

    (void)state;
    rig_push(rig, "request");
    rig_change(rig, 0, "trigger=open");
    rig_advance_ms(rig, 1);
    rig_push(rig, ", more");
    assert_string_equal(rig_output(rig), "request, more");
    rig_advance_ms(rig, 9999);
    assert_string_equal(rig_output(rig), "request, more<RST>");
    rig_destroy(rig);
}

static void test_reset__after_bytes_cuts_where_they_end(void **state)
{
    struct rig *rig = rig_create("reset", "after=4B");

    (void)state;
    rig_push(rig, "abc");
    assert_string_equal(rig_output(rig), "abc");
    rig_push(rig, "def");
    assert_string_equal(rig_output(rig), "abcd<RST>");
    rig_destroy(rig);
}

static void test_reset__refuses_parameters_that_make_no_sense(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("reset", "wait=8d", &err), E_PARAM);
    assert_non_null(strstr(err.text, "wait"));
    assert_int_equal(rig_check("reset", "trigger=close", &err), E_PARAM);
    assert_non_null(strstr(err.text, "trigger"));
    assert_int_equal(rig_check("reset", "after=3s wait=1s trigger=data", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reset__resets_at_once_by_default),
        cmocka_unit_test(test_reset__waits_from_where_it_met_the_connection),
        cmocka_unit_test(test_reset__lets_ends_pass_while_it_waits),
        cmocka_unit_test(test_reset__on_data_a_silent_connection_lives),
        cmocka_unit_test(test_reset__on_data_holds_what_provoked_it),
        cmocka_unit_test(test_reset__on_data_an_end_provokes_it_too),
        cmocka_unit_test(test_reset__healed_in_time_loses_nothing),
        cmocka_unit_test(test_reset__a_peers_own_reset_passes_and_takes_what_is_held),
        cmocka_unit_test(test_reset__a_changed_wait_counts_from_the_same_trigger),
        cmocka_unit_test(test_reset__a_wait_that_is_over_after_a_change_resets_at_once),
        cmocka_unit_test(test_reset__changed_to_open_lets_go_what_data_had_held),
        cmocka_unit_test(test_reset__after_bytes_cuts_where_they_end),
        cmocka_unit_test(test_reset__refuses_parameters_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
