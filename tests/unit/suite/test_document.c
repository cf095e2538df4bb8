/* test_document: a reader sees the old file or the new one, never half of either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/suite/document.h"
#include "tests/lib/suite/scratch.h"

static void test_document__is_read_as_it_was_written(void **state)
{
    json_t *value =
        json_pack("{s:f, s:s}", "duration_s", 1.8, "id", "client\xe2\x86\x92n1");
    json_t *again;
    struct error err;

    (void)state;
    assert_int_equal(document_write("a.json", value, &err), 0);
    assert_int_equal(document_read(&again, "a.json", &err), 0);
    assert_true(json_equal(value, again));
    assert_int_equal(access("a.json.tmp", F_OK), -1);
    json_decref(value);
    json_decref(again);
}

static void
test_document__keeps_the_old_one_when_the_new_one_cannot_be_written(void **state)
{
    json_t *old = json_pack("{s:i}", "n", 1), *fresh = json_pack("{s:i}", "n", 2);
    json_t *again;
    struct error err;

    (void)state;
    assert_int_equal(document_write("a.json", old, &err), 0);
    /* What stands in the way of the temporary file is in the way of the write. */
    assert_int_equal(mkdir("a.json.tmp", 0777), 0);
    assert_int_equal(document_write("a.json", fresh, &err), E_SYSTEM);
    assert_non_null(strstr(err.text, "a.json"));
    assert_int_equal(document_read(&again, "a.json", &err), 0);
    assert_true(json_equal(old, again));
    json_decref(old);
    json_decref(fresh);
    json_decref(again);
}

static void test_document__says_when_the_disk_is_full_and_how_to_get_out(void **state)
{
    json_t *value = json_pack("{s:i}", "n", 1);
    struct error err;

    (void)state;
    assert_int_equal(symlink("/dev/full", "full.json.tmp"), 0);
    assert_int_equal(document_write("full.json", value, &err), E_NOSPACE);
    assert_non_null(strstr(err.text, "full.json"));
    assert_non_null(strstr(err.hint, "--out"));
    assert_int_equal(access("full.json", F_OK), -1);
    json_decref(value);
}

static void test_document__names_the_place_of_what_is_no_json(void **state)
{
    json_t *value;
    struct error err;

    (void)state;
    scratch_write("bad.json", "{\n  \"a\": 1,\n  oops\n}\n");
    assert_int_equal(document_read(&value, "bad.json", &err), E_FORMAT);
    assert_non_null(strstr(err.text, "bad.json:3:"));
    assert_null(value);
    assert_int_equal(document_read(&value, "none.json", &err), E_NOT_FOUND);
    assert_non_null(strstr(err.text, "none.json"));
}

int main(void)
{
#define IN_SCRATCH(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, scratch_enter, scratch_leave)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_document__is_read_as_it_was_written),
        IN_SCRATCH(test_document__keeps_the_old_one_when_the_new_one_cannot_be_written),
        IN_SCRATCH(test_document__says_when_the_disk_is_full_and_how_to_get_out),
        IN_SCRATCH(test_document__names_the_place_of_what_is_no_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
