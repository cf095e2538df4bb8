/* idle_kill: what counts as busy, and the four ways in which it kills. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static void test_idle_kill__resets_after_so_long_without_a_byte(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms");

    (void)state;
    rig_advance_ms(rig, 60);
    rig_push_to(rig, TO_SERVER, "a");
    rig_advance_ms(rig, 60);
    rig_push_to(rig, TO_CLIENT, "b");
    rig_advance_ms(rig, 99);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "a");
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "b");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "a<RST>");
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "b<RST>");
    rig_destroy(rig);
}

static void test_idle_kill__closes_when_told(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms how=close");

    (void)state;
    rig_advance_ms(rig, 100);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "<CLOSE>");
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "<CLOSE>");
    rig_destroy(rig);
}

/* Bytes keep a connection busy, not its ends; and ends are nobody's business here. */
static void test_idle_kill__a_fin_passes_and_does_not_count(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms");

    (void)state;
    rig_advance_ms(rig, 90);
    rig_push_end_to(rig, TO_CLIENT, CHUNK_FIN);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "<FIN>");
    rig_advance_ms(rig, 10);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "<RST>");
    rig_destroy(rig);
}

static void test_idle_kill__silent_drops_all_both_ways_and_tells_nobody(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms how=silent");

    (void)state;
    rig_push_to(rig, TO_SERVER, "before");
    rig_advance_ms(rig, 100);
    rig_push_to(rig, TO_SERVER, "lost");
    rig_push_to(rig, TO_CLIENT, "lost too");
    rig_push_end_to(rig, TO_CLIENT, CHUNK_FIN);
    rig_push_end_to(rig, TO_SERVER, CHUNK_RST);
    rig_advance_ms(rig, 3600 * 1000);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "before");
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "");
    rig_destroy(rig);
}

static void test_idle_kill__a_silent_one_that_lost_bytes_is_reset_on_heal(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms how=silent");

    (void)state;
    rig_advance_ms(rig, 100);
    rig_push_to(rig, TO_CLIENT, "lost");
    rig_heal(rig, 0);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "<RST>");
    rig_destroy(rig);
}

/* The RST of one direction waits in a later fault; the other must not go on meanwhile. */
static void test_idle_kill__resumes_no_direction_of_what_lost_bytes(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms how=silent");

    (void)state;
    rig_add(rig, "latency", "base=50ms direction=to_server");
    rig_advance_ms(rig, 100);
    rig_push_to(rig, TO_CLIENT, "lost");
    rig_heal(rig, 0);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "<RST>");
    assert_string_equal(rig_output_to(rig, TO_SERVER), "");
    rig_advance_ms(rig, 50);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "<RST>");
    rig_destroy(rig);
}

static void test_idle_kill__a_silent_one_that_lost_nothing_goes_on(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms how=silent");

    (void)state;
    rig_advance_ms(rig, 500);
    rig_heal(rig, 0);
    rig_push_to(rig, TO_SERVER, "as before");
    rig_push_to(rig, TO_CLIENT, "yes");
    assert_string_equal(rig_output_to(rig, TO_SERVER), "as before");
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "yes");
    rig_destroy(rig);
}

static void test_idle_kill__rst_on_data_answers_the_next_byte_or_fin(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig *rig = rig_create_both("idle_kill", "idle=100ms how=rst_on_data");

        rig_advance_ms(rig, 3600 * 1000);
        assert_string_equal(rig_output_to(rig, TO_SERVER), "");
        if (i == 0)
            rig_push_to(rig, TO_SERVER, "late");
        else
            rig_push_end_to(rig, TO_SERVER, CHUNK_FIN);
        assert_string_equal(rig_output_to(rig, TO_SERVER), "<RST>");
        rig_destroy(rig);
    }
}

/* Nobody answers an RST; the other side learns with its own next byte. */
static void test_idle_kill__rst_on_data_swallows_a_reset(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms how=rst_on_data");

    (void)state;
    rig_advance_ms(rig, 100);
    rig_push_end_to(rig, TO_SERVER, CHUNK_RST);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "");
    rig_push_to(rig, TO_CLIENT, "are you there?");
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "<RST>");
    rig_destroy(rig);
}

static void test_idle_kill__a_changed_idle_counts_from_the_last_byte(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=10s how=close");

    (void)state;
    rig_push_to(rig, TO_CLIENT, "b");
    rig_advance_ms(rig, 90);
    rig_change(rig, 0, "idle=100ms");
    rig_advance_ms(rig, 9);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "b");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "b<CLOSE>");
    rig_destroy(rig);
}

/* A flow that was forgotten is not remembered because the table got larger. */
static void test_idle_kill__a_longer_idle_brings_nobody_back(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms how=silent");

    (void)state;
    rig_advance_ms(rig, 100);
    rig_change(rig, 0, "idle=10s");
    rig_push_to(rig, TO_SERVER, "lost");
    assert_string_equal(rig_output_to(rig, TO_SERVER), "");
    rig_change(rig, 0, "how=rst");
    assert_string_equal(rig_output_to(rig, TO_SERVER), "<RST>");
    rig_destroy(rig);
}

/* However one direction is held up, the other one ends. */
static void test_idle_kill__ends_both_directions_for_itself(void **state)
{
    struct rig *rig = rig_create_both("idle_kill", "idle=100ms");

    (void)state;
    rig_add(rig, "stall", "direction=to_server");
    rig_advance_ms(rig, 100);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "");
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "<RST>");
    rig_destroy(rig);
}

static void test_idle_kill__takes_whole_connections(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("idle_kill", "direction=to_server", &err), E_PARAM);
    assert_non_null(strstr(err.text, "direction"));
    assert_non_null(strstr(err.hint, "blackhole"));
    assert_int_equal(rig_check("idle_kill", "after=1MiB", &err), E_PARAM);
    assert_non_null(strstr(err.text, "after"));
    assert_int_equal(rig_check("idle_kill", "after=1s how=silent", &err), 0);
    assert_int_equal(rig_check("idle_kill", "idle=0", &err), E_PARAM);
    assert_non_null(strstr(err.text, "idle"));
    assert_int_equal(rig_check("idle_kill", "how=loudly", &err), E_PARAM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_kill__resets_after_so_long_without_a_byte),
        cmocka_unit_test(test_idle_kill__closes_when_told),
        cmocka_unit_test(test_idle_kill__a_fin_passes_and_does_not_count),
        cmocka_unit_test(test_idle_kill__silent_drops_all_both_ways_and_tells_nobody),
        cmocka_unit_test(test_idle_kill__a_silent_one_that_lost_bytes_is_reset_on_heal),
        cmocka_unit_test(test_idle_kill__resumes_no_direction_of_what_lost_bytes),
        cmocka_unit_test(test_idle_kill__a_silent_one_that_lost_nothing_goes_on),
        cmocka_unit_test(test_idle_kill__rst_on_data_answers_the_next_byte_or_fin),
        cmocka_unit_test(test_idle_kill__rst_on_data_swallows_a_reset),
        cmocka_unit_test(test_idle_kill__a_changed_idle_counts_from_the_last_byte),
        cmocka_unit_test(test_idle_kill__a_longer_idle_brings_nobody_back),
        cmocka_unit_test(test_idle_kill__ends_both_directions_for_itself),
        cmocka_unit_test(test_idle_kill__takes_whole_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
