/* test_guard: the guard of the real binary, as cases and suites use it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/process/child.h"
#include "proxy/base/clock.h"

enum { WAIT_S = 60 };

/* Processes (no zombies) with this text in their environment. */
static int count_marked(const char *mark)
{
    static char text[1 << 17];
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    assert_non_null(proc);
    while ((entry = readdir(proc)) != NULL) {
        char path[300];
        ssize_t size;
        int fd;

        snprintf(path, sizeof path, "/proc/%s/environ", entry->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd == -1)
            continue;
        /* A zombie has no environment any more. */
        size = read(fd, text, sizeof text);
        close(fd);
        count += size > 0 && memmem(text, (size_t)size, mark, strlen(mark)) != NULL;
    }
    closedir(proc);
    return count;
}

static void until_marked(const char *mark, int count)
{
    uint64_t end_ns = clock_now(clock_real()) + (uint64_t)WAIT_S * NS_PER_S;

    while (count_marked(mark) != count) {
        if (clock_now(clock_real()) > end_ns)
            fail_msg("%d processes after %d s, not %d", count_marked(mark), WAIT_S,
                     count);
        usleep(2000);
    }
}

static void make_mark(char *mark, size_t size)
{
    uint64_t number;

    assert_int_equal(getrandom(&number, sizeof number, 0), sizeof number);
    snprintf(mark, size, "STORMDRILL_TEST_MARK=%016llx", (unsigned long long)number);
}

/* The issue's own example: `setsid sleep 1000 &` under a guard whose starter is killed.
 */
static void test_guard__kills_a_daemon_when_its_starter_is_killed(void **state)
{
    char mark[64];
    char *env[] = {mark, "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    char *argv[] = {STORMDRILL_BINARY,
                    "guard",
                    "--",
                    "sh",
                    "-c",
                    "setsid sleep 1000 & exec sleep 1001",
                    NULL};
    pid_t starter;

    (void)state;
    make_mark(mark, sizeof mark);
    starter = fork();
    if (starter == 0) {
        pid_t guard = fork();

        if (guard == 0) {
            execve(argv[0], argv, env);
            _exit(127);
        }
        for (;;)
            pause();
    }
    until_marked(mark, 3);
    assert_int_equal(kill(starter, SIGKILL), 0);
    assert_int_equal(waitpid(starter, NULL, 0), starter);
    until_marked(mark, 0);
}

struct crowd {
    int started;
    int exited;
};

static void on_started(struct child *child, void *arg)
{
    struct crowd *crowd = arg;

    (void)child;
    crowd->started++;
}

static void on_exit_of_one(struct child *child, const struct child_exit *exit, void *arg)
{
    struct crowd *crowd = arg;

    assert_false(exit->failed);
    crowd->exited++;
    child_release(child, NULL, NULL);
}

static void test_guard__starts_a_crowd_of_a_hundred_and_ends_it(void **state)
{
    enum { COUNT = 100 };
    char mark[64];
    const char *env[] = {mark, NULL};
    const char *argv[] = {"sleep", "1000", NULL};
    struct crowd crowd = {.started = 0};
    struct child_options options = {.self = STORMDRILL_BINARY,
                                    .argv = argv,
                                    .env = env,
                                    .stdin_fd = -1,
                                    .stdout_fd = -1,
                                    .stderr_fd = -1,
                                    .on_started = on_started,
                                    .on_exit = on_exit_of_one,
                                    .arg = &crowd};
    struct child *children[COUNT];
    uint64_t begin_ns = clock_now(clock_real());
    uint64_t spawned_ns;
    uint64_t started_ns;
    struct error err;
    uv_loop_t loop;

    (void)state;
    make_mark(mark, sizeof mark);
    uv_loop_init(&loop);
    for (int i = 0; i < COUNT; i++)
        if (child_spawn(&children[i], &loop, &options, &err) != 0)
            fail_msg("%s", err.text);
    spawned_ns = clock_now(clock_real());
    while (crowd.started < COUNT)
        uv_run(&loop, UV_RUN_ONCE);
    started_ns = clock_now(clock_real());
    assert_int_equal(count_marked(mark), 2 * COUNT);
    for (int i = 0; i < COUNT; i++)
        child_kill_tree(children[i]);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(crowd.exited, COUNT);
    assert_int_equal(count_marked(mark), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
    print_message("%d children: spawned in %.1f ms, all running after %.1f ms, all gone "
                  "%.1f ms later\n",
                  COUNT, (double)(spawned_ns - begin_ns) / 1e6,
                  (double)(started_ns - begin_ns) / 1e6,
                  (double)(clock_now(clock_real()) - started_ns) / 1e6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guard__kills_a_daemon_when_its_starter_is_killed),
        cmocka_unit_test(test_guard__starts_a_crowd_of_a_hundred_and_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
