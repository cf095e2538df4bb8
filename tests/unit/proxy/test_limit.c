/* limit: exactly so many bytes, however they are cut, and each of its ends. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

#include "tests/lib/memory/memory.h"

static void test_limit__ends_after_exactly_so_many_bytes(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=6");

    (void)state;
    rig_push(rig, "PIN");
    assert_string_equal(rig_output(rig), "PIN");
    rig_push(rig, "G\r\nPONG");
    assert_string_equal(rig_output(rig), "PING\r\n<CLOSE>");
    rig_push(rig, "thrown away");
    rig_push_end(rig, CHUNK_FIN);
    assert_string_equal(rig_output(rig), "PING\r\n<CLOSE>");
    rig_destroy(rig);
}

static void test_limit__the_exact_count_ends_too(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=6 with=fin");

    (void)state;
    rig_push(rig, "PING\r");
    assert_string_equal(rig_output(rig), "PING\r");
    rig_push(rig, "\n");
    assert_string_equal(rig_output(rig), "PING\r\n<FIN>");
    rig_destroy(rig);
}

static void test_limit__of_zero_ends_at_the_first_byte_and_not_before(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=0");

    (void)state;
    rig_advance_ms(rig, 1000);
    assert_string_equal(rig_output(rig), "");
    rig_push(rig, "x");
    assert_string_equal(rig_output(rig), "<CLOSE>");
    rig_destroy(rig);
}

static void test_limit__sends_the_bytes_before_its_reset(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=3 with=rst");

    (void)state;
    rig_push(rig, "abcdef");
    assert_string_equal(rig_output(rig), "abc<RST>");
    rig_destroy(rig);
}

static void test_limit__lets_earlier_ends_pass(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=10");

    (void)state;
    rig_push(rig, "short");
    rig_push_end(rig, CHUNK_FIN);
    rig_push_end(rig, CHUNK_RST);
    assert_string_equal(rig_output(rig), "short<FIN><RST>");
    rig_destroy(rig);
}

/* The count begins where connection and fault met. */
static void test_limit__does_not_count_what_passed_before_it_came(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_push(rig, "0123456789");
    rig_add(rig, "limit", "bytes=4");
    rig_push(rig, "abcdef");
    assert_string_equal(rig_output(rig), "0123456789abcd<CLOSE>");
    rig_destroy(rig);
}

static void test_limit__gives_the_same_bytes_however_they_are_cut(void **state)
{
    char stream[1000];
    struct rng rng;

    (void)state;
    rng_init(&rng, 11);
    for (size_t i = 0; i < sizeof stream; i++)
        stream[i] = (char)('a' + i % 26);
    for (int round = 0; round < 200; round++) {
        struct rig *rig = rig_create("limit", "bytes=613");
        size_t at = 0;

        while (at < sizeof stream) {
            size_t size = 1 + rng_below(&rng, sizeof stream - at);

            rig_push_bytes(rig, stream + at, size);
            at += size;
        }
        assert_int_equal(rig_output_size(rig), 613 + strlen("<CLOSE>"));
        assert_memory_equal(rig_output(rig), stream, 613);
        rig_destroy(rig);
    }
}

static void test_limit__counts_on_when_it_is_changed(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=4");

    (void)state;
    rig_push(rig, "abc");
    rig_change(rig, 0, "bytes=8");
    rig_push(rig, "defgh");
    assert_string_equal(rig_output(rig), "abcdefgh<CLOSE>");
    rig_destroy(rig);
}

static void test_limit__a_new_limit_that_has_passed_ends_at_once(void **state)
{
    static const char *const changes[] = {"bytes=5", "bytes=3", "bytes=0"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct rig *rig = rig_create("limit", "bytes=10");

        rig_push(rig, "abcde");
        rig_change(rig, 0, "with=fin");
        assert_string_equal(rig_output(rig), "abcde");
        rig_change(rig, 0, changes[i]);
        assert_string_equal(rig_output(rig), "abcde<FIN>");
        rig_destroy(rig);
    }
}

static void test_limit__a_change_to_zero_before_any_byte_waits_for_one(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=10");

    (void)state;
    rig_change(rig, 0, "bytes=0");
    assert_string_equal(rig_output(rig), "");
    rig_push(rig, "x");
    assert_string_equal(rig_output(rig), "<CLOSE>");
    rig_destroy(rig);
}

static void test_limit__healed_in_time_leaves_no_trace(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=4");

    (void)state;
    rig_push(rig, "abc");
    rig_heal(rig, 0);
    rig_push(rig, "defgh");
    rig_push_end(rig, CHUNK_FIN);
    assert_string_equal(rig_output(rig), "abcdefgh<FIN>");
    rig_destroy(rig);
}

/* The end stays behind the bytes that a later fault holds. */
static void test_limit__its_end_waits_behind_bytes_that_are_delayed(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=3");

    (void)state;
    rig_add(rig, "latency", "base=50ms");
    rig_push(rig, "abcdef");
    rig_advance_ms(rig, 49);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "abc<CLOSE>");
    rig_destroy(rig);
}

/* Never a byte too many or too few: without memory for the cut the connection is reset.
 */
static void test_limit__resets_when_memory_for_the_cut_is_short(void **state)
{
    struct rig *rig = rig_create("limit", "bytes=3");
    struct chunk *chunk = chunk_create("abcdef", 6);

    (void)state;
    memory_fail_at(1);
    chain_push((struct chain *)rig_chain(rig), chunk);
    assert_true(memory_failed());
    memory_fail_at(0);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_limit__refuses_parameters_that_make_no_sense(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("limit", "bytes=-1", &err), E_PARAM);
    assert_non_null(strstr(err.text, "bytes"));
    assert_int_equal(rig_check("limit", "bytes=many", &err), E_PARAM);
    assert_int_equal(rig_check("limit", "bytes=2000TiB", &err), E_PARAM);
    assert_int_equal(rig_check("limit", "with=bang", &err), E_PARAM);
    assert_non_null(strstr(err.text, "with"));
    assert_int_equal(rig_check("limit", "", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit__ends_after_exactly_so_many_bytes),
        cmocka_unit_test(test_limit__the_exact_count_ends_too),
        cmocka_unit_test(test_limit__of_zero_ends_at_the_first_byte_and_not_before),
        cmocka_unit_test(test_limit__sends_the_bytes_before_its_reset),
        cmocka_unit_test(test_limit__lets_earlier_ends_pass),
        cmocka_unit_test(test_limit__does_not_count_what_passed_before_it_came),
        cmocka_unit_test(test_limit__gives_the_same_bytes_however_they_are_cut),
        cmocka_unit_test(test_limit__counts_on_when_it_is_changed),
        cmocka_unit_test(test_limit__a_new_limit_that_has_passed_ends_at_once),
        cmocka_unit_test(test_limit__a_change_to_zero_before_any_byte_waits_for_one),
        cmocka_unit_test(test_limit__healed_in_time_leaves_no_trace),
        cmocka_unit_test(test_limit__its_end_waits_behind_bytes_that_are_delayed),
        cmocka_unit_test(test_limit__resets_when_memory_for_the_cut_is_short),
        cmocka_unit_test(test_limit__refuses_parameters_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
