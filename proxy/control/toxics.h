/* toxics: which fault of ours does what a toxic does.
 *
 * One table: type, fault, and for each integer attribute the parameter and its unit. An
 * attribute's range is that of the parameter. The same table leads back, so that a GET
 * says what is in force. Pure functions; any thread. */
#ifndef STORMDRILL_CONTROL_TOXICS_H
#define STORMDRILL_CONTROL_TOXICS_H

#include <jansson.h>
#include <stdbool.h>

#include "proxy/control/book.h"

/* A toxic that was understood: a fault to be, for the book. */
struct toxic {
    struct book_fault_spec spec; /* borrows from what follows */
    json_t *params;
    json_t *memo; /* {attributes, name, type, stream, toxicity} */
};

/* Read the body of a POST .../toxics (borrowed). E_FORMAT: it cannot be decoded ("bad
 * request body: " is in the words); E_PARAM: it can, and yet is none. */
int toxic_read(struct toxic *out, const json_t *body, struct error *err);
void toxic_release(struct toxic *toxic);

/* What the body of an update makes of a toxic that is there: its new parameters, and its
 * new self. Errors as above. */
int toxic_update(const struct book_fault *fault, const json_t *body, json_t **params,
                 json_t **memo, struct error *err);

/* As a GET shows it: the memo, with what is in force for the attributes. Gives a new
 * object; NULL: memory is short. */
json_t *toxic_write(const struct book_fault *fault);

/* The types there are, and the attributes of one with their unit ("": a count), for
 * whoever explains them. NULL behind the last; NULL for the attributes of no type. */
const char *toxic_type_name(int at);
const char *toxic_attribute_name(const char *type, int at, const char **unit);

/* May a fault of this type carry this memo (of a state that was written by us once)? */
bool toxic_is_memo(const json_t *memo, const char *fault_type);

/* Does it stand in the upstream's chain? */
bool toxic_is_upstream(const struct book_fault *fault);

#endif
