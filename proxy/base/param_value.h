/* param_value: one parameter's value between JSON, text and its field in a conf.
 *
 * Internal to proxy/base: param.c walks tables with it, the lone readers of param.h
 * (param_duration, ...) are thin covers of it. */
#ifndef STORMDRILL_BASE_PARAM_VALUE_H
#define STORMDRILL_BASE_PARAM_VALUE_H

#include "proxy/base/param.h"

/* Read a JSON value as one of the kinds of `p` and check its range. `what` names it in
 * errors ("latency: base"). Gives *out with owned copies; on failure *out is zero. */
int param_value_read(const struct param *p, const json_t *json, const char *what,
                     struct param_value *out, struct error *err);

/* The same for text that is known to be a value, such as a default. */
int param_value_read_text(const struct param *p, const char *text, const char *what,
                          struct param_value *out, struct error *err);

/* Is the value inside min and max? A bound that is no text of the kind does not bind. */
bool param_value_in_range(const struct param *p, const struct param_value *value);

/* In the user's spelling. NULL when absent or when memory is short. */
json_t *param_value_write(const struct param *p, const struct param_value *value);

/* What the field of `conf` holds, borrowed. */
struct param_value param_value_load(const struct param *p, const void *conf);

/* Put `value` into the field (takes what it owns); the old value is overwritten, so
 * whoever replaces one releases the old first. */
void param_value_store(const struct param *p, void *conf,
                       const struct param_value *value);

/* Copy with owned TEXT and JSON; false: no memory. */
bool param_value_copy(struct param_value *to, const struct param_value *from);

void param_value_release(struct param_value *value);

/* "duration", "duration, percentage or one of none, full". */
void param_kinds_text(const struct param *p, char *text, size_t size);

/* Does the field have a kind of its own in it? */
bool param_is_union(const struct param *p);

#endif
