/* fault_page: links and faults of a running proxy as a person reads them. */
#ifndef STORMDRILL_CLI_FAULT_PAGE_H
#define STORMDRILL_CLI_FAULT_PAGE_H

#include <jansson.h>
#include <stdio.h>

#include "harness/cli/terminal.h"

/* The links (an array as GET /v1/links has it), each with its faults. */
void fault_page_links(FILE *to, const struct terminal *terminal, const json_t *links);

/* A fault as one would add it: `latency base=100ms jitter=10ms`, without what is as by
 * default. Gives a string to free; NULL when memory is short. */
char *fault_page_words(const json_t *fault);

#endif
