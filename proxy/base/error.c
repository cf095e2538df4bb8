/* error: codes, sentences, and the guess at what somebody meant to write.
 *
 * A sentence that does not fit is cut at a whole UTF-8 character and ends in "...", so
 * that it can always be put into JSON. The guess is the optimal string alignment
 * distance (Damerau-Levenshtein without a second edit of a moved pair): it counts
 * the slips of a keyboard, among them two neighbours swapped, as one each. */
#include "proxy/base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Longer words are no slips of the keyboard; the bound keeps the tables on the stack. */
enum { SUGGEST_BYTES_MAX = 64 };

static const struct {
    int code;
    const char *name;
    const char *text;
    int exit_code;
} codes[] = {
#define X(name, value, text, exit_code) {value, #name, text, exit_code},
    ERROR_CODES(X)
#undef X
};

static int code_index(int code)
{
    int count = (int)(sizeof codes / sizeof codes[0]);

    for (int i = 0; i < count; i++)
        if (codes[i].code == code)
            return i;
    return -1;
}

/* Mark a cut: the last three bytes become dots, after taking away what would be half
 * of a character in front of them. */
static void end_with_dots(char *text, size_t size)
{
    size_t at = size - 4;

    while (at > 0 && ((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    memcpy(text + at, "...", 4);
}

/* By way of a text of its own, since a caller may build a sentence from the old one. */
static void format_into(char *text, size_t size, const char *format, va_list args)
{
    char fresh[ERROR_TEXT_BYTES];
    int length = vsnprintf(fresh, size, format, args);

    assert(size <= sizeof fresh);
    if (length < 0)
        fresh[0] = '\0';
    else if ((size_t)length >= size)
        end_with_dots(fresh, size);
    memcpy(text, fresh, strlen(fresh) + 1);
}

static void begin(struct error *err, int code)
{
    err->code = code;
    err->hint[0] = '\0';
    err->where[0] = '\0';
}

int error_set(struct error *err, int code, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, format);
    format_into(err->text, sizeof err->text, format, args);
    va_end(args);
    begin(err, code);
    return code;
}

static int code_of_errno(int number)
{
    switch (number) {
    case ENOMEM:
        return E_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return E_NOSPACE;
    default:
        return E_SYSTEM;
    }
}

int error_from_errno(struct error *err, const char *format, ...)
{
    int number = errno;
    int code = code_of_errno(number);
    char sentence[ERROR_TEXT_BYTES];
    char reason[128];
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, format);
    format_into(sentence, sizeof sentence, format, args);
    va_end(args);
    /* The GNU strerror_r: it returns the text and may leave `reason` unused. */
    error_set(err, code, "%s: %s", sentence, strerror_r(number, reason, sizeof reason));
    errno = number;
    return code;
}

void error_hint(struct error *err, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return;
    va_start(args, format);
    format_into(err->hint, sizeof err->hint, format, args);
    va_end(args);
}

int error_prefix(struct error *err, const char *format, ...)
{
    char context[ERROR_TEXT_BYTES];
    char whole[2 * ERROR_TEXT_BYTES + 2];
    va_list args;
    int length;

    if (err == NULL)
        return E_INTERNAL;
    va_start(args, format);
    format_into(context, sizeof context, format, args);
    va_end(args);
    length = snprintf(whole, sizeof whole, "%s: %s", context, err->text);
    memcpy(err->text, whole, sizeof err->text);
    err->text[sizeof err->text - 1] = '\0';
    if ((size_t)length >= sizeof err->text)
        end_with_dots(err->text, sizeof err->text);
    return err->code;
}

void error_clear(struct error *err)
{
    if (err == NULL)
        return;
    begin(err, E_OK);
    err->text[0] = '\0';
}

const char *error_name(int code)
{
    int index = code_index(code);

    return index < 0 ? "E_?" : codes[index].name;
}

const char *error_text(int code)
{
    int index = code_index(code);

    return index < 0 ? "unknown error" : codes[index].text;
}

int error_exit_code(int code)
{
    int index = code_index(code);

    /* A number that is no code came from a bug of ours. */
    return index < 0 ? 70 : codes[index].exit_code;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Three rows of the usual table are enough: this one, the one before, the one before
 * that (for the swap). Both words fit SUGGEST_BYTES_MAX. */
static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned rows[3][SUGGEST_BYTES_MAX + 1];

    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned differs = a[i - 1] != b[j - 1];

            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + differs);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                unsigned swapped = rows[(i - 2) % 3][j - 2] + 1;

                row[j] = swapped < row[j] ? swapped : row[j];
            }
        }
    }
    return rows[a_size % 3][b_size];
}

const char *error_suggest(const char *word, const char *const *names, int count)
{
    size_t size = strlen(word);
    unsigned limit = size / 3 > 1 ? (unsigned)(size / 3) : 1;
    const char *nearest = NULL;

    if (size == 0 || size > SUGGEST_BYTES_MAX)
        return NULL;
    for (int i = 0; i < count; i++) {
        size_t name_size = strlen(names[i]);
        unsigned d;

        if (name_size > SUGGEST_BYTES_MAX)
            continue;
        d = distance(word, size, names[i], name_size);
        if (d > limit || (nearest != NULL && d == limit))
            continue;
        nearest = names[i];
        limit = d;
    }
    return nearest;
}
