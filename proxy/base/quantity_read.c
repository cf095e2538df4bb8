/* quantity_read: from "1m30s", "64KiB", "500/s" to numbers.
 *
 * Every reader first looks at the text as a whole (empty, too long, blanks), then takes
 * decimals off its front with scan_decimal and units with take_unit. Exponents, "inf",
 * hexadecimal and signs in the middle are no numbers here: nobody writes a time-out
 * that way on purpose. */
#include "proxy/base/quantity.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 24 digits times the largest scale (a TiB or a day) fit 128 bits. */
enum { DIGITS_MAX = 24 };

typedef unsigned __int128 wide; /* the one typedef: the type's own name is two words */

struct decimal {
    const char *text; /* where it starts, sign included */
    size_t length;    /* of the text */
    const char *rest; /* what follows */
    wide digits;      /* the value without its point */
    int places;       /* digits behind the point, without trailing zeros */
    bool negative;
    bool has_point;
    bool too_long; /* more digits than DIGITS_MAX: `digits` is not the value */
};

struct unit {
    const char *name;
    uint64_t scale;
};

static const struct unit duration_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xC2\xB5s", 1000}, /* the micro sign */
    {"\xCE\xBCs", 1000}, /* the Greek mu, which looks the same */
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", 60000000000},
    {"h", 3600000000000},
    {"d", 86400000000000},
    {NULL, 0},
};

static const struct unit byte_units[] = {
    {"B", 1},
    {"KB", 1000},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"KiB", 1024},
    {"MiB", 1048576},
    {"GiB", 1073741824},
    {"TiB", 1099511627776},
    {NULL, 0},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum quantity_status look_at_whole(const char *text)
{
    size_t length = strnlen(text, QUANTITY_TEXT_MAX + 1);

    if (length == 0)
        return QUANTITY_EMPTY;
    if (length > QUANTITY_TEXT_MAX)
        return QUANTITY_TOO_LONG;
    if (strpbrk(text, " \t\r\n") != NULL)
        return strpbrk(text, "0123456789") == NULL ? QUANTITY_NO_NUMBER : QUANTITY_BLANK;
    return QUANTITY_OK;
}

static void take_digit(struct decimal *d, char c, int *digits_seen)
{
    if (*digits_seen == DIGITS_MAX) {
        d->too_long = true;
        return;
    }
    if (c != '0' || d->digits != 0)
        (*digits_seen)++;
    d->digits = d->digits * 10 + (unsigned)(c - '0');
}

/* [-] digits [. digits] off the front of `text`; QUANTITY_NO_NUMBER when it is not so. */
static enum quantity_status scan_decimal(const char *text, struct decimal *d)
{
    const char *at = text;
    const char *point_end;
    int digits_seen = 0;

    *d = (struct decimal){.text = text};
    if (*at == '-') {
        d->negative = true;
        at++;
    }
    if (!is_digit(*at))
        return QUANTITY_NO_NUMBER;
    while (is_digit(*at))
        take_digit(d, *at++, &digits_seen);
    if (*at == '.') {
        d->has_point = true;
        at++;
        if (!is_digit(*at))
            return QUANTITY_NO_NUMBER;
        for (point_end = at; is_digit(*point_end); point_end++)
            ;
        d->rest = point_end;
        while (point_end > at && point_end[-1] == '0')
            point_end--;
        for (; at < point_end; at++, d->places++)
            take_digit(d, *at, &digits_seen);
        at = d->rest;
    }
    d->rest = at;
    d->length = (size_t)(at - text);
    return QUANTITY_OK;
}

/* The unit at the front of `text`, up to a digit, a '/' or the end. */
static const struct unit *take_unit(const struct unit *units, const char *text,
                                    const char **rest)
{
    size_t length = strcspn(text, "0123456789/.-");

    for (const struct unit *u = units; u->name != NULL; u++) {
        if (strlen(u->name) == length && strncmp(u->name, text, length) == 0) {
            *rest = text + length;
            return u;
        }
    }
    return NULL;
}

