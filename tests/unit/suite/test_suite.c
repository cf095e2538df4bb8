/* test_suite: cases as processes, with cases that behave, fail, crash, hang and obey.
 *
 * This program plays all parts: as `guard` it is the real guard, as `case FOLDER` it does
 * what the case's name says, without arguments it is the test. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/process/child.h"
#include "harness/suite/document.h"
#include "harness/suite/suite.h"
#include "proxy/base/clock.h"
#include "tests/lib/suite/scratch.h"

/* ---- the case ---- */

static void say(const char *text)
{
    if (write(3, text, strlen(text)) == -1)
        _exit(99);
}

static int write_result(const char *folder, const char *outcome, int exit_code)
{
    json_t *result = json_pack("{s:s, s:i, s:[], s:s}", "outcome", outcome, "exit_code",
                               exit_code, "checks", "why", "");
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/case.json", folder);
    if (document_write(path, result, NULL) != 0)
        return 98;
    json_decref(result);
    return exit_code;
}

/* Wait for a signal, then heal and say so; as real cases do. */
static int obey(const char *folder)
{
    sigset_t wanted;
    int number;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    say("waiting\n");
    sigwait(&wanted, &number);
    say(number == SIGINT ? "healed, interrupted\n" : "healed, terminated\n");
    return write_result(folder, "interrupted", 143);
}

static _Noreturn void be_deaf(void)
{
    signal(SIGTERM, SIG_IGN);
    say("deaf\n");
    for (;;)
        pause();
}

/* The name of the case in this folder; false when there is no spec to read. */
static bool read_name(char *name, size_t size, const char *folder)
{
    char path[PATH_MAX];
    json_t *spec;

    snprintf(path, sizeof path, "%s/spec.json", folder);
    if (document_read(&spec, path, NULL) != 0)
        return false;
    snprintf(name, size, "%s", json_string_value(json_object_get(spec, "case")));
    json_decref(spec);
    return true;
}

static int play_case(const char *folder)
{
    char name[32];

    if (!read_name(name, sizeof name, folder))
        return 97;
    if (strcmp(name, "pass") == 0) {
        say("phase one\nphase two\n");
        return write_result(folder, "passed", 0);
    }
    if (strcmp(name, "fail") == 0)
        return write_result(folder, "failed", 1);
    if (strcmp(name, "obey") == 0)
        return obey(folder);
    if (strcmp(name, "deaf") == 0)
        be_deaf();
    if (strcmp(name, "killed") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(name, "leaky") == 0) {
        write_result(folder, "passed", 0);
        fprintf(stderr, "ERROR: LeakSanitizer: detected memory leaks\n");
        return 23;
    }
    if (strcmp(name, "refuses") == 0) {
        fprintf(stderr, "error: no space left\n  make room\n");
        return 4;
    }
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGABRT, SIG_DFL);
    fprintf(stderr, "assertion failed: x\n");
    abort();
}

/* ---- the rig ---- */

enum { CASES_MAX = 8, LINES_BYTES = 4096 };

struct rig {
    struct script_case which[CASES_MAX];
    struct plan_case cases[CASES_MAX];
    struct plan plan;
    struct run_folder folder;
    struct suite_options options;
    char self[PATH_MAX];
    char lines[LINES_BYTES];
    int running, most_running, most_beside_exclusive;
    bool exclusive_running;
    int signal_on_line; /* sent to ourselves at each "waiting" or "deaf" */
    json_t *results;
    int ended_by;
};

static void add_line(struct rig *rig, const char *text)
{
    size_t used = strlen(rig->lines);

    snprintf(rig->lines + used, sizeof rig->lines - used, "%s\n", text);
}

static void on_event(void *arg, const struct suite_event *event)
{
    struct rig *rig = arg;

    if (event->kind == SUITE_CASE_BEGIN) {
        rig->running++;
        rig->exclusive_running |= event->planned->which->exclusive;
        if (rig->exclusive_running && rig->running > rig->most_beside_exclusive)
            rig->most_beside_exclusive = rig->running;
    }
    if (rig->running > rig->most_running)
        rig->most_running = rig->running;
    if (event->kind == SUITE_CASE_LINE) {
        add_line(rig, event->text);
        if (rig->signal_on_line != 0 &&
            (strcmp(event->text, "waiting") == 0 || strcmp(event->text, "deaf") == 0))
            kill(getpid(), rig->signal_on_line);
    }
    /* Once more at the first word about it. */
    if (event->kind == SUITE_NOTE && strstr(rig->lines, "deaf") != NULL &&
        strstr(event->text, "again") == NULL)
        kill(getpid(), rig->signal_on_line);
    if (event->kind == SUITE_CASE_END && event->case_ns > 0) {
        rig->running -= rig->running > 0;
        rig->exclusive_running &= !event->planned->which->exclusive;
    }
}

