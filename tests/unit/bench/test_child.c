/* test_child: what a benchmark's child has cost, and that it is gone afterwards. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/bench/common/child.h"

static const char log_path[] = "/dev/null";

/* Run `script` until it has said a number, which is given too. */
static pid_t start_script(const char *script, int *out, int *number)
{
    char *argv[] = {"sh", "-c", (char *)script, NULL};
    char text[32] = "";
    pid_t pid = child_start(argv, log_path, out);

    assert_true(pid > 0);
    assert_true(read(*out, text, sizeof text - 1) > 0);
    assert_int_equal(sscanf(text, "%d", number), 1);
    return pid;
}

static void test_child__a_program_that_is_not_there_is_no_child(void **state)
{
    char *argv[] = {"no-such-program-anywhere", NULL};
    char path[512];

    (void)state;
    assert_int_equal(child_start(argv, log_path, NULL), 0);
    assert_false(child_find("no-such-program-anywhere", path, sizeof path));
    assert_true(child_find("sh", path, sizeof path));
    child_stop(0);
}

static void test_child__its_cpu_counts_that_of_its_children(void **state)
{
    int out, grandchild;
    pid_t pid = start_script("(i=0; while [ $i -lt 9999999 ]; do i=$((i+1)); done) & "
                             "echo $!; wait",
                             &out, &grandchild);
    double first_s = child_cpu_s(pid);
    double later_s = first_s;

    (void)state;
    assert_true(first_s > 0);
    /* The grandchild counts and counts: sooner or later it shows. */
    while (later_s < first_s + 0.01 && child_lives(pid))
        later_s = child_cpu_s(pid);
    assert_true(later_s >= first_s + 0.01);
    assert_true(child_pss_kb(pid) > 0);
    kill(grandchild, SIGKILL);
    child_stop(pid);
    assert_false(child_lives(pid));
    close(out);
}

static void test_child__pipes_are_told_from_other_descriptors(void **state)
{
    int out, more, number;
    pid_t pid = start_script("echo 1; exec sleep 60", &out, &number);
    pid_t other = start_script("exec 9</dev/null; echo 1; exec sleep 60", &more, &number);
    struct child_fds fds = child_fds(pid);
    struct child_fds one_more = child_fds(other);

    (void)state;
    assert_true(fds.pipes >= 1); /* its output */
    assert_int_equal(one_more.pipes, fds.pipes);
    assert_int_equal(one_more.others, fds.others + 1);
    child_stop(pid);
    child_stop(other);
    assert_int_equal(child_fds(pid).others, -1);
    close(out);
    close(more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child__a_program_that_is_not_there_is_no_child),
        cmocka_unit_test(test_child__its_cpu_counts_that_of_its_children),
        cmocka_unit_test(test_child__pipes_are_told_from_other_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
