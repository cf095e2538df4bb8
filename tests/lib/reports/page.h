/* page: results made by hand, and what a person reads of them in the terminal. */
#ifndef STORMDRILL_TESTS_REPORTS_PAGE_H
#define STORMDRILL_TESTS_REPORTS_PAGE_H

#include <jansson.h>

#include "reports/format.h"

/* A check with three lost messages. Gives a new object. */
json_t *page_check(const char *id, const char *verdict, bool met, const char *reason,
                   const char *measured);

/* A case without checks. Gives a new object. */
json_t *page_case(const char *id, const char *scenario, const char *outcome);
void page_add_check(json_t *result, json_t *check); /* takes `check` */

/* The results of these cases (taken). Gives a new object. */
json_t *page_results(json_t *cases, int repeat);

extern const struct format_options page_quiet;
extern const struct format_options page_plain;
extern const struct format_options page_verbose;

/* Takes `results`; gives the page, to be freed. */
char *page_print(json_t *results, const struct format_options *options);

void page_expect(const char *page, const char *text);
void page_expect_not(const char *page, const char *text);

/* Cuts the page before its last line; gives that line. */
const char *page_last_line(char *page);

#endif
