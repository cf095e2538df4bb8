/* v1_links: /v1/links: make, show, change, remove, reset.
 *
 * What a link takes is a parameter table like everything else's, so that names, ranges,
 * suggestions and `GET /v1/api` follow from it. */
#include <stdlib.h>
#include <string.h>

#include "proxy/control/v1_internal.h"

struct link_conf {
    char *name;
    char *listen;
    char *upstream;
    bool enabled;
    uint64_t dial_timeout_ns;
    uint64_t buffer_bytes;
    json_t *faults;
};

const struct param v1_link_params[] = {
    PARAM(link_conf, name, TEXT, "name", "!", NULL, NULL, "what it is called"),
    PARAM(link_conf, upstream, TEXT, "upstream", "!", NULL, NULL,
          "where the server is: host:port or unix:/path"),
    PARAM(link_conf, listen, TEXT, "listen", "127.0.0.1:0", NULL, NULL,
          "where clients connect; port 0 is a free one"),
    PARAM(link_conf, enabled, BOOL, "enabled", "true", NULL, NULL,
          "false: the port is closed, connections end"),
    PARAM(link_conf, dial_timeout_ns, DURATION, "dial_timeout", NULL, "1ms", "10m",
          "how long a connection to the server may take; 5s when it is not given"),
    PARAM(link_conf, buffer_bytes, BYTES, "buffer", NULL, "4KiB", "1GiB",
          "what a direction may hold; when it is not given 1MiB, or 64MiB while delayed"),
    PARAM(link_conf, faults, JSON, "faults", NULL, NULL, NULL,
          "a list of {\"fault\", \"name\", \"params\"}"),
    PARAM_END,
};

struct v1_link_body {
    struct link_conf conf;
    struct book_link_spec spec;
    struct book_fault_spec *faults;
};

static const char link_example[] =
    "{\"name\": \"orders\", \"upstream\": \"127.0.0.1:4222\"}";

/* ---- bodies ---- */

static int read_faults(struct v1_link_body *body, struct error *err)
{
    const json_t *list = body->conf.faults;
    size_t count = json_array_size(list);
    int rc = 0;

    if (list == NULL)
        return 0;
    if (!json_is_array(list))
        return error_set(err, E_PARAM, "faults must be a list");
    body->faults = calloc(count + 1, sizeof *body->faults);
    if (body->faults == NULL)
        return error_set(err, E_NOMEM, "faults");
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = book_fault_read(&body->faults[i], json_array_get(list, i), err);
        if (rc != 0)
            error_prefix(err, "faults[%zu]", i);
    }
    body->spec.faults = body->faults;
    body->spec.fault_count = count;
    return rc;
}

int v1_link_read(struct v1_link_body **out, const json_t *json, struct error *err)
{
    struct v1_link_body *body = calloc(1, sizeof *body);
    const struct link_conf *conf;
    int rc;

    if (body == NULL)
        return error_set(err, E_NOMEM, "link");
    rc = param_read(v1_link_params, &body->conf, json, "link", err);
    if (rc == 0)
        rc = read_faults(body, err);
    if (rc != 0) {
        v1_link_body_destroy(body);
        return rc;
    }
    conf = &body->conf;
    body->spec.name = conf->name;
    body->spec.listen = conf->listen;
    body->spec.upstream = conf->upstream;
    body->spec.disabled = !conf->enabled;
    body->spec.dial_timeout_ns = conf->dial_timeout_ns;
    body->spec.buffer_bytes = conf->buffer_bytes;
    *out = body;
    return 0;
}

const struct book_link_spec *v1_link_spec(const struct v1_link_body *body)
{
    return &body->spec;
}

void v1_link_body_destroy(struct v1_link_body *body)
{
    if (body == NULL)
        return;
    param_release(v1_link_params, &body->conf);
    free(body->faults);
    free(body);
}

/* ---- show ---- */

static void on_read_all(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        v1_reply_failed(call, answer);
    else
        v1_reply_counted(call,
                         json_pack("{s:o}", "links", v1_write_links(v1_book(call))));
}

void v1_list_links(struct call *call)
{
    book_read(v1_book(call), on_read_all, call);
}

static void on_read_one(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    const struct book_link *link = v1_link(call, answer);

    if (link != NULL)
        v1_reply_counted(call, v1_link_json(link));
}

void v1_show_link(struct call *call)
{
    book_read(v1_book(call), on_read_one, call);
}

/* ---- make, change, remove ---- */

static void on_added(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        v1_reply_failed(call, answer);
    else
        call_reply_json(call, 201, v1_link_json(answer->link));
}

void v1_add_link(struct call *call)
{
    struct v1_link_body *body = NULL;
    struct error err;
    json_t *json;

    if (!v1_body(call, link_example, &json))
        return;
    if (v1_link_read(&body, json, &err) != 0)
        call_reply_error(call, v1_status(err.code), &err);
    else
        book_link_add(v1_book(call), v1_link_spec(body), on_added, call);
    v1_link_body_destroy(body);
    json_decref(json);
}

static void on_changed(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        v1_reply_failed(call, answer);
    else
        call_reply_json(call, 200, v1_link_json(answer->link));
}

/* The name is in the path, the rest of what does not change was said once. */
static int check_changeable(const json_t *json, struct error *err)
{
    static const char *const fixed[] = {"name", "dial_timeout", "buffer", "faults"};

    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (json_object_get(json, fixed[i]) == NULL)
            continue;
        error_set(err, E_PARAM, "'%s' of a link is given when it is made", fixed[i]);
        error_hint(err, "it can change: listen, upstream, enabled; faults at "
                        "/v1/links/{link}/faults");
        return E_PARAM;
    }
    return 0;
}

static int read_change(struct link_conf *conf, const json_t *json, struct error *err)
{
    int rc = check_changeable(json, err);

    *conf = (struct link_conf){.enabled = true};
    if (rc == 0)
        rc = param_change(v1_link_params, conf, json, "link", err);
    return rc;
}

void v1_change_link(struct call *call)
{
    struct book_link_change change = {.listen = NULL};
    struct link_conf conf;
    struct error err;
    json_t *json;

    if (!v1_body(call, "{\"enabled\": false}", &json))
        return;
    if (read_change(&conf, json, &err) != 0) {
        call_reply_error(call, v1_status(err.code), &err);
        json_decref(json);
        return;
    }
    change.listen = conf.listen;
    change.upstream = conf.upstream;
    change.enabled = json_object_get(json, "enabled") != NULL ? &conf.enabled : NULL;
    book_link_change(v1_book(call), call_part(call, "link"), &change, on_changed, call);
    param_release(v1_link_params, &conf);
    json_decref(json);
}

static void on_removed(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        v1_reply_failed(call, answer);
    else
        call_reply_empty(call, 204);
}

void v1_remove_link(struct call *call)
{
    book_link_remove(v1_book(call), call_part(call, "link"), on_removed, call);
}

static void on_reset(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        v1_reply_failed(call, answer);
    else
        call_reply_json(call, 200,
                        json_pack("{s:I}", "touched", (json_int_t)answer->touched));
}

void v1_reset_link(struct call *call)
{
    book_link_reset(v1_book(call), call_part(call, "link"), on_reset, call);
}
