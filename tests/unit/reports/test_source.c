/* test_source: the line that is meant, and nothing that a terminal must not get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "reports/source.h"

static char *print(const char *where, int indent)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    source_print(to, where, indent, false, true);
    fclose(to);
    return text;
}

static void test_source__shows_the_line_and_the_one_before(void **state)
{
    static const char lines[] = "one\ntwo \033[2J\nthree\n";
    char path[] = "/tmp/stormdrill-source.XXXXXX";
    char where[64], wanted[256];
    int fd = mkstemp(path);
    char *text;

    (void)state;
    assert_int_equal(write(fd, lines, sizeof lines - 1), sizeof lines - 1);
    close(fd);
    snprintf(where, sizeof where, "%s:3", path);
    snprintf(wanted, sizeof wanted, "    --> %s:3\n      2 | two ?[2J\n      3 > three\n",
             path);
    text = print(where, 4);
    assert_string_equal(text, wanted);
    free(text);
    snprintf(where, sizeof where, "%s:99", path);
    text = print(where, 0);
    assert_null(strchr(text, '|'));
    free(text);
    unlink(path);
}

static void test_source__only_names_what_it_cannot_read(void **state)
{
    char *text = print("gone.lua:4", 2);

    (void)state;
    assert_string_equal(text, "  --> gone.lua:4\n");
    free(text);
    text = print("", 2);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source__shows_the_line_and_the_one_before),
        cmocka_unit_test(test_source__only_names_what_it_cannot_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
