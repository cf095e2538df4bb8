/* test_progress: one line per event, and each line says whose it is where several may
 * run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/cli/progress.h"
#include "proxy/base/clock.h"

static const struct terminal plain = {.utf8 = true};
static const struct script_case which = {.id = "kill [trap]"};
static const struct plan_case planned = {
    .which = &which, .seed = 48151623, .repeat = 3, .timeout_ns = 55ull * NS_PER_S};

/* What the event prints. */
static char *lines_of(struct suite_event event, bool silent)
{
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);
    struct progress progress = {.to = to, .terminal = &plain, .silent = silent};

    if (event.kind != SUITE_NOTE)
        event.planned = &planned;
    event.since_ns = 20ull * NS_PER_S;
    progress_on_event(&progress, &event);
    fclose(to);
    return page;
}

static void expect_line(struct suite_event event, const char *wanted)
{
    char *page = lines_of(event, false);

    assert_string_equal(page, wanted);
    free(page);
}

static void test_progress__names_the_case_only_while_several_run(void **state)
{
    (void)state;
    expect_line((struct suite_event){.kind = SUITE_CASE_LINE,
                                     .text = "phase leader killed",
                                     .alone = true},
                "[  20.0s] phase leader killed\n");
    expect_line(
        (struct suite_event){.kind = SUITE_CASE_LINE, .text = "phase leader killed"},
        "[  20.0s] kill [trap]: phase leader killed\n");
}

static void test_progress__says_beginning_end_and_that_it_still_runs(void **state)
{
    json_t *passed = json_pack("{s:s, s:s}", "outcome", "passed", "why", "");
    json_t *failed = json_pack("{s:s, s:s}", "outcome", "failed", "why", "3 lost");

    (void)state;
    expect_line((struct suite_event){.kind = SUITE_CASE_BEGIN},
                "[  20.0s] RUN   kill [trap] (seed 48151623)\n");
    expect_line((struct suite_event){.kind = SUITE_CASE_END, .result = passed},
                "[  20.0s] PASS  kill [trap]\n");
    expect_line((struct suite_event){.kind = SUITE_CASE_END, .result = failed},
                "[  20.0s] FAIL  kill [trap]: 3 lost\n");
    expect_line((struct suite_event){.kind = SUITE_STILL,
                                     .text = "phase recovered",
                                     .case_ns = 50ull * NS_PER_S},
                "[  20.0s] still running: kill [trap], 50 s of at most 55 s, last: phase "
                "recovered\n");
    json_decref(passed);
    json_decref(failed);
}

static void test_progress__numbers_the_repeats(void **state)
{
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);
    struct progress progress = {.to = to, .terminal = &plain, .repeats = true};
    const struct suite_event event = {
        .kind = SUITE_CASE_LINE, .text = "phase x", .planned = &planned};

    (void)state;
    progress_on_event(&progress, &event);
    fclose(to);
    assert_string_equal(page, "[   0.0s] kill [trap] #3: phase x\n");
    free(page);
}

static void test_progress__is_silent_but_for_what_the_suite_itself_says(void **state)
{
    char *page =
        lines_of((struct suite_event){.kind = SUITE_CASE_LINE, .text = "phase x"}, true);

    (void)state;
    assert_string_equal(page, "");
    free(page);
    page =
        lines_of((struct suite_event){.kind = SUITE_NOTE, .text = "interrupted"}, true);
    assert_string_equal(page, "[  20.0s] interrupted\n");
    free(page);
}

static void test_progress__cleans_what_a_script_says(void **state)
{
    (void)state;
    expect_line((struct suite_event){.kind = SUITE_CASE_LINE,
                                     .text = "note \033[2J gone",
                                     .alone = true},
                "[  20.0s] note ?[2J gone\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress__names_the_case_only_while_several_run),
        cmocka_unit_test(test_progress__says_beginning_end_and_that_it_still_runs),
        cmocka_unit_test(test_progress__numbers_the_repeats),
        cmocka_unit_test(test_progress__is_silent_but_for_what_the_suite_itself_says),
        cmocka_unit_test(test_progress__cleans_what_a_script_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
