/* test_paths: files and folders become a list of scenario files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/suite/paths.h"
#include "tests/lib/memory/memory.h"
#include "tests/lib/suite/scratch.h"

/* The files that are meant, with blanks between. */
static void expect_paths(const char *first, const char *second, const char *wanted)
{
    char *words[] = {(char *)first, (char *)second};
    int count = (first != NULL) + (second != NULL);
    char have[1000] = "";
    struct paths paths;
    struct error err;

    if (paths_collect(&paths, words, count, &err) != 0)
        fail_msg("%s", err.text);
    for (int i = 0; i < paths.count; i++) {
        size_t used = strlen(have);

        snprintf(have + used, sizeof have - used, "%s%s", i > 0 ? " " : "",
                 paths.files[i]);
    }
    assert_string_equal(have, wanted);
    paths_release(&paths);
}

static void expect_error(const char *path, int code, const char *words)
{
    char *wanted[] = {(char *)path};
    struct paths paths;
    struct error err;

    assert_int_equal(paths_collect(&paths, wanted, path != NULL, &err), code);
    assert_non_null(strstr(err.text, words));
    assert_int_equal(paths.count, 0);
}

static void make_tree(void)
{
    scratch_write("scenarios/b.lua", "");
    scratch_write("scenarios/a.lua", "");
    scratch_write("scenarios/notes.md", "");
    scratch_write("scenarios/sub/c.lua", "");
    scratch_write("scenarios/.hidden/d.lua", "");
    scratch_write("scenarios/.e.lua", "");
    scratch_write("other.txt", "");
}

static void
test_paths__searches_folders_in_order_and_leaves_out_what_is_hidden(void **state)
{
    (void)state;
    make_tree();
    expect_paths("scenarios", NULL,
                 "scenarios/a.lua scenarios/b.lua scenarios/sub/c.lua");
    expect_paths("scenarios/", NULL,
                 "scenarios/a.lua scenarios/b.lua scenarios/sub/c.lua");
    expect_paths(".", NULL, "scenarios/a.lua scenarios/b.lua scenarios/sub/c.lua");
}

static void test_paths__takes_the_folder_scenarios_when_nothing_is_named(void **state)
{
    (void)state;
    expect_error(NULL, E_USAGE, "no folder 'scenarios'");
    make_tree();
    expect_paths(NULL, NULL, "scenarios/a.lua scenarios/b.lua scenarios/sub/c.lua");
}

static void test_paths__takes_files_as_they_are_named_and_each_once(void **state)
{
    (void)state;
    make_tree();
    expect_paths("other.txt", NULL, "other.txt");
    expect_paths("scenarios/b.lua", "scenarios",
                 "scenarios/b.lua scenarios/a.lua scenarios/sub/c.lua");
}

static void test_paths__follows_links_to_files_and_not_to_folders(void **state)
{
    (void)state;
    make_tree();
    assert_int_equal(symlink("../other.txt", "scenarios/sub/z.lua"), 0);
    assert_int_equal(symlink("..", "scenarios/sub/loop.lua"), 0);
    assert_int_equal(symlink("nowhere", "scenarios/sub/y.lua"), 0);
    expect_paths("scenarios/sub", NULL,
                 "scenarios/sub/c.lua scenarios/sub/y.lua scenarios/sub/z.lua");
}

static void test_paths__says_what_is_not_there(void **state)
{
    (void)state;
    scratch_write("empty/readme.md", "");
    expect_error("nowhere.lua", E_USAGE, "nowhere.lua");
    expect_error("empty", E_NOTHING, "no scenario under empty");
}

static void test_paths__survives_every_failing_allocation(void **state)
{
    char *wanted[] = {(char *)"scenarios"};

    (void)state;
    make_tree();
    for (unsigned n = 1;; n++) {
        struct paths paths;
        struct error err;
        int rc;

        memory_fail_at(n);
        rc = paths_collect(&paths, wanted, 1, &err);
        if (!memory_failed()) {
            assert_int_equal(rc, 0);
            paths_release(&paths);
            break;
        }
        assert_int_equal(rc, E_NOMEM);
        assert_int_equal(paths.count, 0);
    }
    memory_fail_at(0);
}

int main(void)
{
#define IN_SCRATCH(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_paths__searches_folders_in_order_and_leaves_out_what_is_hidden),
        IN_SCRATCH(test_paths__takes_the_folder_scenarios_when_nothing_is_named),
        IN_SCRATCH(test_paths__takes_files_as_they_are_named_and_each_once),
        IN_SCRATCH(test_paths__follows_links_to_files_and_not_to_folders),
        IN_SCRATCH(test_paths__says_what_is_not_there),
        IN_SCRATCH(test_paths__survives_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
