/* test_terminal_repeats: one scenario many times, and several that share a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/reports/page.h"

static void test_terminal_repeats__tells_repeats_with_their_bound(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 0; i < 10; i++) {
        json_array_append_new(cases, page_case("a", "a", i == 4 ? "failed" : "passed"));
        json_array_append_new(cases,
                              page_case("b", "b", i == 9 ? "inconclusive" : "passed"));
    }
    page = page_print(page_results(cases, 10), &page_plain);
    page_expect(page, "failed 1 of 10 (failure rate below 39 % at 95 %)");
    page_expect(page,
                "passed 9 of 9: failure rate below 28 % at 95 %; 1 without a verdict");
    page_expect(page, "20 runs of 2 cases: 18 passed, 1 failed, 1 inconclusive");
    free(page);
}

static void test_terminal_repeats__names_each_repeat_and_its_seed(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 1; i <= 3; i++) {
        json_t *one = page_case("a", "a", i == 3 ? "passed" : "failed");

        json_object_set_new(one, "repeat", json_integer(i));
        json_object_set_new(one, "seed", json_integer(9007199254740993 + i));
        page_add_check(one, page_check("at_least_once", i == 3 ? "passed" : "failed",
                                       i == 3, "lost", "x"));
        json_array_append_new(cases, one);
    }
    page = page_print(page_results(json_incref(cases), 3), &page_plain);
    page_expect(page, "FAIL  a  repeat 1, seed 9007199254740994");
    page_expect(page, "FAIL  a  repeat 2, seed 9007199254740995");
    page_expect_not(page, "repeat 3");
    free(page);
    page = page_print(page_results(cases, 3), &page_verbose);
    page_expect(page, "PASS  a  repeat 3, seed 9007199254740996");
    page_expect(page, "attempted 2,000");
    free(page);
}

static void test_terminal_repeats__says_nothing_of_good_repeats_when_quiet(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 0; i < 4; i++) {
        json_array_append_new(cases, page_case("good", "good", "passed"));
        json_array_append_new(cases, page_case("bad", "bad", i ? "passed" : "failed"));
    }
    page = page_print(page_results(cases, 4), &page_quiet);
    page_expect(page, "failed 1 of 4");
    page_expect_not(page, "PASS");
    free(page);
}

static void test_terminal_repeats__keeps_namesakes_of_two_files_apart(void **state)
{
    json_t *cases = json_array();
    char *page;

    (void)state;
    for (int i = 0; i < 6; i++) {
        json_t *one = page_case("a", "a", i < 5 ? "passed" : "failed");

        json_object_set_new(one, "file", json_string(i % 2 ? "x.lua" : "y.lua"));
        json_array_append_new(cases, one);
    }
    page = page_print(page_results(cases, 3), &page_plain);
    page_expect(page, "passed 3 of 3");
    page_expect(page, "failed 1 of 3");
    page_expect(page, "6 runs of 2 cases");
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal_repeats__tells_repeats_with_their_bound),
        cmocka_unit_test(test_terminal_repeats__names_each_repeat_and_its_seed),
        cmocka_unit_test(test_terminal_repeats__says_nothing_of_good_repeats_when_quiet),
        cmocka_unit_test(test_terminal_repeats__keeps_namesakes_of_two_files_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
