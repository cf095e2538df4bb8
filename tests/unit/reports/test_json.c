/* test_json: results.json is the object, whole and readable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/error.h"
#include "reports/format.h"

static void test_json__gives_back_what_it_was_given(void **state)
{
    const struct format_options options = {.utf8 = false};
    json_t *results =
        json_pack("{s:s, s:[{s:s, s:f}], s:i}", "schema", "stormdrill/1", "cases", "id",
                  "client\xe2\x86\x92n1", "duration_s", 1.8, "exit_code", 1);
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);
    struct error err;
    json_t *again;

    (void)state;
    assert_int_equal(format_type_find("json")->print(results, &options, to, &err), 0);
    fclose(to);
    again = json_loads(page, 0, NULL);
    assert_true(json_equal(results, again));
    assert_non_null(strstr(page, "1.8"));
    assert_null(strstr(page, "1.8000"));
    json_decref(again);
    json_decref(results);
    free(page);
}

static void test_json__says_when_it_could_not_be_written(void **state)
{
    const struct format_options options = {.utf8 = true};
    json_t *results = json_pack("{s:s}", "schema", "stormdrill/1");
    FILE *full = fopen("/dev/full", "w");
    struct error err;

    (void)state;
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(format_type_find("json")->print(results, &options, full, &err),
                     E_NOSPACE);
    assert_non_null(strstr(err.text, "cannot write"));
    fclose(full);
    json_decref(results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json__gives_back_what_it_was_given),
        cmocka_unit_test(test_json__says_when_it_could_not_be_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
