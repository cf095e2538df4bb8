/* decode: a body as Go's encoding/json reads it, with its words for what is wrong.
 *
 * The first JSON value counts, what follows is ignored; keys match in any case and the
 * last one wins; null is as good as absent; unknown keys are ignored. Pure functions. */
#ifndef STORMDRILL_CONTROL_DECODE_H
#define STORMDRILL_CONTROL_DECODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/base/error.h"

/* Gives a new value, or E_FORMAT: "EOF", "invalid character 'x' looking for beginning of
 * value". Text that is no UTF-8 is refused (Go repairs it). E_NOMEM. */
int decode_first(json_t **out, const char *body, size_t size, struct error *err);

/* What jansson complains of, in words that do not name its flags. */
const char *decode_problem_text(const json_error_t *problem);

/* Did jansson fail for want of memory? It says so seldom: mostly it complains of syntax
 * where there is none to complain of. */
bool decode_lacked_memory(const json_error_t *problem, const char *body, size_t size);

/* Any value of that name, borrowed; NULL: absent or null. */
json_t *decode_member(const json_t *object, const char *name);

/* A member of that kind; `out` is left alone when it is absent. `owner` is Go's name for
 * where it stands ("Proxy"). E_FORMAT: "json: cannot unmarshal ...". */
int decode_text(const json_t *object, const char *owner, const char *name,
                const char **out, struct error *err);
int decode_bool(const json_t *object, const char *owner, const char *name, bool *out,
                struct error *err);
int decode_integer(const json_t *object, const char *owner, const char *name,
                   int64_t *out, struct error *err);
int decode_number(const json_t *object, const char *owner, const char *name, double *out,
                  struct error *err);

/* Is it an object? `type` is Go's name for what should be there. */
int decode_object(const json_t *json, const char *type, struct error *err);
int decode_array(const json_t *json, const char *type, struct error *err);

#endif
