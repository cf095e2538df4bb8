/* book_internal: what the files of the book share: the entries, and operations as chains
 * of steps.
 *
 *   book_op_create -> (names looked up) -> book_op_submit -> start -> step -> ...
 *   -> book_op_finish
 *
 * One operation runs at a time. A step sends one command to the plane; the next step
 * follows in its answer. Operations made of others (populate, heal_all) use the same
 * steps. Thread: the loop's. */
#ifndef STORMDRILL_CONTROL_BOOK_INTERNAL_H
#define STORMDRILL_CONTROL_BOOK_INTERNAL_H

#include "proxy/control/book.h"

/* A fault to be: a copy of a struct book_fault_spec. */
struct fault_plan {
    char *name; /* "" to choose one */
    char *type;
    json_t *params;
    json_t *toxic;
};

/* A link to be. `listen` is as it was given, `resolved` what the plane is told. */
struct link_plan {
    char *name;
    char *listen;
    char *upstream;
    char resolved[ADDRESS_BYTES];
    bool disabled;
    uint64_t dial_timeout_ns;
    uint64_t buffer_bytes;
    struct fault_plan *faults;
    size_t fault_count;
};

struct op;
typedef void op_step_fn(struct op *op);

struct op {
    struct op *next;
    struct book *book;
    op_step_fn *start;
    op_step_fn *then;       /* behind the step that runs */
    op_step_fn *build_then; /* behind book_step_build */
    op_step_fn *failed;     /* instead of the end, when a step fails; once */
    book_edit_fn *edit;
    book_done_fn *done;
    void *arg;
    struct book_answer answer;
    /* What it is about */
    char *link_name;
    char *fault_name;
    struct fault_plan fault;
    struct link_plan *plans; /* of links to be made, one or many */
    size_t plan_count;
    char *listen; /* of a change; NULL: as it is */
    char resolved[ADDRESS_BYTES];
    char *upstream;
    bool has_enabled, enabled;
    /* Where it is */
    size_t at;       /* in plans */
    size_t fault_at; /* in the faults of a plan */
    struct book_link *link;
    struct book_fault *target;
    struct book_fault *fresh; /* not yet in its list */
    struct book_link *fresh_link;
    const struct book_link **links; /* of the answer */
    /* Looking up */
    uv_getaddrinfo_t lookup;
    size_t lookup_at;
};

struct book {
    uv_loop_t *loop;
    struct control *control;
    bool allow_any_listen;
    struct book_link *links; /* by name */
    struct op *running;
    struct op *head, *last; /* waiting */
    uint32_t ops;           /* there are, waiting, running or looking names up */
    bool closing;
    bool ready;   /* the next step of `running` may be taken */
    bool turning; /* somebody takes it already */
    void (*on_closed)(void *arg);
    void *closed_arg;
};

/* NULL when memory is short, and then `done` has been told. */
struct op *book_op_create(struct book *book, op_step_fn *start, book_done_fn *done,
                          void *arg);

/* Look up the host names in its listens, then queue. Takes `op`. */
void book_op_submit(struct op *op);

/* Take this step next, once the one that runs has returned. */
void book_op_go(struct op *op, op_step_fn *then);

/* The end: rc and words are in op->answer. Takes `op`. */
void book_op_finish(struct op *op);

/* The same with an error. */
void book_op_fail(struct op *op, int code, const char *about, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void book_op_fail_with(struct op *op, const struct error *err, int code,
                       const char *about);

/* false: it has failed. */
bool book_op_find_link(struct op *op);
bool book_check_upstream(struct op *op, const char *upstream);
bool book_check_listen(struct op *op, const char *listen, const char *resolved);

/* Copies; false: memory is short. */
bool book_plan_fault(struct fault_plan *plan, const struct book_fault_spec *spec);
bool book_plan_link(struct link_plan *plan, const struct book_link_spec *spec);
void book_plan_release(struct link_plan *plan);
void book_plan_release_fault(struct fault_plan *plan);

/* Entries */
struct book_link *book_entry_find(const struct book *book, const char *name);
struct book_fault *book_entry_fault(const struct book_link *link, const char *name);
void book_entry_add(struct book *book, struct book_link *link);
void book_entry_remove(struct book *book, struct book_link *link); /* frees it */
void book_entry_append(struct book_link *link, struct book_fault *fault);
void book_entry_drop(struct book_link *link, struct book_fault *fault); /* frees it */

void book_entry_free_fault(struct book_fault *fault); /* NULL is fine */

/* Steps: each ends with book_op_go to `then`, or book_op_fail. */
void book_step_open(struct op *op, const struct link_plan *plan, op_step_fn *then);
void book_step_close(struct op *op, struct book_link *link, op_step_fn *then);
void book_step_enable(struct op *op, struct book_link *link, op_step_fn *then);
void book_step_disable(struct op *op, struct book_link *link, op_step_fn *then);
void book_step_add(struct op *op, struct book_link *link, const struct fault_plan *plan,
                   op_step_fn *then);
void book_step_change(struct op *op, op_step_fn *then); /* op->target as in op->fault */
void book_step_heal(struct op *op, struct book_link *link, struct book_fault *fault,
                    op_step_fn *then);

/* The end for want of memory; as the first step, of an operation that could not be set
 * up whole. */
void book_step_no_memory(struct op *op);

/* Make the link of plan op->at with its faults; undone as a whole when one fails. Adds
 * it to op->links. */
void book_step_build(struct op *op, op_step_fn *then);

#endif
