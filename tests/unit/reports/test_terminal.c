/* test_terminal: what a person reads at the end of a run, fact by fact. No golden files:
 * a summary may be made prettier, but what it says must not get lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/error.h"
#include "reports/format.h"

static json_t *check_of(const char *id, const char *verdict, bool met, const char *reason,
                        const char *measured)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:{s:i, s:i, s:[s, i]},"
        " s:[{s:f, s:s, s:s, s:s}]}",
        "check", id, "id", id, "title", "no acknowledged message is lost", "where",
        "scenarios/x.lua:10", "met", met, "verdict", verdict, "reason", reason, "text",
        "3 acknowledged messages never came", "expected", "0 lost", "measured", measured,
        "numbers", "attempted", 2000, "lost", 3, "sums", "2000 attempted = 1997 + 3 lost",
        7, "witnesses", "t", 130.02, "writer", "c1.0.load", "kind", "acknowledged",
        "text", "message 48112");
}

static json_t *case_of(const char *id, const char *scenario, const char *outcome)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:[], s:s, s:s, s:n}", "id", id,
                     "scenario", scenario, "outcome", outcome, "why", "", "duration_s",
                     54.9, "checks", "folder", "cases/x-trap", "reproduce",
                     "stormdrill run scenarios/x.lua --case trap --seed 48151623",
                     "error");
}

static void add_check(json_t *result, json_t *check)
{
    json_array_append_new(json_object_get(result, "checks"), check);
}

static json_t *results_of(json_t *cases, int repeat)
{
    static const char *const outcomes[] = {"passed", "failed",  "inconclusive",
                                           "error",  "skipped", "interrupted"};
    json_t *totals = json_object();

    for (size_t o = 0; o < sizeof outcomes / sizeof *outcomes; o++) {
        const json_t *one;
        size_t i;
        int count = 0;

        json_array_foreach(cases, i, one)
            count += strcmp(json_string_value(json_object_get(one, "outcome")),
                            outcomes[o]) == 0;
        json_object_set_new(totals, outcomes[o], json_integer(count));
    }
    return json_pack("{s:o, s:o, s:f, s:i}", "cases", cases, "totals", totals,
                     "duration_s", 663.0, "repeat", repeat);
}

/* Takes `results`; gives the page. */
static char *print(json_t *results, const struct format_options *options)
{
    const struct format_type *format = format_type_find("terminal");
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);
    struct error err;

    assert_int_equal(format->print(results, options, to, &err), 0);
    fclose(to);
    json_decref(results);
    return page;
}

static const struct format_options quiet = {.utf8 = true, .verbose = -1};
static const struct format_options plain = {.utf8 = true, .folder = "stormdrill-out/a"};
static const struct format_options verbose = {.utf8 = true, .verbose = 1};

static void expect_has(const char *page, const char *text)
{
    if (strstr(page, text) == NULL)
        fail_msg("'%s' is not in:\n%s", text, page);
}

static void expect_has_not(const char *page, const char *text)
{
    if (strstr(page, text) != NULL)
        fail_msg("'%s' is in:\n%s", text, page);
}

static const char *last_line(char *page)
{
    size_t size = strlen(page);
    char *at;

    assert_true(size > 0);
    assert_int_equal(page[size - 1], '\n');
    page[size - 1] = '\0';
    at = strrchr(page, '\n');
    return at != NULL ? at + 1 : page;
}

static void test_terminal__ends_with_the_verdict_of_the_whole(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 0; i < 12; i++) {
        char id[16];

        snprintf(id, sizeof id, "s%d", i);
        json_array_append_new(cases, case_of(id, id,
                                             i == 3   ? "failed"
                                             : i == 5 ? "inconclusive"
                                                      : "passed"));
    }
    page = print(results_of(cases, 1), &plain);
    assert_string_equal(
        last_line(page),
        "12 scenarios: 10 passed, 1 failed, 1 inconclusive in 11 min 3 s");
    free(page);
}

static void test_terminal__counts_cases_apart_from_scenarios(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    json_array_append_new(cases, case_of("a [trap]", "a", "passed"));
    json_array_append_new(cases, case_of("a [remedy]", "a", "passed"));
    page = print(results_of(cases, 1), &plain);
    assert_string_equal(last_line(page), "2 cases of 1 scenario: 2 passed in 11 min 3 s");
    free(page);
}

