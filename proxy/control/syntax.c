/* syntax: reads over one JSON value, and stops at the first byte that cannot be.
 *
 * jansson decodes; this only finds the sentence that Go's encoding/json would say, since
 * clients and people know those sentences. One function for each kind of value, each
 * with `s->at` on the first byte of it; false means that the sentence is said. */
#include "proxy/control/syntax.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* As deep as jansson goes. */
enum { DEPTH_MAX = 2000, SHOWN_BYTES = 12 };

struct scan {
    const unsigned char *at;
    const unsigned char *end;
    struct error *err;
    int depth;
};

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* As Go's strconv.Quote writes the character U+00..: readable, else escaped. */
static void show(unsigned char c, char shown[SHOWN_BYTES])
{
    static const char names[] = "abtnvfr"; /* from 7 on */

    if (c == '\'' || c == '\\')
        snprintf(shown, SHOWN_BYTES, "\\%c", c);
    else if (c >= 7 && c <= 13)
        snprintf(shown, SHOWN_BYTES, "\\%c", names[c - 7]);
    else if (c < 0x20 || c == 0x7F)
        snprintf(shown, SHOWN_BYTES, "\\x%02x", c);
    else if (c < 0x7F)
        snprintf(shown, SHOWN_BYTES, "%c", c);
    else if (c <= 0xA0 || c == 0xAD)
        snprintf(shown, SHOWN_BYTES, "\\u%04x", c);
    else
        snprintf(shown, SHOWN_BYTES, "%c%c", 0xC0 | c >> 6, 0x80 | (c & 0x3F));
}

static bool invalid(struct scan *s, const char *where)
{
    char shown[SHOWN_BYTES];

    if (s->at == s->end) {
        error_set(s->err, E_FORMAT, "unexpected EOF");
    } else {
        show(*s->at, shown);
        error_set(s->err, E_FORMAT, "invalid character '%s' %s", shown, where);
    }
    return false;
}

/* The next byte is this one: take it. */
static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != (unsigned char)c)
        return false;
    s->at++;
    return true;
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->end && memchr(" \t\r\n", *s->at, 4) != NULL)
        s->at++;
}

static bool scan_escape(struct scan *s)
{
    if (s->at < s->end && *s->at != '\0' && strchr("bfnrt\\/\"", *s->at) != NULL) {
        s->at++;
        return true;
    }
    if (!take(s, 'u'))
        return invalid(s, "in string escape code");
    for (int i = 0; i < 4; i++, s->at++)
        if (s->at == s->end || *s->at == '\0' ||
            strchr("0123456789abcdefABCDEF", *s->at) == NULL)
            return invalid(s, "in \\u hexadecimal character escape");
    return true;
}

static bool scan_string(struct scan *s)
{
    s->at++;
    while (s->at < s->end && *s->at != '"') {
        if (*s->at < 0x20)
            return invalid(s, "in string literal");
        if (take(s, '\\')) {
            if (!scan_escape(s))
                return false;
        } else {
            s->at++;
        }
    }
    return take(s, '"') || invalid(s, "in string literal");
}

static bool scan_digits(struct scan *s, const char *where)
{
    if (s->at == s->end || !is_digit(*s->at))
        return invalid(s, where);
    while (s->at < s->end && is_digit(*s->at))
        s->at++;
    return true;
}

static bool scan_number(struct scan *s)
{
    take(s, '-');
    if (!take(s, '0') && !scan_digits(s, "in numeric literal"))
        return false;
    if (take(s, '.') && !scan_digits(s, "after decimal point in numeric literal"))
        return false;
    if (!take(s, 'e') && !take(s, 'E'))
        return true;
    if (!take(s, '+'))
        take(s, '-');
    return scan_digits(s, "in exponent of numeric literal");
}

static bool scan_literal(struct scan *s, const char *word)
{
    char where[48];

    for (const char *c = word; *c != '\0'; c++) {
        snprintf(where, sizeof where, "in literal %s (expecting '%c')", word, *c);
        if (!take(s, *c))
            return invalid(s, where);
    }
    return true;
}

static bool scan_value(struct scan *s);

static bool scan_member(struct scan *s)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != '"')
        return invalid(s, "looking for beginning of object key string");
    if (!scan_string(s))
        return false;
    skip_blanks(s);
    if (!take(s, ':'))
        return invalid(s, "after object key");
    return scan_value(s);
}

/* Items with commas in between, up to `end`. */
static bool scan_items(struct scan *s, char end, bool (*scan_item)(struct scan *s),
                       const char *after_item)
{
    s->at++;
    skip_blanks(s);
    if (take(s, end))
        return true;
    for (;;) {
        if (!scan_item(s))
            return false;
        skip_blanks(s);
        if (take(s, end))
            return true;
        if (!take(s, ','))
            return invalid(s, after_item);
    }
}

static bool scan_nested(struct scan *s, char end, bool (*scan_item)(struct scan *s),
                        const char *after_item)
{
    bool is_whole;

    if (s->depth == DEPTH_MAX) {
        error_set(s->err, E_FORMAT, "exceeded max depth");
        return false;
    }
    s->depth++;
    is_whole = scan_items(s, end, scan_item, after_item);
    s->depth--;
    return is_whole;
}

static bool scan_value(struct scan *s)
{
    skip_blanks(s);
    if (s->at == s->end)
        return invalid(s, "");
    switch (*s->at) {
    case '{':
        return scan_nested(s, '}', scan_member, "after object key:value pair");
    case '[':
        return scan_nested(s, ']', scan_value, "after array element");
    case '"':
        return scan_string(s);
    case 't':
        return scan_literal(s, "true");
    case 'f':
        return scan_literal(s, "false");
    case 'n':
        return scan_literal(s, "null");
    default:
        if (*s->at == '-' || is_digit(*s->at))
            return scan_number(s);
        return invalid(s, "looking for beginning of value");
    }
}

bool syntax_check(const char *text, size_t size, struct error *err)
{
    const unsigned char *from = (const unsigned char *)text;
    struct scan s = {.at = from, .end = from + size, .err = err};

    skip_blanks(&s);
    if (s.at == s.end) {
        error_set(err, E_FORMAT, "EOF");
        return false;
    }
    return scan_value(&s);
}
