/* test_child: a guarded process as its starter sees it. This program is its own guard. */
#include "harness/process/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/process/spawn.h"
#include "tests/lib/process/process_rig.h"

static int setup(void **state)
{
    static struct process_rig rig;

    process_rig_init(&rig);
    *state = &rig;
    return 0;
}

/* Whatever a test did: nothing that carries its mark may run now. */
static int teardown(void **state)
{
    struct process_rig *rig = *state;

    process_rig_until_marked(rig, 0);
    process_rig_release(rig);
    return 0;
}

/* Run a shell line; its output (stdout) goes to `text`. */
static void run_shell(struct process_rig *rig, struct kid *kid, const char *line,
                      struct child_options *extra, char *text, size_t size)
{
    const char *argv[] = {"sh", "-c", line, NULL};
    struct child_options options = process_rig_options(rig, kid, argv);
    FILE *out = tmpfile();
    size_t got;

    assert_non_null(out);
    options.stdout_fd = fileno(out);
    if (extra != NULL) {
        options.cwd = extra->cwd;
        options.fds = extra->fds;
        options.fd_count = extra->fd_count;
        options.clean_env = extra->clean_env;
        if (extra->env != NULL)
            options.env = extra->env;
    }
    *kid = (struct kid){.child = NULL};
    process_rig_spawn_with(rig, kid, &options);
    process_rig_finish(rig, kid);
    rewind(out);
    got = fread(text, 1, size - 1, out);
    text[got] = '\0';
    fclose(out);
}

static void test_child__reports_the_exit_code(void **state)
{
    const char *argv[] = {"sh", "-c", "exit 7", NULL};
    struct kid kid;

    process_rig_spawn(*state, &kid, argv);
    process_rig_finish(*state, &kid);
    assert_int_equal(kid.started, 1);
    assert_false(kid.exit.failed);
    assert_true(WIFEXITED(kid.exit.status));
    assert_int_equal(WEXITSTATUS(kid.exit.status), 7);
    assert_true(kid.exit.time_ns > 0);
}

static void test_child__reports_the_signal_that_ended_it(void **state)
{
    const char *argv[] = {"sleep", "1000", NULL};
    struct error err;
    struct kid kid;

    process_rig_spawn(*state, &kid, argv);
    process_rig_until(*state, &kid.started);
    assert_true(child_is_running(kid.child));
    assert_int_equal(child_signal(kid.child, SIGTERM, &err), 0);
    process_rig_until(*state, &kid.exited);
    assert_false(child_is_running(kid.child));
    assert_false(kid.exit.failed);
    assert_true(WIFSIGNALED(kid.exit.status));
    assert_int_equal(WTERMSIG(kid.exit.status), SIGTERM);
    process_rig_finish(*state, &kid);
}

static void test_child__names_the_program_that_is_not_there(void **state)
{
    const char *argv[] = {"no-such-program-here", NULL};
    struct kid kid;

    process_rig_spawn(*state, &kid, argv);
    process_rig_finish(*state, &kid);
    assert_int_equal(kid.started, 0);
    assert_true(kid.exit.failed);
    assert_int_equal(kid.exit.failure.code, E_NOT_FOUND);
    assert_string_equal(kid.exit.failure.text,
                        "cannot run no-such-program-here: No such file or directory");
    assert_non_null(strstr(kid.exit.failure.hint, "$PATH"));
}

static void test_child__says_that_a_file_is_not_executable(void **state)
{
    const char *argv[] = {"/etc/passwd", NULL};
    struct kid kid;

    process_rig_spawn(*state, &kid, argv);
    process_rig_finish(*state, &kid);
    assert_true(kid.exit.failed);
    assert_int_equal(kid.exit.failure.code, E_SYSTEM);
    assert_string_equal(kid.exit.failure.text,
                        "cannot run /etc/passwd: Permission denied");
    assert_non_null(strstr(kid.exit.failure.hint, "chmod +x"));
}

static void test_child__names_the_folder_that_is_not_there(void **state)
{
    const char *argv[] = {"true", NULL};
    struct kid kid = {.child = NULL};
    struct child_options options = process_rig_options(*state, &kid, argv);

    options.cwd = "/no/such/folder";
    process_rig_spawn_with(*state, &kid, &options);
    process_rig_finish(*state, &kid);
    assert_true(kid.exit.failed);
    assert_non_null(strstr(kid.exit.failure.text, "/no/such/folder of true"));
}

