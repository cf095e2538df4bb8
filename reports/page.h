/* page: a stream with the few things that a text report needs: cleaned words, colours
 * that are only there where they are wanted, columns. */
#ifndef STORMDRILL_REPORTS_PAGE_H
#define STORMDRILL_REPORTS_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "reports/format.h"

enum paint { PAINT_PLAIN, PAINT_BOLD, PAINT_DIM, PAINT_GREEN, PAINT_RED, PAINT_YELLOW };

struct page {
    FILE *to;
    const struct format_options *options;
};

/* Foreign words, cleaned; NULL prints nothing. */
void page_text(const struct page *page, const char *text);

/* The same in a colour, padded to `width` columns (0: not). */
void page_painted(const struct page *page, enum paint paint, const char *text, int width);

/* Our own words. */
void page_format(const struct page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A member of a result as text; "" when it is missing or no text. Borrowed. */
const char *member_text(const json_t *object, const char *name);
double member_number(const json_t *object, const char *name);

/* "PASS", "INCONCLUSIVE", … of an outcome ("passed", …), and its colour. */
const char *outcome_label(const char *outcome);
enum paint outcome_paint(const char *outcome);

#endif
