/* test_guard: whatever is killed, and in whatever order, nothing is left behind. */
#include "harness/process/child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/lib/process/process_rig.h"

/* Of one inner tree: guard, sh, setsid sleep, sh, sleep, sleep; a case has two of them,
 * one process of its own and a guard over it. */
enum { INNER_COUNT = 6, CASE_COUNT = 2 * INNER_COUNT + 2 };

static int setup(void **state)
{
    static struct process_rig rig;

    process_rig_init(&rig);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct process_rig *rig = *state;

    process_rig_until_marked(rig, 0);
    process_rig_release(rig);
    return 0;
}

static void spawn_case(struct process_rig *rig, struct kid *kid)
{
    const char *argv[] = {"/proc/self/exe", "case", NULL};
    struct child_options options = process_rig_options(rig, kid, argv);

    *kid = (struct kid){.child = NULL};
    options.kill_orphans = true;
    process_rig_spawn_with(rig, kid, &options);
}

/* The parent of `pid` as /proc tells it. */
static int parent_of(int pid)
{
    char path[64];
    char text[512];
    FILE *file;
    int parent = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fgets(text, sizeof text, file) != NULL && strrchr(text, ')') != NULL)
        assert_int_equal(sscanf(strrchr(text, ')') + 1, " %*c %d", &parent), 1);
    fclose(file);
    return parent;
}

static void test_guard__that_is_killed_takes_its_process_along(void **state)
{
    const char *argv[] = {"sleep", "1000", NULL};
    struct process_rig *rig = *state;
    struct kid kid;

    process_rig_spawn(rig, &kid, argv);
    process_rig_until(rig, &kid.started);
    assert_int_equal(kill(parent_of(child_pid(kid.child)), SIGKILL), 0);
    process_rig_until(rig, &kid.exited);
    /* on_exit came after the process was dead, not only its guard. */
    assert_true(strchr("Z?", process_state(child_pid(kid.child))) != NULL);
    assert_true(kid.exit.failed);
    assert_int_equal(kid.exit.failure.code, E_CLOSED);
    assert_non_null(strstr(kid.exit.failure.text, "guard of sleep was lost"));
    process_rig_finish(rig, &kid);
}

static void test_guard__kills_what_a_killed_inner_guard_left_behind(void **state)
{
    struct process_rig *rig = *state;
    struct kid kid;
    int pids[RIG_MARKED_MAX];
    int killed = 0;

    spawn_case(rig, &kid);
    process_rig_until(rig, &kid.started);
    process_rig_until_marked(rig, CASE_COUNT);
    for (int i = 0, n = process_rig_marked(rig, pids); i < n && killed == 0; i++)
        if (parent_of(pids[i]) == child_pid(kid.child))
            killed = kill(pids[i], SIGKILL) == 0;
    assert_int_equal(killed, 1);
    /* The case lives and keeps its other tree. */
    process_rig_until_marked(rig, CASE_COUNT - INNER_COUNT);
    assert_true(child_is_running(kid.child));
    child_kill_tree(kid.child);
    process_rig_finish(rig, &kid);
}

static void test_guard__lets_orphans_of_an_ordinary_process_live(void **state)
{
    const char *argv[] = {"sh", "-c", "(setsid sleep 1000 &); exec sleep 1001", NULL};
    struct process_rig *rig = *state;
    struct kid kid;
    uint64_t until_ns;

    process_rig_spawn(rig, &kid, argv);
    process_rig_until_marked(rig, 3);
    /* Longer than an orphan look would take to find it. */
    until_ns = clock_now(clock_real()) + 700ull * NS_PER_MS;
    while (clock_now(clock_real()) < until_ns)
        uv_run(&rig->loop, UV_RUN_ONCE);
    assert_int_equal(process_rig_marked(rig, NULL), 3);
    child_kill_tree(kid.child);
    process_rig_finish(rig, &kid);
}

static void test_guard__dies_with_the_process_that_started_it(void **state)
{
    struct process_rig *rig = *state;
    struct kid kid;

    spawn_case(rig, &kid);
    process_rig_until(rig, &kid.started);
    process_rig_until_marked(rig, CASE_COUNT);
    /* The case dies without a word: its guards see the end of their sockets. */
    assert_int_equal(child_signal(kid.child, SIGKILL, NULL), 0);
    process_rig_until(rig, &kid.exited);
    assert_int_equal(process_rig_marked(rig, NULL), 0);
    process_rig_finish(rig, &kid);
}

