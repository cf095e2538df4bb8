/* test_run_record: run.json says what a run is, results.json what became of it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "harness/suite/run_record.h"

static json_t *record_of(struct plan *plan)
{
    static char *argv[] = {(char *)"stormdrill", (char *)"run", (char *)"\xff.lua"};
    struct broker broker = {.path = "/usr/sbin/nats-server", .version = "2.9.10"};
    json_t *versions = json_pack("{s:s}", "stormdrill", "0.1.0");
    struct run_facts facts = {
        .plan = plan, .broker = &broker, .versions = versions, .argc = 3, .argv = argv};
    json_t *record = run_record_create(&facts);

    json_decref(versions);
    return record;
}

static void test_run_record__names_all_that_a_run_was_made_of(void **state)
{
    struct plan plan = {.seed = 48151623, .repeat = 1};
    json_t *record = record_of(&plan);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(record, "schema")),
                        "stormdrill/1");
    assert_int_equal(json_integer_value(json_object_get(record, "seed")), 48151623);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(record, "broker"), "version")),
        "2.9.10");
    assert_int_equal(json_array_size(json_object_get(record, "argv")), 3);
    assert_int_equal(strlen(json_string_value(json_object_get(record, "started"))), 20);
    assert_true(json_is_array(json_object_get(record, "cases")));
    json_decref(record);
}

static json_int_t exit_code_of(const json_t *record, int ended_by)
{
    json_t *cases = json_pack("[{s:s, s:i}, {s:s, s:i}]", "outcome", "failed",
                              "exit_code", 1, "outcome", "passed", "exit_code", 0);
    json_t *results = run_record_results(record, cases, ended_by, 1.5);
    json_int_t code = json_integer_value(json_object_get(results, "exit_code"));

    assert_int_equal(json_array_size(json_object_get(results, "cases")), 2);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(results, "totals"), "failed")),
        1);
    assert_int_equal(json_integer_value(json_object_get(results, "seed")), 1);
    json_decref(results);
    return code;
}

static void test_run_record__ends_with_its_cases_codes_or_its_signal(void **state)
{
    struct plan plan = {.seed = 1, .repeat = 1};
    json_t *record = record_of(&plan);

    (void)state;
    assert_int_equal(exit_code_of(record, 0), 1);
    assert_int_equal(exit_code_of(record, SIGINT), 130);
    assert_int_equal(exit_code_of(record, SIGTERM), 143);
    assert_int_equal(exit_code_of(record, SIGHUP), 143);
    /* run.json itself stays as it was. */
    assert_int_equal(json_array_size(json_object_get(record, "cases")), 0);
    json_decref(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_record__names_all_that_a_run_was_made_of),
        cmocka_unit_test(test_run_record__ends_with_its_cases_codes_or_its_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
