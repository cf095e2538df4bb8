/* v1: the routes, and what all handlers do alike: bodies, errors, waiting.
 *
 * All well:       a handler reads the body, asks the book, and replies in `done`.
 * Not there:      the book is asked once more, so that the 404 can say which name was
 *                 probably meant.
 * Nothing waits for a peer: the book and the plane answer when a change is in force. */
#include "proxy/control/v1.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/v1_internal.h"

#define LINK "/v1/links/{link}"
#define FAULT LINK "/faults/{fault}"

const struct route v1_routes[] = {
    {"GET", "/v1/links", ROUTE_V1, v1_list_links},
    {"POST", "/v1/links", ROUTE_V1, v1_add_link},
    {"GET", LINK, ROUTE_V1, v1_show_link},
    {"PATCH", LINK, ROUTE_V1, v1_change_link},
    {"DELETE", LINK, ROUTE_V1, v1_remove_link},
    {"POST", LINK "/reset", ROUTE_V1, v1_reset_link},
    {"GET", LINK "/faults", ROUTE_V1, v1_list_link_faults},
    {"POST", LINK "/faults", ROUTE_V1, v1_add_fault},
    {"DELETE", LINK "/faults", ROUTE_V1, v1_heal_faults},
    {"GET", FAULT, ROUTE_V1, v1_show_fault},
    {"PATCH", FAULT, ROUTE_V1, v1_change_fault},
    {"DELETE", FAULT, ROUTE_V1, v1_heal_fault},
    {"GET", "/v1/faults", ROUTE_V1, v1_list_faults},
    {"GET", "/v1/state", ROUTE_V1, v1_show_state},
    {"POST", "/v1/state", ROUTE_V1, v1_take_state},
    {"GET", "/v1/api", ROUTE_V1, v1_show_tables},
    {"GET", "/v1/version", ROUTE_V1, v1_show_version},
    {"*", "/metrics", ROUTE_TOXIPROXY, v1_show_metrics},
    {.pattern = NULL},
};

enum { NAMES_MAX = 256, NAMES_SHOWN = 10, ID_BYTES = 16 };

struct book *v1_book(struct call *call)
{
    return call_context(call);
}

struct v1_work *v1_work_create(struct call *call, json_t *json)
{
    struct v1_work *work = calloc(1, sizeof *work);

    if (work == NULL || json == NULL) {
        free(work);
        json_decref(json);
        call_reply_problem(call, 500, "out of memory");
        return NULL;
    }
    work->call = call;
    work->json = json;
    return work;
}

void v1_work_destroy(struct v1_work *work)
{
    json_decref(work->json);
    free(work);
}

bool v1_body(struct call *call, const char *example, json_t **out)
{
    struct error err;

    if (call_json(call, out, &err) != 0) {
        call_reply_error(call, v1_status(err.code), &err);
        return false;
    }
    if (json_is_object(*out))
        return true;
    error_set(&err, E_FORMAT,
              *out == NULL ? "the body is empty" : "the body is no JSON object");
    error_hint(&err, "send %s", example);
    json_decref(*out);
    *out = NULL;
    call_reply_error(call, 400, &err);
    return false;
}

unsigned v1_status(int code)
{
    switch (code) {
    case E_PARAM:
    case E_FORMAT:
    case E_USAGE:
    case E_LIMIT:
        return 400;
    case E_NOT_FOUND:
    case E_STALE:
        return 404;
    case E_EXISTS:
    case E_BUSY:
        return 409;
    default:
        return 500;
    }
}

/* ---- what is not there ---- */

struct names {
    const char *all[NAMES_MAX];
    int count;
};

static void add_name(struct names *names, const char *name)
{
    if (names->count < NAMES_MAX)
        names->all[names->count++] = name;
}

/* The nearest name behind the sentence that is set, and those that there are as the
 * hint. */
static void add_suggestion(struct error *err, const char *name, const struct names *names)
{
    const char *near = error_suggest(name, names->all, names->count);
    char all[ERROR_HINT_BYTES - 64] = "";
    size_t size = strlen(err->text);

    for (int i = 0; i < names->count && i < NAMES_SHOWN; i++) {
        size_t at = strlen(all);

        snprintf(all + at, sizeof all - at, "%s%s", i > 0 ? ", " : "", names->all[i]);
    }
    if (near != NULL)
        snprintf(err->text + size, sizeof err->text - size, "; did you mean '%s'?", near);
    if (names->count > 0)
        error_hint(err, "there is: %s%s", all, names->count > NAMES_SHOWN ? ", …" : "");
    else
        error_hint(err, "there is none at all");
}

static void no_link(struct book *book, const char *name, struct error *err)
{
    struct names names = {.count = 0};

    for (const struct book_link *l = book_first(book); l != NULL; l = l->next)
        add_name(&names, l->name);
    error_set(err, E_NOT_FOUND, "there is no link '%s'", name);
    add_suggestion(err, name, &names);
}

static void no_fault(const struct book_link *link, const char *name, struct error *err)
{
    struct names names = {.count = 0};

    for (const struct book_fault *f = link->faults; f != NULL; f = f->next)
        add_name(&names, f->name);
    error_set(err, E_NOT_FOUND, "link '%s' has no fault '%s'", link->name, name);
    add_suggestion(err, name, &names);
}

static void on_read_for_missing(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    struct book *book = v1_book(call);
    const char *name = call_part(call, "link");
    const char *fault = call_part(call, "fault");
    const struct book_link *link = book_find(book, name);
    struct error err;

    if (answer->rc != 0)
        err = answer->error;
    else if (link == NULL || fault == NULL)
        no_link(book, name, &err);
    else
        no_fault(link, fault, &err);
    call_reply_error(call, v1_status(err.code), &err);
}

void v1_reply_failed(struct call *call, const struct book_answer *answer)
{
    bool is_name = answer->about == NULL || strcmp(answer->about, "name") == 0;

    assert(answer->rc != 0);
    if (answer->rc == E_NOT_FOUND && !is_name) /* a host that nobody knows */
        call_reply_error(call, 400, &answer->error);
    else if (answer->rc == E_NOT_FOUND && call_part(call, "link") != NULL)
        book_read(v1_book(call), on_read_for_missing, call);
    else
        call_reply_error(call, v1_status(answer->rc), &answer->error);
}

/* ---- what a path names ---- */

static void reply_missing(struct call *call)
{
    const struct book_answer missing = {.rc = E_NOT_FOUND};

    v1_reply_failed(call, &missing);
}

const struct book_link *v1_link(struct call *call, const struct book_answer *answer)
{
    const struct book_link *link;

    if (answer->rc != 0) {
        v1_reply_failed(call, answer);
        return NULL;
    }
    link = book_find(v1_book(call), call_part(call, "link"));
    if (link == NULL)
        reply_missing(call);
    return link;
}

/* By its name, or else by its id in digits. */
static const struct book_fault *find_fault(const struct book_link *link, const char *part)
{
    const struct book_fault *found = book_link_fault(link, part);
    char id[ID_BYTES];

    for (const struct book_fault *f = link->faults; f != NULL && found == NULL;
         f = f->next) {
        snprintf(id, sizeof id, "%u", f->id.number);
        if (f->id.number != 0 && strcmp(id, part) == 0)
            found = f;
    }
    return found;
}

const struct book_fault *v1_fault(struct call *call, const struct book_answer *answer)
{
    const struct book_link *link = v1_link(call, answer);
    const struct book_fault *fault;

    if (link == NULL)
        return NULL;
    fault = find_fault(link, call_part(call, "fault"));
    if (fault == NULL)
        reply_missing(call);
    return fault;
}