/* One line: who, when, how; whatever the case came to. */
static void test_terminal__shows_what_the_harness_warned_of(void **state)
{
    static const char *const outcomes[] = {"passed", "failed"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        json_t *one = case_of("a [trap]", "a", outcomes[i]);
        char *page;

        json_object_set_new(
            one, "warnings",
            json_pack("[{s:f, s:s, s:s}, {s:f, s:s, s:s}]", "t", 2.345, "text",
                      "client 'worker' was killed by signal 9, not by the scenario",
                      "where", "", "t", 3.0, "text", "a task failed", "where",
                      "x.lua:5"));
        page = print(results_of(json_pack("[o]", one), 1), &plain);
        expect_has(page, "  warning: client 'worker' was killed by signal 9, not by the "
                         "scenario (at 2.345 s)\n");
        expect_has(page, "  warning: a task failed (at 3.000 s, x.lua:5)\n");
        free(page);
    }
}

static void test_terminal__names_every_damaged_file_of_the_evidence(void **state)
{
    json_t *one = case_of("a [trap]", "a", "inconclusive");
    char *page;

    (void)state;
    json_object_set_new(one, "why",
                        json_string("the evidence is damaged: a.seg: at byte 4160 x"));
    json_object_set_new(one, "evidence",
                        json_pack("{s:i, s:[s, s]}", "bad_segments", 9, "damage",
                                  "a.seg: at byte 4160 x", "b.seg is missing"));
    page = print(results_of(json_pack("[o]", one), 1), &plain);
    expect_has(page, "  the evidence is damaged: a.seg: at byte 4160 x\n");
    expect_has(page, "  evidence is damaged too: b.seg is missing\n");
    expect_has(page, "  evidence is damaged: 9 files in all\n");
    free(page);
}

static void test_terminal__shows_all_of_a_failed_check(void **state)
{
    json_t *failed = case_of("kill -9 [replicas=3]", "kill -9", "failed");
    char *page;

    (void)state;
    add_check(failed, check_of("at_least_once", "failed", false, "lost", "3 lost"));
    page = print(results_of(json_pack("[o]", failed), 1), &plain);
    expect_has(page, "FAIL  kill -9 [replicas=3]");
    expect_has(page, "54.9 s   1 check");
    expect_has(page, "no acknowledged message is lost");
    expect_has(page, "expected 0 lost");
    expect_has(page, "measured 3 lost");
    expect_has(page, "scenarios/x.lua:10");
    expect_has(page, "failed (lost): 3 acknowledged messages never came");
    expect_has(page, "130.020 s  message 48112");
    expect_has(page, "reproduce  stormdrill run scenarios/x.lua --case trap --seed 48");
    expect_has(page, "evidence   stormdrill-out/a/cases/x-trap");
    free(page);
}

static void test_terminal__calls_a_trap_that_snapped_a_pass(void **state)
{
    json_t *trap = case_of("x [trap]", "x", "passed");
    char *page;

    (void)state;
    add_check(trap, check_of("at_least_once", "failed", true, "lost", "3 lost"));
    page = print(results_of(json_pack("[o]", trap), 1), &plain);
    expect_has(page, "PASS  x [trap]");
    expect_has(page, "at_least_once failed as expected: lost (3 of 2,000)");
    expect_has_not(page, "reproduce");
    free(page);
}

static void test_terminal__says_when_a_check_passed_that_should_have_failed(void **state)
{
    json_t *trap = case_of("x [trap]", "x", "failed");
    char *page;

    (void)state;
    add_check(trap, check_of("at_least_once", "passed", false, "", "0 lost"));
    page = print(results_of(json_pack("[o]", trap), 1), &plain);
    expect_has(page, "passed, but should have failed");
    free(page);
}

static void test_terminal__shows_an_error_with_its_place_and_way_out(void **state)
{
    json_t *broken = case_of("x", "x", "error");
    char *page;

    (void)state;
    json_object_set_new(broken, "error",
                        json_pack("{s:s, s:s, s:s, s:s}", "code", "E_SCRIPT", "text",
                                  "sleep needs a unit", "where", "x.lua:3", "hint",
                                  "write \"20s\""));
    page = print(results_of(json_pack("[o]", broken), 1), &plain);
    expect_has(page, "ERROR  x");
    expect_has(page, "  error: sleep needs a unit\n    --> x.lua:3\n    write \"20s\"");
    expect_has(page, "1 scenario: 1 with errors");
    free(page);
}

static void
test_terminal__says_after_an_error_what_could_not_be_judged_in_a_line(void **state)
{
    json_t *broken = case_of("x", "x", "error");
    json_t *error = json_pack("{s:s, s:s}", "code", "E_SCRIPT", "text", "x is nil");
    char *page;

    (void)state;
    json_object_set_new(broken, "error", error);
    json_object_set_new(broken, "why", json_string("x is nil"));
    add_check(broken, check_of("backoff", "inconclusive", false, "no_disconnect", ""));
    add_check(broken, check_of("at_least_once", "inconclusive", false,
                               "nothing_published", "0 attempted: 0 entitled"));
    page = print(results_of(json_pack("[O]", broken), 1), &plain);
    expect_has(page, "  error: x is nil\n  2 checks had nothing to judge (no_disconnect, "
                     "nothing_published)\n");
    expect_has_not(page, "0 attempted");
    free(page);
    page = print(results_of(json_pack("[o]", broken), 1), &verbose);
    expect_has(page, "measured 0 attempted: 0 entitled");
    free(page);
}