static void test_child__fails_at_once_when_the_guard_program_is_missing(void **state)
{
    const char *argv[] = {"true", NULL};
    struct process_rig *rig = *state;
    struct kid kid = {.child = NULL};
    struct child_options options = process_rig_options(rig, &kid, argv);
    struct error err;

    options.self = "/no/such/stormdrill";
    assert_true(child_spawn(&kid.child, &rig->loop, &options, &err) < 0);
    assert_non_null(strstr(err.text, "guard of true"));
    assert_null(kid.child);
}

static void test_child__says_that_its_guard_program_is_no_guard(void **state)
{
    const char *argv[] = {"sleep", "1000", NULL};
    struct kid kid = {.child = NULL};
    struct child_options options = process_rig_options(*state, &kid, argv);

    options.self = "/bin/true";
    process_rig_spawn_with(*state, &kid, &options);
    process_rig_finish(*state, &kid);
    assert_true(kid.exit.failed);
    assert_string_equal(kid.exit.failure.text,
                        "the guard of sleep was lost before it started");
}

/* A program that forgot to call guard_main would start itself without end. */
static void
test_child__is_refused_in_a_program_that_should_have_been_a_guard(void **state)
{
    const char *argv[] = {"true", NULL};
    struct process_rig *rig = *state;
    struct kid kid = {.child = NULL};
    struct child_options options = process_rig_options(rig, &kid, argv);
    struct error err;

    setenv(SPAWN_MARK, "1", 1);
    assert_int_equal(child_spawn(&kid.child, &rig->loop, &options, &err), E_INTERNAL);
    unsetenv(SPAWN_MARK);
    assert_non_null(strstr(err.text, "does not call guard_main()"));
}

static void test_child__gets_environment_folder_and_descriptors(void **state)
{
    struct process_rig *rig = *state;
    int pipe_a[2];
    int pipe_b[2];
    struct child_fd fds[2];
    const char *env[] = {rig->mark, "GREETING=hello there", "HOME=/nowhere", NULL};
    struct child_options extra = {.cwd = "/usr", .env = env, .fds = fds, .fd_count = 2};
    struct kid kid;
    char text[512];
    char heard[2][16] = {"", ""};

    assert_int_equal(pipe2(pipe_a, O_CLOEXEC), 0);
    assert_int_equal(pipe2(pipe_b, O_CLOEXEC), 0);
    /* Crossed numbers: each source has the number that the other wants. */
    fds[0] = (struct child_fd){.fd = pipe_a[1], .as = pipe_b[1]};
    fds[1] = (struct child_fd){.fd = pipe_b[1], .as = pipe_a[1]};
    snprintf(text, sizeof text,
             "echo \"$GREETING\"; echo $HOME; pwd; "
             "printf A >/proc/self/fd/%d; printf B >/proc/self/fd/%d",
             pipe_b[1], pipe_a[1]);
    char line[512];
    memcpy(line, text, sizeof line);
    run_shell(rig, &kid, line, &extra, text, sizeof text);
    assert_string_equal(text, "hello there\n/nowhere\n/usr\n");
    close(pipe_a[1]);
    close(pipe_b[1]);
    assert_int_equal(read(pipe_a[0], heard[0], 15), 1);
    assert_int_equal(read(pipe_b[0], heard[1], 15), 1);
    assert_string_equal(heard[0], "A");
    assert_string_equal(heard[1], "B");
    /* Nobody holds the writing ends any more, no guard either. */
    assert_int_equal(read(pipe_a[0], heard[0], 15), 0);
    close(pipe_a[0]);
    close(pipe_b[0]);
}

static void test_child__closes_its_output_although_its_guard_lives(void **state)
{
    const char *argv[] = {"sh", "-c", "exec >&-; exec sleep 1000", NULL};
    struct kid kid = {.child = NULL};
    struct child_options options = process_rig_options(*state, &kid, argv);
    int ends[2];
    char byte;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    options.stdout_fd = ends[1];
    process_rig_spawn_with(*state, &kid, &options);
    close(ends[1]);
    /* Blocks until the last holder has let go; the test's time-out bounds it. */
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    process_rig_until(*state, &kid.started);
    child_kill_tree(kid.child);
    process_rig_finish(*state, &kid);
}

static void test_child__inherits_no_stray_descriptor(void **state)
{
    int stray = open("/dev/null", O_RDONLY); /* not close-on-exec, on purpose */
    int high = fcntl(stray, F_DUPFD, 500);
    struct kid kid;
    char text[512];

    assert_true(stray > 2 && high >= 500);
    run_shell(*state, &kid, "for f in /proc/self/fd/*; do printf '%s ' ${f##*/}; done",
              NULL, text, sizeof text);
    close(stray);
    close(high);
    /* The shell opens the folder itself for the pattern; that one is gone by then. */
    assert_true(strcmp(text, "0 1 2 ") == 0 || strcmp(text, "0 1 2 3 ") == 0);
}

