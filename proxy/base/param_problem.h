/* param_problem: the sentences about values that cannot be taken. Internal to
 * proxy/base. Each sets E_PARAM with the name and the value in it, and a way out. */
#ifndef STORMDRILL_BASE_PARAM_PROBLEM_H
#define STORMDRILL_BASE_PARAM_PROBLEM_H

#include "proxy/base/param.h"

/* Understood, but outside min and max. */
int param_problem_range(const struct param *p, const char *text, const char *what,
                        struct error *err);

/* Text (or, `bare`, a number) that none of the kinds understands. */
int param_problem_text(const struct param *p, const char *text, bool bare,
                       const char *what, struct error *err);

/* A list, table, boolean or null where none can be. */
int param_problem_type(const struct param *p, const json_t *json, const char *what,
                       struct error *err);

/* Is the text UTF-8 all through (RFC 3629: no overlong forms, no surrogates)? */
bool param_problem_is_utf8(const char *text);

/* The value as it may stand in a sentence: short, no control characters, UTF-8. */
void param_problem_show(const char *text, char *shown, size_t size);

#endif