static void test_terminal__shows_a_failed_check_even_after_an_error(void **state)
{
    json_t *both = case_of("x", "x", "failed");
    json_t *error = json_pack("{s:s, s:s}", "code", "E_SCRIPT", "text", "x is nil");
    char *page;

    (void)state;
    json_object_set_new(both, "error", error);
    add_check(both, check_of("at_least_once", "failed", false, "lost", "3 lost"));
    page = print(results_of(json_pack("[o]", both), 1), &plain);
    expect_has(page, "\n  x is nil\n");
    expect_has(page, "measured 3 lost");
    free(page);
}

static void test_terminal__says_why_unless_a_check_below_says_the_same(void **state)
{
    json_t *bad = case_of("x", "x", "failed");
    char *page;

    (void)state;
    json_object_set_new(bad, "why",
                        json_string("backoff failed: closed: 3 acknowledged messages "
                                    "never came"));
    add_check(bad, check_of("backoff", "failed", false, "closed", "60 attempts"));
    page = print(results_of(json_pack("[O]", bad), 1), &plain);
    expect_has_not(page, "backoff failed: closed");
    free(page);
    json_object_set_new(bad, "why", json_string("nothing was judged"));
    page = print(results_of(json_pack("[o]", bad), 1), &plain);
    expect_has(page, "\n  nothing was judged\n");
    free(page);
}

static void test_terminal__says_for_which_other_reason_a_trap_failed(void **state)
{
    json_t *trap = case_of("x", "x", "failed");
    char *page;

    (void)state;
    json_object_set_new(trap, "expect",
                        json_pack("{s:{s:s}}", "fails", "backoff", "late"));
    json_object_set_new(trap, "why",
                        json_string("backoff failed for another reason than \"late\": "
                                    "closed: 3 acknowledged messages never came"));
    add_check(trap, check_of("backoff", "failed", false, "closed", "60 attempts"));
    page = print(results_of(json_pack("[o]", trap), 1), &plain);
    expect_has(page, "\n  backoff failed for another reason than \"late\": closed");
    free(page);
}

static void test_terminal__tells_the_weather_of_what_did_not_pass(void **state)
{
    json_t *bad = case_of("x", "x", "failed");
    json_t *good = case_of("x", "x", "passed");
    json_t *weather =
        json_pack("[{s:s, s:s, s:f, s:f, s:i, s:s}]", "name", "latency", "on", "p->n1",
                  "begin_s", 1.0474, "end_s", 3.9, "touched", 1204, "touches", "chunks");
    char *page;

    (void)state;
    json_object_set(bad, "faults", weather);
    json_object_set_new(good, "faults", weather);
    page = print(results_of(json_pack("[o]", bad), 1), &plain);
    expect_has(page, "  latency on p->n1  1.047 to 3.9 s  touched 1,204 chunks\n");
    free(page);
    page = print(results_of(json_pack("[O]", good), 1), &plain);
    expect_has_not(page, "latency");
    free(page);
    page = print(results_of(json_pack("[o]", good), 1), &verbose);
    expect_has(page, "touched 1,204 chunks");
    free(page);
}

static void test_terminal__says_why_a_case_was_skipped_and_nothing_else(void **state)
{
    json_t *skipped = case_of("x", "x", "skipped");
    char *page;

    (void)state;
    json_object_set_new(skipped, "why", json_string("needs sync_interval"));
    page = print(results_of(json_pack("[o]", skipped), 1), &plain);
    expect_has(page, "SKIPPED  x\n");
    expect_has(page, "needs sync_interval");
    expect_has_not(page, "reproduce");
    free(page);
}

static void test_terminal__is_short_when_quiet_and_long_when_verbose(void **state)
{
    json_t *good = case_of("good", "good", "passed");
    char *page;

    (void)state;
    add_check(good, check_of("at_least_once", "passed", true, "", "0 lost"));
    json_t *cases = json_pack("[o]", good);
    page = print(results_of(json_incref(cases), 1), &quiet);
    assert_string_equal(page, "1 scenario: 1 passed in 11 min 3 s\n");
    free(page);
    page = print(results_of(json_incref(cases), 1), &plain);
    expect_has_not(page, "attempted");
    free(page);
    page = print(results_of(cases, 1), &verbose);
    expect_has(page, "measured 0 lost");
    expect_has(page, "attempted 2,000");
    expect_has(page, "lost 3");
    expect_has(page, "    2000 attempted = 1997 + 3 lost\n");
    free(page);
}

