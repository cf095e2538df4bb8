/* toxiproxy_populate: many proxies at once, by HTTP and from a configuration file.
 *
 * Everything is read and checked before anything is made. Beyond Toxiproxy an entry may
 * hold "toxics", as POST .../toxics takes them, "faults" of ours (book_fault_read), and
 * a link's "dial_timeout" and "buffer": so a state that /v1/state gave can be read. An
 * entry is made with all of them or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/decode.h"
#include "proxy/control/toxiproxy.h"
#include "proxy/control/toxiproxy_internal.h"
#include "proxy/control/v1_internal.h"

/* One entry, read. */
struct entry {
    struct toxic *toxics;
    size_t toxic_count;
    struct book_fault_spec *faults; /* of all of them, in order */
};

/* All of them. The specs borrow from `array`. */
struct crowd {
    json_t *array;
    struct entry *entries;
    struct book_link_spec *specs;
    size_t count;
    struct call *call; /* one of the two */
    void (*done)(void *arg, int rc, const struct error *err);
    void *arg;
};

static void crowd_destroy(struct crowd *crowd)
{
    for (size_t i = 0; crowd->entries != NULL && i < crowd->count; i++) {
        struct entry *entry = &crowd->entries[i];

        for (size_t k = 0; k < entry->toxic_count; k++)
            toxic_release(&entry->toxics[k]);
        free(entry->toxics);
        free(entry->faults);
    }
    free(crowd->entries);
    free(crowd->specs);
    json_decref(crowd->array);
    free(crowd);
}

/* One that Toxiproxy's proxies do not have, in the range that /v1/ has for it. */
static int read_own_field(const json_t *json, const char *name, uint64_t *out,
                          const char *owner, struct error *err)
{
    struct param lone[2] = {*param_find(v1_link_params, name), PARAM_END};
    json_t *value = decode_member(json, name);
    json_t *object;
    int rc;

    if (value == NULL)
        return 0;
    object = json_object();
    if (json_object_set(object, name, value) != 0) {
        json_decref(object);
        return error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
    }
    lone[0].offset = 0;
    rc = param_read(lone, out, object, owner, err);
    json_decref(object);
    return rc;
}

static int read_own_fields(struct book_link_spec *spec, const json_t *json,
                           const char *owner, struct error *err)
{
    int rc = read_own_field(json, "dial_timeout", &spec->dial_timeout_ns, owner, err);

    if (rc == 0)
        rc = read_own_field(json, "buffer", &spec->buffer_bytes, owner, err);
    return rc;
}

static int read_toxics(struct entry *entry, const json_t *toxics, struct error *err)
{
    for (size_t i = 0; i < json_array_size(toxics); i++) {
        struct toxic *toxic = &entry->toxics[entry->toxic_count];
        int rc = toxic_read(toxic, json_array_get(toxics, i), err);

        if (rc != 0) {
            toxic_release(toxic);
            return error_prefix(err, "toxic %zu", i + 1);
        }
        entry->toxic_count++;
        entry->faults[i] = toxic->spec;
    }
    return 0;
}

static int read_faults(struct book_fault_spec *specs, const json_t *faults,
                       struct error *err)
{
    for (size_t i = 0; i < json_array_size(faults); i++) {
        int rc = book_fault_read(&specs[i], json_array_get(faults, i), err);

        if (rc != 0)
            return error_prefix(err, "fault %zu", i + 1);
    }
    return 0;
}

static int read_disturbances(struct entry *entry, struct book_link_spec *spec,
                             const json_t *json, struct error *err)
{
    const json_t *toxics = decode_member(json, "toxics");
    const json_t *faults = decode_member(json, "faults");
    size_t toxic_count = json_array_size(toxics);
    size_t fault_count = json_array_size(faults);
    int rc;

    if ((toxics != NULL && !json_is_array(toxics)) ||
        (faults != NULL && !json_is_array(faults)))
        return error_set(err, E_FORMAT, "bad request body: toxics and faults are arrays");
    entry->toxics = calloc(toxic_count + 1, sizeof *entry->toxics);
    entry->faults = calloc(toxic_count + fault_count + 1, sizeof *entry->faults);
    if (entry->toxics == NULL || entry->faults == NULL)
        return error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
    rc = read_toxics(entry, toxics, err);
    if (rc == 0)
        rc = read_faults(entry->faults + toxic_count, faults, err);
    spec->faults = entry->faults;
    spec->fault_count = toxic_count + fault_count;
    return rc;
}

