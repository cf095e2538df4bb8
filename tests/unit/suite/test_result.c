/* test_result: exit codes of many cases become one; errors survive JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/suite/result.h"

/* The order of ux.md 2.3, worst first. */
static const int order[] = {130, 143, 70, 1, 4, 3, 6, 5, 0};
enum { COUNT = sizeof order / sizeof *order };

static void test_result__takes_the_worse_of_every_pair_of_exit_codes(void **state)
{
    (void)state;
    for (int a = 0; a < COUNT; a++) {
        for (int b = 0; b < COUNT; b++) {
            int worse = order[a < b ? a : b];

            assert_int_equal(exit_code_worse(order[a], order[b]), worse);
            assert_int_equal(exit_code_worse(order[b], order[a]), worse);
        }
    }
}

static void test_result__takes_a_code_that_is_none_for_a_bug(void **state)
{
    (void)state;
    assert_int_equal(exit_code_worse(0, 99), EXIT_BUG);
    assert_int_equal(exit_code_worse(-1, EXIT_FAILED), EXIT_BUG);
}

/* "1 0 s0": codes, with s for a skipped case. */
static int code_of(const char *words)
{
    json_t *cases = json_array();
    int code;

    while (*words != '\0') {
        bool skipped = *words == 's';
        char *end;
        long own = strtol(words + skipped, &end, 10);

        json_array_append_new(cases, json_pack("{s:s, s:i}", "outcome",
                                               skipped ? "skipped" : "passed",
                                               "exit_code", (int)own));
        words = end + strspn(end, " ");
    }
    code = result_exit_code(cases);
    json_decref(cases);
    return code;
}

static void test_result__never_masks_a_failure_by_a_broken_neighbour(void **state)
{
    (void)state;
    assert_int_equal(code_of("0 0 0"), 0);
    assert_int_equal(code_of("0 1 4 3 6"), 1);
    assert_int_equal(code_of("6 3 4"), 4);
    assert_int_equal(code_of("0 6 3"), 3);
    assert_int_equal(code_of("0 6"), 6);
    assert_int_equal(code_of("1 70"), 70);
    assert_int_equal(code_of("1 70 143"), 143);
    assert_int_equal(code_of("143 130"), 130);
}

static void test_result__says_that_nothing_ran(void **state)
{
    (void)state;
    assert_int_equal(code_of(""), 5);
    assert_int_equal(code_of("s0 s0"), 5);
    assert_int_equal(code_of("s0 0"), 0);
    /* Asked for by name, a case that cannot run here is the machine's matter. */
    assert_int_equal(code_of("s4 0"), 4);
}

static void test_result__takes_a_case_without_a_code_for_a_bug(void **state)
{
    json_t *cases = json_pack("[{s:s}]", "outcome", "passed");

    (void)state;
    assert_int_equal(result_exit_code(cases), EXIT_BUG);
    json_decref(cases);
}

static void test_result__counts_every_outcome(void **state)
{
    json_t *cases =
        json_pack("[{s:s},{s:s},{s:s},{s:s},{}]", "outcome", "passed", "outcome",
                  "passed", "outcome", "failed", "outcome", "skipped");
    json_t *totals = result_totals(cases);

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(totals, "passed")), 2);
    assert_int_equal(json_integer_value(json_object_get(totals, "failed")), 1);
    assert_int_equal(json_integer_value(json_object_get(totals, "skipped")), 1);
    assert_int_equal(json_integer_value(json_object_get(totals, "error")), 0);
    assert_int_equal(json_object_size(totals), 6);
    json_decref(totals);
    json_decref(cases);
}

static void test_result__keeps_an_error_through_json(void **state)
{
    struct error before, after;
    json_t *object;

    (void)state;
    error_set(&before, E_SCRIPT, "sleep needs a unit");
    error_hint(&before, "write \"20s\"");
    snprintf(before.where, sizeof before.where, "x.lua:3");
    object = result_error_write(&before);
    result_error_read(&after, object);
    assert_int_equal(after.code, E_SCRIPT);
    assert_string_equal(after.text, before.text);
    assert_string_equal(after.hint, before.hint);
    assert_string_equal(after.where, before.where);
    json_decref(object);

    error_clear(&before);
    object = result_error_write(&before);
    assert_true(json_is_null(object));
    result_error_read(&after, object);
    assert_int_equal(after.code, 0);
    json_decref(object);
}

static void test_result__makes_one_for_a_case_that_wrote_none(void **state)
{
    json_t *spec = json_pack("{s:s, s:s, s:I, s:s}", "id", "x [trap]", "scenario", "x",
                             "seed", (json_int_t)48151623, "folder", "/f");
    json_t *result = result_create(spec, "error", 70, NULL, "it crashed");

    (void)state;
    assert_string_equal(json_string_value(json_object_get(result, "id")), "x [trap]");
    assert_int_equal(json_integer_value(json_object_get(result, "seed")), 48151623);
    assert_string_equal(json_string_value(json_object_get(result, "why")), "it crashed");
    assert_int_equal(json_integer_value(json_object_get(result, "exit_code")), 70);
    assert_true(json_is_array(json_object_get(result, "checks")));
    assert_true(json_is_null(json_object_get(result, "error")));
    assert_null(json_object_get(result, "folder"));
    json_decref(result);
    json_decref(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_result__takes_the_worse_of_every_pair_of_exit_codes),
        cmocka_unit_test(test_result__takes_a_code_that_is_none_for_a_bug),
        cmocka_unit_test(test_result__never_masks_a_failure_by_a_broken_neighbour),
        cmocka_unit_test(test_result__says_that_nothing_ran),
        cmocka_unit_test(test_result__takes_a_case_without_a_code_for_a_bug),
        cmocka_unit_test(test_result__counts_every_outcome),
        cmocka_unit_test(test_result__keeps_an_error_through_json),
        cmocka_unit_test(test_result__makes_one_for_a_case_that_wrote_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
