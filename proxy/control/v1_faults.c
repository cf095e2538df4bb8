/* v1_faults: the faults of a link: list, add, change, heal.
 *
 * A path names a fault by its name or its id; the book knows names only. So a call about
 * one fault reads the book first, and acts by the name it found. */
#include <stdlib.h>
#include <string.h>

#include "proxy/control/v1_internal.h"

static const char fault_example[] =
    "{\"fault\": \"latency\", \"params\": {\"base\": \"100ms\"}}";

/* ---- list ---- */

static int append_faults(json_t *list, const struct book_link *link)
{
    int failed = 0;

    for (const struct book_fault *f = link->faults; f != NULL; f = f->next) {
        json_t *fault = v1_fault_json(f);

        failed |= json_object_set_new(fault, "link", json_string(link->name));
        failed |= json_array_append_new(list, fault);
    }
    return failed;
}

static void on_read_all(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    json_t *list;
    int failed = 0;

    if (answer->rc != 0) {
        v1_reply_failed(call, answer);
        return;
    }
    list = json_array();
    for (const struct book_link *l = book_first(v1_book(call)); l != NULL; l = l->next)
        failed |= append_faults(list, l);
    v1_reply_counted(call, json_pack("{s:o}", "faults", call_whole(list, failed)));
}

void v1_list_faults(struct call *call)
{
    book_read(v1_book(call), on_read_all, call);
}

static void on_read_link(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    const struct book_link *link = v1_link(call, answer);
    json_t *list;
    int failed;

    if (link == NULL)
        return;
    list = json_array();
    failed = append_faults(list, link);
    v1_reply_counted(call, json_pack("{s:o}", "faults", call_whole(list, failed)));
}

void v1_list_link_faults(struct call *call)
{
    book_read(v1_book(call), on_read_link, call);
}

/* ---- add ---- */

static void on_added(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    json_t *json;
    int failed;

    if (answer->rc != 0) {
        v1_reply_failed(call, answer);
        return;
    }
    json = v1_fault_json(answer->fault);
    failed =
        json_object_set_new(json, "touched", json_integer((json_int_t)answer->touched));
    call_reply_json(call, 201, call_whole(json, failed));
}

void v1_add_fault(struct call *call)
{
    struct book_fault_spec spec;
    struct error err;
    json_t *json;

    if (!v1_body(call, fault_example, &json))
        return;
    if (book_fault_read(&spec, json, &err) != 0)
        call_reply_error(call, v1_status(err.code), &err);
    else
        book_fault_add(v1_book(call), call_part(call, "link"), &spec, on_added, call);
    json_decref(json);
}

/* ---- one fault ---- */

static void on_read_to_show(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    const struct book_fault *fault = v1_fault(call, answer);

    if (fault != NULL)
        v1_reply_counted(call, v1_fault_json(fault));
}

void v1_show_fault(struct call *call)
{
    book_read(v1_book(call), on_read_to_show, call);
}

static void on_changed(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        v1_reply_failed(call, answer);
    else
        call_reply_json(call, 200, v1_fault_json(answer->fault));
}

static void on_read_to_change(void *arg, const struct book_answer *answer)
{
    struct v1_work *work = arg;
    const struct book_fault *fault = v1_fault(work->call, answer);

    if (fault != NULL)
        book_fault_change(v1_book(work->call), call_part(work->call, "link"), fault->name,
                          work->json, NULL, on_changed, work->call);
    v1_work_destroy(work);
}

/* The body is {"params": {...}}, as when the fault was added; its other members cannot
 * change. */
static json_t *read_params(const json_t *body, struct error *err)
{
    json_t *params = json_object_get(body, "params");
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)body, name, value) {
        if (strcmp(name, "params") == 0)
            continue;
        error_set(err, E_PARAM, "of a fault only its params can change, not '%s'", name);
        error_hint(err, "send {\"params\": {\"base\": \"50ms\"}}");
        return NULL;
    }
    if (!json_is_object(params)) {
        error_set(err, E_PARAM, "params must be an object");
        error_hint(err, "send {\"params\": {\"base\": \"50ms\"}}");
        return NULL;
    }
    return params;
}

void v1_change_fault(struct call *call)
{
    struct v1_work *work = NULL;
    struct error err;
    json_t *params;
    json_t *json;

    if (!v1_body(call, "{\"params\": {\"base\": \"50ms\"}}", &json))
        return;
    params = read_params(json, &err);
    if (params == NULL)
        call_reply_error(call, 400, &err);
    else
        work = v1_work_create(call, json_incref(params));
    json_decref(json);
    if (work != NULL)
        book_read(v1_book(call), on_read_to_change, work);
}

/* ---- heal ---- */

static void reply_healed(struct call *call, json_int_t count)
{
    call_reply_json(call, 200, json_pack("{s:I}", "healed", count));
}

static void on_healed(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;

    if (answer->rc != 0)
        v1_reply_failed(call, answer);
    else
        reply_healed(call, 1);
}

static void on_read_to_heal(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    const struct book_fault *fault = v1_fault(call, answer);

    if (fault != NULL)
        book_fault_remove(v1_book(call), call_part(call, "link"), fault->name, on_healed,
                          call);
}

void v1_heal_fault(struct call *call)
{
    book_read(v1_book(call), on_read_to_heal, call);
}

/* ---- heal all ---- */

struct healing {
    struct call *call;
    json_t *names; /* of those that were there at the start */
    size_t at;
    json_int_t healed;
};

static void healing_destroy(struct healing *healing)
{
    json_decref(healing->names);
    free(healing);
}

static void on_one_healed(void *arg, const struct book_answer *answer);

/* One after the other; with the names of the start it ends whatever others add
 * meanwhile. */
static void heal_next(struct healing *healing)
{
    struct call *call = healing->call;
    const char *name = json_string_value(json_array_get(healing->names, healing->at));

    healing->at++;
    if (name != NULL) {
        book_fault_remove(v1_book(call), call_part(call, "link"), name, on_one_healed,
                          healing);
        return;
    }
    reply_healed(call, healing->healed);
    healing_destroy(healing);
}

/* One that somebody else healed first is healed all the same. */
static void on_one_healed(void *arg, const struct book_answer *answer)
{
    struct healing *healing = arg;

    if (answer->rc != 0 && answer->rc != E_NOT_FOUND) {
        v1_reply_failed(healing->call, answer);
        healing_destroy(healing);
        return;
    }
    healing->healed += answer->rc == 0;
    heal_next(healing);
}

static void on_read_to_heal_all(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    const struct book_link *link = v1_link(call, answer);
    struct healing *healing;
    int failed = 0;

    if (link == NULL)
        return;
    healing = calloc(1, sizeof *healing);
    if (healing == NULL) {
        call_reply_problem(call, 500, "out of memory");
        return;
    }
    healing->call = call;
    healing->names = json_array();
    for (const struct book_fault *f = link->faults; f != NULL; f = f->next)
        failed |= json_array_append_new(healing->names, json_string(f->name));
    if (failed == 0) {
        heal_next(healing);
        return;
    }
    call_reply_problem(call, 500, "out of memory");
    healing_destroy(healing);
}

void v1_heal_faults(struct call *call)
{
    book_read(v1_book(call), on_read_to_heal_all, call);
}
