/* book: which links there are by name, with their faults, in one place for both APIs.
 *
 * Toxiproxy's proxies are links, its toxics faults. Every operation waits in one queue
 * until those before it are wholly done (the plane never waits for a peer, so that is
 * soon); two clients cannot see or interleave half-done changes. `done` fires once, on
 * the loop, later or before the call returns. What an answer shows is borrowed and goes
 * when `done` returns.
 *
 * Thread: the loop's. */
#ifndef STORMDRILL_CONTROL_BOOK_H
#define STORMDRILL_CONTROL_BOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "proxy/plane.h"

struct book;

enum { BOOK_NAME_BYTES = 128 };

/* One fault of a link, in the order in which they came. Read only. */
struct book_fault {
    struct book_fault *next;
    char name[BOOK_NAME_BYTES];  /* unique on its link */
    char type[FAULT_NAME_BYTES]; /* "latency"; "noop": it does nothing */
    struct fault_id id;          /* number 0: noop */
    json_t *params; /* what is in force, in the user's spelling, with the common ones */
    json_t *toxic;  /* it came as a toxic: {attributes, name, type, stream, toxicity};
                     * NULL: it came by /v1/ */
};

/* One link, in the order of the names. Read only. */
struct book_link {
    struct book_link *next;
    char name[LINK_NAME_BYTES];
    char listen[ADDRESS_BYTES]; /* the real address once it has listened */
    char upstream[ADDRESS_BYTES];
    bool enabled;
    uint64_t dial_timeout_ns; /* as its spec said; 0: the plane's own */
    uint64_t buffer_bytes;
    struct link_id id;
    struct book_fault *faults;
};

struct book_fault_spec {
    const char *name; /* NULL or "": the first free of "latency-1", "latency-2", ... */
    const char *type; /* of ours; "noop" */
    json_t *params;   /* with probability and direction; borrowed; NULL: none */
    json_t *toxic;    /* borrowed; kept as it is; NULL: none */
};

struct book_link_spec {
    const char *name;
    const char *listen; /* "" or "127.0.0.1:0": loopback, a free port. Host names too */
    const char *upstream;
    bool disabled;
    uint64_t dial_timeout_ns; /* 0: the plane's own */
    uint64_t buffer_bytes;
    const struct book_fault_spec *faults; /* made with it, all or none */
    size_t fault_count;
};

/* NULL or absent: as it is. */
struct book_link_change {
    const char *listen;
    const char *upstream;
    const bool *enabled;
};

/* rc 0, or:
 *   E_NOT_FOUND  no such link (`link` is NULL) or fault (`link` is set)
 *   E_EXISTS     the name is taken: likewise
 *   E_PARAM      a parameter, named in the error
 *   E_BUSY and others  it could not listen */
struct book_answer {
    int rc;
    struct error error;
    const char *about; /* of an error: "name", "listen", "upstream", "fault"; or NULL */
    const struct book_link *link;   /* it is about this one; NULL: none or removed */
    const struct book_fault *fault; /* likewise */
    uint32_t touched;               /* connections on which it acted at once */
    const struct book_link *const *links; /* of populate: those made or there, in order */
    size_t link_count;
    size_t entry; /* of populate: the one that failed, from 0 */
};

typedef void book_done_fn(void *arg, const struct book_answer *answer);

/* Borrows `plane` and `loop`. `allow_any_listen`: an address without a host means every
 * interface; otherwise loopback. */
int book_open(struct book **out, struct plane *plane, uv_loop_t *loop,
              bool allow_any_listen, struct error *err);

/* Finish what waits, then on_closed on the loop. The links stay open in the plane. */
void book_close(struct book *book, void (*on_closed)(void *arg), void *arg);

/* The control that the book talks through; for metrics and what changes nothing. */
struct control *book_control(const struct book *book);

/* Answered when everything before is done; then book_first and book_find may be used
 * inside `done` (and only there). */
void book_read(struct book *book, book_done_fn *done, void *arg);
const struct book_link *book_first(const struct book *book);
const struct book_link *book_find(const struct book *book, const char *name);
const struct book_fault *book_link_fault(const struct book_link *link, const char *name);

/* Everything that a spec points to is copied. */
void book_link_add(struct book *book, const struct book_link_spec *spec,
                   book_done_fn *done, void *arg);

/* A new listen or upstream ends the connections (FIN); faults stay. Where the new listen
 * cannot be had the link is left disabled, with it. Same values: nothing happens. */
void book_link_change(struct book *book, const char *name,
                      const struct book_link_change *change, book_done_fn *done,
                      void *arg);
void book_link_remove(struct book *book, const char *name, book_done_fn *done, void *arg);

/* The action: RST on every connection. */
void book_link_reset(struct book *book, const char *name, book_done_fn *done, void *arg);

void book_fault_add(struct book *book, const char *link,
                    const struct book_fault_spec *spec, book_done_fn *done, void *arg);

/* Change what `params` names (borrowed). `toxic` (borrowed, may be NULL) takes the place
 * of the one kept. */
void book_fault_change(struct book *book, const char *link, const char *fault,
                       json_t *params, json_t *toxic, book_done_fn *done, void *arg);

/* The same where the change depends on what is in force: `edit` is asked at its turn, on
 * the loop, with the `arg` of `done`. It gives new objects, or a code and words. */
typedef int book_edit_fn(void *arg, const struct book_fault *fault, json_t **params,
                         json_t **toxic, struct error *err);
void book_fault_edit(struct book *book, const char *link, const char *fault,
                     book_edit_fn *edit, book_done_fn *done, void *arg);

void book_fault_remove(struct book *book, const char *link, const char *fault,
                       book_done_fn *done, void *arg);

/* In order; one that is there with the same listen and upstream is left wholly as it is,
 * otherwise replaced. Stops at the first failure; `links` are those before it. */
void book_populate(struct book *book, const struct book_link_spec *specs, size_t count,
                   book_done_fn *done, void *arg);

/* Enable every link and heal every fault, of both APIs. */
void book_heal_all(struct book *book, book_done_fn *done, void *arg);

/* {"fault": "latency", "name": "slow", "params": {"base": "1s"}}, name and params
 * optional: how /v1/ and a config's "faults" spell one. In a state that /v1/ gave, one
 * that came as a toxic has its "toxic" too. `spec` borrows from `json`. */
int book_fault_read(struct book_fault_spec *spec, const json_t *json, struct error *err);

#endif