static void test_child__has_clean_signals_and_a_session_of_its_own(void **state)
{
    sigset_t blocked;
    struct kid kid;
    char text[512];

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_IGN);
    run_shell(*state, &kid,
              "grep -E 'SigBlk|SigIgn' /proc/$$/status | tr -d '\\n\\t ';"
              "read pid name s ppid pgrp session rest < /proc/$$/stat;"
              "test $session = $$ && test $pgrp = $$ && echo own",
              NULL, text, sizeof text);
    sigprocmask(SIG_UNBLOCK, &blocked, NULL);
    signal(SIGPIPE, SIG_DFL);
    assert_string_equal(text, "SigBlk:0000000000000000SigIgn:0000000000000000own\n");
}

static void test_child__sees_only_what_a_clean_environment_keeps(void **state)
{
    struct child_options extra = {.clean_env = true};
    struct kid kid;
    char text[4096];

    setenv("SECRET_OF_THE_SHELL", "x", 1);
    run_shell(*state, &kid, "env", &extra, text, sizeof text);
    unsetenv("SECRET_OF_THE_SHELL");
    assert_null(strstr(text, "SECRET_OF_THE_SHELL"));
    assert_non_null(strstr(text, "PATH="));
    assert_non_null(strstr(text, "STORMDRILL_TEST_MARK="));
}

/* What a pause test looks at: three processes and the state that they shall have. */
struct paused {
    struct process_rig *rig;
    int pids[3];
    int count;
    char state;
};

static bool is_sleep(int pid)
{
    char path[64];
    char name[32] = "";
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/comm", pid);
    file = fopen(path, "r");
    if (file == NULL)
        return false;
    if (fgets(name, sizeof name, file) == NULL)
        name[0] = '\0';
    fclose(file);
    return strcmp(name, "sleep\n") == 0;
}

/* Both have become `sleep`. (A shell that waits for a vforked child to exec cannot stop
 * before the child has.) */
static bool both_sleep(void *arg)
{
    struct paused *paused = arg;
    int pids[RIG_MARKED_MAX];
    int count = process_rig_marked(paused->rig, pids);

    paused->count = 0;
    for (int i = 0; i < count; i++)
        if (is_sleep(pids[i]) && paused->count < 2)
            paused->pids[paused->count++] = pids[i];
    return paused->count == 2;
}

static bool all_have_state(void *arg)
{
    const struct paused *paused = arg;

    for (int i = 0; i < 3; i++)
        if (process_state(paused->pids[i]) != paused->state)
            return false;
    return true;
}

static void test_child__pauses_and_resumes_with_its_descendants(void **state)
{
    const char *argv[] = {"sh", "-c", "setsid sleep 1000 & setsid sleep 1000; wait",
                          NULL};
    struct process_rig *rig = *state;
    struct paused paused = {.rig = rig, .state = 'T'};
    struct error err;
    struct kid kid;

    process_rig_spawn(rig, &kid, argv);
    process_rig_until(rig, &kid.started);
    process_rig_until_true(rig, both_sleep, &paused);
    paused.pids[2] = child_pid(kid.child);
    assert_false(child_is_stopped(kid.child));
    assert_int_equal(child_signal_tree(kid.child, SIGSTOP, &err), 0);
    process_rig_until_true(rig, all_have_state, &paused);
    assert_true(child_is_stopped(kid.child));
    assert_int_equal(child_signal_tree(kid.child, SIGCONT, &err), 0);
    paused.state = 'S';
    process_rig_until_true(rig, all_have_state, &paused);
    child_kill_tree(kid.child);
    process_rig_finish(rig, &kid);
}

static void test_child__is_killed_with_its_grandchildren_also_while_paused(void **state)
{
    const char *argv[] = {"sh", "-c", "setsid sleep 1000 & (setsid sleep 1000 &) ; wait",
                          NULL};
    struct process_rig *rig = *state;
    struct kid kid;

    process_rig_spawn(rig, &kid, argv);
    process_rig_until_marked(rig, 4);
    process_rig_until(rig, &kid.started);
    assert_int_equal(child_signal_tree(kid.child, SIGSTOP, NULL), 0);
    child_kill_tree(kid.child);
    child_kill_tree(kid.child); /* twice is fine */
    process_rig_until(rig, &kid.exited);
    /* on_exit promises that nothing is left: no waiting here. */
    assert_int_equal(process_rig_marked(rig, NULL), 0);
    assert_false(kid.exit.failed);
    assert_int_equal(WTERMSIG(kid.exit.status), SIGKILL);
    process_rig_finish(rig, &kid);
}