/* Names and upstreams of all come before the disturbances of any, as in Toxiproxy. */
static int read_entries(struct crowd *crowd, struct error *err)
{
    char owner[96];
    int rc;

    for (size_t i = 0; i < crowd->count; i++) {
        rc =
            toxiproxy_read_fields(&crowd->specs[i], json_array_get(crowd->array, i), err);
        if (rc != 0)
            return rc;
    }
    for (size_t i = 0; i < crowd->count; i++) {
        const struct book_link_spec *spec = &crowd->specs[i];

        if (spec->name[0] == '\0')
            return error_set(err, E_PARAM, "missing required field: name at proxy %zu",
                             i + 1);
        if (spec->upstream[0] == '\0')
            return error_set(err, E_PARAM,
                             "missing required field: upstream at proxy %zu", i + 1);
    }
    for (size_t i = 0; i < crowd->count; i++) {
        const json_t *json = json_array_get(crowd->array, i);

        snprintf(owner, sizeof owner, "proxy %zu ('%.60s')", i + 1, crowd->specs[i].name);
        rc = read_own_fields(&crowd->specs[i], json, owner, err);
        if (rc != 0)
            return rc;
        rc = read_disturbances(&crowd->entries[i], &crowd->specs[i], json, err);
        if (rc != 0)
            return error_prefix(err, "%s", owner);
    }
    return 0;
}

/* Takes `array` (NULL: none was decoded). */
static int crowd_create(struct crowd **out, json_t *array, struct error *err)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    int rc;

    if (crowd == NULL) {
        json_decref(array);
        return error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
    }
    crowd->array = array;
    crowd->count = json_array_size(array);
    crowd->entries = calloc(crowd->count + 1, sizeof *crowd->entries);
    crowd->specs = calloc(crowd->count + 1, sizeof *crowd->specs);
    rc = decode_array(array, "[]toxiproxy.Proxy", err);
    if (rc != 0)
        error_prefix(err, "bad request body");
    else if (crowd->entries == NULL || crowd->specs == NULL)
        rc = error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
    else
        rc = read_entries(crowd, err);
    if (rc != 0)
        crowd_destroy(crowd);
    else
        *out = crowd;
    return rc;
}

static void describe(const struct crowd *crowd, const struct book_answer *answer,
                     struct toxiproxy_problem *problem)
{
    const char *listen =
        answer->entry < crowd->count ? crowd->specs[answer->entry].listen : NULL;

    toxiproxy_problem(problem, answer, "toxic", listen, false);
}

/* HTTP: no newline, and JSON also for errors. */

static void reply(struct call *call, unsigned status, const struct error *err,
                  const struct book_answer *answer)
{
    json_t *proxies = json_null();
    json_t *body = json_object();
    int failed = 0;

    if (answer != NULL && answer->link_count > 0)
        proxies = json_array();
    for (size_t i = 0; answer != NULL && i < answer->link_count; i++)
        failed |= json_array_append_new(proxies, toxiproxy_write(answer->links[i]));
    if (err != NULL) {
        failed |= json_object_set_new(body, "error", json_string(err->text));
        failed |= json_object_set_new(body, "status", json_integer((json_int_t)status));
    }
    failed |= json_object_set_new(body, "proxies", proxies);
    call_reply_json(call, status, call_whole(body, failed));
}

static void answer_call(void *arg, const struct book_answer *answer)
{
    struct crowd *crowd = arg;
    struct toxiproxy_problem problem;

    if (answer->rc == 0) {
        reply(crowd->call, 201, NULL, answer);
    } else {
        describe(crowd, answer, &problem);
        reply(crowd->call, problem.status, &problem.error, answer);
    }
    crowd_destroy(crowd);
}

void toxiproxy_on_populate(struct call *call)
{
    struct crowd *crowd;
    struct error err;
    size_t size;
    const char *body = call_body(call, &size);
    json_t *array;
    int rc = decode_first(&array, body, size, &err);

    if (rc != 0)
        error_prefix(&err, "bad request body");
    else
        rc = crowd_create(&crowd, array, &err);
    if (rc != 0) {
        reply(call, rc == E_NOMEM ? 500 : 400, &err, NULL);
        return;
    }
    crowd->call = call;
    book_populate(call_context(call), crowd->specs, crowd->count, answer_call, crowd);
}

/* A configuration */

/* The array is the caller's again as soon as he is told. */
static void answer_caller(void *arg, const struct book_answer *answer)
{
    struct crowd *crowd = arg;
    void (*done)(void *arg, int rc, const struct error *err) = crowd->done;
    void *done_arg = crowd->arg;
    struct error err = answer->error;

    if (answer->rc != 0 && answer->entry < crowd->count)
        error_prefix(&err, "proxy %zu ('%.60s')", answer->entry + 1,
                     crowd->specs[answer->entry].name);
    crowd_destroy(crowd);
    done(done_arg, answer->rc, &err);
}

void toxiproxy_populate(struct book *book, const json_t *array,
                        void (*done)(void *arg, int rc, const struct error *err),
                        void *arg)
{
    struct crowd *crowd;
    struct error err;
    int rc = crowd_create(&crowd, json_incref((json_t *)array), &err);

    if (rc != 0) {
        done(arg, rc, &err);
        return;
    }
    crowd->done = done;
    crowd->arg = arg;
    book_populate(book, crowd->specs, crowd->count, answer_caller, crowd);
}