static struct rig *rig_create(const char *const *names, int count)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct error err;
    json_t *taken = json_object();

    assert_int_equal(run_folder_create(&rig->folder, "run", "x", &err), 0);
    assert_true(readlink("/proc/self/exe", rig->self, sizeof rig->self - 1) > 0);
    scratch_write("x.lua", "-- x\n");
    for (int i = 0; i < count; i++) {
        rig->which[i] = (struct script_case){
            .scenario = "x",
            .name = names[i],
            .id = names[i],
            .file = "x.lua",
            .line = 1,
            .tags = json_array(),
            .timeout_ns = 60ull * NS_PER_S,
        };
        rig->cases[i] = (struct plan_case){
            .which = &rig->which[i],
            .seed = 7,
            .repeat = 1,
            .timeout_ns = 60ull * NS_PER_S,
            .set = json_object(),
            .reproduce = (char *)"stormdrill run x.lua",
        };
        slug_make(rig->cases[i].slug, names[i], taken);
    }
    json_decref(taken);
    rig->plan = (struct plan){.cases = rig->cases, .count = count, .repeat = 1};
    rig->options = (struct suite_options){
        .plan = &rig->plan,
        .folder = &rig->folder,
        .self = rig->self,
        .jobs = 2,
        .on_event = on_event,
        .arg = rig,
    };
    return rig;
}

