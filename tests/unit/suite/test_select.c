/* test_select: -k expressions mean what they say, and say what they mean when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/suite/select.h"
#include "proxy/base/rng.h"
#include "tests/lib/memory/memory.h"

static bool matches(const char *expression)
{
    json_t *tags = json_pack("[s, s, s]", "trap", "message-loss", "Release");
    const struct selector_subject subject = {
        .id = "the broker is killed [remedy]",
        .file = "scenarios/traps/06-lost-words.lua",
        .tags = tags,
    };
    struct selector *selector;
    struct error err;
    bool result;

    if (selector_create(&selector, expression, &err) != 0)
        fail_msg("%s: %s", expression, err.text);
    result = selector_matches(selector, &subject);
    selector_destroy(selector);
    json_decref(tags);
    return result;
}

static void test_select__looks_into_names_files_and_tags(void **state)
{
    (void)state;
    assert_true(matches("broker"));
    assert_true(matches("BROK"));
    assert_true(matches("remedy"));
    assert_true(matches("lost-words"));
    assert_true(matches("trap"));
    assert_true(matches("release"));
    assert_false(matches("tra"));
    assert_false(matches("scenarios"));
    assert_false(matches("leader"));
}

static void test_select__binds_not_before_and_before_or(void **state)
{
    (void)state;
    assert_true(matches("nothing and nobody or broker"));
    assert_true(matches("broker or nothing and nobody"));
    assert_false(matches("(broker or nothing) and nobody"));
    assert_false(matches("not broker or nobody"));
    assert_true(matches("not nobody and broker"));
    assert_false(matches("not (nobody or broker)"));
    assert_true(matches("not not broker"));
    assert_true(matches("NOT nobody AND (broker)"));
}

static void test_select__keeps_quoted_words_together(void **state)
{
    (void)state;
    assert_true(matches("\"broker is killed\""));
    assert_true(matches("'is killed [remedy]' and trap"));
    assert_false(matches("\"killed broker\""));
    /* In quotes the operators are words. */
    assert_false(matches("\"and\""));
}

static void expect_refused(const char *expression, const char *words)
{
    struct selector *selector = NULL;
    struct error err;

    assert_int_equal(selector_create(&selector, expression, &err), E_USAGE);
    assert_null(selector);
    if (strstr(err.text, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err.text);
    assert_non_null(strstr(err.text, "column"));
    assert_true(strlen(err.hint) > 0);
}

static void test_select__names_what_is_wrong_and_where(void **state)
{
    (void)state;
    expect_refused("", "a word is missing");
    expect_refused("   ", "a word is missing");
    expect_refused("trap and", "a word is missing");
    expect_refused("and trap", "a word is missing at column 1");
    expect_refused("not", "a word is missing");
    expect_refused("(trap", "a parenthesis that is not closed");
    expect_refused("trap)", "a ')' without its '('");
    expect_refused("()", "a word is missing");
    expect_refused("leader killed", "two words without 'and' or 'or' at column 8");
    expect_refused("trap (slow)", "two words without");
    expect_refused("(a b)", "operator is missing");
    expect_refused("\"open", "a quote that is not closed");
    expect_refused("\"\"", "an empty word");
}

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, "%s", more);
}

static void test_select__bounds_depth_and_size(void **state)
{
    char deep[2048] = "";
    char many[8192] = "a";

    (void)state;
    for (int i = 0; i < 300; i++)
        append(deep, sizeof deep, "not ");
    append(deep, sizeof deep, "a");
    expect_refused(deep, "nested too deeply");
    memset(deep, '(', 1000);
    deep[1000] = '\0';
    expect_refused(deep, "nested too deeply");
    for (int i = 0; i < 300; i++)
        append(many, sizeof many, " or b");
    expect_refused(many, "more words than anybody means");
    memset(deep, 'x', 1000);
    expect_refused(deep, "too long");
}

static void test_select__offers_its_words_for_suggestions(void **state)
{
    struct selector *selector;
    struct error err;

    (void)state;
    assert_int_equal(selector_create(&selector, "releaze and not 'tls one'", &err), 0);
    assert_string_equal(selector_word(selector, 0), "releaze");
    assert_string_equal(selector_word(selector, 1), "tls one");
    assert_null(selector_word(selector, 2));
    selector_destroy(selector);
}

/* Whatever comes: an answer or an error, never a crash; and an expression that was taken
 * is the opposite of itself with a `not` in front. */
static void test_select__survives_any_sequence_of_tokens(void **state)
{
    static const char *const pieces[] = {"and", "or",  "not", "(",    ")",  "trap", "\"",
                                         "'",   "abc", " ",   "slow", "\t", "brok"};
    struct rng rng;
    int taken = 0;

    (void)state;
    rng_init(&rng, 42);
    for (int round = 0; round < 50000; round++) {
        char expression[256] = "", opposite[300];
        struct selector *selector;
        struct error err;
        int length = (int)rng_below(&rng, 12);

        for (int i = 0; i < length; i++) {
            append(expression, sizeof expression,
                   pieces[rng_below(&rng, sizeof pieces / sizeof *pieces)]);
            append(expression, sizeof expression, " ");
        }
        if (selector_create(&selector, expression, &err) != 0) {
            assert_int_equal(err.code, E_USAGE);
            continue;
        }
        selector_destroy(selector);
        taken++;
        snprintf(opposite, sizeof opposite, "not (%s)", expression);
        assert_int_not_equal(matches(expression), matches(opposite));
    }
    assert_true(taken > 500);
}

static void test_select__survives_every_failing_allocation(void **state)
{
    (void)state;
    for (unsigned n = 1;; n++) {
        struct selector *selector = NULL;
        struct error err;
        int rc;

        memory_fail_at(n);
        rc = selector_create(&selector, "a and not (b or 'c d')", &err);
        if (!memory_failed()) {
            assert_int_equal(rc, 0);
            selector_destroy(selector);
            break;
        }
        assert_int_equal(rc, E_NOMEM);
    }
    memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select__looks_into_names_files_and_tags),
        cmocka_unit_test(test_select__binds_not_before_and_before_or),
        cmocka_unit_test(test_select__keeps_quoted_words_together),
        cmocka_unit_test(test_select__names_what_is_wrong_and_where),
        cmocka_unit_test(test_select__bounds_depth_and_size),
        cmocka_unit_test(test_select__offers_its_words_for_suggestions),
        cmocka_unit_test(test_select__survives_any_sequence_of_tokens),
        cmocka_unit_test(test_select__survives_every_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
