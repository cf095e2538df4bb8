/* api: the control API of a plane, on a loop and a thread of its own.
 *
 *   plane_start -> api_start -> (api_populate) -> (api_links) -> ... -> api_stop
 *   -> plane_stop
 *
 * It serves Toxiproxy's API, /v1/ and /metrics. Links made here live in the book
 * (book.h); what is left in it when the API stops stays open in the plane, which closes
 * it. Thread: start and stop on one; the others on any. */
#ifndef STORMDRILL_CONTROL_API_H
#define STORMDRILL_CONTROL_API_H

#include <jansson.h>
#include <stdbool.h>

#include "proxy/plane.h"

struct api;

struct api_options {
    struct plane *plane;     /* borrowed */
    const char *listen;      /* "127.0.0.1:8474" (when NULL or empty), "unix:/path"; an
                              * address that is not loopback needs a token. "none": it
                              * serves nobody, and only keeps the links */
    const char *token;       /* "Authorization: Bearer TOKEN" on every call; NULL: none */
    bool allow_any_listen;   /* a proxy's empty listen means every interface, as in
                              * Toxiproxy; otherwise loopback */
    struct log *log;         /* may be NULL */
    unsigned read_timeout_s; /* of half requests; 0: 15 s */
};

/* E_BUSY: the address is taken; E_PARAM: it cannot be used. */
int api_start(struct api **out, const struct api_options *options, struct error *err);

/* Answer what is in work, end the thread, free. */
void api_stop(struct api *api);

/* Where it listens, with the real port: "127.0.0.1:8474", "unix:/path", "none". */
const char *api_address(const struct api *api);

/* What /populate does, for `stormdrill proxy --config FILE`: make the proxies of the
 * array (borrowed), with their "toxics" and, ours, "faults" (book_fault_read). Waits. On
 * failure those before the bad one stay; the error names the entry. */
int api_populate(struct api *api, const json_t *array, struct error *err);

/* The links that there are, as GET /v1/links lists them, without what was counted.
 * Waits. Gives a new array, or NULL and what is wrong. */
json_t *api_links(struct api *api, struct error *err);

#endif
