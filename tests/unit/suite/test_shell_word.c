/* test_shell_word: a real shell reads back what was quoted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/suite/shell_word.h"

static void expect_read_back(const char *word)
{
    char quoted[256], command[400], back[256] = "";
    FILE *shell;

    shell_word(quoted, sizeof quoted, word);
    snprintf(command, sizeof command, "printf %%s %s", quoted);
    shell = popen(command, "r");
    assert_non_null(shell);
    assert_int_equal(fread(back, 1, sizeof back - 1, shell), strlen(word));
    pclose(shell);
    assert_string_equal(back, word);
}

static void test_shell_word__is_read_back_by_a_shell(void **state)
{
    static const char *const words[] = {
        "plain-word_1.lua", "two words",   "it's",       "'",       "a'b'c", "$HOME `id`",
        "\"quoted\"",       "back\\slash", "semi;colon", "*?[a-z]", "~root", "a\tb\n c",
    };

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        expect_read_back(words[i]);
}

static void test_shell_word__leaves_plain_words_alone_and_quotes_nothing(void **state)
{
    char word[64];

    (void)state;
    assert_string_equal(shell_word(word, sizeof word, "scenarios/a=b,c:%+@.lua"),
                        "scenarios/a=b,c:%+@.lua");
    assert_string_equal(shell_word(word, sizeof word, ""), "''");
}

static void test_shell_word__never_leaves_a_quote_open(void **state)
{
    (void)state;
    for (size_t size = 8; size < 40; size++) {
        char word[40];

        shell_word(word, size, "it's a word that 'does not' fit here");
        assert_true(strlen(word) < size);
        assert_int_equal(word[strlen(word) - 1], '\'');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shell_word__is_read_back_by_a_shell),
        cmocka_unit_test(test_shell_word__leaves_plain_words_alone_and_quotes_nothing),
        cmocka_unit_test(test_shell_word__never_leaves_a_quote_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
