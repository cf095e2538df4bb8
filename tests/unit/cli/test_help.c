/* test_help: the pages show all that the table holds, and fit on a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/cli/command.h"

static const struct terminal plain = {.utf8 = true};

static char *page_of(const struct command *command)
{
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);

    if (command != NULL)
        help_print_command(to, &plain, command);
    else
        help_print_overview(to, &plain);
    fclose(to);
    return page;
}

static void expect_narrow(const char *page)
{
    while (*page != '\0') {
        size_t width = strcspn(page, "\n");

        if (width > 90)
            fail_msg("a line of %zu columns: %.*s", width, (int)width, page);
        page += width + (page[width] == '\n');
    }
}

static void test_help__lists_every_command_but_the_hidden_ones(void **state)
{
    char *page = page_of(NULL);
    const struct command *command;

    (void)state;
    for (int i = 0; (command = command_at(i)) != NULL; i++) {
        char name[32];

        snprintf(name, sizeof name, "\n  %s ", command->name);
        assert_int_equal(strstr(page, name) != NULL, command->raw == NULL);
    }
    assert_non_null(strstr(page, "exit codes:"));
    expect_narrow(page);
    free(page);
}

static void test_help__shows_every_flag_of_a_command_in_columns(void **state)
{
    const struct command *command;

    (void)state;
    for (int i = 0; (command = command_at(i)) != NULL; i++) {
        char *page;

        if (command->raw != NULL)
            continue;
        page = page_of(command);
        assert_non_null(strstr(page, command->summary));
        for (const struct flag *f = command->flags; f != NULL && f->name != NULL; f++) {
            char name[64];

            snprintf(name, sizeof name, "--%s%s%s", f->name, f->value ? " " : "",
                     f->value ? f->value : "");
            assert_non_null(strstr(page, name));
        }
        assert_non_null(strstr(page, "-h, --help"));
        expect_narrow(page);
        free(page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help__lists_every_command_but_the_hidden_ones),
        cmocka_unit_test(test_help__shows_every_flag_of_a_command_in_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
