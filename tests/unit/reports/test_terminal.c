/* test_terminal: what a person reads at the end of a run, fact by fact. No golden files:
 * a summary may be made prettier, but what it says must not get lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/error.h"
#include "tests/lib/reports/page.h"

static void test_terminal__ends_with_the_verdict_of_the_whole(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 0; i < 12; i++) {
        char id[16];

        snprintf(id, sizeof id, "s%d", i);
        json_array_append_new(cases, page_case(id, id,
                                               i == 3   ? "failed"
                                               : i == 5 ? "inconclusive"
                                                        : "passed"));
    }
    page = page_print(page_results(cases, 1), &page_plain);
    assert_string_equal(
        page_last_line(page),
        "12 scenarios: 10 passed, 1 failed, 1 inconclusive in 11 min 3 s");
    free(page);
}

static void test_terminal__counts_cases_apart_from_scenarios(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    json_array_append_new(cases, page_case("a [trap]", "a", "passed"));
    json_array_append_new(cases, page_case("a [remedy]", "a", "passed"));
    page = page_print(page_results(cases, 1), &page_plain);
    assert_string_equal(page_last_line(page),
                        "2 cases of 1 scenario: 2 passed in 11 min 3 s");
    free(page);
}

/* One line: who, when, how; whatever the case came to. */
static void test_terminal__shows_what_the_harness_warned_of(void **state)
{
    static const char *const outcomes[] = {"passed", "failed"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        json_t *one = page_case("a [trap]", "a", outcomes[i]);
        char *page;

        json_object_set_new(
            one, "warnings",
            json_pack("[{s:f, s:s, s:s}, {s:f, s:s, s:s}]", "t", 2.345, "text",
                      "client 'worker' was killed by signal 9, not by the scenario",
                      "where", "", "t", 3.0, "text", "a task failed", "where",
                      "x.lua:5"));
        page = page_print(page_results(json_pack("[o]", one), 1), &page_plain);
        page_expect(page, "  warning: client 'worker' was killed by signal 9, not by the "
                          "scenario (at 2.345 s)\n");
        page_expect(page, "  warning: a task failed (at 3.000 s, x.lua:5)\n");
        free(page);
    }
}

static void test_terminal__names_every_damaged_file_of_the_evidence(void **state)
{
    json_t *one = page_case("a [trap]", "a", "inconclusive");
    char *page;

    (void)state;
    json_object_set_new(one, "why",
                        json_string("the evidence is damaged: a.seg: at byte 4160 x"));
    json_object_set_new(one, "evidence",
                        json_pack("{s:i, s:[s, s]}", "bad_segments", 9, "damage",
                                  "a.seg: at byte 4160 x", "b.seg is missing"));
    page = page_print(page_results(json_pack("[o]", one), 1), &page_plain);
    page_expect(page, "  the evidence is damaged: a.seg: at byte 4160 x\n");
    page_expect(page, "  evidence is damaged too: b.seg is missing\n");
    page_expect(page, "  evidence is damaged: 9 files in all\n");
    free(page);
}

static void test_terminal__shows_all_of_a_failed_check(void **state)
{
    json_t *failed = page_case("kill -9 [replicas=3]", "kill -9", "failed");
    char *page;

    (void)state;
    page_add_check(failed,
                   page_check("at_least_once", "failed", false, "lost", "3 lost"));
    page = page_print(page_results(json_pack("[o]", failed), 1), &page_plain);
    page_expect(page, "FAIL  kill -9 [replicas=3]");
    page_expect(page, "54.9 s   1 check");
    page_expect(page, "no acknowledged message is lost");
    page_expect(page, "expected 0 lost");
    page_expect(page, "measured 3 lost");
    page_expect(page, "scenarios/x.lua:10");
    page_expect(page, "failed (lost): 3 acknowledged messages never came");
    page_expect(page, "130.020 s  message 48112");
    page_expect(page, "reproduce  stormdrill run scenarios/x.lua --case trap --seed 48");
    page_expect(page, "evidence   stormdrill-out/a/cases/x-trap");
    free(page);
}

static void test_terminal__calls_a_trap_that_snapped_a_pass(void **state)
{
    json_t *trap = page_case("x [trap]", "x", "passed");
    char *page;

    (void)state;
    page_add_check(trap, page_check("at_least_once", "failed", true, "lost", "3 lost"));
    page = page_print(page_results(json_pack("[o]", trap), 1), &page_plain);
    page_expect(page, "PASS  x [trap]");
    page_expect(page, "at_least_once failed as expected: lost (3 of 2,000)");
    page_expect_not(page, "reproduce");
    free(page);
}

static void test_terminal__says_when_a_check_passed_that_should_have_failed(void **state)
{
    json_t *trap = page_case("x [trap]", "x", "failed");
    char *page;

    (void)state;
    page_add_check(trap, page_check("at_least_once", "passed", false, "", "0 lost"));
    page = page_print(page_results(json_pack("[o]", trap), 1), &page_plain);
    page_expect(page, "passed, but should have failed");
    free(page);
}

