/* syntax: Go's sentences about JSON that is none. */
#include "proxy/control/syntax.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_words(const char *text, const char *words)
{
    struct error err;

    if (syntax_check(text, strlen(text), &err))
        fail_msg("%s was taken", text);
    assert_string_equal(err.text, words);
    assert_int_equal(err.code, E_FORMAT);
}

static void test_syntax__says_where_a_value_goes_wrong(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "EOF"},
        {" \n\t", "EOF"},
        {"{", "unexpected EOF"},
        {"{\"a\":1", "unexpected EOF"},
        {"\"abc", "unexpected EOF"},
        {"x", "invalid character 'x' looking for beginning of value"},
        {"{\"a\":x}", "invalid character 'x' looking for beginning of value"},
        {"{a:1}", "invalid character 'a' looking for beginning of object key string"},
        {"{\"a\":1,}",
         "invalid character '}' looking for beginning of object key string"},
        {"{\"a\" 1}", "invalid character '1' after object key"},
        {"{\"a\":1 2}", "invalid character '2' after object key:value pair"},
        {"[1 2]", "invalid character '2' after array element"},
        {"[1,]", "invalid character ']' looking for beginning of value"},
        {"\"\n\"", "invalid character '\\n' in string literal"},
        {"\"\\x\"", "invalid character 'x' in string escape code"},
        {"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"},
        {"-x", "invalid character 'x' in numeric literal"},
        {"1.x", "invalid character 'x' after decimal point in numeric literal"},
        {"1ex", "invalid character 'x' in exponent of numeric literal"},
        {"nil", "invalid character 'i' in literal null (expecting 'u')"},
        {"tru", "unexpected EOF"},
        {"\x01", "invalid character '\\x01' looking for beginning of value"},
        {"\xff", "invalid character '\xc3\xbf' looking for beginning of value"},
        {"'", "invalid character '\\'' looking for beginning of value"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_words(cases[i].text, cases[i].words);
}

static void test_syntax__takes_the_first_value_and_looks_no_further(void **state)
{
    static const char *const texts[] = {
        "{}x",           "[] ]",
        "null nonsense", " {\"a\":[1,2,{\"b\":null}],\"c\":\"\\u00e4\\n\"} {",
        "\"a\"",         "-0.5e+7}",
        "true",          "0",
    };
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!syntax_check(texts[i], strlen(texts[i]), &err))
            fail_msg("%s: %s", texts[i], err.text);
}

static void test_syntax__stops_at_depth(void **state)
{
    enum { DEEP = 100000 };
    char *text = malloc(DEEP);
    struct error err;

    (void)state;
    assert_non_null(text);
    memset(text, '[', DEEP);
    assert_false(syntax_check(text, DEEP, &err));
    assert_string_equal(err.text, "exceeded max depth");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax__says_where_a_value_goes_wrong),
        cmocka_unit_test(test_syntax__takes_the_first_value_and_looks_no_further),
        cmocka_unit_test(test_syntax__stops_at_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
