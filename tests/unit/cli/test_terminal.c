/* test_terminal: colour and UTF-8, decided by an environment that is a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "harness/cli/terminal.h"

/* "NAME=value" words, NULL-terminated. */
static const char *from_table(void *arg, const char *name)
{
    const char *const *pairs = arg;
    size_t size = strlen(name);

    for (; *pairs != NULL; pairs++) {
        if (strncmp(*pairs, name, size) == 0 && (*pairs)[size] == '=')
            return *pairs + size + 1;
    }
    return NULL;
}

#define ENVIRONMENT(...) ((void *)(const char *const[]){__VA_ARGS__, NULL})

static bool colour(enum colour_choice choice, bool tty, void *environment)
{
    return terminal_wants_colour(choice, tty, from_table, environment);
}

static void test_terminal__obeys_the_flag_before_everything_else(void **state)
{
    void *all = ENVIRONMENT("NO_COLOR=1", "FORCE_COLOR=1", "TERM=dumb");

    (void)state;
    assert_true(colour(COLOUR_ALWAYS, false, all));
    assert_false(colour(COLOUR_NEVER, true, ENVIRONMENT("FORCE_COLOR=1", "TERM=xterm")));
}

static void test_terminal__obeys_no_color_before_the_forcing_ones(void **state)
{
    (void)state;
    assert_false(colour(COLOUR_AUTO, true,
                        ENVIRONMENT("NO_COLOR=1", "FORCE_COLOR=1", "TERM=xterm")));
    /* Set but empty does not count. */
    assert_true(colour(COLOUR_AUTO, true, ENVIRONMENT("NO_COLOR=", "TERM=xterm")));
}

static void test_terminal__lets_colour_be_forced_without_a_terminal(void **state)
{
    (void)state;
    assert_true(colour(COLOUR_AUTO, false, ENVIRONMENT("FORCE_COLOR=1")));
    assert_true(colour(COLOUR_AUTO, false, ENVIRONMENT("CLICOLOR_FORCE=yes")));
    assert_false(colour(COLOUR_AUTO, false, ENVIRONMENT("CLICOLOR_FORCE=0")));
    assert_false(colour(COLOUR_AUTO, false, ENVIRONMENT("FORCE_COLOR=")));
}

static void test_terminal__asks_the_stream_when_nobody_said_anything(void **state)
{
    (void)state;
    assert_true(colour(COLOUR_AUTO, true, ENVIRONMENT("TERM=xterm-256color")));
    assert_false(colour(COLOUR_AUTO, true, ENVIRONMENT("TERM=dumb")));
    assert_false(colour(COLOUR_AUTO, true, ENVIRONMENT("LANG=C")));
    assert_false(colour(COLOUR_AUTO, false, ENVIRONMENT("TERM=xterm")));
    assert_true(colour(COLOUR_AUTO, false, ENVIRONMENT("GITHUB_ACTIONS=true")));
    assert_true(colour(COLOUR_AUTO, false, ENVIRONMENT("GITLAB_CI=true")));
}

static bool utf8(void *environment)
{
    return terminal_has_utf8(from_table, environment);
}

static void test_terminal__takes_the_first_locale_that_is_set(void **state)
{
    (void)state;
    assert_true(utf8(ENVIRONMENT("LANG=de_DE.UTF-8")));
    assert_true(utf8(ENVIRONMENT("LC_CTYPE=C.utf8", "LANG=C")));
    assert_false(utf8(ENVIRONMENT("LC_ALL=C", "LANG=en_US.UTF-8")));
    assert_false(utf8(ENVIRONMENT("LC_ALL=POSIX")));
    assert_true(utf8(ENVIRONMENT("LC_ALL=", "LANG=en_US.utf8")));
    assert_false(utf8(ENVIRONMENT("TERM=xterm")));
}

static void test_terminal__is_no_terminal_when_it_is_a_file(void **state)
{
    FILE *file = tmpfile();
    struct terminal terminal;

    (void)state;
    terminal_init(&terminal, file, COLOUR_NEVER);
    assert_false(terminal.tty);
    assert_false(terminal.colour);
    assert_int_equal(terminal.width, 0);
    terminal_init(&terminal, file, COLOUR_ALWAYS);
    assert_true(terminal.colour);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal__obeys_the_flag_before_everything_else),
        cmocka_unit_test(test_terminal__obeys_no_color_before_the_forcing_ones),
        cmocka_unit_test(test_terminal__lets_colour_be_forced_without_a_terminal),
        cmocka_unit_test(test_terminal__asks_the_stream_when_nobody_said_anything),
        cmocka_unit_test(test_terminal__takes_the_first_locale_that_is_set),
        cmocka_unit_test(test_terminal__is_no_terminal_when_it_is_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
