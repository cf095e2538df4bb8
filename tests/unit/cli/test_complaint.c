/* test_complaint: an error says what, where, and one way out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/cli/complaint.h"

static const struct terminal plain = {.utf8 = true};
static const struct terminal colour = {.utf8 = true, .colour = true};

static char *print(const struct error *err, const struct terminal *terminal, int code)
{
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);

    complaint_print(to, terminal, err, code);
    fclose(to);
    return page;
}

/* A file with this text; its name is in `path`. */
static void write_file(char *path, const char *text, size_t size)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
}

static void test_complaint__shows_the_line_and_the_one_before_it(void **state)
{
    static const char script[] = "scenario \"x\" {\n  run = function(t)\n"
                                 "    sleep(\"1s\"\n    phase \"two\"\n  end }\n";
    char path[] = "/tmp/stormdrill-complaint.XXXXXX";
    char wanted[512];
    struct error err;
    char *page;

    (void)state;
    write_file(path, script, sizeof script - 1);
    error_set(&err, E_SCRIPT, "')' expected near 'phase'");
    snprintf(err.where, sizeof err.where, "%s:4", path);
    page = print(&err, &plain, 3);
    snprintf(wanted, sizeof wanted,
             "error: ')' expected near 'phase'  [exit 3]\n"
             "  --> %s:4\n"
             "    3 |     sleep(\"1s\"\n"
             "    4 >     phase \"two\"\n",
             path);
    assert_string_equal(page, wanted);
    free(page);

    /* A column behind the line changes nothing; the first line has none before it. */
    snprintf(err.where, sizeof err.where, "%s:1:7", path);
    page = print(&err, &plain, 0);
    assert_non_null(strstr(page, "    1 > scenario \"x\" {\n"));
    assert_null(strstr(page, "|"));
    assert_null(strstr(page, "[exit"));
    free(page);
    unlink(path);
}

static void test_complaint__puts_the_exit_code_behind_the_way_out(void **state)
{
    struct error err;
    char *page;

    (void)state;
    error_set(&err, E_ENVIRONMENT, "no nats-server found");
    error_hint(&err, "install it\nor say where it is: --broker PATH");
    page = print(&err, &plain, 4);
    assert_non_null(strstr(page, "error: no nats-server found\n  install it\n  or say "));
    assert_non_null(strstr(page, "--broker PATH"));
    assert_true(strstr(page, "[exit 4]") > strstr(page, "--broker PATH"));
    free(page);
}

static void test_complaint__folds_the_way_out_at_the_terminals_width(void **state)
{
    static const struct terminal narrow = {.utf8 = true, .width = 20};
    struct error err;
    char *page;

    (void)state;
    error_set(&err, E_PARAM, "no");
    error_hint(&err,
               "one two three four five\nsix a-word-that-is-wider-than-that x\n\nend");
    page = print(&err, &narrow, 0);
    assert_string_equal(page, "error: no\n"
                              "  one two three four\n"
                              "  five\n"
                              "  six\n"
                              "  a-word-that-is-wider-than-that\n"
                              "  x\n"
                              "  \n"
                              "  end\n");
    free(page);
}

static void test_complaint__survives_places_that_cannot_be_shown(void **state)
{
    static const char binary[] = "\x00\xff\x1b[2J\n\x01\x02";
    static const char *const places[] = {
        "nowhere.lua:3", "no-line", ":", "x:", ":7", "/proc/self/mem:1", "/:2", "a:b:c"};
    char path[] = "/tmp/stormdrill-complaint.XXXXXX";
    struct error err;
    char *page;

    (void)state;
    error_set(&err, E_SCRIPT, "broken");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(err.where, sizeof err.where, "%s", places[i]);
        page = print(&err, &plain, 3);
        assert_non_null(strstr(page, places[i]));
        free(page);
    }
    write_file(path, binary, sizeof binary);
    snprintf(err.where, sizeof err.where, "%s:2", path);
    page = print(&err, &plain, 3);
    assert_null(strchr(page, '\033'));
    assert_non_null(strstr(page, "    2 > ??"));
    free(page);
    unlink(path);
}

static void test_complaint__cleans_foreign_words_and_colours_its_own(void **state)
{
    struct error err;
    char *page;

    (void)state;
    error_set(&err, E_SCRIPT, "unexpected \033[31m");
    page = print(&err, &colour, 3);
    assert_non_null(strstr(page, "\033[1;31merror:\033[0m unexpected ?[31m"));
    free(page);
    page = print(&err, &plain, 3);
    assert_null(strchr(page, '\033'));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complaint__shows_the_line_and_the_one_before_it),
        cmocka_unit_test(test_complaint__puts_the_exit_code_behind_the_way_out),
        cmocka_unit_test(test_complaint__folds_the_way_out_at_the_terminals_width),
        cmocka_unit_test(test_complaint__survives_places_that_cannot_be_shown),
        cmocka_unit_test(test_complaint__cleans_foreign_words_and_colours_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
