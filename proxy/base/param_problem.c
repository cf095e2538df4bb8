/* param_problem: what to say when a value cannot be taken.
 *
 * A parameter of one kind gets the sentence for what is wrong with the text (no unit,
 * unknown unit, a blank, too large ...). One of several kinds gets the sentence of its
 * first numeric kind when the text looks like a number, else the list of what it takes.
 * The value stands in the sentence as it was given, cut at 48 bytes. */
#include "proxy/base/param_problem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/param_value.h"
#include "proxy/base/quantity.h"

enum { SHOWN_BYTES = 64, SHOWN_TEXT_MAX = 48 };

/* What a kind is called, two spellings to copy, and the units it knows. */
struct kind_words {
    enum param_kind kind;
    const char *noun;
    const char *example;
    const char *first_suffix; /* behind a number that lacks its unit */
    const char *second_suffix;
    const char *units;
};

static const struct kind_words words[] = {
    {PARAM_DURATION, "duration", "\"250ms\"", "s", "ms", "ns, us, ms, s, m, h, d"},
    {PARAM_PERCENT, "percentage", "\"95%\"", "%", NULL, "%"},
    {PARAM_RATE, "rate", "\"500/s\"", "/s", "/m", "/s, /m, /h"},
    {PARAM_BYTE_RATE, "rate in bytes", "\"100KB/s\"", "KB/s", "MiB/s",
     "B/s, KB/s, KiB/s, MB/s, MiB/s, GB/s, GiB/s"},
    {PARAM_BYTES, "size in bytes", "\"64KiB\"", "", NULL,
     "B, KB, KiB, MB, MiB, GB, GiB, TB, TiB"},
    {PARAM_FRACTION, "fraction", "0.5 or \"50%\"", "", NULL, "%"},
    {PARAM_INTEGER, "whole number", "20", "", NULL, "none"},
    {PARAM_NUMBER, "number", "2.5", "", NULL, "none"},
    {PARAM_BOOL, "boolean", "true or false", "", NULL, NULL},
    {PARAM_TEXT, "text", "\"abc\"", "", NULL, NULL},
    {PARAM_JSON, "table or list", "{ … }", "", NULL, NULL},
};

enum { WORD_COUNT = sizeof words / sizeof words[0] };

/* snprintf behind what is there already. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t size,
                                                         const char *format, ...)
{
    size_t at = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + at, size - at, format, args);
    va_end(args);
}

/* Bytes of the character at `at`, 0 when there is no whole and legal one. */
static size_t character_size(const unsigned char *at)
{
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xC2 || at[0] > 0xF4)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    /* Second bytes that would make an overlong form, a surrogate or too large a number.
     */
    if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
        (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F))
        return 0;
    return size;
}

