/* toxiproxy_internal: what the handlers of Toxiproxy's paths share. */
#ifndef STORMDRILL_CONTROL_TOXIPROXY_INTERNAL_H
#define STORMDRILL_CONTROL_TOXIPROXY_INTERNAL_H

#include "proxy/control/book.h"
#include "proxy/control/http.h"
#include "proxy/control/toxics.h"

/* The JSON of a proxy, and of one's toxics: upstream first, each in order. New objects;
 * NULL: memory is short. */
json_t *toxiproxy_write(const struct book_link *link);
json_t *toxiproxy_write_toxics(const struct book_link *link);

/* A toxic of that name; NULL: none, or a fault that came by /v1/. */
const struct book_fault *toxiproxy_toxic(const struct book_link *link, const char *name);

/* The status and words for what the book said. `what` ("proxy", "toxic") is what the
 * operation was about, `listen` what was asked for (NULL: the link's own), `is_create`:
 * Go says "listen tcp:" in front of bad addresses. */
struct toxiproxy_problem {
    unsigned status;
    struct error error;
};
void toxiproxy_problem(struct toxiproxy_problem *out, const struct book_answer *answer,
                       const char *what, const char *listen, bool is_create);

/* The proxy that the call's path names, in the answer of a book_read; NULL: replied. */
const struct book_link *toxiproxy_find(struct call *call,
                                       const struct book_answer *answer);

/* What Toxiproxy's proxies have, from an object (borrowed). What is absent is "". */
int toxiproxy_read_fields(struct book_link_spec *spec, const json_t *json,
                          struct error *err);

/* The first value of the body; false: replied with 400. */
bool toxiproxy_body(struct call *call, json_t **out);

/* Handlers */
void toxiproxy_on_toxics(struct call *call);
void toxiproxy_on_toxic_create(struct call *call);
void toxiproxy_on_toxic(struct call *call);
void toxiproxy_on_toxic_update(struct call *call);
void toxiproxy_on_toxic_delete(struct call *call);
void toxiproxy_on_populate(struct call *call);

#endif