static void rig_run(struct rig *rig)
{
    struct error err;

    if (suite_run(&rig->results, &rig->ended_by, &rig->options, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(json_array_size(rig->results), rig->plan.count);
    /* Nothing of what was started is left. */
    assert_int_equal(child_kill_descendants(NS_PER_S), 0);
}

static void rig_destroy(struct rig *rig)
{
    for (int i = 0; i < rig->plan.count; i++) {
        json_decref(rig->which[i].tags);
        json_decref(rig->cases[i].set);
    }
    json_decref(rig->results);
    run_folder_release(&rig->folder);
    free(rig);
}

static const char *text_of(const struct rig *rig, int at, const char *member)
{
    const char *text = json_string_value(
        json_object_get(json_array_get(rig->results, (size_t)at), member));

    return text != NULL ? text : "";
}

static void expect_result(const struct rig *rig, int at, const char *outcome,
                          int exit_code)
{
    const json_t *result = json_array_get(rig->results, (size_t)at);

    assert_string_equal(text_of(rig, at, "outcome"), outcome);
    assert_int_equal(json_integer_value(json_object_get(result, "exit_code")), exit_code);
    assert_string_equal(text_of(rig, at, "reproduce"), "stormdrill run x.lua");
    assert_true(strncmp(text_of(rig, at, "folder"), "cases/", 6) == 0);
}

/* ---- the tests ---- */

static void test_suite__gives_every_result_in_the_plans_order(void **state)
{
    static const char *const names[] = {"pass", "fail"};
    struct rig *rig = rig_create(names, 2);

    (void)state;
    rig_run(rig);
    expect_result(rig, 0, "passed", 0);
    expect_result(rig, 1, "failed", 1);
    assert_int_equal(rig->ended_by, 0);
    assert_string_equal(rig->lines, "phase one\nphase two\n");
    assert_int_equal(access("run/cases/pass/scenario.lua", F_OK), 0);
    rig_destroy(rig);
}

static void test_suite__loses_one_case_to_a_crash_and_names_its_folder(void **state)
{
    static const char *const names[] = {"crash", "pass"};
    struct rig *rig = rig_create(names, 2);

    (void)state;
    rig_run(rig);
    expect_result(rig, 0, "error", 70);
    assert_non_null(strstr(text_of(rig, 0, "why"), "crashed"));
    assert_non_null(strstr(text_of(rig, 0, "why"), "assertion failed: x"));
    assert_non_null(
        strstr(json_string_value(json_object_get(
                   json_object_get(json_array_get(rig->results, 0), "error"), "hint")),
               "/run/cases/crash"));
    expect_result(rig, 1, "passed", 0);
    rig_destroy(rig);
}

static void test_suite__tells_kills_from_outside_refusals_and_leaks_apart(void **state)
{
    static const char *const names[] = {"killed", "refuses", "leaky"};
    struct rig *rig = rig_create(names, 3);

    (void)state;
    rig_run(rig);
    expect_result(rig, 0, "error", 4);
    assert_non_null(strstr(text_of(rig, 0, "why"), "SIGKILL"));
    expect_result(rig, 1, "error", 4);
    assert_string_equal(text_of(rig, 1, "why"), "no space left");
    expect_result(rig, 2, "error", 70);
    assert_non_null(strstr(text_of(rig, 2, "why"), "LeakSanitizer"));
    rig_destroy(rig);
}

static void test_suite__kills_a_case_that_outlives_its_timeout(void **state)
{
    static const char *const names[] = {"deaf"};
    struct rig *rig = rig_create(names, 1);

    (void)state;
    rig->cases[0].timeout_ns = 50 * NS_PER_MS;
    rig->options.grace_ns = 50 * NS_PER_MS;
    rig_run(rig);
    expect_result(rig, 0, "inconclusive", 6);
    assert_non_null(strstr(text_of(rig, 0, "why"), "timeout of 50ms"));
    /* More time is no way out for what does not react. */
    assert_non_null(
        strstr(json_string_value(json_object_get(
                   json_object_get(json_array_get(rig->results, 0), "error"), "hint")),
               "did not react"));
    rig_destroy(rig);
}

static void
test_suite__runs_at_most_as_many_as_asked_and_exclusive_ones_alone(void **state)
{
    static const char *const names[] = {"pass", "pass", "pass", "pass", "pass", "fail"};
    struct rig *rig = rig_create(names, 6);

    (void)state;
    rig->options.jobs = 3;
    rig->which[0].exclusive = true;
    rig->which[3].exclusive = true;
    rig_run(rig);
    for (int i = 0; i < 5; i++)
        expect_result(rig, i, "passed", 0);
    assert_in_range(rig->most_running, 2, 3);
    assert_int_equal(rig->most_beside_exclusive, 1);
    rig_destroy(rig);
}

static void test_suite__starts_nothing_more_after_a_failure_with_fail_fast(void **state)
{
    static const char *const names[] = {"fail", "pass", "pass"};
    struct rig *rig = rig_create(names, 3);

    (void)state;
    rig->options.jobs = 1;
    rig->options.fail_fast = true;
    rig_run(rig);
    expect_result(rig, 0, "failed", 1);
    expect_result(rig, 1, "skipped", 0);
    assert_non_null(strstr(text_of(rig, 2, "why"), "--fail-fast"));
    rig_destroy(rig);
}

static void test_suite__lets_cases_heal_at_the_first_signal(void **state)
{
    static const char *const names[] = {"obey", "pass"};
    struct rig *rig = rig_create(names, 2);

    (void)state;
    rig->options.jobs = 1;
    rig->signal_on_line = SIGINT;
    rig_run(rig);
    assert_int_equal(rig->ended_by, SIGINT);
    expect_result(rig, 0, "interrupted", 143);
    expect_result(rig, 1, "skipped", 0);
    assert_string_equal(rig->lines, "waiting\nhealed, interrupted\n");
    rig_destroy(rig);
}

static void test_suite__ends_cases_with_sigterm_when_its_terminal_hangs_up(void **state)
{
    static const char *const names[] = {"obey"};
    struct rig *rig = rig_create(names, 1);

    (void)state;
    rig->signal_on_line = SIGHUP;
    rig_run(rig);
    assert_int_equal(rig->ended_by, SIGHUP);
    assert_string_equal(rig->lines, "waiting\nhealed, terminated\n");
    rig_destroy(rig);
}

static void test_suite__kills_everything_at_the_second_signal(void **state)
{
    static const char *const names[] = {"deaf"};
    struct rig *rig = rig_create(names, 1);

    (void)state;
    rig->signal_on_line = SIGTERM;
    rig_run(rig);
    assert_int_equal(rig->ended_by, SIGTERM);
    expect_result(rig, 0, "interrupted", 143);
    rig_destroy(rig);
}

static void test_suite__makes_an_error_of_a_case_whose_folder_cannot_be_made(void **state)
{
    static const char *const names[] = {"pass", "pass"};
    struct rig *rig = rig_create(names, 2);

    (void)state;
    scratch_write("run/cases/pass/something", "in the way");
    rig_run(rig);
    expect_result(rig, 0, "error", 4);
    assert_non_null(strstr(text_of(rig, 0, "why"), "cannot make the folder"));
    expect_result(rig, 1, "passed", 0);
    rig_destroy(rig);
}

int main(int argc, char **argv)
{
#define IN_SCRATCH(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_suite__gives_every_result_in_the_plans_order),
        IN_SCRATCH(test_suite__loses_one_case_to_a_crash_and_names_its_folder),
        IN_SCRATCH(test_suite__tells_kills_from_outside_refusals_and_leaks_apart),
        IN_SCRATCH(test_suite__kills_a_case_that_outlives_its_timeout),
        IN_SCRATCH(test_suite__runs_at_most_as_many_as_asked_and_exclusive_ones_alone),
        IN_SCRATCH(test_suite__starts_nothing_more_after_a_failure_with_fail_fast),
        IN_SCRATCH(test_suite__lets_cases_heal_at_the_first_signal),
        IN_SCRATCH(test_suite__ends_cases_with_sigterm_when_its_terminal_hangs_up),
        IN_SCRATCH(test_suite__kills_everything_at_the_second_signal),
        IN_SCRATCH(test_suite__makes_an_error_of_a_case_whose_folder_cannot_be_made),
    };

    if (argc > 1 && strcmp(argv[1], "guard") == 0)
        return guard_main(argc - 1, argv + 1);
    if (argc > 2 && strcmp(argv[1], "case") == 0)
        return play_case(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
