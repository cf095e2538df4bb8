/* process_rig: see its header. Waits look at states every few milliseconds and give up
 * only after a time in which any machine gets there. */
#include "tests/lib/process/process_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/clock.h"

/* --- parts that the test program itself plays ---------------------------------- */

/* A case: two inner guards, each over a process with a grandchild in its own session. */
static int play_case(void)
{
    static const char *const argv[] = {
        "sh", "-c", "setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000' & wait",
        NULL};
    const struct child_options options = {
        .argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    struct child *children[2];
    uv_loop_t loop;

    uv_loop_init(&loop);
    for (int i = 0; i < 2; i++)
        if (child_spawn(&children[i], &loop, &options, NULL) != 0)
            return 1;
    uv_run(&loop, UV_RUN_DEFAULT);
    /* Both ended (somebody killed a guard): stay, as a case would. */
    pause();
    return 0;
}

/* A comet: forks, leaves its session and exits, again and again, for at most 20 s. */
static int play_comet(void)
{
    uint64_t end_ns = clock_now(clock_real()) + 20ull * NS_PER_S;

    while (clock_now(clock_real()) < end_ns) {
        pid_t pid = fork();

        if (pid != 0)
            _exit(0);
        setsid();
    }
    return 0;
}

bool process_rig_role(int argc, char **argv, int *code)
{
    if (argc > 1 && strcmp(argv[1], "guard") == 0)
        *code = guard_main(argc, argv);
    else if (argc > 1 && strcmp(argv[1], "case") == 0)
        *code = play_case();
    else if (argc > 1 && strcmp(argv[1], "comet") == 0)
        *code = play_comet();
    else
        return false;
    return true;
}

/* --- the rig ------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

void process_rig_init(struct process_rig *rig)
{
    uint64_t number;

    *rig = (struct process_rig){.env = {NULL}};
    assert_int_equal(getrandom(&number, sizeof number, 0), sizeof number);
    snprintf(rig->mark, sizeof rig->mark, "STORMDRILL_TEST_MARK=%016llx",
             (unsigned long long)number);
    rig->env[0] = rig->mark;
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    uv_timer_init(&rig->loop, &rig->tick);
    uv_timer_start(&rig->tick, on_tick, 2, 2);
}

void process_rig_release(struct process_rig *rig)
{
    uv_close((uv_handle_t *)&rig->tick, NULL);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
}

static void on_released(void *arg)
{
    struct kid *kid = arg;

    kid->released++;
    kid->child = NULL;
}

static void on_started(struct child *child, void *arg)
{
    struct kid *kid = arg;

    assert_int_equal(kid->exited, 0);
    assert_true(child_pid(child) > 0);
    kid->started++;
}

static void on_exit_of_kid(struct child *child, const struct child_exit *exit, void *arg)
{
    struct kid *kid = arg;

    kid->exited++;
    kid->exit = *exit;
    if (kid->release_in_exit)
        child_release(child, on_released, kid);
}

struct child_options process_rig_options(struct process_rig *rig, struct kid *kid,
                                         const char *const *argv)
{
    return (struct child_options){
        .argv = argv,
        .env = rig->env,
        .stdin_fd = -1,
        .stdout_fd = -1,
        .stderr_fd = -1,
        .on_started = on_started,
        .on_exit = on_exit_of_kid,
        .arg = kid,
    };
}

void process_rig_spawn_with(struct process_rig *rig, struct kid *kid,
                            const struct child_options *options)
{
    struct error err;
    int rc = child_spawn(&kid->child, &rig->loop, options, &err);

    if (rc != 0)
        fail_msg("child_spawn: %s", err.text);
}

void process_rig_spawn(struct process_rig *rig, struct kid *kid, const char *const *argv)
{
    struct child_options options;

    *kid = (struct kid){.child = NULL};
    options = process_rig_options(rig, kid, argv);
    process_rig_spawn_with(rig, kid, &options);
}

void process_rig_until_true(struct process_rig *rig, bool (*is_true)(void *arg),
                            void *arg)
{
    uint64_t end_ns = clock_now(clock_real()) + (uint64_t)RIG_WAIT_MS * NS_PER_MS;

    while (!is_true(arg)) {
        if (clock_now(clock_real()) > end_ns)
            fail_msg("waited %d ms for a state that did not come", RIG_WAIT_MS);
        uv_run(&rig->loop, UV_RUN_ONCE);
    }
}

static bool is_counted(void *arg)
{
    return *(const int *)arg > 0;
}

void process_rig_until(struct process_rig *rig, const int *counter)
{
    int *counted;

    memcpy(&counted, &counter, sizeof counted);
    process_rig_until_true(rig, is_counted, counted);
}

void process_rig_finish(struct process_rig *rig, struct kid *kid)
{
    process_rig_until(rig, &kid->exited);
    assert_int_equal(kid->exited, 1);
    if (!kid->release_in_exit)
        child_release(kid->child, on_released, kid);
    process_rig_until(rig, &kid->released);
}

/* --- what is in /proc ------------------------------------------------------------ */

char process_state(int pid)
{
    char path[64];
    char text[512];
    const char *end;
    ssize_t size;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return '?';
    size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return '?';
    text[size] = '\0';
    end = strrchr(text, ')');
    return end == NULL ? '?' : end[2];
}

static bool has_mark(int pid, const char *mark)
{
    static char text[1 << 17];
    char path[64];
    ssize_t size;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return false;
    size = read(fd, text, sizeof text);
    close(fd);
    return size > 0 && memmem(text, (size_t)size, mark, strlen(mark)) != NULL;
}

int process_rig_marked(const struct process_rig *rig, int *pids)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    assert_non_null(proc);
    while ((entry = readdir(proc)) != NULL && count < RIG_MARKED_MAX) {
        int pid = (int)strtol(entry->d_name, NULL, 10);

        if (pid <= 1 || !has_mark(pid, rig->mark) || process_state(pid) == 'Z')
            continue;
        if (pids != NULL)
            pids[count] = pid;
        count++;
    }
    closedir(proc);
    return count;
}

struct marked_wait {
    const struct process_rig *rig;
    int count;
};

static bool is_marked_count(void *arg)
{
    const struct marked_wait *wait = arg;

    return process_rig_marked(wait->rig, NULL) == wait->count;
}

void process_rig_until_marked(struct process_rig *rig, int count)
{
    struct marked_wait wait = {.rig = rig, .count = count};

    process_rig_until_true(rig, is_marked_count, &wait);
}

int process_open_fds(void)
{
    DIR *self = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(self);
    while (readdir(self) != NULL)
        count++;
    closedir(self);
    return count;
}