/* A unit that nobody knows, or a text in which no unit was meant ("1e9s", "5%%")? */
static enum quantity_status unit_problem(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        bool is_letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');

        if (!is_letter && (unsigned char)*at < 0x80)
            return QUANTITY_NO_NUMBER;
    }
    return QUANTITY_UNKNOWN_UNIT;
}

/* digits / 10^places * scale, exactly. */
static enum quantity_status scale_exactly(const struct decimal *d, uint64_t scale,
                                          uint64_t *out)
{
    wide value = d->digits;

    if (d->too_long)
        return d->places > 0 ? QUANTITY_TOO_FINE : QUANTITY_TOO_LARGE;
    value *= scale;
    for (int i = 0; i < d->places; i++) {
        if (value % 10 != 0)
            return QUANTITY_TOO_FINE;
        value /= 10;
    }
    if (value > UINT64_MAX)
        return QUANTITY_TOO_LARGE;
    *out = (uint64_t)value;
    return QUANTITY_OK;
}

static bool is_bare_zero(const struct decimal *d)
{
    return *d->rest == '\0' && d->digits == 0 && !d->too_long;
}

/* A duration on its way: "1m30s" is read part by part, from large units to small. */
struct parts {
    const char *at;
    uint64_t total_ns;
    uint64_t scale_before;
    bool is_first;
    bool negative;
};

static enum quantity_status take_part(struct parts *parts)
{
    const struct unit *unit;
    enum quantity_status status;
    uint64_t part_ns = 0;
    struct decimal d;

    if (scan_decimal(parts->at, &d) != QUANTITY_OK || (d.negative && !parts->is_first))
        return QUANTITY_NO_NUMBER;
    parts->negative = parts->negative || (d.negative && d.digits != 0);
    parts->at = d.rest;
    if (*d.rest == '\0')
        return parts->is_first && is_bare_zero(&d) ? QUANTITY_OK : QUANTITY_NO_UNIT;
    unit = take_unit(duration_units, d.rest, &parts->at);
    if (unit == NULL)
        return unit_problem(d.rest);
    /* Only the last part may have a point: nobody means "1.5m30s". */
    if (unit->scale >= parts->scale_before || (d.has_point && *parts->at != '\0'))
        return QUANTITY_WRONG_ORDER;
    status = scale_exactly(&d, unit->scale, &part_ns);
    if (status != QUANTITY_OK)
        return status;
    if (__builtin_add_overflow(parts->total_ns, part_ns, &parts->total_ns))
        return QUANTITY_TOO_LARGE;
    parts->scale_before = unit->scale;
    parts->is_first = false;
    return QUANTITY_OK;
}

enum quantity_status quantity_duration(const char *text, uint64_t *ns)
{
    struct parts parts = {.at = text, .scale_before = UINT64_MAX, .is_first = true};
    enum quantity_status status = look_at_whole(text);

    while (status == QUANTITY_OK && *parts.at != '\0')
        status = take_part(&parts);
    if (status == QUANTITY_OK && parts.negative)
        return QUANTITY_NEGATIVE;
    if (status == QUANTITY_OK)
        *ns = parts.total_ns;
    return status;
}

enum quantity_status quantity_bytes(const char *text, uint64_t *bytes)
{
    enum quantity_status status = look_at_whole(text);
    uint64_t scale = 1;
    struct decimal d;

    if (status == QUANTITY_OK)
        status = scan_decimal(text, &d);
    if (status != QUANTITY_OK)
        return status;
    if (*d.rest != '\0') {
        const char *rest = NULL;
        const struct unit *unit = take_unit(byte_units, d.rest, &rest);

        if (unit == NULL || *rest != '\0')
            return unit_problem(d.rest);
        scale = unit->scale;
    }
    if (d.negative && d.digits != 0)
        return QUANTITY_NEGATIVE;
    return scale_exactly(&d, scale, bytes);
}

/* The decimal as the nearest double, times 10^shift without a second rounding. */
static enum quantity_status to_double(const struct decimal *d, int shift, double *out)
{
    char digits[QUANTITY_TEXT_MAX + 16];
    double value;

    assert(d->length <= QUANTITY_TEXT_MAX);
    snprintf(digits, sizeof digits, "%.*se%d", (int)d->length, d->text, shift);
    value = strtod(digits, NULL);
    if (!isfinite(value))
        return QUANTITY_TOO_LARGE;
    *out = value;
    return QUANTITY_OK;
}

