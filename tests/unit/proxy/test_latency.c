/* latency: held for its time, in order, ends included; ramps; what does not fit. The laws
 * of its draws are in test_latency_conf.c. */
#include "tests/lib/proxy/rig.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/plane.h"
#include "tests/lib/proxy/lanes.h"

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
    assert_int_equal(rig_check("latency", "base=61m", &err), E_PARAM);
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

static void test_latency__lets_go_at_once_when_healed_or_changed(void **state)
{
    struct lanes *l = lanes_create("latency", "base=50ms", 1);

    (void)state;
    lanes_push(l, 0, TO_SERVER, "ab", 2);
    lanes_change(l, "base=10ms");
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 2);
    lanes_push(l, 0, TO_SERVER, "cd", 2);
    lanes_advance_us(l, 10000);
    assert_int_equal(lanes_time_of(l, 0, TO_SERVER, 2), 10 * NS_PER_MS);
    lanes_push(l, 0, TO_SERVER, "ef", 2);
    lanes_push_end(l, 0, TO_SERVER, CHUNK_CLOSE);
    lanes_heal(l);
    assert_int_equal(lanes_size(l, 0, TO_SERVER), 6);
    assert_int_equal(lanes_end(l, 0, TO_SERVER), CHUNK_CLOSE);
    lanes_destroy(l);
}

static void test_latency__has_a_default_base_but_none_beside_a_table(void **state)
{
    struct lanes *l = lanes_create("latency", "", 1);
    struct lanes *table = lanes_create("latency", "distribution=table table=7ms", 1);

    (void)state;
    lanes_push(l, 0, TO_SERVER, "a", 1);
    lanes_push(table, 0, TO_SERVER, "a", 1);
    lanes_advance_us(l, NS_PER_S / NS_PER_US);
    lanes_advance_us(table, NS_PER_S / NS_PER_US);
    assert_int_equal(lanes_time_of(l, 0, TO_SERVER, 0), 100 * NS_PER_MS);
    assert_int_equal(lanes_time_of(table, 0, TO_SERVER, 0), 7 * NS_PER_MS);
    lanes_destroy(l);
    lanes_destroy(table);
}

/* Push one byte and see how long it waits, in us. */
static uint64_t wait_us(struct lanes *l, int connection)
{
    uint64_t place = lanes_size(l, connection, TO_SERVER);
    uint64_t pushed_ns = lanes_now_ns(l);

    lanes_push(l, connection, TO_SERVER, "x", 1);
    lanes_advance_us(l, 100000);
    return (lanes_time_of(l, connection, TO_SERVER, place) - pushed_ns) / NS_PER_US;
}

/* 10 ms to 50 ms within 4 s: 1 ms more each 100 ms, for all connections alike. */
static void test_latency__ramps_from_one_base_to_another_and_stays(void **state)
{
    struct lanes *l = lanes_create("latency", "from=10ms to=50ms over=4s", 2);

    (void)state;
    for (uint64_t i = 0; i < 40; i++)
        assert_int_equal(wait_us(l, (int)(i % 2)), 10000 + i * 1000);
    for (int i = 0; i < 5; i++)
        assert_int_equal(wait_us(l, 0), 50000);
    lanes_destroy(l);
}

static void test_latency__ramps_downwards_too(void **state)
{
    struct lanes *l = lanes_create("latency", "from=40ms to=0 over=4s", 1);

    (void)state;
    for (uint64_t i = 0; i < 40; i++)
        assert_int_equal(wait_us(l, 0), 40000 - i * 1000);
    assert_int_equal(wait_us(l, 0), 0);
    lanes_destroy(l);
}

static void test_latency__a_changed_ramp_begins_anew_and_jitter_leaves_it(void **state)
{
    struct lanes *l = lanes_create("latency", "from=10ms to=50ms over=4s", 1);

    (void)state;
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(wait_us(l, 0), 10000 + i * 1000);
    lanes_change(l, "precise=true");
    assert_int_equal(wait_us(l, 0), 20000);
    lanes_change(l, "from=20ms to=40ms over=1s");
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(wait_us(l, 0), 20000 + i * 2000);
    assert_int_equal(wait_us(l, 0), 40000);
    lanes_destroy(l);
}

static void test_latency__jitter_may_be_a_percentage_of_the_ramp(void **state)
{
    struct lanes *l = lanes_create("latency", "from=10ms to=50ms over=4s jitter=10%", 1);
    int above = 0;

    (void)state;
    for (uint64_t i = 0; i < 40; i++) {
        uint64_t wait = wait_us(l, 0);

        assert_in_range(wait, 10000 + i * 1000, (10000 + i * 1000) * 11 / 10);
        above += wait > (10000 + i * 1000) * 105 / 100;
    }
    assert_in_range(above, 10, 30);
    lanes_destroy(l);
}

static void test_latency__spins_only_when_it_is_to_be_precise(void **state)
{
    const struct fault_type *type = fault_type_find("latency");
    struct lanes *l = lanes_create("latency", "base=1ms precise=true", 1);
    json_t *params = NULL;
    void *conf = calloc(1, type->conf_size);

    (void)state;
    assert_int_equal(wait_us(l, 0), 1000);
    lanes_destroy(l);
    assert_int_equal(param_read(type->params, conf, NULL, "latency", NULL), 0);
    assert_false(type->spins(conf));
    assert_int_equal(param_words("precise=true", NULL, 0, &params, NULL), 0);
    assert_int_equal(param_change(type->params, conf, params, "latency", NULL), 0);
    assert_true(type->spins(conf));
    json_decref(params);
    param_release(type->params, conf);
    free(conf);
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
        cmocka_unit_test(test_latency__lets_go_at_once_when_healed_or_changed),
        cmocka_unit_test(test_latency__has_a_default_base_but_none_beside_a_table),
        cmocka_unit_test(test_latency__ramps_from_one_base_to_another_and_stays),
        cmocka_unit_test(test_latency__ramps_downwards_too),
        cmocka_unit_test(test_latency__a_changed_ramp_begins_anew_and_jitter_leaves_it),
        cmocka_unit_test(test_latency__jitter_may_be_a_percentage_of_the_ramp),
        cmocka_unit_test(test_latency__spins_only_when_it_is_to_be_precise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
