/* latency: held for its time, in order, ends included. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static void test_latency__holds_a_chunk_for_its_delay(void **state)
{
    struct rig *rig = rig_create("latency", "base=50ms");

    (void)state;
    rig_push(rig, "PING\r\n");
    rig_advance_ms(rig, 49);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "PING\r\n");
    assert_int_equal(rig_touched(rig, 0), 1);
    rig_destroy(rig);
}

static void test_latency__is_never_early_by_a_microsecond(void **state)
{
    struct rig *rig = rig_create("latency", "base=1500us");

    (void)state;
    rig_push(rig, "a");
    rig_advance_us(rig, 1499);
    assert_string_equal(rig_output(rig), "");
    rig_advance_us(rig, 1);
    assert_string_equal(rig_output(rig), "a");
    rig_destroy(rig);
}

static void test_latency__keeps_the_order_whatever_the_jitter_draws(void **state)
{
    struct rig *rig = rig_create("latency", "base=10ms jitter=50ms");
    char pushed[201] = "";

    (void)state;
    for (int i = 0; i < 200; i++) {
        char text[2] = {(char)('A' + i % 26), '\0'};

        rig_push(rig, text);
        pushed[i] = text[0];
        rig_advance_ms(rig, 1);
    }
    rig_advance_ms(rig, 60);
    assert_string_equal(rig_output(rig), pushed);
    rig_destroy(rig);
}

static void test_latency__jitter_stays_within_its_range_and_varies(void **state)
{
    int early = 0;
    int late = 0;

    (void)state;
    for (int i = 0; i < 64; i++) {
        struct rig *rig = rig_create("latency", "base=10ms jitter=10ms");

        /* Another place in the stream each time: earlier chunks draw too. */
        for (int k = 0; k < i; k++)
            rig_push(rig, "x");
        rig_advance_ms(rig, 100);
        rig_push(rig, "y");
        rig_advance_us(rig, 9999);
        assert_int_equal(rig_output_size(rig), i);
        rig_advance_us(rig, 5001);
        early += rig_output_size(rig) == (size_t)i + 1;
        late += rig_output_size(rig) == (size_t)i;
        rig_advance_ms(rig, 5);
        assert_int_equal(rig_output_size(rig), i + 1);
        rig_destroy(rig);
    }
    assert_true(early > 10);
    assert_true(late > 10);
}

static void test_latency__delays_the_end_behind_the_bytes(void **state)
{
    struct rig *rig = rig_create("latency", "base=50ms");

    (void)state;
    rig_push(rig, "last");
    rig_advance_ms(rig, 20);
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 30);
    assert_string_equal(rig_output(rig), "last");
    rig_advance_ms(rig, 19);
    assert_string_equal(rig_output(rig), "last");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "last<FIN>");
    rig_destroy(rig);
}

static void test_latency__a_reset_discards_what_is_held_and_waits_itself(void **state)
{
    struct rig *rig = rig_create("latency", "base=50ms");

    (void)state;
    rig_push(rig, "in flight");
    rig_push_end(rig, CHUNK_RST);
    assert_int_equal(rig_chain(rig)->held_bytes, 0);
    rig_advance_ms(rig, 49);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_latency__of_zero_touches_nothing(void **state)
{
    struct rig *rig = rig_create("latency", "base=0");

    (void)state;
    rig_push(rig, "now");
    assert_string_equal(rig_output(rig), "now");
    assert_int_equal(rig_touched(rig, 0), 0);
    rig_destroy(rig);
}

static void test_latency__refuses_parameters_out_of_range(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("latency", "base=61s", &err), E_PARAM);
    assert_non_null(strstr(err.text, "base"));
    assert_int_equal(rig_check("latency", "base=100", &err), E_PARAM);
    assert_int_equal(rig_check("latency", "jitter=-1ms", &err), E_PARAM);
    assert_int_equal(rig_check("latency", "probability=2", &err), E_PARAM);
    assert_int_equal(rig_check("latency", "direction=up", &err), E_PARAM);
    assert_int_equal(rig_check("latency", "bse=1ms", &err), E_PARAM);
    assert_non_null(strstr(err.text, "base"));
    assert_int_equal(rig_check("latancy", "", &err), E_PARAM);
    assert_non_null(strstr(err.text, "latency"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_latency__holds_a_chunk_for_its_delay),
        cmocka_unit_test(test_latency__is_never_early_by_a_microsecond),
        cmocka_unit_test(test_latency__keeps_the_order_whatever_the_jitter_draws),
        cmocka_unit_test(test_latency__jitter_stays_within_its_range_and_varies),
        cmocka_unit_test(test_latency__delays_the_end_behind_the_bytes),
        cmocka_unit_test(test_latency__a_reset_discards_what_is_held_and_waits_itself),
        cmocka_unit_test(test_latency__of_zero_touches_nothing),
        cmocka_unit_test(test_latency__refuses_parameters_out_of_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
