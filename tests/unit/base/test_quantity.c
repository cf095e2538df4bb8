/* test_quantity: numbers with units, exactly in and exactly out. */
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/quantity.h"
#include "proxy/base/rng.h"

enum { ROUNDS = 20000 };

struct spelling {
    const char *text;
    uint64_t value;
};

static void test_quantity__durations_are_read_to_the_nanosecond(void **state)
{
    static const struct spelling good[] = {
        {"0", 0},
        {"0.0", 0},
        {"-0", 0},
        {"0s", 0},
        {"1ns", 1},
        {"1us", 1000},
        {"1\xC2\xB5s", 1000},
        {"1\xCE\xBCs", 1000},
        {"1.5ms", 1500000},
        {"250ms", 250000000},
        {"20s", 20000000000},
        {"1m30s", 90000000000},
        {"1.5m", 90000000000},
        {"1h1m1.000000001s", 3661000000001},
        {"2d", 172800000000000},
        {"0.000000001s", 1},
        {"1.500000000000000000000000000000s", 1500000000},
        {"007s", 7000000000},
        {"18446744073709551615ns", UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t ns = 77;

        assert_int_equal(quantity_duration(good[i].text, &ns), QUANTITY_OK);
        assert_true(ns == good[i].value);
    }
}

struct refusal {
    const char *text;
    enum quantity_status status;
};

static void test_quantity__bad_durations_say_what_is_wrong(void **state)
{
    static const struct refusal bad[] = {
        {"", QUANTITY_EMPTY},
        {" ", QUANTITY_NO_NUMBER},
        {"5 s", QUANTITY_BLANK},
        {" 5s", QUANTITY_BLANK},
        {"5s\n", QUANTITY_BLANK},
        {"20", QUANTITY_NO_UNIT},
        {"1m30", QUANTITY_NO_UNIT},
        {"-20", QUANTITY_NO_UNIT},
        {"5sec", QUANTITY_UNKNOWN_UNIT},
        {"5S", QUANTITY_UNKNOWN_UNIT},
        {"5\xC3\xA9", QUANTITY_UNKNOWN_UNIT},
        {"5%", QUANTITY_NO_NUMBER},
        {"5s!", QUANTITY_NO_NUMBER},
        {"abc", QUANTITY_NO_NUMBER},
        {"nan", QUANTITY_NO_NUMBER},
        {"inf", QUANTITY_NO_NUMBER},
        {"1e9s", QUANTITY_NO_NUMBER},
        {"0x10s", QUANTITY_NO_NUMBER},
        {"+5s", QUANTITY_NO_NUMBER},
        {"--5s", QUANTITY_NO_NUMBER},
        {".5s", QUANTITY_NO_NUMBER},
        {"5.s", QUANTITY_NO_NUMBER},
        {"5.5.5s", QUANTITY_NO_NUMBER},
        {"1m-30s", QUANTITY_NO_NUMBER},
        {"-5ms", QUANTITY_NEGATIVE},
        {"30s1m", QUANTITY_WRONG_ORDER},
        {"1s1s", QUANTITY_WRONG_ORDER},
        {"1.5m30s", QUANTITY_WRONG_ORDER},
        {"0.1ns", QUANTITY_TOO_FINE},
        {"0.0000000001s", QUANTITY_TOO_FINE},
        {"18446744073709551616ns", QUANTITY_TOO_LARGE},
        {"18446744073709551615ns", QUANTITY_OK},
        {"213504d", QUANTITY_TOO_LARGE},
        {"213503d23h34m33.709551616s", QUANTITY_TOO_LARGE},
        {"99999999999999999999999999999999999999s", QUANTITY_TOO_LARGE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t ns = 77;

        if (quantity_duration(bad[i].text, &ns) != bad[i].status)
            fail_msg("%s: %d", bad[i].text, (int)quantity_duration(bad[i].text, &ns));
        if (bad[i].status != QUANTITY_OK)
            assert_true(ns == 77); /* the result is left alone */
    }
}

static void test_quantity__a_text_of_any_length_is_survived(void **state)
{
    static char text[100000];
    double number;
    uint64_t whole;

    (void)state;
    memset(text, '9', sizeof text - 1);
    assert_int_equal(quantity_duration(text, &whole), QUANTITY_TOO_LONG);
    assert_int_equal(quantity_number(text, &number), QUANTITY_TOO_LONG);
    text[QUANTITY_TEXT_MAX] = '\0';
    assert_int_equal(quantity_bytes(text, &whole), QUANTITY_TOO_LARGE);
    assert_int_equal(quantity_number(text, &number), QUANTITY_TOO_LARGE);
    text[1] = '.';
    assert_int_equal(quantity_bytes(text, &whole), QUANTITY_TOO_FINE);
    assert_int_equal(quantity_number(text, &number), QUANTITY_OK);
    assert_true(number == 10.0);
}

static void test_quantity__durations_read_back_exactly(void **state)
{
    struct rng rng;
    char text[QUANTITY_TEXT_MAX];

    (void)state;
    rng_init(&rng, 1);
    for (int i = 0; i < ROUNDS; i++) {
        /* Every magnitude alike, and round ones often: people write those. */
        uint64_t ns = rng_next(&rng) >> rng_below(&rng, 64);
        uint64_t back = 0;

        if (rng_below(&rng, 2) == 0)
            ns -= ns % 1000000;
        quantity_duration_text(ns, text, sizeof text);
        assert_int_equal(quantity_duration(text, &back), QUANTITY_OK);
        assert_true(back == ns);
    }
}

static void assert_duration_text(uint64_t ns, const char *expected)
{
    char text[QUANTITY_TEXT_MAX];

    quantity_duration_text(ns, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_quantity__durations_are_written_as_people_write_them(void **state)
{
    (void)state;
    assert_duration_text(0, "0");
    assert_duration_text(1, "1ns");
    assert_duration_text(1500, "1.5us");
    assert_duration_text(1500000, "1.5ms");
    assert_duration_text(100000000, "100ms");
    assert_duration_text(1000000000, "1s");
    assert_duration_text(1500000000, "1.5s");
    assert_duration_text(60000000000, "1m");
    assert_duration_text(90000000000, "1m30s");
    assert_duration_text(3600000000000, "1h");
    assert_duration_text(3660000000001, "1h1m1ns");
    assert_duration_text(172800000000000, "48h");
}

static void test_quantity__bytes_take_both_families_of_units(void **state)
{
    static const struct spelling good[] = {
        {"0", 0},
        {"512", 512},
        {"512B", 512},
        {"64KiB", 65536},
        {"64KB", 64000},
        {"64kB", 64000},
        {"4MiB", 4194304},
        {"1.5MiB", 1572864},
        {"1GB", 1000000000},
        {"1TB", 1000000000000},
        {"1TiB", 1099511627776},
        {"0.5KiB", 512},
        {"18446744073709551615", UINT64_MAX},
    };
    static const struct refusal bad[] = {
        {"-1", QUANTITY_NEGATIVE},       {"0.3KiB", QUANTITY_TOO_FINE},
        {"1.5", QUANTITY_TOO_FINE},      {"18446744073709551616", QUANTITY_TOO_LARGE},
        {"64K", QUANTITY_UNKNOWN_UNIT},  {"64kib", QUANTITY_UNKNOWN_UNIT},
        {"64KiB/s", QUANTITY_NO_NUMBER}, {"16777216TiB", QUANTITY_TOO_LARGE},
        {"64 KiB", QUANTITY_BLANK},      {"", QUANTITY_EMPTY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t bytes = 77;

        assert_int_equal(quantity_bytes(good[i].text, &bytes), QUANTITY_OK);
        assert_true(bytes == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t bytes = 77;

        assert_int_equal(quantity_bytes(bad[i].text, &bytes), bad[i].status);
    }
}

static void test_quantity__bytes_read_back_exactly(void **state)
{
    char text[QUANTITY_TEXT_MAX];
    struct rng rng;

    (void)state;
    rng_init(&rng, 2);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t bytes = rng_next(&rng) >> rng_below(&rng, 64);
        uint64_t back = 0;

        if (rng_below(&rng, 3) == 0)
            bytes &= ~(uint64_t)0xFFFFF;
        quantity_bytes_text(bytes, text, sizeof text);
        assert_int_equal(quantity_bytes(text, &back), QUANTITY_OK);
        assert_true(back == bytes);
    }
    quantity_bytes_text(65536, text, sizeof text);
    assert_string_equal(text, "64KiB");
    quantity_bytes_text(1000000, text, sizeof text);
    assert_string_equal(text, "1MB");
    quantity_bytes_text(1234, text, sizeof text);
    assert_string_equal(text, "1234");
}

static void test_quantity__rates_are_per_second_whatever_they_are_written_in(void **state)
{
    double per_s = 0;

    (void)state;
    assert_int_equal(quantity_rate("500/s", &per_s), QUANTITY_OK);
    assert_true(per_s == 500);
    assert_int_equal(quantity_rate("30/m", &per_s), QUANTITY_OK);
    assert_true(per_s == 0.5);
    assert_int_equal(quantity_rate("3600/h", &per_s), QUANTITY_OK);
    assert_true(per_s == 1);
    assert_int_equal(quantity_byte_rate("100KB/s", &per_s), QUANTITY_OK);
    assert_true(per_s == 100000);
    assert_int_equal(quantity_byte_rate("1.5MiB/s", &per_s), QUANTITY_OK);
    assert_true(per_s == 1572864);
    assert_int_equal(quantity_rate("0", &per_s), QUANTITY_OK);
    assert_true(per_s == 0);
    per_s = 77;
    assert_int_equal(quantity_rate("500", &per_s), QUANTITY_NO_UNIT);
    assert_int_equal(quantity_rate("500/", &per_s), QUANTITY_UNKNOWN_UNIT);
    assert_int_equal(quantity_rate("500/fortnight", &per_s), QUANTITY_UNKNOWN_UNIT);
    assert_int_equal(quantity_rate("-1/s", &per_s), QUANTITY_NEGATIVE);
    assert_int_equal(quantity_rate("1e3/s", &per_s), QUANTITY_NO_NUMBER);
    assert_int_equal(quantity_rate("5s", &per_s), QUANTITY_UNKNOWN_UNIT);
    assert_int_equal(quantity_byte_rate("100/s", &per_s), QUANTITY_NO_UNIT);
    assert_int_equal(quantity_byte_rate("100KB", &per_s), QUANTITY_NO_UNIT);
    assert_true(per_s == 77);
}

/* A double of a magnitude that text can hold, all 53 bits drawn. */
static double random_double(struct rng *rng)
{
    double magnitude = 1e-20;

    for (uint64_t i = rng_below(rng, 41); i > 0; i--)
        magnitude *= 10;
    return (rng_unit(rng) + 0.1) * magnitude;
}

static void assert_reads_back(double value, void (*write)(double, char *, size_t),
                              enum quantity_status (*read)(const char *, double *))
{
    char text[QUANTITY_TEXT_MAX];
    double back = -1;

    write(value, text, sizeof text);
    if (read(text, &back) != QUANTITY_OK || back != value)
        fail_msg("%.17g was written as %s and read as %.17g", value, text, back);
}

static void test_quantity__doubles_read_back_exactly(void **state)
{
    static const double edges[] = {0,          1,      0.1,   1.0 / 3, 1.0 / 60,
                                   1e15 + 0.5, 5e-324, 1e300, 0.95};
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        assert_reads_back(edges[i], quantity_number_text, quantity_number);
        assert_reads_back(edges[i], quantity_percent_text, quantity_percent);
        assert_reads_back(edges[i], quantity_rate_text, quantity_rate);
        assert_reads_back(edges[i], quantity_byte_rate_text, quantity_byte_rate);
    }
    assert_reads_back(-DBL_MAX, quantity_number_text, quantity_number);
    for (int i = 0; i < ROUNDS / 10; i++) {
        double value = random_double(&rng);

        assert_reads_back(-value, quantity_number_text, quantity_number);
        assert_reads_back(value, quantity_percent_text, quantity_percent);
        assert_reads_back(value, quantity_rate_text, quantity_rate);
        assert_reads_back(value, quantity_byte_rate_text, quantity_byte_rate);
    }
}

static void test_quantity__doubles_are_written_short(void **state)
{
    char text[QUANTITY_TEXT_MAX];

    (void)state;
    quantity_percent_text(0.95, text, sizeof text);
    assert_string_equal(text, "95%");
    quantity_percent_text(0.333, text, sizeof text);
    assert_string_equal(text, "33.3%");
    quantity_percent_text(1, text, sizeof text);
    assert_string_equal(text, "100%");
    quantity_number_text(-2.5, text, sizeof text);
    assert_string_equal(text, "-2.5");
    quantity_number_text(0.001, text, sizeof text);
    assert_string_equal(text, "0.001");
    quantity_number_text(1e21, text, sizeof text);
    assert_string_equal(text, "1000000000000000000000");
    quantity_rate_text(500, text, sizeof text);
    assert_string_equal(text, "500/s");
    quantity_rate_text(7.0 / 60, text, sizeof text);
    assert_string_equal(text, "7/m");
    quantity_byte_rate_text(102400, text, sizeof text);
    assert_string_equal(text, "100KiB/s");
    quantity_byte_rate_text(1500000, text, sizeof text);
    assert_string_equal(text, "1.5MB/s");
    quantity_byte_rate_text(100000, text, sizeof text);
    assert_string_equal(text, "100KB/s"); /* not 0.1MB/s, which is as short */
}

static void test_quantity__integers_cover_their_whole_range(void **state)
{
    int64_t integer = 77;

    (void)state;
    assert_int_equal(quantity_integer("-9223372036854775808", &integer), QUANTITY_OK);
    assert_true(integer == INT64_MIN);
    assert_int_equal(quantity_integer("9223372036854775807", &integer), QUANTITY_OK);
    assert_true(integer == INT64_MAX);
    assert_int_equal(quantity_integer("20", &integer), QUANTITY_OK);
    assert_true(integer == 20);
    assert_int_equal(quantity_integer("3.0", &integer), QUANTITY_OK);
    assert_true(integer == 3);
    assert_int_equal(quantity_integer("9223372036854775808", &integer),
                     QUANTITY_TOO_LARGE);
    assert_int_equal(quantity_integer("-9223372036854775809", &integer),
                     QUANTITY_TOO_LARGE);
    assert_int_equal(quantity_integer("2.5", &integer), QUANTITY_TOO_FINE);
    assert_int_equal(quantity_integer("5x", &integer), QUANTITY_NO_NUMBER);
    assert_int_equal(quantity_integer("0x10", &integer), QUANTITY_NO_NUMBER);
    assert_int_equal(quantity_integer("", &integer), QUANTITY_EMPTY);
    assert_true(integer == 3);
}

static void test_quantity__percentages_need_their_sign(void **state)
{
    double fraction = 77;

    (void)state;
    assert_int_equal(quantity_percent("95", &fraction), QUANTITY_NO_UNIT);
    assert_int_equal(quantity_percent("-1%", &fraction), QUANTITY_NEGATIVE);
    assert_int_equal(quantity_percent("95%%", &fraction), QUANTITY_NO_NUMBER);
    assert_int_equal(quantity_percent("95 %", &fraction), QUANTITY_BLANK);
    assert_true(fraction == 77);
    assert_int_equal(quantity_percent("95.5%", &fraction), QUANTITY_OK);
    assert_true(fraction == 0.955);
    assert_int_equal(quantity_percent("0", &fraction), QUANTITY_OK);
    assert_true(fraction == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantity__durations_are_read_to_the_nanosecond),
        cmocka_unit_test(test_quantity__bad_durations_say_what_is_wrong),
        cmocka_unit_test(test_quantity__a_text_of_any_length_is_survived),
        cmocka_unit_test(test_quantity__durations_read_back_exactly),
        cmocka_unit_test(test_quantity__durations_are_written_as_people_write_them),
        cmocka_unit_test(test_quantity__bytes_take_both_families_of_units),
        cmocka_unit_test(test_quantity__bytes_read_back_exactly),
        cmocka_unit_test(
            test_quantity__rates_are_per_second_whatever_they_are_written_in),
        cmocka_unit_test(test_quantity__doubles_read_back_exactly),
        cmocka_unit_test(test_quantity__doubles_are_written_short),
        cmocka_unit_test(test_quantity__integers_cover_their_whole_range),
        cmocka_unit_test(test_quantity__percentages_need_their_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
