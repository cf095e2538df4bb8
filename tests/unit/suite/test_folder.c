/* test_folder: names for anything, folders that are new, locks that tell the truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/suite/folder.h"
#include "proxy/base/rng.h"
#include "tests/lib/suite/scratch.h"

static void expect_slug(const char *text, const char *wanted)
{
    json_t *taken = json_object();
    char slug[SLUG_BYTES];

    assert_string_equal(slug_make(slug, text, taken), wanted);
    json_decref(taken);
}

static void test_folder__makes_plain_names_of_anything(void **state)
{
    (void)state;
    expect_slug("the broker is killed [trap]", "the-broker-is-killed-trap");
    expect_slug("replicas=3, sync=always", "replicas-3-sync-always");
    expect_slug("../../etc/passwd", "etc-passwd");
    expect_slug("", "case");
    expect_slug("---", "case");
    expect_slug("\xe2\x86\x92\xe4\xb8\xad", "case");
    expect_slug("Stra\xc3\x9f"
                "e 7",
                "stra-e-7");
    expect_slug("a\nb\033c", "a-b-c");
}

static void test_folder__gives_no_name_twice(void **state)
{
    json_t *taken = json_object();
    char slug[SLUG_BYTES];

    (void)state;
    assert_string_equal(slug_make(slug, "a b", taken), "a-b");
    assert_string_equal(slug_make(slug, "a-b", taken), "a-b-2");
    assert_string_equal(slug_make(slug, "A B!", taken), "a-b-3");
    assert_string_equal(slug_make(slug, "a b 2", taken), "a-b-2-2");
    json_decref(taken);
}

static void test_folder__keeps_long_names_short_and_apart(void **state)
{
    json_t *taken = json_object();
    char longest[2000];
    char first[SLUG_BYTES], second[SLUG_BYTES];

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    slug_make(first, longest, taken);
    slug_make(second, longest, taken);
    assert_true(strlen(first) < SLUG_BYTES);
    assert_true(strlen(second) < SLUG_BYTES);
    assert_string_not_equal(first, second);
    json_decref(taken);
}

static void test_folder__makes_safe_unique_names_of_random_bytes(void **state)
{
    json_t *taken = json_object();
    struct rng rng;

    (void)state;
    rng_init(&rng, 7);
    for (int i = 0; i < 5000; i++) {
        char raw[24], slug[SLUG_BYTES];
        size_t size = (size_t)rng_below(&rng, sizeof raw);

        for (size_t at = 0; at < size; at++)
            raw[at] = (char)(1 + rng_below(&rng, 255));
        raw[size] = '\0';
        slug_make(slug, raw, taken);
        assert_true(slug[0] != '\0' && slug[0] != '-');
        assert_int_equal(slug[strspn(slug, "abcdefghijklmnopqrstuvwxyz0123456789-")],
                         '\0');
    }
    assert_int_equal(json_object_size(taken), 5000);
    json_decref(taken);
}

/* ---- folders, each test in one of its own ---- */

static void test_folder__makes_a_dated_one_and_points_latest_to_it(void **state)
{
    struct run_folder first, second;
    struct error err;
    char target[PATH_MAX];

    (void)state;
    assert_int_equal(run_folder_create(&first, NULL, "06 Message Loss", &err), 0);
    assert_int_equal(run_folder_create(&second, NULL, "06 Message Loss", &err), 0);
    assert_non_null(strstr(first.shown, "stormdrill-out/2"));
    assert_non_null(strstr(first.shown, "-06-message-loss"));
    assert_string_not_equal(first.path, second.path);
    assert_non_null(realpath("stormdrill-out/latest", target));
    assert_string_equal(target, second.path);
    run_folder_release(&first);
    run_folder_release(&second);
}

static void test_folder__takes_a_new_or_empty_one_that_was_asked_for(void **state)
{
    struct run_folder folder;
    struct error err;

    (void)state;
    assert_int_equal(run_folder_create(&folder, "a/b/c", "x", &err), 0);
    assert_string_equal(folder.shown, "a/b/c");
    assert_int_equal(folder.path[0], '/');
    run_folder_release(&folder);
    assert_int_equal(access("a/b/latest", F_OK), -1);

    assert_int_equal(mkdir("empty", 0777), 0);
    assert_int_equal(run_folder_create(&folder, "empty", "x", &err), 0);
    run_folder_release(&folder);

    /* Its lock lies in it now. */
    assert_int_equal(run_folder_create(&folder, "empty", "x", &err), E_USAGE);
    assert_non_null(strstr(err.text, "not empty"));
    assert_true(strlen(err.hint) > 0);
}

static void test_folder__says_why_it_cannot_be_made(void **state)
{
    struct run_folder folder;
    struct error err;

    (void)state;
    fclose(fopen("file", "w"));
    assert_int_equal(run_folder_create(&folder, "file", "x", &err), E_USAGE);
    assert_non_null(strstr(err.text, "no folder"));
    assert_int_equal(run_folder_create(&folder, "file/below", "x", &err), E_SYSTEM);
    assert_non_null(strstr(err.text, "file"));
    assert_non_null(strstr(err.hint, "--out"));
    assert_int_equal(run_folder_create(&folder, "/proc/nowhere/x", "x", &err), E_SYSTEM);
    assert_int_equal(folder.lock, -1);
}

static void test_folder__tells_whether_its_run_still_lives(void **state)
{
    struct run_folder folder;
    struct error err;

    (void)state;
    assert_int_equal(run_folder_create(&folder, "run", "x", &err), 0);
    assert_int_equal(run_folder_check_idle("run", &err), E_BUSY);
    assert_non_null(strstr(err.text, "still going on"));
    run_folder_release(&folder);
    assert_int_equal(run_folder_check_idle("run", &err), 0);
    assert_int_equal(run_folder_check_idle("no-such-run", &err), 0);
}

static void test_folder__stamps_time_as_iso_8601(void **state)
{
    char stamp[32];

    (void)state;
    time_stamp(stamp, sizeof stamp);
    assert_int_equal(strlen(stamp), 20);
    assert_int_equal(stamp[10], 'T');
    assert_int_equal(stamp[19], 'Z');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folder__makes_plain_names_of_anything),
        cmocka_unit_test(test_folder__gives_no_name_twice),
        cmocka_unit_test(test_folder__keeps_long_names_short_and_apart),
        cmocka_unit_test(test_folder__makes_safe_unique_names_of_random_bytes),
        cmocka_unit_test_setup_teardown(
            test_folder__makes_a_dated_one_and_points_latest_to_it, scratch_enter,
            scratch_leave),
        cmocka_unit_test_setup_teardown(
            test_folder__takes_a_new_or_empty_one_that_was_asked_for, scratch_enter,
            scratch_leave),
        cmocka_unit_test_setup_teardown(test_folder__says_why_it_cannot_be_made,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test_setup_teardown(test_folder__tells_whether_its_run_still_lives,
                                        scratch_enter, scratch_leave),
        cmocka_unit_test(test_folder__stamps_time_as_iso_8601),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
