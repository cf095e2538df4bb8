/* v1_internal: what the files of /v1/ share: their JSON, their errors, their way to wait.
 *
 * A handler asks the book with the call as `arg` and replies in `done`. Who must keep
 * something more until then uses a `struct v1_work`. */
#ifndef STORMDRILL_CONTROL_V1_INTERNAL_H
#define STORMDRILL_CONTROL_V1_INTERNAL_H

#include <jansson.h>

#include "proxy/control/book.h"
#include "proxy/control/http.h"

/* A call that is being worked on, and an object of its own: a body, a reply to come. */
struct v1_work {
    struct call *call;
    json_t *json;
};

/* Takes `json`. NULL: memory was short, the call has been replied to. */
struct v1_work *v1_work_create(struct call *call, json_t *json);
void v1_work_destroy(struct v1_work *work);

struct book *v1_book(struct call *call);

/* The body as an object. false: it is none, the call has been replied to. `example`
 * shows what was expected. */
bool v1_body(struct call *call, const char *example, json_t **out);

/* The status that an error's code stands for. */
unsigned v1_status(int code);

/* Reply with an answer's error. A link or fault that is not there: 404 with the nearest
 * name, from the call's parts {link} and {fault}. */
void v1_reply_failed(struct call *call, const struct book_answer *answer);

/* The link, or its fault (by name, or else by id), that the call's path names, in the
 * answer of a book_read; NULL: the call has been replied to. */
const struct book_link *v1_link(struct call *call, const struct book_answer *answer);
const struct book_fault *v1_fault(struct call *call, const struct book_answer *answer);

/* {"id", "fault", "name", "params", "toxic"?}. This and the next two give new objects,
 * whole, or NULL when memory is short. */
json_t *v1_fault_json(const struct book_fault *fault);

/* {"id", "name", "listen", "upstream", "enabled", "dial_timeout", "buffer", "faults"} */
json_t *v1_link_json(const struct book_link *link);

/* All of them. Inside `done` of a book_read. */
json_t *v1_write_links(const struct book *book);

/* Reply with 200 and `json` (taken), after what the plane counted has been added to its
 * links and faults: "connections", "bytes", "held", "touched". */
void v1_reply_counted(struct call *call, json_t *json);

/* What a link takes. */
extern const struct param v1_link_params[];

/* A body of POST /v1/links, or an entry of a state: what its spec points to lives in
 * `conf` and `json`. */
struct v1_link_body;
int v1_link_read(struct v1_link_body **out, const json_t *json, struct error *err);
const struct book_link_spec *v1_link_spec(const struct v1_link_body *body);
void v1_link_body_destroy(struct v1_link_body *body); /* NULL is fine */

/* The handlers: v1_links.c, v1_faults.c, v1_state.c, v1_about.c. */
void v1_list_links(struct call *call);
void v1_add_link(struct call *call);
void v1_show_link(struct call *call);
void v1_change_link(struct call *call);
void v1_remove_link(struct call *call);
void v1_reset_link(struct call *call);
void v1_list_faults(struct call *call);
void v1_list_link_faults(struct call *call);
void v1_add_fault(struct call *call);
void v1_heal_faults(struct call *call);
void v1_show_fault(struct call *call);
void v1_change_fault(struct call *call);
void v1_heal_fault(struct call *call);
void v1_show_state(struct call *call);
void v1_take_state(struct call *call);
void v1_show_tables(struct call *call);
void v1_show_version(struct call *call);
void v1_show_metrics(struct call *call);

#endif
