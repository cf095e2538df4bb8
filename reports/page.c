/* page: a stream with the few things that a text report needs. */
#include "reports/page.h"

#include <stdarg.h>
#include <string.h>

#include "reports/text.h"

static const char *const codes[] = {
    [PAINT_PLAIN] = "",         [PAINT_BOLD] = "\033[1m",   [PAINT_DIM] = "\033[2m",
    [PAINT_GREEN] = "\033[32m", [PAINT_RED] = "\033[1;31m", [PAINT_YELLOW] = "\033[33m",
};

void page_text(const struct page *page, const char *text)
{
    text_put(page->to, text, page->options->utf8);
}

void page_painted(const struct page *page, enum paint paint, const char *text, int width)
{
    bool coloured = page->options->colour && paint != PAINT_PLAIN;

    if (coloured)
        fputs(codes[paint], page->to);
    text_put_padded(page->to, text, width, page->options->utf8);
    if (coloured)
        fputs("\033[0m", page->to);
}

void page_format(const struct page *page, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(page->to, format, args);
    va_end(args);
}

const char *member_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

double member_number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static const struct {
    const char *outcome;
    const char *label;
    enum paint paint;
} labels[] = {
    {"passed", "PASS", PAINT_GREEN},
    {"failed", "FAIL", PAINT_RED},
    {"inconclusive", "INCONCLUSIVE", PAINT_YELLOW},
    {"error", "ERROR", PAINT_RED},
    {"skipped", "SKIPPED", PAINT_DIM},
    {"interrupted", "INTERRUPTED", PAINT_YELLOW},
};

const char *outcome_label(const char *outcome)
{
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        if (strcmp(labels[i].outcome, outcome) == 0)
            return labels[i].label;
    }
    return "UNKNOWN";
}

enum paint outcome_paint(const char *outcome)
{
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        if (strcmp(labels[i].outcome, outcome) == 0)
            return labels[i].paint;
    }
    return PAINT_RED;
}