static void test_terminal__shows_an_error_with_its_place_and_way_out(void **state)
{
    json_t *broken = page_case("x", "x", "error");
    char *page;

    (void)state;
    json_object_set_new(broken, "error",
                        json_pack("{s:s, s:s, s:s, s:s}", "code", "E_SCRIPT", "text",
                                  "sleep needs a unit", "where", "x.lua:3", "hint",
                                  "write \"20s\""));
    page = page_print(page_results(json_pack("[o]", broken), 1), &page_plain);
    page_expect(page, "ERROR  x");
    page_expect(page, "  error: sleep needs a unit\n    --> x.lua:3\n    write \"20s\"");
    page_expect(page, "1 scenario: 1 with errors");
    free(page);
}

static void
test_terminal__says_after_an_error_what_could_not_be_judged_in_a_line(void **state)
{
    json_t *broken = page_case("x", "x", "error");
    json_t *error = json_pack("{s:s, s:s}", "code", "E_SCRIPT", "text", "x is nil");
    char *page;

    (void)state;
    json_object_set_new(broken, "error", error);
    json_object_set_new(broken, "why", json_string("x is nil"));
    page_add_check(broken,
                   page_check("backoff", "inconclusive", false, "no_disconnect", ""));
    page_add_check(broken, page_check("at_least_once", "inconclusive", false,
                                      "nothing_published", "0 attempted: 0 entitled"));
    page = page_print(page_results(json_pack("[O]", broken), 1), &page_plain);
    page_expect(page,
                "  error: x is nil\n  2 checks had nothing to judge (no_disconnect, "
                "nothing_published)\n");
    page_expect_not(page, "0 attempted");
    free(page);
    page = page_print(page_results(json_pack("[o]", broken), 1), &page_verbose);
    page_expect(page, "measured 0 attempted: 0 entitled");
    free(page);
}

static void test_terminal__shows_a_failed_check_even_after_an_error(void **state)
{
    json_t *both = page_case("x", "x", "failed");
    json_t *error = json_pack("{s:s, s:s}", "code", "E_SCRIPT", "text", "x is nil");
    char *page;

    (void)state;
    json_object_set_new(both, "error", error);
    page_add_check(both, page_check("at_least_once", "failed", false, "lost", "3 lost"));
    page = page_print(page_results(json_pack("[o]", both), 1), &page_plain);
    page_expect(page, "\n  x is nil\n");
    page_expect(page, "measured 3 lost");
    free(page);
}

static void test_terminal__says_why_unless_a_check_below_says_the_same(void **state)
{
    json_t *bad = page_case("x", "x", "failed");
    char *page;

    (void)state;
    json_object_set_new(bad, "why",
                        json_string("backoff failed: closed: 3 acknowledged messages "
                                    "never came"));
    page_add_check(bad, page_check("backoff", "failed", false, "closed", "60 attempts"));
    page = page_print(page_results(json_pack("[O]", bad), 1), &page_plain);
    page_expect_not(page, "backoff failed: closed");
    free(page);
    json_object_set_new(bad, "why", json_string("nothing was judged"));
    page = page_print(page_results(json_pack("[o]", bad), 1), &page_plain);
    page_expect(page, "\n  nothing was judged\n");
    free(page);
}

static void test_terminal__says_for_which_other_reason_a_trap_failed(void **state)
{
    json_t *trap = page_case("x", "x", "failed");
    char *page;

    (void)state;
    json_object_set_new(trap, "expect",
                        json_pack("{s:{s:s}}", "fails", "backoff", "late"));
    json_object_set_new(trap, "why",
                        json_string("backoff failed for another reason than \"late\": "
                                    "closed: 3 acknowledged messages never came"));
    page_add_check(trap, page_check("backoff", "failed", false, "closed", "60 attempts"));
    page = page_print(page_results(json_pack("[o]", trap), 1), &page_plain);
    page_expect(page, "\n  backoff failed for another reason than \"late\": closed");
    free(page);
}

static void test_terminal__tells_the_weather_of_what_did_not_pass(void **state)
{
    json_t *bad = page_case("x", "x", "failed");
    json_t *good = page_case("x", "x", "passed");
    json_t *weather =
        json_pack("[{s:s, s:s, s:f, s:f, s:i, s:s}]", "name", "latency", "on", "p->n1",
                  "begin_s", 1.0474, "end_s", 3.9, "touched", 1204, "touches", "chunks");
    char *page;

    (void)state;
    json_object_set(bad, "faults", weather);
    json_object_set_new(good, "faults", weather);
    page = page_print(page_results(json_pack("[o]", bad), 1), &page_plain);
    page_expect(page, "  latency on p->n1  1.047 to 3.9 s  touched 1,204 chunks\n");
    free(page);
    page = page_print(page_results(json_pack("[O]", good), 1), &page_plain);
    page_expect_not(page, "latency");
    free(page);
    page = page_print(page_results(json_pack("[o]", good), 1), &page_verbose);
    page_expect(page, "touched 1,204 chunks");
    free(page);
}