static void test_terminal__tells_repeats_with_their_bound(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 0; i < 10; i++) {
        json_array_append_new(cases, case_of("a", "a", i == 4 ? "failed" : "passed"));
        json_array_append_new(cases,
                              case_of("b", "b", i == 9 ? "inconclusive" : "passed"));
    }
    page = print(results_of(cases, 10), &plain);
    expect_has(page, "failed 1 of 10 (failure rate below 39 % at 95 %)");
    expect_has(page,
               "passed 9 of 9: failure rate below 28 % at 95 %; 1 without a verdict");
    expect_has(page, "20 runs of 2 cases: 18 passed, 1 failed, 1 inconclusive");
    free(page);
}

static void test_terminal__names_each_repeat_and_its_seed(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 1; i <= 3; i++) {
        json_t *one = case_of("a", "a", i == 3 ? "passed" : "failed");

        json_object_set_new(one, "repeat", json_integer(i));
        json_object_set_new(one, "seed", json_integer(9007199254740993 + i));
        add_check(one, check_of("at_least_once", i == 3 ? "passed" : "failed", i == 3,
                                "lost", "x"));
        json_array_append_new(cases, one);
    }
    page = print(results_of(json_incref(cases), 3), &plain);
    expect_has(page, "FAIL  a  repeat 1, seed 9007199254740994");
    expect_has(page, "FAIL  a  repeat 2, seed 9007199254740995");
    expect_has_not(page, "repeat 3");
    free(page);
    page = print(results_of(cases, 3), &verbose);
    expect_has(page, "PASS  a  repeat 3, seed 9007199254740996");
    expect_has(page, "attempted 2,000");
    free(page);
}

static void test_terminal__says_nothing_of_good_repeats_when_quiet(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 0; i < 4; i++) {
        json_array_append_new(cases, case_of("good", "good", "passed"));
        json_array_append_new(cases, case_of("bad", "bad", i ? "passed" : "failed"));
    }
    page = print(results_of(cases, 4), &quiet);
    expect_has(page, "failed 1 of 4");
    expect_has_not(page, "PASS");
    free(page);
}

static void test_terminal__keeps_namesakes_of_two_files_apart(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 0; i < 6; i++) {
        json_t *one = case_of("a", "a", i < 5 ? "passed" : "failed");

        json_object_set_new(one, "file", json_string(i % 2 ? "x.lua" : "y.lua"));
        json_array_append_new(cases, one);
    }
    page = print(results_of(cases, 3), &plain);
    expect_has(page, "passed 3 of 3");
    expect_has(page, "failed 1 of 3");
    expect_has(page, "6 runs of 2 cases");
    free(page);
}

static void test_terminal__has_colour_only_where_it_is_wanted(void **state)
{
    struct format_options colour = {.utf8 = true, .colour = true};
    char *page =
        print(results_of(json_pack("[o]", case_of("a", "a", "failed")), 1), &colour);

    (void)state;
    expect_has(page, "\033[1;31mFAIL\033[0m");
    free(page);
    page = print(results_of(json_pack("[o]", case_of("a", "a", "failed")), 1), &plain);
    expect_has_not(page, "\033");
    free(page);
}

static void test_terminal__is_ascii_where_the_locale_is_not_utf8(void **state)
{
    const struct format_options ascii = {.utf8 = false};
    json_t *result = case_of("client\xe2\x86\x92n1 \033[2J", "x", "passed");
    char *page = print(results_of(json_pack("[o]", result), 1), &ascii);

    (void)state;
    expect_has(page, "client->n1 ?[2J");
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
        char *page = print(json_loads(odd[i], 0, NULL), &verbose);

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
        cmocka_unit_test(test_terminal__names_each_repeat_and_its_seed),
        cmocka_unit_test(test_terminal__says_nothing_of_good_repeats_when_quiet),
        cmocka_unit_test(test_terminal__says_why_a_case_was_skipped_and_nothing_else),
        cmocka_unit_test(test_terminal__is_short_when_quiet_and_long_when_verbose),
        cmocka_unit_test(test_terminal__tells_repeats_with_their_bound),
        cmocka_unit_test(test_terminal__keeps_namesakes_of_two_files_apart),
        cmocka_unit_test(test_terminal__has_colour_only_where_it_is_wanted),
        cmocka_unit_test(test_terminal__is_ascii_where_the_locale_is_not_utf8),
        cmocka_unit_test(test_terminal__survives_results_with_anything_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
