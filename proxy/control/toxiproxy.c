/* toxiproxy: the routes of Toxiproxy's API, and the handlers for proxies.
 *
 * A handler decodes, asks the book, and replies in its answer. Where Toxiproxy looks a
 * name up before it reads the body, a bad body of an unknown name is a 404: so the body's
 * fault is told only after the name was found. */
#include "proxy/control/toxiproxy.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/control/decode.h"
#include "proxy/control/toxiproxy_internal.h"

/* What Toxiproxy's clients compare with what they need. */
#define TOXIPROXY_VERSION "2.12.0"

static void reply_problem(struct call *call, const struct book_answer *answer,
                          const char *listen, bool is_create)
{
    struct toxiproxy_problem problem;

    toxiproxy_problem(&problem, answer, "proxy", listen, is_create);
    call_reply_error(call, problem.status, &problem.error);
}

static void on_version(struct call *call)
{
    static const char body[] = "{\"version\": \"" TOXIPROXY_VERSION "\"}\n";

    call_reply(call, 200, "application/json;charset=utf-8", body, sizeof body - 1);
}

static void answer_all(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    json_t *all;
    int failed = 0;

    if (answer->rc != 0) {
        reply_problem(call, answer, NULL, false);
        return;
    }
    all = json_object();
    for (const struct book_link *link = book_first(call_context(call)); link != NULL;
         link = link->next)
        failed |= json_object_set_new(all, link->name, toxiproxy_write(link));
    call_reply_json(call, 200, call_whole(all, failed));
}

static void on_all(struct call *call)
{
    book_read(call_context(call), answer_all, call);
}

const struct book_link *toxiproxy_find(struct call *call,
                                       const struct book_answer *answer)
{
    const struct book_link *link =
        book_find(call_context(call), call_part(call, "proxy"));

    if (answer->rc != 0)
        reply_problem(call, answer, NULL, false);
    else if (link == NULL)
        call_reply_problem(call, 404, "proxy not found");
    return answer->rc == 0 ? link : NULL;
}

static void answer_one(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    const struct book_link *link = toxiproxy_find(call, answer);

    if (link != NULL)
        call_reply_json(call, 200, toxiproxy_write(link));
}

static void on_one(struct call *call)
{
    book_read(call_context(call), answer_one, call);
}

/* Create */

/* What was asked for, until the answer comes. */
struct request {
    struct call *call;
    json_t *body;
    const char *listen; /* NULL: not named */
    struct error error; /* of a body that cannot be taken */
};

static struct request *request_create(struct call *call)
{
    struct request *request = calloc(1, sizeof *request);

    if (request == NULL)
        call_reply_problem(call, 500, "%s", error_text(E_NOMEM));
    else
        request->call = call;
    return request;
}

static void request_destroy(struct request *request)
{
    json_decref(request->body);
    free(request);
}

static void answer_create(void *arg, const struct book_answer *answer)
{
    struct request *request = arg;

    if (answer->rc != 0)
        reply_problem(request->call, answer, request->listen, true);
    else
        call_reply_json(request->call, 201, toxiproxy_write(answer->link));
    request_destroy(request);
}

int toxiproxy_read_fields(struct book_link_spec *spec, const json_t *json,
                          struct error *err)
{
    bool enabled = true;

    *spec = (struct book_link_spec){.name = "", .listen = "", .upstream = ""};
    if (decode_object(json, "toxiproxy.Proxy", err) != 0 ||
        decode_text(json, "Proxy", "name", &spec->name, err) != 0 ||
        decode_text(json, "Proxy", "listen", &spec->listen, err) != 0 ||
        decode_text(json, "Proxy", "upstream", &spec->upstream, err) != 0 ||
        decode_bool(json, "Proxy", "enabled", &enabled, err) != 0)
        return error_prefix(err, "bad request body");
    spec->disabled = !enabled;
    return 0;
}

static int read_proxy(struct book_link_spec *spec, const json_t *body, struct error *err)
{
    int rc = toxiproxy_read_fields(spec, body, err);

    if (rc != 0)
        return rc;
    if (spec->name[0] == '\0')
        return error_set(err, E_PARAM, "missing required field: name");
    if (spec->upstream[0] == '\0')
        return error_set(err, E_PARAM, "missing required field: upstream");
    return 0;
}