bool param_problem_is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at != '\0') {
        size_t size = character_size(at);

        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

void param_problem_show(const char *text, char *shown, size_t size)
{
    const unsigned char *from = (const unsigned char *)text;
    size_t at = 0;

    assert(size >= SHOWN_BYTES);
    while (*from != '\0' && at < SHOWN_TEXT_MAX) {
        size_t bytes = character_size(from);

        if (bytes > 1 && at + bytes > SHOWN_TEXT_MAX)
            break;
        if (bytes == 0 || *from < 0x20 || *from == 0x7F) {
            shown[at++] = '?';
            from++;
            continue;
        }
        memcpy(shown + at, from, bytes);
        at += bytes;
        from += bytes;
    }
    snprintf(shown + at, size - at, "%s", *from == '\0' ? "" : "...");
}

static void append_choices(const struct param *p, char *text, size_t size)
{
    for (int i = 0; p->choices != NULL && p->choices[i] != NULL; i++)
        append(text, size, "%s%s", i > 0 ? ", " : "", p->choices[i]);
}

void param_kinds_text(const struct param *p, char *text, size_t size)
{
    bool has_choices = (p->kinds & PARAM_ENUM) != 0;
    unsigned left = p->kinds & ~(unsigned)PARAM_OPTIONAL;

    text[0] = '\0';
    for (int i = 0; i < WORD_COUNT; i++) {
        if ((p->kinds & words[i].kind) == 0)
            continue;
        left &= ~(unsigned)words[i].kind;
        append(text, size, "%s%s",
               text[0] == '\0' ? ""
               : left == 0     ? " or "
                               : ", ",
               words[i].noun);
    }
    if (!has_choices)
        return;
    append(text, size, "%sone of ", text[0] == '\0' ? "" : " or ");
    append_choices(p, text, size);
}

static int problem_of_status(const struct kind_words *w, enum quantity_status status,
                             const char *text, bool bare, const char *what,
                             struct error *err)
{
    char shown[SHOWN_BYTES];

    param_problem_show(text, shown, sizeof shown);
    switch (status) {
    case QUANTITY_EMPTY:
        return error_set(err, E_PARAM, "%s is empty; it takes a %s such as %s", what,
                         w->noun, w->example);
    case QUANTITY_TOO_LONG:
        return error_set(err, E_PARAM, "%s is %zu characters long, not a %s", what,
                         strlen(text), w->noun);
    case QUANTITY_BLANK:
        return error_set(err, E_PARAM, "%s must have no blank in it, not \"%s\"", what,
                         shown);
    case QUANTITY_NO_UNIT:
        if (w->second_suffix == NULL)
            return error_set(err, E_PARAM, "%s needs a unit: write \"%s%s\", not %s",
                             what, shown, w->first_suffix, shown);
        return error_set(err, E_PARAM,
                         "%s needs a unit: write \"%s%s\" or \"%s%s\", not %s", what,
                         shown, w->first_suffix, shown, w->second_suffix, shown);
    case QUANTITY_UNKNOWN_UNIT:
        error_set(err, E_PARAM, "%s has an unknown unit: \"%s\"", what, shown);
        error_hint(err, "units of a %s: %s", w->noun, w->units);
        return E_PARAM;
    case QUANTITY_WRONG_ORDER:
        return error_set(err, E_PARAM,
                         "%s must go from large units to small ones, as in \"1m30s\", "
                         "not \"%s\"",
                         what, shown);
    case QUANTITY_NEGATIVE:
        return error_set(err, E_PARAM, "%s cannot be negative: %s", what, shown);
    case QUANTITY_TOO_LARGE:
        return error_set(err, E_PARAM, "%s is too large for a %s: %s", what, w->noun,
                         shown);
    case QUANTITY_TOO_FINE:
        return error_set(err, E_PARAM, "%s must be a whole number%s, not %s", what,
                         w->kind == PARAM_DURATION ? " of nanoseconds"
                         : w->kind == PARAM_BYTES  ? " of bytes"
                                                   : "",
                         shown);
    default:
        return error_set(err, E_PARAM, "%s takes %s%s such as %s, not %s%s%s", what,
                         w->kind == PARAM_TEXT ? "" : "a ", w->noun, w->example,
                         bare ? "" : "\"", shown, bare ? "" : "\"");
    }
}

static enum quantity_status status_of(enum param_kind kind, const char *text)
{
    struct param_value v;

    switch (kind) {
    case PARAM_DURATION:
        return quantity_duration(text, &v.ns);
    case PARAM_BYTES:
        return quantity_bytes(text, &v.bytes);
    case PARAM_RATE:
        return quantity_rate(text, &v.number);
    case PARAM_BYTE_RATE:
        return quantity_byte_rate(text, &v.number);
    case PARAM_PERCENT:
        return quantity_percent(text, &v.number);
    case PARAM_INTEGER:
        return quantity_integer(text, &v.integer);
    case PARAM_FRACTION:
    case PARAM_NUMBER:
        return quantity_number(text, &v.number);
    default:
        return text[0] == '\0' ? QUANTITY_EMPTY : QUANTITY_NO_NUMBER;
    }
}

static int problem_of_choice(const struct param *p, const char *text, const char *what,
                             struct error *err)
{
    char all[ERROR_HINT_BYTES - 16] = "";
    char shown[SHOWN_BYTES];
    const char *near;
    int count = 0;

    while (p->choices != NULL && p->choices[count] != NULL)
        count++;
    near = error_suggest(text, p->choices, count);
    param_problem_show(text, shown, sizeof shown);
    if (near != NULL)
        error_set(err, E_PARAM, "%s has no choice '%s'; did you mean '%s'?", what, shown,
                  near);
    else
        error_set(err, E_PARAM, "%s has no choice '%s'", what, shown);
    append_choices(p, all, sizeof all);
    error_hint(err, "it takes: %s", all);
    return E_PARAM;
}

/* The kind whose sentence tells most: that of a single kind, or the first of several
 * that found a number in the text and only stumbled over what follows. */
static const struct kind_words *closest_kind(const struct param *p, const char *text,
                                             enum quantity_status *status)
{
    unsigned kinds = p->kinds & ~(unsigned)PARAM_OPTIONAL;
    bool is_single = (kinds & (kinds - 1)) == 0;

    for (int i = 0; i < WORD_COUNT; i++) {
        if ((p->kinds & words[i].kind) == 0)
            continue;
        *status = status_of(words[i].kind, text);
        if (is_single || *status != QUANTITY_NO_NUMBER)
            return &words[i];
    }
    return NULL;
}

int param_problem_text(const struct param *p, const char *text, bool bare,
                       const char *what, struct error *err)
{
    enum quantity_status status = QUANTITY_NO_NUMBER;
    const struct kind_words *w;
    char kinds[ERROR_HINT_BYTES];
    char shown[SHOWN_BYTES];

    if (p->kinds == PARAM_ENUM && !bare && text[0] != '\0')
        return problem_of_choice(p, text, what, err);
    w = closest_kind(p, text, &status);
    if (w != NULL && status == QUANTITY_NEGATIVE && (p->min != NULL || p->max != NULL))
        return param_problem_range(p, text, what, err);
    if (w != NULL)
        return problem_of_status(w, status, text, bare, what, err);
    param_kinds_text(p, kinds, sizeof kinds);
    param_problem_show(text, shown, sizeof shown);
    error_set(err, E_PARAM, "%s cannot be %s%s%s", what, bare ? "" : "\"", shown,
              bare ? "" : "\"");
    error_hint(err, "it takes: %s", kinds);
    return E_PARAM;
}

int param_problem_range(const struct param *p, const char *text, const char *what,
                        struct error *err)
{
    char shown[SHOWN_BYTES];

    param_problem_show(text, shown, sizeof shown);
    if (p->min != NULL && p->max != NULL)
        return error_set(err, E_PARAM, "%s must be between %s and %s, not %s", what,
                         p->min, p->max, shown);
    if (p->min != NULL)
        return error_set(err, E_PARAM, "%s must be at least %s, not %s", what, p->min,
                         shown);
    return error_set(err, E_PARAM, "%s must be at most %s, not %s", what, p->max, shown);
}

int param_problem_type(const struct param *p, const json_t *json, const char *what,
                       struct error *err)
{
    char kinds[ERROR_HINT_BYTES];
    const char *type = json_is_object(json)    ? "a table"
                       : json_is_array(json)   ? "a list"
                       : json_is_boolean(json) ? "a boolean"
                                               : "null";

    param_kinds_text(p, kinds, sizeof kinds);
    error_set(err, E_PARAM, "%s cannot be %s", what, type);
    error_hint(err, "it takes: %s", kinds);
    return E_PARAM;
}