static void test_child__leaves_nothing_when_the_main_process_ends_first(void **state)
{
    const char *argv[] = {"sh", "-c", "(setsid sleep 1000 &); sleep 1000 & exit 3", NULL};
    struct process_rig *rig = *state;
    struct kid kid;

    process_rig_spawn(rig, &kid, argv);
    process_rig_until(rig, &kid.exited);
    assert_int_equal(process_rig_marked(rig, NULL), 0);
    assert_int_equal(WEXITSTATUS(kid.exit.status), 3);
    process_rig_finish(rig, &kid);
}

static void test_child__refuses_signals_before_the_start_and_after_the_end(void **state)
{
    const char *argv[] = {"sleep", "1000", NULL};
    struct error err;
    struct kid kid;

    process_rig_spawn(*state, &kid, argv);
    assert_int_equal(child_pid(kid.child), 0);
    assert_int_equal(child_signal(kid.child, SIGTERM, &err), E_BUSY);
    process_rig_until(*state, &kid.started);
    assert_int_equal(child_signal(kid.child, SIGKILL, &err), 0);
    process_rig_until(*state, &kid.exited);
    assert_int_equal(child_signal(kid.child, SIGTERM, &err), E_STALE);
    assert_int_equal(child_signal_tree(kid.child, SIGTERM, &err), E_STALE);
    assert_non_null(strstr(err.text, "sleep (pid "));
    process_rig_finish(*state, &kid);
}

static void test_child__can_be_killed_before_it_has_started(void **state)
{
    const char *argv[] = {"sleep", "1000", NULL};
    struct kid kid;

    for (int i = 0; i < 10; i++) {
        process_rig_spawn(*state, &kid, argv);
        child_kill_tree(kid.child);
        process_rig_finish(*state, &kid);
        assert_true(kid.exit.failed ? kid.exit.failure.code == E_CANCELLED
                                    : WTERMSIG(kid.exit.status) == SIGKILL);
    }
}

static void test_child__can_be_released_from_within_its_exit(void **state)
{
    const char *argv[] = {"true", NULL};
    struct kid kid = {.release_in_exit = true};
    struct child_options options = process_rig_options(*state, &kid, argv);

    process_rig_spawn_with(*state, &kid, &options);
    process_rig_finish(*state, &kid);
    assert_int_equal(kid.released, 1);
}

static void test_child__starts_fifty_at_once_and_leaks_no_descriptor(void **state)
{
    enum { COUNT = 50 };
    const char *argv[] = {"sh", "-c", "exit 5", NULL};
    struct kid kids[COUNT];
    int before = process_open_fds();

    for (int i = 0; i < COUNT; i++)
        process_rig_spawn(*state, &kids[i], argv);
    for (int i = 0; i < COUNT; i++) {
        process_rig_finish(*state, &kids[i]);
        assert_int_equal(WEXITSTATUS(kids[i].exit.status), 5);
    }
    assert_int_equal(process_open_fds(), before);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_child__reports_the_exit_code),
        TEST(test_child__reports_the_signal_that_ended_it),
        TEST(test_child__names_the_program_that_is_not_there),
        TEST(test_child__says_that_a_file_is_not_executable),
        TEST(test_child__names_the_folder_that_is_not_there),
        TEST(test_child__fails_at_once_when_the_guard_program_is_missing),
        TEST(test_child__says_that_its_guard_program_is_no_guard),
        TEST(test_child__is_refused_in_a_program_that_should_have_been_a_guard),
        TEST(test_child__gets_environment_folder_and_descriptors),
        TEST(test_child__closes_its_output_although_its_guard_lives),
        TEST(test_child__inherits_no_stray_descriptor),
        TEST(test_child__has_clean_signals_and_a_session_of_its_own),
        TEST(test_child__sees_only_what_a_clean_environment_keeps),
        TEST(test_child__pauses_and_resumes_with_its_descendants),
        TEST(test_child__is_killed_with_its_grandchildren_also_while_paused),
        TEST(test_child__leaves_nothing_when_the_main_process_ends_first),
        TEST(test_child__refuses_signals_before_the_start_and_after_the_end),
        TEST(test_child__can_be_killed_before_it_has_started),
        TEST(test_child__can_be_released_from_within_its_exit),
        TEST(test_child__starts_fifty_at_once_and_leaks_no_descriptor),
    };
    int code;

    if (process_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