static void on_create(struct call *call)
{
    struct request *request = request_create(call);
    struct book_link_spec spec;
    struct error err;

    if (request == NULL)
        return;
    if (!toxiproxy_body(call, &request->body)) {
        request_destroy(request);
    } else if (read_proxy(&spec, request->body, &err) != 0) {
        call_reply_error(call, 400, &err);
        request_destroy(request);
    } else {
        request->listen = spec.listen;
        book_link_add(call_context(call), &spec, answer_create, request);
    }
}

/* Update */

static void answer_update(void *arg, const struct book_answer *answer)
{
    struct request *request = arg;

    if (answer->rc != 0)
        reply_problem(request->call, answer, request->listen, false);
    else
        call_reply_json(request->call, 200, toxiproxy_write(answer->link));
    request_destroy(request);
}

/* Is the name there? Then the body is at fault. */
static void answer_bad_body(void *arg, const struct book_answer *answer)
{
    struct request *request = arg;

    if (toxiproxy_find(request->call, answer) != NULL)
        call_reply_error(request->call, 400, &request->error);
    request_destroy(request);
}

static int read_change(struct request *request, struct book_link_change *change,
                       bool *enabled)
{
    size_t size;
    const char *body = call_body(request->call, &size);
    struct error *err = &request->error;
    const char *name;

    if (decode_first(&request->body, body, size, err) != 0 ||
        decode_object(request->body, "toxiproxy.Proxy", err) != 0 ||
        decode_text(request->body, "Proxy", "name", &name, err) != 0 ||
        decode_text(request->body, "Proxy", "listen", &change->listen, err) != 0 ||
        decode_text(request->body, "Proxy", "upstream", &change->upstream, err) != 0 ||
        decode_bool(request->body, "Proxy", "enabled", enabled, err) != 0)
        return error_prefix(err, "bad request body");
    if (decode_member(request->body, "enabled") != NULL)
        change->enabled = enabled;
    return 0;
}

static void on_update(struct call *call)
{
    struct request *request = request_create(call);
    struct book_link_change change = {.listen = NULL};
    bool enabled = true;

    if (request == NULL)
        return;
    if (read_change(request, &change, &enabled) != 0) {
        book_read(call_context(call), answer_bad_body, request);
        return;
    }
    request->listen = change.listen;
    book_link_change(call_context(call), call_part(call, "proxy"), &change, answer_update,
                     request);
}

/* Remove, reset */

static void answer_empty(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        reply_problem(call, answer, NULL, true);
    else
        call_reply_empty(call, 204);
}

static void on_delete(struct call *call)
{
    book_link_remove(call_context(call), call_part(call, "proxy"), answer_empty, call);
}

static void on_reset(struct call *call)
{
    book_heal_all(call_context(call), answer_empty, call);
}

const struct route toxiproxy_routes[] = {
    {"GET", "/version", ROUTE_TOXIPROXY, on_version},
    {"GET", "/proxies", ROUTE_TOXIPROXY, on_all},
    {"POST", "/proxies", ROUTE_TOXIPROXY, on_create},
    {"POST", "/populate", ROUTE_TOXIPROXY, toxiproxy_on_populate},
    {"POST", "/reset", ROUTE_TOXIPROXY, on_reset},
    {"GET", "/proxies/{proxy}", ROUTE_TOXIPROXY, on_one},
    {"PATCH", "/proxies/{proxy}", ROUTE_TOXIPROXY, on_update},
    {"POST", "/proxies/{proxy}", ROUTE_TOXIPROXY, on_update},
    {"DELETE", "/proxies/{proxy}", ROUTE_TOXIPROXY, on_delete},
    {"GET", "/proxies/{proxy}/toxics", ROUTE_TOXIPROXY, toxiproxy_on_toxics},
    {"POST", "/proxies/{proxy}/toxics", ROUTE_TOXIPROXY, toxiproxy_on_toxic_create},
    {"GET", "/proxies/{proxy}/toxics/{toxic}", ROUTE_TOXIPROXY, toxiproxy_on_toxic},
    {"PATCH", "/proxies/{proxy}/toxics/{toxic}", ROUTE_TOXIPROXY,
     toxiproxy_on_toxic_update},
    {"POST", "/proxies/{proxy}/toxics/{toxic}", ROUTE_TOXIPROXY,
     toxiproxy_on_toxic_update},
    {"DELETE", "/proxies/{proxy}/toxics/{toxic}", ROUTE_TOXIPROXY,
     toxiproxy_on_toxic_delete},
    {.pattern = NULL},
};
