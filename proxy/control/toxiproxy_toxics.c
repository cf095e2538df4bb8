/* toxiproxy_toxics: the handlers for toxics. */
#include <stdlib.h>
#include <string.h>

#include "proxy/control/decode.h"
#include "proxy/control/toxiproxy_internal.h"

static void reply_problem(struct call *call, const struct book_answer *answer)
{
    struct toxiproxy_problem problem;

    toxiproxy_problem(&problem, answer, "toxic", NULL, true);
    call_reply_error(call, problem.status, &problem.error);
}

/* The proxy and, where the path names one, the toxic, in the answer of a book_read.
 * false: replied with 404, or with what kept the book from being read. */
static bool find(struct call *call, const struct book_answer *answer,
                 const struct book_link **link, const struct book_fault **toxic)
{
    const char *name = call_part(call, "toxic");

    *toxic = NULL;
    *link = toxiproxy_find(call, answer);
    if (*link == NULL)
        return false;
    if (name == NULL)
        return true;
    *toxic = toxiproxy_toxic(*link, name);
    if (*toxic == NULL)
        call_reply_problem(call, 404, "toxic not found");
    return *toxic != NULL;
}

static void answer_list(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    const struct book_link *link;
    const struct book_fault *toxic;

    if (find(call, answer, &link, &toxic))
        call_reply_json(
            call, 200, toxic != NULL ? toxic_write(toxic) : toxiproxy_write_toxics(link));
}

void toxiproxy_on_toxics(struct call *call)
{
    book_read(call_context(call), answer_list, call);
}

void toxiproxy_on_toxic(struct call *call)
{
    book_read(call_context(call), answer_list, call);
}

/* Create and update: the names are looked up before the body is decoded, and the change
 * is decided in its own turn. */

static void answer_toxic(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        reply_problem(call, answer);
    else
        call_reply_json(call, 200, toxic_write(answer->fault));
}

static void answer_create(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    const struct book_link *link;
    const struct book_fault *none;
    struct toxic toxic;
    struct error err;
    json_t *body;
    int rc;

    if (!find(call, answer, &link, &none) || !toxiproxy_body(call, &body))
        return;
    rc = toxic_read(&toxic, body, &err);
    if (rc != 0)
        call_reply_error(call, rc == E_NOMEM ? 500 : 400, &err);
    else
        book_fault_add(call_context(call), call_part(call, "proxy"), &toxic.spec,
                       answer_toxic, call);
    toxic_release(&toxic);
    json_decref(body);
}

void toxiproxy_on_toxic_create(struct call *call)
{
    book_read(call_context(call), answer_create, call);
}

static int edit(void *arg, const struct book_fault *fault, json_t **params, json_t **memo,
                struct error *err)
{
    struct call *call = arg;
    size_t size;
    const char *text = call_body(call, &size);
    json_t *body;
    int rc;

    if (fault->toxic == NULL)
        return error_set(err, E_NOT_FOUND, "toxic not found");
    rc = decode_first(&body, text, size, err);
    if (rc != 0)
        return error_prefix(err, "bad request body");
    rc = toxic_update(fault, body, params, memo, err);
    json_decref(body);
    return rc;
}

void toxiproxy_on_toxic_update(struct call *call)
{
    book_fault_edit(call_context(call), call_part(call, "proxy"),
                    call_part(call, "toxic"), edit, answer_toxic, call);
}

/* Delete: not what came by /v1/, which these paths do not show. */

static void answer_deleted(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        reply_problem(call, answer);
    else
        call_reply_empty(call, 204);
}

static void answer_delete(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    const struct book_link *link;
    const struct book_fault *toxic;

    if (find(call, answer, &link, &toxic))
        book_fault_remove(call_context(call), link->name, toxic->name, answer_deleted,
                          call);
}

void toxiproxy_on_toxic_delete(struct call *call)
{
    book_read(call_context(call), answer_delete, call);
}
