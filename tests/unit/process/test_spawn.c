/* test_spawn: starting a guard when memory or descriptors are short. */
#include "harness/process/spawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/memory/memory.h"
#include "tests/lib/process/process_rig.h"

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

static void test_spawn__fails_cleanly_at_every_allocation(void **state)
{
    const char *argv[] = {"true", NULL};
    struct process_rig *rig = *state;
    struct kid kid = {.child = NULL};
    struct child_options options = process_rig_options(rig, &kid, argv);
    int before = process_open_fds();
    unsigned n = 1;

    options.cwd = "/";
    for (;; n++) {
        struct error err;
        int rc;

        memory_fail_at(n);
        rc = child_spawn(&kid.child, &rig->loop, &options, &err);
        if (!memory_failed())
            break;
        assert_int_equal(rc, E_NOMEM);
        assert_null(kid.child);
        assert_int_equal(process_open_fds(), before);
    }
    memory_fail_at(0);
    assert_true(n > 4);
    process_rig_finish(rig, &kid);
    assert_false(kid.exit.failed);
}

/* One descriptor fewer each time, until none is left. */
static void test_spawn__fails_cleanly_without_descriptors(void **state)
{
    const char *argv[] = {"true", NULL};
    struct process_rig *rig = *state;
    struct kid kid = {.child = NULL};
    struct child_options options = process_rig_options(rig, &kid, argv);
    struct rlimit limit;
    struct rlimit low;
    int before = process_open_fds();
    int failures = 0;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int spare = 0; spare < 40; spare++) {
        struct error err;
        int rc;

        kid = (struct kid){.child = NULL};
        /* process_open_fds counts ".", ".." and its own descriptor too. */
        low = limit;
        low.rlim_cur = (rlim_t)(before - 3 + spare);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        rc = child_spawn(&kid.child, &rig->loop, &options, &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        if (rc != 0) {
            failures++;
            assert_int_equal(rc, E_SYSTEM);
            assert_non_null(strstr(err.text, "Too many open files"));
            assert_null(kid.child);
        } else {
            /* The limit is inherited: the guard may fail in its turn, and say so. */
            process_rig_finish(rig, &kid);
        }
        assert_int_equal(process_open_fds(), before);
    }
    assert_true(failures > 0);
    assert_true(failures < 40);
}

static void test_spawn__takes_no_more_descriptors_than_fit(void **state)
{
    const char *argv[] = {"true", NULL};
    struct process_rig *rig = *state;
    struct kid kid = {.child = NULL};
    struct child_options options = process_rig_options(rig, &kid, argv);
    struct child_fd fds[65];
    struct error err;

    for (int i = 0; i < 65; i++)
        fds[i] = (struct child_fd){.fd = 0, .as = 3 + i};
    options.fds = fds;
    options.fd_count = 65;
    assert_int_equal(child_spawn(&kid.child, &rig->loop, &options, &err), E_LIMIT);
    assert_string_equal(err.text, "65 descriptors for one child; at most 64");
    options.fd_count = 64;
    process_rig_spawn_with(rig, &kid, &options);
    process_rig_finish(rig, &kid);
    assert_false(kid.exit.failed);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_spawn__fails_cleanly_at_every_allocation),
        TEST(test_spawn__fails_cleanly_without_descriptors),
        TEST(test_spawn__takes_no_more_descriptors_than_fit),
    };
    int code;

    if (process_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
