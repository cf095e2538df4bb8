/* select: `-k EXPR`: which cases are meant, by words.
 *
 *   release and not (tls or slow)        "leader killed" and trap
 * A word is in a case when it is part of its name (scenario and case) or of its file's
 * name, or when it is one of its tags; capitals do not matter. `not` binds strongest,
 * then `and`, then `or`. A phrase with blanks stands in quotes. */
#ifndef STORMDRILL_SUITE_SELECT_H
#define STORMDRILL_SUITE_SELECT_H

#include <jansson.h>
#include <stdbool.h>

#include "proxy/base/error.h"

struct selector;

struct selector_subject {
    const char *id;     /* "scenario [case]" */
    const char *file;   /* path; its last part counts */
    const json_t *tags; /* array of strings; may be NULL */
};

/* E_USAGE with what is wrong and where in the expression. */
int selector_create(struct selector **out, const char *expression, struct error *err);
void selector_destroy(struct selector *selector);

bool selector_matches(const struct selector *selector,
                      const struct selector_subject *subject);

/* The at-th word of the expression, for suggestions; NULL behind the last. Borrowed. */
const char *selector_word(const struct selector *selector, int at);

/* Does this word alone match the subject? */
bool selector_word_matches(const char *word, const struct selector_subject *subject);

#endif
