/* test_parse: command lines are taken as they are meant, or refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/cli/command.h"
#include "proxy/base/clock.h"

enum { WORDS_MAX = 32 };

static const char *const shapes[] = {"terminal", "json", NULL};
static const char *const kinds[] = {"auto", "plain", "none", NULL};

static const struct flag flags[] = {
    {.name = "seed", .kind = VALUE_NUMBER, .value = "N"},
    {.name = "jobs", .letter = 'j', .kind = VALUE_NUMBER, .min = 1, .value = "N"},
    {.name = "timeout", .kind = VALUE_DURATION, .value = "TIME"},
    {.name = "set", .repeats = true, .kind = VALUE_TEXT, .value = "NAME=VALUE"},
    {.name = "format", .kind = VALUE_CHOICES, .value = "LIST", .choices = shapes},
    {.name = "progress", .kind = VALUE_CHOICE, .value = "KIND", .choices = kinds},
    {.name = "quiet", .letter = 'q'},
    {.name = "verbose", .letter = 'v'},
    {.name = "prove", .kind = VALUE_TEXT, .value = "IT"},
    {.name = NULL},
};

static int run_nothing(struct invocation *invocation)
{
    (void)invocation;
    return 0;
}

static const struct command command = {
    .name = "run",
    .summary = "run",
    .arguments = "[PATH...]",
    .arguments_max = -1,
    .flags = flags,
    .run = run_nothing,
};

static const struct command single = {
    .name = "analyze",
    .summary = "analyze",
    .arguments = "RUN",
    .arguments_min = 1,
    .arguments_max = 1,
    .flags = flags,
    .run = run_nothing,
};

/* A line of words, parsed. The words live as long as the line. */
struct line {
    struct invocation in;
    struct error err;
    char text[512];
    char *words[WORDS_MAX];
    int rc;
};

static void parse_for(struct line *line, const struct command *which, const char *text)
{
    char *rest = line->text;
    int count = 0;

    snprintf(line->text, sizeof line->text, "%s %s", which->name, text);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (*word != '\0')
            line->words[count++] = word;
    }
    line->words[count] = NULL;
    error_clear(&line->err);
    line->rc = command_parse(&line->in, which, count, line->words, &line->err);
}

static void parse(struct line *line, const char *text)
{
    parse_for(line, &command, text);
    if (line->rc != 0)
        fail_msg("%s: %s", text, line->err.text);
}

static void expect_refused(const char *text, const char *words)
{
    struct line line;

    parse_for(&line, &command, text);
    assert_int_equal(line.rc, E_USAGE);
    assert_int_equal(line.err.code, E_USAGE);
    if (strstr(line.err.text, words) == NULL)
        fail_msg("'%s' is not in: %s", words, line.err.text);
    command_release(&line.in);
}

static void test_parse__takes_flags_and_arguments_in_any_order(void **state)
{
    struct line line;

    (void)state;
    parse(&line, "a.lua -j 4 --seed=7 b.lua -q --timeout 90s -- -c.lua");
    assert_int_equal(line.in.argument_count, 3);
    assert_string_equal(line.in.arguments[0], "a.lua");
    assert_string_equal(line.in.arguments[1], "b.lua");
    assert_string_equal(line.in.arguments[2], "-c.lua");
    assert_int_equal(invocation_number(&line.in, "jobs", 2), 4);
    assert_int_equal(invocation_number(&line.in, "seed", 0), 7);
    assert_true(invocation_duration(&line.in, "timeout", 0) == 90ull * NS_PER_S);
    assert_true(invocation_has(&line.in, "quiet"));
    assert_false(invocation_has(&line.in, "verbose"));
    command_release(&line.in);
}

static void test_parse__counts_switches_and_keeps_repeated_values_in_order(void **state)
{
    struct line line;

    (void)state;
    parse(&line, "-vv --verbose --set a=1 --set b=2 --seed 2");
    assert_int_equal(invocation_count(&line.in, "verbose"), 3);
    assert_string_equal(invocation_text_at(&line.in, "set", 0), "a=1");
    assert_string_equal(invocation_text_at(&line.in, "set", 1), "b=2");
    assert_null(invocation_text_at(&line.in, "set", 2));
    assert_int_equal(invocation_number(&line.in, "seed", 0), 2);
    assert_int_equal(invocation_number(&line.in, "jobs", 9), 9);
    command_release(&line.in);
}

static void test_parse__refuses_a_second_value_where_there_can_be_one(void **state)
{
    struct line line;

    (void)state;
    expect_refused("--seed 1 --seed 2", "--seed stands twice: '1' and '2'");
    expect_refused("-j 4 --jobs=4", "--jobs stands twice: '4' and '4'");
    expect_refused("--format json --form terminal",
                   "--format stands twice: 'json' and 'terminal'");
    parse(&line, "-q -q --set a=1 --set a=1");
    assert_int_equal(invocation_count(&line.in, "quiet"), 2);
    command_release(&line.in);
}

static void test_parse__takes_abbreviations_that_mean_one_flag(void **state)
{
    struct line line;

    (void)state;
    parse(&line, "--verb --time 1s");
    assert_true(invocation_has(&line.in, "verbose"));
    assert_true(invocation_duration(&line.in, "timeout", 0) == NS_PER_S);
    command_release(&line.in);
    expect_refused("--pro auto", "--pro could be several flags");
}

