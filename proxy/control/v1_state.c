/* v1_state: everything that was asked for, out and in again.
 *
 *   GET /v1/state > state.json
 *   POST /v1/state < state.json, or stormdrill proxy --config state.json
 *
 * A state is a list of links as POST /v1/links takes them, in the order of their names,
 * with the addresses that they really have. Like Toxiproxy's /populate: a link that is
 * there already with the same addresses is left wholly as it is. */
#include <stdlib.h>
#include <string.h>

#include "proxy/control/v1_internal.h"

enum { LINKS_MAX = 10000 };

/* An id is the running plane's; in the next one it would mean something else. */
static void forget_ids(json_t *link)
{
    json_t *fault;
    size_t i;

    json_object_del(link, "id");
    json_array_foreach(json_object_get(link, "faults"), i, fault)
        json_object_del(fault, "id");
}

static void on_read(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    json_t *list, *link;
    size_t i;

    if (answer->rc != 0) {
        v1_reply_failed(call, answer);
        return;
    }
    list = v1_write_links(v1_book(call));
    json_array_foreach(list, i, link)
        forget_ids(link);
    call_reply_json(call, 200, list);
}

void v1_show_state(struct call *call)
{
    book_read(v1_book(call), on_read, call);
}

/* ---- in ---- */

struct links {
    struct v1_link_body **bodies;
    struct book_link_spec *specs;
    size_t count;
};

static void links_release(struct links *links)
{
    for (size_t i = 0; links->bodies != NULL && i < links->count; i++)
        v1_link_body_destroy(links->bodies[i]);
    free(links->bodies);
    free(links->specs);
}

/* "links[2] 'orders'": its place, and its name where it has one. */
static void name_entry(struct error *err, size_t at, const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "name"));

    if (name != NULL)
        error_prefix(err, "links[%zu] '%s'", at, name);
    else
        error_prefix(err, "links[%zu]", at);
}

/* All of them are read before the first is made. */
static int links_read(struct links *links, const json_t *list, struct error *err)
{
    size_t count = json_array_size(list);
    int rc = 0;

    if (!json_is_array(list)) {
        error_set(err, E_FORMAT, "a state is a list of links");
        error_hint(err, "GET /v1/state shows one");
        return E_FORMAT;
    }
    if (count > LINKS_MAX)
        return error_set(err, E_LIMIT, "%zu links are more than %d", count, LINKS_MAX);
    links->bodies = calloc(count + 1, sizeof *links->bodies);
    links->specs = calloc(count + 1, sizeof *links->specs);
    if (links->bodies == NULL || links->specs == NULL)
        return error_set(err, E_NOMEM, "state");
    links->count = count;
    for (size_t i = 0; i < count && rc == 0; i++) {
        const json_t *entry = json_array_get(list, i);

        rc = v1_link_read(&links->bodies[i], entry, err);
        if (rc == 0)
            links->specs[i] = *v1_link_spec(links->bodies[i]);
        else
            name_entry(err, i, entry);
    }
    return rc;
}

static void on_populated(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    json_t *made;
    int failed = 0;

    if (answer->rc != 0) {
        v1_reply_failed(call, answer);
        return;
    }
    made = json_array();
    for (size_t i = 0; i < answer->link_count; i++)
        failed |= json_array_append_new(made, v1_link_json(answer->links[i]));
    call_reply_json(call, 201, json_pack("{s:o}", "links", call_whole(made, failed)));
}

void v1_take_state(struct call *call)
{
    struct links links = {.count = 0};
    struct error err;
    json_t *list;

    if (call_json(call, &list, &err) != 0) {
        call_reply_error(call, v1_status(err.code), &err);
        return;
    }
    if (links_read(&links, list, &err) != 0)
        call_reply_error(call, v1_status(err.code), &err);
    else
        book_populate(v1_book(call), links.specs, links.count, on_populated, call);
    links_release(&links);
    json_decref(list);
}
