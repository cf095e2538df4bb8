/* test_format: every format of the list can be found, says what it is, and is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "reports/format.h"

static void test_format__finds_every_format_by_its_name(void **state)
{
    const struct format_type *format;
    int count = 0;

    (void)state;
    for (; (format = format_type_at(count)) != NULL; count++) {
        assert_ptr_equal(format_type_find(format->name), format);
        assert_true(strlen(format->summary) > 0);
        assert_non_null(format->print);
    }
    assert_true(count >= 2);
    assert_null(format_type_find("pdf"));
}

static void test_format__keeps_results_in_a_file_of_the_run(void **state)
{
    (void)state;
    assert_string_equal(format_type_find("json")->file, "results.json");
    assert_null(format_type_find("terminal")->file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format__finds_every_format_by_its_name),
        cmocka_unit_test(test_format__keeps_results_in_a_file_of_the_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