static void test_parse__knows_lists_of_choices(void **state)
{
    struct line line;

    (void)state;
    parse(&line, "--format json,terminal --progress none");
    assert_true(invocation_chose(&line.in, "format", "json"));
    assert_true(invocation_chose(&line.in, "format", "terminal"));
    assert_false(invocation_chose(&line.in, "format", "term"));
    assert_true(invocation_chose(&line.in, "progress", "none"));
    assert_false(invocation_chose(&line.in, "progress", "auto"));
    command_release(&line.in);
    expect_refused("--format json,", "--format has no ''");
    expect_refused("--format json,xml", "--format has no 'xml'");
}

static void test_parse__suggests_the_flag_or_choice_that_was_meant(void **state)
{
    (void)state;
    expect_refused("--sede 3", "has no flag --sede; did you mean --seed?");
    expect_refused("--formt=json", "did you mean --format?");
    expect_refused("--zzzzzz", "run has no flag --zzzzzz");
    expect_refused("-z", "run has no flag -z");
    expect_refused("-jobs 3", "-jobs has one dash; did you mean --jobs?");
    expect_refused("-verbose", "-verbose has one dash; did you mean --verbose?");
    expect_refused("-qz", "run has no flag -z");
    expect_refused("--progress pplain", "did you mean 'plain'?");
    expect_refused("--format jsno", "did you mean 'json'?");
}

static void test_parse__names_what_is_wrong_with_a_value(void **state)
{
    (void)state;
    expect_refused("--seed x", "--seed takes a whole number, not 'x'");
    expect_refused("--seed 1.5", "not '1.5'");
    expect_refused("--seed -1", "--seed -1 is too small: from 0 on");
    expect_refused("--seed 99999999999999999999", "too large");
    expect_refused("-j 0", "--jobs 0 is too small: from 1 on");
    expect_refused("-j -4", "--jobs -4 is too small");
    expect_refused("--timeout 5", "--timeout needs a unit");
    expect_refused("--timeout 0", "--timeout must be above 0");
    expect_refused("--timeout 5parsecs", "timeout");
    expect_refused("--set", "--set needs a value: --set NAME=VALUE");
    expect_refused("--set=", "--set is empty");
    expect_refused("-j", "--jobs needs a value");
    expect_refused("--quiet=yes", "--quiet takes no value");
}

static void test_parse__counts_arguments_unless_help_is_wanted(void **state)
{
    struct line line;

    (void)state;
    parse_for(&line, &single, "");
    assert_int_equal(line.rc, E_USAGE);
    assert_non_null(strstr(line.err.text, "analyze needs RUN"));
    command_release(&line.in);
    parse_for(&line, &single, "a b");
    assert_int_equal(line.rc, E_USAGE);
    assert_non_null(strstr(line.err.text, "no use for 'b'"));
    command_release(&line.in);
    parse_for(&line, &single, "--help");
    assert_int_equal(line.rc, 0);
    assert_true(invocation_has(&line.in, "help"));
    command_release(&line.in);
}

static void test_parse__finds_every_command_and_suggests_near_ones(void **state)
{
    const struct command *one;
    struct error err;

    (void)state;
    for (int i = 0; (one = command_at(i)) != NULL; i++) {
        assert_ptr_equal(command_find(one->name), one);
        /* A command runs, or is hidden and gets its words raw. */
        assert_true((one->run != NULL) != (one->raw != NULL));
        if (one->run != NULL)
            assert_true(strlen(one->summary) > 0);
    }
    assert_null(command_find("ru"));
    command_unknown("vaildate", &err);
    assert_int_equal(err.code, E_USAGE);
    assert_non_null(strstr(err.text, "did you mean 'validate'?"));
    command_unknown("guard-me", &err);
    assert_null(strstr(err.text, "did you mean"));
}

/* Each flag of each command is whole: a value has a name, a choice has choices, letters
 * and names stand once. */
static void test_parse__holds_tables_without_contradictions(void **state)
{
    const struct command *one;

    (void)state;
    for (int i = 0; (one = command_at(i)) != NULL; i++) {
        for (const struct flag *f = one->flags; f != NULL && f->name != NULL; f++) {
            assert_true(strlen(f->help) > 0);
            assert_int_equal(f->kind == VALUE_NONE, f->value == NULL);
            assert_int_equal(f->kind == VALUE_CHOICE || f->kind == VALUE_CHOICES,
                             f->choices != NULL);
            for (const struct flag *other = f + 1; other->name != NULL; other++) {
                assert_string_not_equal(f->name, other->name);
                assert_true(f->letter == 0 || f->letter != other->letter);
            }
            for (const struct flag *c = common_flags; c->name != NULL; c++) {
                assert_string_not_equal(f->name, c->name);
                assert_true(c->letter == 0 || f->letter != c->letter);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__takes_flags_and_arguments_in_any_order),
        cmocka_unit_test(test_parse__counts_switches_and_keeps_repeated_values_in_order),
        cmocka_unit_test(test_parse__refuses_a_second_value_where_there_can_be_one),
        cmocka_unit_test(test_parse__takes_abbreviations_that_mean_one_flag),
        cmocka_unit_test(test_parse__knows_lists_of_choices),
        cmocka_unit_test(test_parse__suggests_the_flag_or_choice_that_was_meant),
        cmocka_unit_test(test_parse__names_what_is_wrong_with_a_value),
        cmocka_unit_test(test_parse__counts_arguments_unless_help_is_wanted),
        cmocka_unit_test(test_parse__finds_every_command_and_suggests_near_ones),
        cmocka_unit_test(test_parse__holds_tables_without_contradictions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
