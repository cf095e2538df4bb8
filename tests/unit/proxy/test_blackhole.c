/* blackhole: what vanishes, what is never resumed, and its `idle`. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static void test_blackhole__swallows_bytes_and_ends(void **state)
{
    struct rig *rig = rig_create("blackhole", "");

    (void)state;
    rig_push(rig, "PUB a 1\r\n");
    rig_push(rig, "x\r\n");
    rig_push_end(rig, CHUNK_FIN);
    rig_push_end(rig, CHUNK_RST);
    rig_advance_ms(rig, 3600 * 1000);
    assert_string_equal(rig_output(rig), "");
    assert_int_equal(rig_chain(rig)->held_bytes, 0);
    assert_int_equal(rig_touched(rig, 0), 4);
    rig_destroy(rig);
}

/* A live connection: what had passed before stays passed, what comes is lost. */
static void test_blackhole__begins_in_the_middle_of_a_stream(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_push(rig, "before");
    rig_add(rig, "blackhole", "");
    rig_push(rig, "after");
    assert_string_equal(rig_output(rig), "before");
    rig_destroy(rig);
}

static void test_blackhole__resets_what_lost_bytes_when_it_is_healed(void **state)
{
    struct rig *rig = rig_create("blackhole", "");

    (void)state;
    rig_push(rig, "lost");
    rig_heal(rig, 0);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_blackhole__an_end_that_vanished_counts_as_lost(void **state)
{
    static const enum chunk_end ends[] = {CHUNK_FIN, CHUNK_RST};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct rig *rig = rig_create("blackhole", "");

        rig_push_end(rig, ends[i]);
        rig_heal(rig, 0);
        assert_string_equal(rig_output(rig), "<RST>");
        rig_destroy(rig);
    }
}

static void test_blackhole__leaves_alone_what_lost_nothing(void **state)
{
    struct rig *rig = rig_create("blackhole", "");

    (void)state;
    rig_heal(rig, 0);
    rig_push(rig, "as if nothing had been");
    rig_push_end(rig, CHUNK_FIN);
    assert_string_equal(rig_output(rig), "as if nothing had been<FIN>");
    rig_destroy(rig);
}

/* Bytes that came through before it are older than the RST, which overtakes them where a
 * later fault holds them: that is what an RST does. */
static void test_blackhole__its_reset_waits_in_later_faults_as_any_other(void **state)
{
    struct rig *rig = rig_create("blackhole", "");

    (void)state;
    rig_add(rig, "latency", "base=50ms");
    rig_push(rig, "lost");
    rig_heal(rig, 0);
    rig_push(rig, "never resumed");
    rig_advance_ms(rig, 49);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_memory_equal(rig_output(rig), "<RST>", 5);
    rig_destroy(rig);
}

static void test_blackhole__closes_after_so_long_without_data(void **state)
{
    struct rig *rig = rig_create("blackhole", "idle=100ms");

    (void)state;
    rig_advance_ms(rig, 99);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<CLOSE>");
    rig_destroy(rig);
}

static void test_blackhole__data_puts_the_close_off_but_a_fin_does_not(void **state)
{
    struct rig *rig = rig_create("blackhole", "idle=100ms");

    (void)state;
    for (int i = 0; i < 10; i++) {
        rig_advance_ms(rig, 60);
        rig_push(rig, "still here");
    }
    rig_advance_ms(rig, 60);
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 39);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<CLOSE>");
    rig_destroy(rig);
}

static void test_blackhole__a_changed_idle_counts_from_the_last_data(void **state)
{
    struct rig *rig = rig_create("blackhole", "");

    (void)state;
    rig_push(rig, "lost");
    rig_advance_ms(rig, 70);
    rig_change(rig, 0, "idle=100ms");
    rig_advance_ms(rig, 29);
    rig_change(rig, 0, "idle=0");
    rig_advance_ms(rig, 1000);
    assert_string_equal(rig_output(rig), "");
    rig_change(rig, 0, "idle=2s");
    rig_advance_ms(rig, 900);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<CLOSE>");
    rig_destroy(rig);
}

static void test_blackhole__refuses_parameters_that_make_no_sense(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("blackhole", "idle=8d", &err), E_PARAM);
    assert_non_null(strstr(err.text, "idle"));
    assert_int_equal(rig_check("blackhole", "idle=5", &err), E_PARAM);
    assert_int_equal(rig_check("blackhole", "base=5ms", &err), E_PARAM);
    assert_int_equal(rig_check("blackhole", "direction=to_client", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blackhole__swallows_bytes_and_ends),
        cmocka_unit_test(test_blackhole__begins_in_the_middle_of_a_stream),
        cmocka_unit_test(test_blackhole__resets_what_lost_bytes_when_it_is_healed),
        cmocka_unit_test(test_blackhole__an_end_that_vanished_counts_as_lost),
        cmocka_unit_test(test_blackhole__leaves_alone_what_lost_nothing),
        cmocka_unit_test(test_blackhole__its_reset_waits_in_later_faults_as_any_other),
        cmocka_unit_test(test_blackhole__closes_after_so_long_without_data),
        cmocka_unit_test(test_blackhole__data_puts_the_close_off_but_a_fin_does_not),
        cmocka_unit_test(test_blackhole__a_changed_idle_counts_from_the_last_data),
        cmocka_unit_test(test_blackhole__refuses_parameters_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