static void test_guard__catches_a_process_that_forks_and_exits_in_a_circle(void **state)
{
    const char *argv[] = {"/proc/self/exe", "comet", NULL};
    struct process_rig *rig = *state;
    struct kid kid;

    process_rig_spawn(rig, &kid, argv);
    /* Its first process ends at once; the guard has to catch the flying rest. */
    process_rig_until(rig, &kid.exited);
    assert_false(kid.exit.failed);
    assert_int_equal(process_rig_marked(rig, NULL), 0);
    process_rig_finish(rig, &kid);
}

static void test_guard__stops_a_fork_bomb(void **state)
{
    /* Bounded: generations of four, and every process ends by itself after ten seconds.
     */
    const char *argv[] = {"sh", "-c",
                          "bomb() { n=$1; test $n -gt 3 && exec sleep 10;"
                          " for i in 1 2 3 4; do (bomb $((n + 1))) & done; wait; };"
                          "bomb 0",
                          NULL};
    struct process_rig *rig = *state;
    struct kid kid;

    process_rig_spawn(rig, &kid, argv);
    process_rig_until(rig, &kid.started);
    while (process_rig_marked(rig, NULL) < 20)
        uv_run(&rig->loop, UV_RUN_ONCE);
    child_kill_tree(kid.child);
    process_rig_until(rig, &kid.exited);
    assert_false(kid.exit.failed);
    assert_int_equal(process_rig_marked(rig, NULL), 0);
    process_rig_finish(rig, &kid);
}

/* We are the suite here: subreaper, and we clean up at the end. The case's own guard may
 * be among the killed; nobody else is there for what it then leaves. */
static void test_guard__leaves_nothing_after_forty_random_kills(void **state)
{
    struct process_rig *rig = *state;
    uint8_t dice[40];

    assert_int_equal(child_adopt_orphans(NULL), 0);
    assert_int_equal(getrandom(dice, sizeof dice, 0), sizeof dice);
    for (size_t i = 0; i < sizeof dice; i++) {
        struct kid kid;
        int pids[RIG_MARKED_MAX];
        int wanted;
        int count;

        spawn_case(rig, &kid);
        /* Some are hit while everything is still starting. */
        wanted = dice[i] % 4 == 0 ? 2 + dice[i] % 6 : CASE_COUNT;
        while (process_rig_marked(rig, NULL) < wanted)
            uv_run(&rig->loop, UV_RUN_ONCE);
        count = process_rig_marked(rig, pids);
        kill(pids[dice[i] / 4 % count], SIGKILL);
        if (dice[i] % 2 == 0)
            kill(pids[dice[i] % count], SIGKILL);
        child_kill_tree(kid.child);
        process_rig_finish(rig, &kid);
        child_kill_descendants(5ull * NS_PER_S);
        assert_int_equal(process_rig_marked(rig, NULL), 0);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    }
}

static void test_guard__says_how_it_is_used(void **state)
{
    char *none[] = {"stormdrill", "guard", NULL};
    char *unknown[] = {"stormdrill", "guard", "--sideways", "--", "true", NULL};

    (void)state;
    assert_int_equal(guard_main(2, none), 2);
    assert_int_equal(guard_main(5, unknown), 2);
}

static void test_guard__gives_the_exit_code_to_a_person_who_runs_it(void **state)
{
    struct {
        const char *command;
        int code;
    } rows[] = {{"exit 9", 9}, {"kill -TERM $$", 128 + SIGTERM}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        char line[512];
        int status;

        snprintf(line, sizeof line, "/proc/%d/exe guard -- sh -c '%s'", (int)getpid(),
                 rows[i].command);
        status = system(line);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), rows[i].code);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_guard__that_is_killed_takes_its_process_along),
        TEST(test_guard__kills_what_a_killed_inner_guard_left_behind),
        TEST(test_guard__lets_orphans_of_an_ordinary_process_live),
        TEST(test_guard__dies_with_the_process_that_started_it),
        TEST(test_guard__catches_a_process_that_forks_and_exits_in_a_circle),
        TEST(test_guard__stops_a_fork_bomb),
        TEST(test_guard__says_how_it_is_used),
        TEST(test_guard__gives_the_exit_code_to_a_person_who_runs_it),
        TEST(test_guard__leaves_nothing_after_forty_random_kills),
    };
    int code;

    if (process_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
