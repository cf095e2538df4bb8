/* words: times as sentences say them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/checks/words.h"

static void test_words__say_a_time_with_three_figures_and_its_unit(void **state)
{
    static const struct {
        double ms;
        const char *text;
    } all[] = {
        {0, "0 ms"},       {0.001, "0 ms"},   {0.25, "0.25 ms"},  {19.94, "19.9 ms"},
        {240.2, "240 ms"}, {999.4, "999 ms"}, {999.6, "1 s"},     {2020, "2.02 s"},
        {45000, "45 s"},   {999400, "999 s"}, {999600, "1000 s"}, {86400000, "86400 s"},
        {-3.5, "-3.5 ms"},
    };
    char text[TIME_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        assert_string_equal(ms_text(all[i].ms, text, sizeof text), all[i].text);
    assert_string_equal(ns_text(1500000, text, sizeof text), "1.5 ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words__say_a_time_with_three_figures_and_its_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