/* "/s", "/m": the seconds of the unit below the stroke. */
static enum quantity_status take_per(const char *text, double *seconds)
{
    const struct unit *unit;
    const char *rest = NULL;

    if (*text == '\0')
        return QUANTITY_NO_UNIT;
    if (*text != '/')
        return unit_problem(text);
    unit = take_unit(duration_units, text + 1, &rest);
    if (unit == NULL || *rest != '\0')
        return unit_problem(text + 1);
    *seconds = (double)unit->scale / 1e9;
    return QUANTITY_OK;
}

/* Either kind of rate; `units` (or NULL) may stand in front of the stroke. */
static enum quantity_status read_rate(const char *text, const struct unit *units,
                                      double *per_s)
{
    enum quantity_status status = look_at_whole(text);
    double seconds = 1;
    double value = 0;
    uint64_t scale = 1;
    const char *rest;
    struct decimal d;

    if (status == QUANTITY_OK)
        status = scan_decimal(text, &d);
    if (status != QUANTITY_OK)
        return status;
    rest = d.rest;
    if (!is_bare_zero(&d)) {
        if (units != NULL && *rest != '\0') {
            const struct unit *unit = take_unit(units, rest, &rest);

            if (unit == NULL)
                return *rest == '/' ? QUANTITY_NO_UNIT : unit_problem(rest);
            scale = unit->scale;
        }
        status = take_per(rest, &seconds);
    }
    if (status == QUANTITY_OK)
        status = to_double(&d, 0, &value);
    if (status != QUANTITY_OK)
        return status;
    value = value * (double)scale / seconds;
    if (value < 0)
        return QUANTITY_NEGATIVE;
    if (!isfinite(value))
        return QUANTITY_TOO_LARGE;
    *per_s = fabs(value);
    return QUANTITY_OK;
}

enum quantity_status quantity_rate(const char *text, double *per_s)
{
    return read_rate(text, NULL, per_s);
}

enum quantity_status quantity_byte_rate(const char *text, double *per_s)
{
    return read_rate(text, byte_units, per_s);
}

enum quantity_status quantity_percent(const char *text, double *fraction)
{
    enum quantity_status status = look_at_whole(text);
    double value = 0;
    struct decimal d;

    if (status == QUANTITY_OK)
        status = scan_decimal(text, &d);
    if (status != QUANTITY_OK)
        return status;
    if (*d.rest == '\0' && !is_bare_zero(&d))
        return QUANTITY_NO_UNIT;
    if (*d.rest != '\0' && strcmp(d.rest, "%") != 0)
        return unit_problem(d.rest);
    status = to_double(&d, -2, &value);
    if (status == QUANTITY_OK && value < 0)
        return QUANTITY_NEGATIVE;
    if (status == QUANTITY_OK)
        *fraction = fabs(value);
    return status;
}

enum quantity_status quantity_integer(const char *text, int64_t *integer)
{
    enum quantity_status status = look_at_whole(text);
    wide limit = INT64_MAX;
    struct decimal d;

    if (status == QUANTITY_OK)
        status = scan_decimal(text, &d);
    if (status != QUANTITY_OK)
        return status;
    if (*d.rest != '\0')
        return QUANTITY_NO_NUMBER;
    if (d.places > 0)
        return QUANTITY_TOO_FINE;
    if (d.too_long || d.digits > limit + d.negative)
        return QUANTITY_TOO_LARGE;
    /* INT64_MIN has no positive twin, so the sign goes on in unsigned arithmetic. */
    *integer = (int64_t)(d.negative ? 0 - (uint64_t)d.digits : (uint64_t)d.digits);
    return QUANTITY_OK;
}

enum quantity_status quantity_number(const char *text, double *number)
{
    enum quantity_status status = look_at_whole(text);
    struct decimal d;

    if (status == QUANTITY_OK)
        status = scan_decimal(text, &d);
    if (status != QUANTITY_OK)
        return status;
    if (*d.rest != '\0')
        return QUANTITY_NO_NUMBER;
    return to_double(&d, 0, number);
}
