/* test_text: nothing of a script's or a broker's reaches a terminal unclean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/rng.h"
#include "reports/text.h"

static void expect_clean(const char *text, bool utf8, const char *wanted)
{
    char clean[256];

    assert_string_equal(text_printable(clean, sizeof clean, text, utf8), wanted);
}

static void test_text__takes_out_control_characters_and_escapes(void **state)
{
    (void)state;
    expect_clean("red \033[31malert\a\177", true, "red ?[31malert??");
    expect_clean("two\nlines\tand a tab\r", true, "two lines and a tab ");
    /* C1 controls and marks that turn the writing direction around. */
    expect_clean("a\xc2\x9b"
                 "31m b\xe2\x80\xae"
                 "c",
                 true, "a?31m b?c");
}

static void test_text__replaces_broken_utf8_byte_by_byte(void **state)
{
    (void)state;
    expect_clean("a\xff\xfe"
                 "b",
                 true, "a??b");
    expect_clean("cut \xe2\x86", true, "cut ??");
    expect_clean("\xc3(", true, "?(");
    expect_clean("ok \xe2\x86\x92 \xc3\xa4", true, "ok \xe2\x86\x92 \xc3\xa4");
    expect_clean("is it? yes", true, "is it? yes");
    /* An overlong 'A', half of a surrogate pair, a point beyond Unicode. */
    expect_clean("\xe0\x81\x81", true, "???");
    expect_clean("\xed\xa0\x80", true, "???");
    expect_clean("\xf4\x90\x80\x80", true, "????");
}

static void test_text__has_an_ascii_spelling_where_the_locale_is_not_utf8(void **state)
{
    (void)state;
    expect_clean("client \xe2\x86\x92 n1", false, "client -> n1");
    expect_clean("more\xe2\x80\xa6", false, "more...");
    expect_clean("\xe2\x96\x87\xe2\x96\x81 \xc2\xb5s \xc2\xb1 5 \xc3\x97 2", false,
                 "## us +- 5 x 2");
    expect_clean("\xc3\xa4", false, "?");
}

static void test_text__cuts_at_whole_characters(void **state)
{
    char small[5];

    (void)state;
    assert_string_equal(text_printable(small, sizeof small, "abc\xe2\x86\x92", true),
                        "abc");
    assert_string_equal(text_printable(small, sizeof small, NULL, true), "");
}

static void test_text__gives_printable_text_for_any_bytes(void **state)
{
    struct rng rng;

    (void)state;
    rng_init(&rng, 4711);
    for (int round = 0; round < 20000; round++) {
        char raw[40], clean[200], again[200];
        size_t size = (size_t)rng_below(&rng, sizeof raw);

        for (size_t i = 0; i < size; i++)
            raw[i] = (char)(1 + rng_below(&rng, 255));
        raw[size] = '\0';
        text_printable(clean, sizeof clean, raw, false);
        for (const char *at = clean; *at != '\0'; at++)
            assert_true(*at >= ' ' && *at < 127);
        /* What is clean stays as it is. */
        text_printable(clean, sizeof clean, raw, true);
        text_printable(again, sizeof again, clean, true);
        assert_string_equal(again, clean);
    }
}

static void test_text__pads_by_columns_not_bytes(void **state)
{
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);

    (void)state;
    text_put_padded(to, "\xc3\xa4\xc3\xb6", 4, true);
    fputc('|', to);
    text_put_padded(to, "\xe2\x86\x92", 4, false);
    fputc('|', to);
    text_put_padded(to, "too long", 4, true);
    fputc('|', to);
    fclose(to);
    assert_string_equal(page, "\xc3\xa4\xc3\xb6  |->  |too long|");
    assert_int_equal(text_width("\xc3\xa4\xe2\x86\x92", true), 2);
    assert_int_equal(text_width("\xe2\x86\x92", false), 2);
    free(page);
}

static void expect_duration(double seconds, const char *wanted)
{
    char text[32];

    assert_string_equal(text_duration(text, sizeof text, seconds), wanted);
}

static void test_text__speaks_of_time_as_people_do(void **state)
{
    (void)state;
    expect_duration(0, "0.0 s");
    expect_duration(54.9, "54.9 s");
    expect_duration(99.94, "99.9 s");
    expect_duration(99.97, "1 min 40 s");
    expect_duration(663, "11 min 3 s");
    expect_duration(3599.7, "1 h 0 min");
    expect_duration(7500, "2 h 5 min");
    expect_duration(-1, "0.0 s");
    expect_duration((double)(0.0 / 0.0), "0.0 s");
}

static void test_text__puts_commas_between_thousands(void **state)
{
    char text[32];

    (void)state;
    assert_string_equal(text_count(text, sizeof text, 0), "0");
    assert_string_equal(text_count(text, sizeof text, 999), "999");
    assert_string_equal(text_count(text, sizeof text, 1204312), "1,204,312");
    assert_string_equal(text_count(text, sizeof text, UINT64_MAX),
                        "18,446,744,073,709,551,615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text__takes_out_control_characters_and_escapes),
        cmocka_unit_test(test_text__replaces_broken_utf8_byte_by_byte),
        cmocka_unit_test(test_text__has_an_ascii_spelling_where_the_locale_is_not_utf8),
        cmocka_unit_test(test_text__cuts_at_whole_characters),
        cmocka_unit_test(test_text__gives_printable_text_for_any_bytes),
        cmocka_unit_test(test_text__pads_by_columns_not_bytes),
        cmocka_unit_test(test_text__speaks_of_time_as_people_do),
        cmocka_unit_test(test_text__puts_commas_between_thousands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
