/* text: foreign words on a person's terminal. One decoder for all: `next` gives the next
 * code point of possibly broken UTF-8, everything else is built on it. */
#include "reports/text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { BROKEN = '?' };

/* How long a UTF-8 sequence is that starts with this byte; 0 for none. */
static int sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    if (first >= 0xf0 && first < 0xf5)
        return 4;
    return 0;
}

/* Longer than it need be, half of a pair, or beyond Unicode: such sequences are used to
 * smuggle characters past those who look for them. */
static bool is_valid(uint32_t point, int length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    return point >= least[length] && point <= 0x10ffff &&
           (point < 0xd800 || point > 0xdfff);
}

/* The code point at *at, which moves on; BROKEN for a byte that is none. */
static uint32_t next(const char **at)
{
    const unsigned char *bytes = (const unsigned char *)*at;
    int length = sequence_length(bytes[0]);
    uint32_t point = length > 1 ? bytes[0] & (0xffu >> (length + 1)) : bytes[0];
    bool whole = length > 0;

    for (int i = 1; whole && i < length; i++) {
        whole = (bytes[i] & 0xc0) == 0x80;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    if (!whole || !is_valid(point, length)) {
        *at += 1;
        return BROKEN;
    }
    *at += length;
    return point;
}

/* Controls of ASCII and Latin-1, and the marks that turn writing direction around. */
static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static const char *ascii_of(uint32_t point)
{
    switch (point) {
    case 0x2192: /* rightwards arrow */
        return "->";
    case 0x2026: /* ellipsis */
        return "...";
    case 0x00d7: /* times */
        return "x";
    case 0x2013: /* dashes */
    case 0x2014:
        return "-";
    case 0x00b5: /* micro */
    case 0x03bc:
        return "u";
    case 0x00b1: /* plus-minus */
        return "+-";
    default:
        return point >= 0x2581 && point <= 0x2588 ? "#" : "?";
    }
}

/* What one code point at *at looks like when cleaned: bytes into `piece` (8 of them),
 * columns as the value. */
static int clean_one(char *piece, const char **at, bool utf8)
{
    const char *from = *at;
    uint32_t point = next(at);

    if (point == '\n' || point == '\t' || point == '\r') {
        memcpy(piece, " ", 2);
        return 1;
    }
    if (is_control(point) || (point == BROKEN && *from != BROKEN)) {
        memcpy(piece, "?", 2);
        return 1;
    }
    if (point >= 0x80 && !utf8)
        return snprintf(piece, 8, "%s", ascii_of(point));
    memcpy(piece, from, (size_t)(*at - from));
    piece[*at - from] = '\0';
    return 1;
}

void text_put(FILE *to, const char *text, bool utf8)
{
    text_put_padded(to, text, 0, utf8);
}

void text_put_padded(FILE *to, const char *text, int width, bool utf8)
{
    char piece[8];
    int columns = 0;

    for (const char *at = text; at != NULL && *at != '\0';) {
        columns += clean_one(piece, &at, utf8);
        fputs(piece, to);
    }
    for (; columns < width; columns++)
        fputc(' ', to);
}

int text_width(const char *text, bool utf8)
{
    char piece[8];
    int columns = 0;

    for (const char *at = text; at != NULL && *at != '\0';)
        columns += clean_one(piece, &at, utf8);
    return columns;
}

char *text_printable(char *to, size_t size, const char *text, bool utf8)
{
    char piece[8];
    size_t used = 0;

    assert(size > 0);
    for (const char *at = text; at != NULL && *at != '\0';) {
        size_t more;

        clean_one(piece, &at, utf8);
        more = strlen(piece);
        if (used + more >= size)
            break;
        memcpy(to + used, piece, more);
        used += more;
    }
    to[used] = '\0';
    return to;
}

char *text_duration(char *to, size_t size, double seconds)
{
    double whole = floor(seconds + 0.5);

    if (!(seconds >= 0))
        seconds = 0;
    if (seconds < 99.95)
        snprintf(to, size, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(to, size, "%.0f min %.0f s", floor(whole / 60), fmod(whole, 60));
    else
        snprintf(to, size, "%.0f h %.0f min", floor(whole / 3600),
                 floor(fmod(whole, 3600) / 60));
    return to;
}

char *text_count(char *to, size_t size, uint64_t count)
{
    char digits[24];
    size_t length =
        (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    size_t used = 0;

    for (size_t i = 0; i < length && used + 2 < size; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            to[used++] = ',';
        to[used++] = digits[i];
    }
    to[used] = '\0';
    return to;
}