static void test_terminal__says_why_a_case_was_skipped_and_nothing_else(void **state)
{
    json_t *skipped = page_case("x", "x", "skipped");
    char *page;

    (void)state;
    json_object_set_new(skipped, "why", json_string("needs sync_interval"));
    page = page_print(page_results(json_pack("[o]", skipped), 1), &page_plain);
    page_expect(page, "SKIPPED  x\n");
    page_expect(page, "needs sync_interval");
    page_expect_not(page, "reproduce");
    free(page);
}

static void test_terminal__is_short_when_quiet_and_long_when_verbose(void **state)
{
    json_t *good = page_case("good", "good", "passed");
    char *page;

    (void)state;
    page_add_check(good, page_check("at_least_once", "passed", true, "", "0 lost"));
    json_t *cases = json_pack("[o]", good);
    page = page_print(page_results(json_incref(cases), 1), &page_quiet);
    assert_string_equal(page, "1 scenario: 1 passed in 11 min 3 s\n");
    free(page);
    page = page_print(page_results(json_incref(cases), 1), &page_plain);
    page_expect_not(page, "attempted");
    free(page);
    page = page_print(page_results(cases, 1), &page_verbose);
    page_expect(page, "measured 0 lost");
    page_expect(page, "attempted 2,000");
    page_expect(page, "lost 3");
    page_expect(page, "    2000 attempted = 1997 + 3 lost\n");
    free(page);
}

static void test_terminal__has_colour_only_where_it_is_wanted(void **state)
{
    struct format_options colour = {.utf8 = true, .colour = true};
    char *page = page_print(
        page_results(json_pack("[o]", page_case("a", "a", "failed")), 1), &colour);

    (void)state;
    page_expect(page, "\033[1;31mFAIL\033[0m");
    free(page);
    page = page_print(page_results(json_pack("[o]", page_case("a", "a", "failed")), 1),
                      &page_plain);
    page_expect_not(page, "\033");
    free(page);
}

static void test_terminal__is_ascii_where_the_locale_is_not_utf8(void **state)
{
    const struct format_options ascii = {.utf8 = false};
    json_t *result = page_case("client\xe2\x86\x92n1 \033[2J", "x", "passed");
    char *page = page_print(page_results(json_pack("[o]", result), 1), &ascii);

    (void)state;
    page_expect(page, "client->n1 ?[2J");
    for (const char *at = page; *at != '\0'; at++)
        assert_true((*at >= ' ' && *at < 127) || *at == '\n');
    free(page);
}

static void test_terminal__survives_results_with_anything_missing(void **state)
{
    static const char *const odd[] = {
        "{}",
        "{\"cases\": []}",
        "{\"cases\": [{}]}",
        "{\"cases\": [{\"outcome\": 7, \"id\": null, \"checks\": {}}], \"repeat\": 2}",
        "{\"cases\": [{\"outcome\": \"failed\", \"checks\": [{}, 3, null]}]}",
        "{\"cases\": {\"a\": 1}, \"totals\": [], \"duration_s\": \"x\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char *page = page_print(json_loads(odd[i], 0, NULL), &page_verbose);

        assert_true(strlen(page) > 0);
        free(page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal__ends_with_the_verdict_of_the_whole),
        cmocka_unit_test(test_terminal__counts_cases_apart_from_scenarios),
        cmocka_unit_test(test_terminal__shows_what_the_harness_warned_of),
        cmocka_unit_test(test_terminal__names_every_damaged_file_of_the_evidence),
        cmocka_unit_test(test_terminal__shows_all_of_a_failed_check),
        cmocka_unit_test(test_terminal__calls_a_trap_that_snapped_a_pass),
        cmocka_unit_test(test_terminal__says_when_a_check_passed_that_should_have_failed),
        cmocka_unit_test(test_terminal__shows_an_error_with_its_place_and_way_out),
        cmocka_unit_test(
            test_terminal__says_after_an_error_what_could_not_be_judged_in_a_line),
        cmocka_unit_test(test_terminal__shows_a_failed_check_even_after_an_error),
        cmocka_unit_test(test_terminal__says_why_unless_a_check_below_says_the_same),
        cmocka_unit_test(test_terminal__says_for_which_other_reason_a_trap_failed),
        cmocka_unit_test(test_terminal__tells_the_weather_of_what_did_not_pass),
        cmocka_unit_test(test_terminal__says_why_a_case_was_skipped_and_nothing_else),
        cmocka_unit_test(test_terminal__is_short_when_quiet_and_long_when_verbose),
        cmocka_unit_test(test_terminal__has_colour_only_where_it_is_wanted),
        cmocka_unit_test(test_terminal__is_ascii_where_the_locale_is_not_utf8),
        cmocka_unit_test(test_terminal__survives_results_with_anything_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
