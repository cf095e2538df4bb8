/* quantity_write: from numbers to the text that a person would have written.
 *
 * Whole kinds choose a unit that divides. Doubles try more and more digits until the
 * text reads back as the same double, at 17 digits at the latest; a rate also tries
 * its units and keeps the shortest. */
#include "proxy/base/quantity.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOUBLE_DIGITS_MAX = 17 };

/* "1.5s" of 1500 and 3 places: no zeros at the end, no point without need. */
static int decimal_text(char *text, size_t size, uint64_t value, int places,
                        const char *unit)
{
    uint64_t divisor = 1;

    for (int i = 0; i < places; i++)
        divisor *= 10;
    if (value % divisor == 0)
        return snprintf(text, size, "%llu%s", (unsigned long long)(value / divisor),
                        unit);
    while (value % 10 == 0) {
        value /= 10;
        divisor /= 10;
        places--;
    }
    return snprintf(text, size, "%llu.%0*llu%s", (unsigned long long)(value / divisor),
                    places, (unsigned long long)(value % divisor), unit);
}

void quantity_duration_text(uint64_t ns, char *text, size_t size)
{
    const uint64_t minute_ns = 60ull * 1000000000;
    uint64_t minutes = ns / minute_ns;
    uint64_t rest_ns = ns % minute_ns;
    int length = 0;

    if (ns == 0) {
        snprintf(text, size, "0");
        return;
    }
    if (minutes >= 60)
        length = snprintf(text, size, "%lluh", (unsigned long long)(minutes / 60));
    if (minutes % 60 > 0)
        length += snprintf(text + length, size - (size_t)length, "%llum",
                           (unsigned long long)(minutes % 60));
    if (rest_ns == 0)
        return;
    text += length;
    size -= (size_t)length;
    if (rest_ns >= 1000000000)
        decimal_text(text, size, rest_ns, 9, "s");
    else if (rest_ns >= 1000000)
        decimal_text(text, size, rest_ns, 6, "ms");
    else if (rest_ns >= 1000)
        decimal_text(text, size, rest_ns, 3, "us");
    else
        decimal_text(text, size, rest_ns, 0, "ns");
}

static const struct {
    const char *name;
    uint64_t bytes;
} byte_units[] = {
    {"TiB", 1099511627776}, {"GiB", 1073741824}, {"MiB", 1048576}, {"KiB", 1024},
    {"TB", 1000000000000},  {"GB", 1000000000},  {"MB", 1000000},  {"KB", 1000},
};

enum { BYTE_UNIT_COUNT = sizeof byte_units / sizeof byte_units[0] };

void quantity_bytes_text(uint64_t bytes, char *text, size_t size)
{
    char other[64];
    size_t shortest;

    snprintf(text, size, "%llu", (unsigned long long)bytes);
    shortest = strlen(text) + 1; /* "64KiB" is as long as "65536" and says more */
    for (int i = 0; i < BYTE_UNIT_COUNT; i++) {
        if (bytes == 0 || bytes % byte_units[i].bytes != 0)
            continue;
        snprintf(other, sizeof other, "%llu%s",
                 (unsigned long long)(bytes / byte_units[i].bytes), byte_units[i].name);
        if (strlen(other) >= shortest)
            continue;
        shortest = strlen(other);
        snprintf(text, size, "%s", other);
    }
}

/* Digits and exponent of the shortest decimal that is `value`: 0.d1d2d3... * 10^exp. */
static int shortest_digits(double value, char digits[DOUBLE_DIGITS_MAX + 1])
{
    char text[DOUBLE_DIGITS_MAX + 16];
    size_t count = 0;
    const char *at;

    for (int precision = 0; precision < DOUBLE_DIGITS_MAX; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    for (at = text; *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            digits[count++] = *at;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    digits[count] = '\0';
    return (int)strtol(at + 1, NULL, 10) + 1;
}

static size_t put(char *text, size_t size, size_t at, const char *bytes, size_t count)
{
    assert(at + count < size);
    memcpy(text + at, bytes, count);
    text[at + count] = '\0';
    return at + count;
}

static size_t put_zeros(char *text, size_t size, size_t at, int count)
{
    while (count-- > 0)
        at = put(text, size, at, "0", 1);
    return at;
}

/* `value` times 10^shift as plain decimal digits, without an exponent. */
static void plain_text(double value, int shift, char *text, size_t size)
{
    char digits[DOUBLE_DIGITS_MAX + 1];
    size_t at = 0;
    int exponent, count;

    assert(isfinite(value));
    if (value == 0) {
        put(text, size, 0, "0", 1);
        return;
    }
    if (value < 0)
        at = put(text, size, at, "-", 1);
    exponent = shortest_digits(fabs(value), digits) + shift;
    count = (int)strlen(digits);
    if (exponent <= 0) {
        at = put(text, size, at, "0.", 2);
        at = put_zeros(text, size, at, -exponent);
        put(text, size, at, digits, (size_t)count);
    } else if (exponent >= count) {
        at = put(text, size, at, digits, (size_t)count);
        put_zeros(text, size, at, exponent - count);
    } else {
        at = put(text, size, at, digits, (size_t)exponent);
        at = put(text, size, at, ".", 1);
        put(text, size, at, digits + exponent, (size_t)(count - exponent));
    }
}

void quantity_number_text(double number, char *text, size_t size)
{
    plain_text(number, 0, text, size);
}

void quantity_percent_text(double fraction, char *text, size_t size)
{
    size_t length;

    plain_text(fraction, 2, text, size);
    length = strlen(text);
    snprintf(text + length, size - length, "%%");
}

/* Take `candidate` when it is shorter than `text`, or as long and without its point
 * ("100KB/s" for "0.1MB/s"), and `read` gives `value` for it. */
static void keep_shorter(char *text, size_t size, const char *candidate, double value,
                         enum quantity_status (*read)(const char *, double *))
{
    bool is_plainer = strchr(text, '.') != NULL && strchr(candidate, '.') == NULL;
    size_t length = strlen(text) + (is_plainer ? 1 : 0);
    double back = 0;

    if (strlen(candidate) >= length)
        return;
    if (read(candidate, &back) == QUANTITY_OK && back == value)
        snprintf(text, size, "%s", candidate);
}

void quantity_rate_text(double per_s, char *text, size_t size)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"/m", 60}, {"/h", 3600}};
    char other[QUANTITY_TEXT_MAX];
    size_t length;

    plain_text(per_s, 0, text, size);
    length = strlen(text);
    snprintf(text + length, size - length, "/s");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        double number = per_s * units[i].seconds;

        if (!isfinite(number))
            continue;
        plain_text(number, 0, other, sizeof other);
        length = strlen(other);
        snprintf(other + length, sizeof other - length, "%s", units[i].name);
        keep_shorter(text, size, other, per_s, quantity_rate);
    }
}

void quantity_byte_rate_text(double per_s, char *text, size_t size)
{
    char other[QUANTITY_TEXT_MAX];
    size_t length;

    plain_text(per_s, 0, text, size);
    length = strlen(text);
    snprintf(text + length, size - length, "B/s");
    for (int i = 0; i < BYTE_UNIT_COUNT; i++) {
        plain_text(per_s / (double)byte_units[i].bytes, 0, other, sizeof other);
        length = strlen(other);
        snprintf(other + length, sizeof other - length, "%s/s", byte_units[i].name);
        keep_shorter(text, size, other, per_s, quantity_byte_rate);
    }
}
