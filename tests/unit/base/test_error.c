/* test_error: codes, sentences, cuts, and suggestions. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "proxy/base/error.h"

static void test_error__set_returns_the_code_and_clears_hint_and_place(void **state)
{
    struct error err = {.hint = "old", .where = "old.lua:3"};

    (void)state;
    assert_int_equal(error_set(&err, E_PARAM, "%s has no %d", "link", 7), E_PARAM);
    assert_int_equal(err.code, E_PARAM);
    assert_string_equal(err.text, "link has no 7");
    assert_string_equal(err.hint, "");
    assert_string_equal(err.where, "");
}

static void test_error__nobody_needs_to_listen(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, E_BUSY, "unheard"), E_BUSY);
    errno = EACCES;
    assert_int_equal(error_from_errno(NULL, "unheard"), E_SYSTEM);
    error_hint(NULL, "unheard");
    error_prefix(NULL, "unheard");
    error_clear(NULL);
}

static void test_error__errno_becomes_code_and_words_and_is_kept(void **state)
{
    struct error err;

    (void)state;
    errno = ENOENT;
    assert_int_equal(error_from_errno(&err, "open %s", "x.lua"), E_SYSTEM);
    assert_string_equal(err.text, "open x.lua: No such file or directory");
    assert_int_equal(errno, ENOENT);
    errno = ENOSPC;
    assert_int_equal(error_from_errno(&err, "write"), E_NOSPACE);
    errno = EDQUOT;
    assert_int_equal(error_from_errno(&err, "write"), E_NOSPACE);
    errno = ENOMEM;
    assert_int_equal(error_from_errno(&err, "map"), E_NOMEM);
}

static void test_error__prefix_puts_the_context_in_front(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, E_TIMEOUT, "no INFO");
    assert_int_equal(error_prefix(&err, "broker %s", "n1"), E_TIMEOUT);
    assert_string_equal(err.text, "broker n1: no INFO");
}

static void test_error__long_sentences_end_in_dots_at_a_whole_character(void **state)
{
    char text[3 * ERROR_TEXT_BYTES + 8];
    struct error err;

    (void)state;
    /* Three ways to lie across the cut: a two-byte character at each offset. */
    for (size_t lead = 0; lead < 3; lead++) {
        json_t *json;
        size_t at = lead;

        memset(text, 'x', lead);
        for (; at < 2 * ERROR_TEXT_BYTES; at += 2)
            memcpy(text + at, "\xC3\xA9", 2);
        text[at] = '\0';
        error_set(&err, E_PARAM, "%s", text);
        assert_true(strlen(err.text) < sizeof err.text);
        assert_string_equal(err.text + strlen(err.text) - 3, "...");
        error_prefix(&err, "context");
        assert_memory_equal(err.text, "context: ", 9);
        json = json_string(err.text); /* NULL when it is no UTF-8 */
        assert_non_null(json);
        json_decref(json);
    }
}

static void test_error__a_sentence_may_be_built_from_the_old_one(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, E_TIMEOUT, "no INFO");
    error_hint(&err, "start it");
    error_set(&err, E_SCRIPT, "line 3: %s (%s)", err.text, err.hint);
    assert_string_equal(err.text, "line 3: no INFO (start it)");
    assert_string_equal(err.hint, "");
}

static void test_error__every_code_has_name_words_and_exit_code(void **state)
{
    (void)state;
#define X(name, value, text, exit_code)                                                  \
    assert_string_equal(error_name(name), #name);                                        \
    assert_string_equal(error_text(name), text);                                         \
    assert_int_equal(error_exit_code(name), exit_code);
    ERROR_CODES(X)
#undef X
}

static void test_error__a_number_that_is_no_code_is_our_bug(void **state)
{
    (void)state;
    assert_string_equal(error_name(12345), "E_?");
    assert_string_equal(error_text(-999), "unknown error");
    assert_int_equal(error_exit_code(-999), 70);
}

static void test_error__clear_leaves_nothing(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, E_PARAM, "text");
    error_hint(&err, "hint");
    error_clear(&err);
    assert_int_equal(err.code, E_OK);
    assert_string_equal(err.text, "");
    assert_string_equal(err.hint, "");
}

static const char *suggest(const char *word)
{
    static const char *const names[] = {"from",   "to",        "over",
                                        "jitter", "base",      "direction",
                                        "rate",   "partition", "isolate"};

    return error_suggest(word, names, sizeof names / sizeof names[0]);
}

static void test_error__suggests_the_nearest_name(void **state)
{
    (void)state;
    assert_string_equal(suggest("form"), "from"); /* two neighbours swapped */
    assert_string_equal(suggest("jiter"), "jitter");
    assert_string_equal(suggest("partiton"), "partition");
    assert_string_equal(suggest("isolatte"), "isolate");
    assert_string_equal(suggest("bese"), "base");
    assert_string_equal(suggest("base"), "base");
}

static void test_error__suggests_nothing_when_nothing_is_near(void **state)
{
    char endless[400];

    (void)state;
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_null(suggest("bandwidth"));
    assert_null(suggest(""));
    assert_null(suggest(endless));
    assert_null(error_suggest("x", NULL, 0));
}

static void test_error__the_first_of_equally_near_names_wins(void **state)
{
    static const char *const names[] = {"bate", "base", "base"};

    (void)state;
    assert_ptr_equal(error_suggest("bafe", names, 3), names[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error__set_returns_the_code_and_clears_hint_and_place),
        cmocka_unit_test(test_error__nobody_needs_to_listen),
        cmocka_unit_test(test_error__errno_becomes_code_and_words_and_is_kept),
        cmocka_unit_test(test_error__prefix_puts_the_context_in_front),
        cmocka_unit_test(test_error__long_sentences_end_in_dots_at_a_whole_character),
        cmocka_unit_test(test_error__a_sentence_may_be_built_from_the_old_one),
        cmocka_unit_test(test_error__every_code_has_name_words_and_exit_code),
        cmocka_unit_test(test_error__a_number_that_is_no_code_is_our_bug),
        cmocka_unit_test(test_error__clear_leaves_nothing),
        cmocka_unit_test(test_error__suggests_the_nearest_name),
        cmocka_unit_test(test_error__suggests_nothing_when_nothing_is_near),
        cmocka_unit_test(test_error__the_first_of_equally_near_names_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
