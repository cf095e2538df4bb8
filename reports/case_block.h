/* case_block: what stands below a case in the terminal's summary: the checks that did
 * not do what they should, with expected, measured, place and witnesses; how to run it
 * again; where the evidence lies. */
#ifndef STORMDRILL_REPORTS_CASE_BLOCK_H
#define STORMDRILL_REPORTS_CASE_BLOCK_H

#include "reports/page.h"

/* Below a case that passed: which traps snapped, and with -v every check's numbers. */
void case_block_passed(const struct page *page, const json_t *result);

/* Below any other. */
void case_block_not_passed(const struct page *page, const json_t *result);

#endif
