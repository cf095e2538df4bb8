/* test_tree: descendants are found, signalled and killed; nobody else is. */
#include "harness/process/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/process/child.h"
#include "proxy/base/clock.h"
#include "tests/lib/process/process_rig.h"

static const uint64_t limit_ns = 10ull * NS_PER_S;

/* Fork a chain of `depth` processes below the first, each in its own session; gives the
 * first. All sleep. `ready` gets a byte from each. */
static pid_t fork_chain(int depth, int ready)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    setsid();
    if (write(ready, "x", 1) != 1)
        _exit(1);
    if (depth > 0)
        fork_chain(depth - 1, ready);
    for (;;)
        pause();
}

static pid_t chain(int depth)
{
    int ends[2];
    char bytes[16];
    pid_t pid;
    int got = 0;

    assert_int_equal(pipe(ends), 0);
    pid = fork_chain(depth, ends[1]);
    while (got < depth + 1)
        got += (int)read(ends[0], bytes, sizeof bytes);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static int setup(void **state)
{
    (void)state;
    return child_adopt_orphans(NULL);
}

static int teardown(void **state)
{
    bool clean;

    (void)state;
    tree_kill(0, limit_ns, NULL, &clean);
    assert_true(clean);
    return 0;
}

static void test_tree__kills_and_reaps_everything_below_us(void **state)
{
    struct tree_watch watch = {.pid = chain(4)};
    bool clean;
    int killed;

    (void)state;
    chain(2);
    killed = tree_kill(0, limit_ns, &watch, &clean);
    assert_true(clean);
    assert_true(killed >= 8);
    assert_true(watch.reaped);
    assert_int_equal(WTERMSIG(watch.status), SIGKILL);
    assert_true(watch.time_ns > 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_tree__spares_one_child_and_what_it_started(void **state)
{
    pid_t spared = chain(2);
    pid_t other = chain(2);
    bool clean;

    (void)state;
    tree_kill(spared, limit_ns, NULL, &clean);
    assert_true(clean);
    assert_int_equal(process_state(other), '?');
    assert_int_equal(process_state(spared), 'S');
    /* Still three: it and the two below it. */
    assert_int_equal(tree_signal(spared, 0), 2);
}

static void test_tree__signals_everything_below_a_root_but_not_the_root(void **state)
{
    pid_t root = chain(3);

    (void)state;
    assert_int_equal(tree_signal(root, SIGSTOP), 3);
    assert_false(tree_is_stopped(root));
    assert_int_equal(kill(root, SIGSTOP), 0);
    while (!tree_is_stopped(root))
        usleep(1000);
    assert_int_equal(tree_signal(getpid(), SIGCONT), 4);
}

static void test_tree__makes_one_round_even_without_time(void **state)
{
    bool clean;

    (void)state;
    chain(1);
    /* Whether the corpses are there at once is the kernel's; the blow is ours. */
    assert_true(tree_kill(0, 0, NULL, NULL) >= 2);
    tree_kill(0, limit_ns, NULL, &clean);
    assert_true(clean);
}

static void test_tree__with_nobody_in_it_is_clean_at_once(void **state)
{
    bool clean = false;

    (void)state;
    assert_int_equal(tree_kill(0, limit_ns, NULL, &clean), 0);
    assert_true(clean);
    assert_int_equal(tree_signal(getpid(), SIGTERM), 0);
    assert_int_equal(child_kill_descendants(limit_ns), 0);
}

static void *idle(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

/* A process whose first thread has ended looks like a zombie and is none. */
static void test_tree__sees_below_a_process_whose_first_thread_has_ended(void **state)
{
    int ends[2];
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        pthread_t thread;

        fork_chain(0, ends[1]);
        if (pthread_create(&thread, NULL, idle, NULL) == 0)
            pthread_exit(NULL);
        _exit(1);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    while (process_state(pid) != 'Z')
        usleep(1000);
    assert_int_equal(tree_signal(pid, 0), 1);
    close(ends[0]);
    close(ends[1]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_tree__kills_and_reaps_everything_below_us),
        TEST(test_tree__spares_one_child_and_what_it_started),
        TEST(test_tree__signals_everything_below_a_root_but_not_the_root),
        TEST(test_tree__makes_one_round_even_without_time),
        TEST(test_tree__with_nobody_in_it_is_clean_at_once),
        TEST(test_tree__sees_below_a_process_whose_first_thread_has_ended),
    };
    int code;

    if (process_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
