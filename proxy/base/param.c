/* param: tables of parameters and the confs that they fill.
 *
 * All well:   look every name of the object up, read every value, only then put them
 *             into the confs, which therefore change as a whole.
 * A bad one:  what was read so far is freed; a change leaves the confs as they were,
 *             a first reading releases them. */
#include "proxy/base/param.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/param_problem.h"
#include "proxy/base/param_value.h"
#include "proxy/base/quantity.h"

enum { WHAT_BYTES = 192, SHOWN_BYTES = 64, NAMES_MAX = 128 };

/* One member of the object, read but not yet in force. */
struct pending {
    const struct param *param;
    void *conf;
    struct param_value value;
};

const struct param *param_find(const struct param *params, const char *name)
{
    for (const struct param *p = params; p->name != NULL; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static bool is_required(const struct param *p)
{
    return p->fallback != NULL && strcmp(p->fallback, "!") == 0;
}

static int problem_unknown(const struct param_layer *layers, int count, const char *name,
                           const char *owner, struct error *err)
{
    const char *names[NAMES_MAX];
    char all[ERROR_HINT_BYTES] = "";
    char shown[SHOWN_BYTES];
    const char *near;
    int name_count = 0;

    for (int i = 0; i < count; i++)
        for (const struct param *p = layers[i].params; p->name != NULL; p++)
            if (name_count < NAMES_MAX)
                names[name_count++] = p->name;
    near = error_suggest(name, names, name_count);
    param_problem_show(name, shown, sizeof shown);
    if (name_count == 0)
        return error_set(err, E_PARAM, "%s takes no options, but got '%s'", owner, shown);
    if (near != NULL)
        error_set(err, E_PARAM, "%s has no option '%s'; did you mean '%s'?", owner, shown,
                  near);
    else
        error_set(err, E_PARAM, "%s has no option '%s'", owner, shown);
    for (int i = 0; i < name_count; i++) {
        size_t at = strlen(all);

        snprintf(all + at, sizeof all - at, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    error_hint(err, "it takes: %s", all);
    return E_PARAM;
}

static int read_member(const struct param_layer *layers, int count, const char *name,
                       const json_t *json, const char *owner, struct pending *out,
                       struct error *err)
{
    char what[WHAT_BYTES];

    for (int i = 0; i < count; i++) {
        const struct param *p = param_find(layers[i].params, name);

        if (p == NULL)
            continue;
        snprintf(what, sizeof what, "%s: %s", owner, name);
        out->param = p;
        out->conf = layers[i].conf;
        return param_value_read(p, json, what, &out->value, err);
    }
    return problem_unknown(layers, count, name, owner, err);
}

static void apply(struct pending *pending, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct param *p = pending[i].param;
        struct param_value old = param_value_load(p, pending[i].conf);

        param_value_release(&old);
        param_value_store(p, pending[i].conf, &pending[i].value);
    }
}

int param_change_layers(const struct param_layer *layers, int count, const json_t *object,
                        const char *owner, struct error *err)
{
    struct pending *pending;
    const char *name;
    json_t *json;
    size_t read = 0;
    int rc = 0;

    if (object == NULL)
        return 0;
    if (!json_is_object(object))
        return error_set(err, E_PARAM, "%s takes a table of options", owner);
    pending = calloc(json_object_size(object) + 1, sizeof *pending);
    if (pending == NULL)
        return error_set(err, E_NOMEM, "options of %s", owner);
    json_object_foreach((json_t *)object, name, json) {
        rc = read_member(layers, count, name, json, owner, &pending[read], err);
        if (rc != 0)
            goto fail_release;
        read++;
    }
    apply(pending, read);
    free(pending);
    return 0;

fail_release:
    for (size_t i = 0; i < read; i++)
        param_value_release(&pending[i].value);
    free(pending);
    return rc;
}

int param_change(const struct param *params, void *conf, const json_t *object,
                 const char *owner, struct error *err)
{
    const struct param_layer layer = {.params = params, .conf = conf};

    return param_change_layers(&layer, 1, object, owner, err);
}

static void zero_fields(const struct param *params, void *conf)
{
    const struct param_value nothing = {.kind = 0};

    for (const struct param *p = params; p->name != NULL; p++)
        param_value_store(p, conf, &nothing);
}

/* Zeros first, over all fields, so that a failure half way can be released. */
static int fill_defaults(const struct param_layer *layer, const char *owner,
                         struct error *err)
{
    char what[WHAT_BYTES];

    zero_fields(layer->params, layer->conf);
    for (const struct param *p = layer->params; p->name != NULL; p++) {
        struct param_value value;
        int rc;

        if (p->fallback == NULL || is_required(p))
            continue;
        snprintf(what, sizeof what, "%s: default of %s", owner, p->name);
        if (p->kinds == PARAM_JSON) {
            json_t *json = json_loads(p->fallback, JSON_DECODE_ANY, NULL);

            value = (struct param_value){.kind = PARAM_JSON, .json = json};
            rc = json == NULL ? error_set(err, E_NOMEM, "%s", what) : 0;
        } else {
            rc = param_value_read_text(p, p->fallback, what, &value, err);
        }
        /* The table is ours: only memory can be at fault. */
        assert(rc == 0 || rc == E_NOMEM);
        if (rc != 0)
            return rc;
        param_value_store(p, layer->conf, &value);
    }
    return 0;
}

static int check_required(const struct param_layer *layer, const json_t *object,
                          const char *owner, struct error *err)
{
    for (const struct param *p = layer->params; p->name != NULL; p++) {
        char kinds[ERROR_HINT_BYTES - 128];

        if (!is_required(p) ||
            (object != NULL && json_object_get(object, p->name) != NULL))
            continue;
        param_kinds_text(p, kinds, sizeof kinds);
        error_set(err, E_PARAM, "%s needs the option '%s'", owner, p->name);
        error_hint(err, "%s: %s (%s)", p->name, p->summary, kinds);
        return E_PARAM;
    }
    return 0;
}

int param_read_layers(const struct param_layer *layers, int count, const json_t *object,
                      const char *owner, struct error *err)
{
    int rc = 0;

    for (int i = 0; i < count; i++)
        zero_fields(layers[i].params, layers[i].conf);
    for (int i = 0; i < count && rc == 0; i++)
        rc = fill_defaults(&layers[i], owner, err);
    if (rc == 0)
        rc = param_change_layers(layers, count, object, owner, err);
    for (int i = 0; i < count && rc == 0; i++)
        rc = check_required(&layers[i], object, owner, err);
    for (int i = 0; i < count && rc != 0; i++)
        param_release(layers[i].params, layers[i].conf);
    return rc;
}

int param_read(const struct param *params, void *conf, const json_t *object,
               const char *owner, struct error *err)
{
    const struct param_layer layer = {.params = params, .conf = conf};

    return param_read_layers(&layer, 1, object, owner, err);
}

void param_release(const struct param *params, void *conf)
{
    for (const struct param *p = params; p->name != NULL; p++) {
        struct param_value value = param_value_load(p, conf);

        if (value.kind != PARAM_TEXT && value.kind != PARAM_JSON)
            continue;
        param_value_release(&value);
        param_value_store(p, conf, &value);
    }
}

int param_copy(const struct param *params, void *to, const void *from, struct error *err)
{
    zero_fields(params, to);
    for (const struct param *p = params; p->name != NULL; p++) {
        struct param_value value = param_value_load(p, from);
        struct param_value copy;

        if (!param_value_copy(&copy, &value)) {
            param_release(params, to);
            return error_set(err, E_NOMEM, "copy of %s", p->name);
        }
        param_value_store(p, to, &copy);
    }
    return 0;
}

/* A zero that nobody gave, in a parameter without default that may not be zero. */
static bool is_absent(const struct param *p, const struct param_value *value)
{
    if (value->kind == 0)
        return true;
    if (value->kind == PARAM_TEXT)
        return value->text == NULL;
    if (value->kind == PARAM_JSON)
        return value->json == NULL;
    return !param_is_union(p) && value->bytes == 0 && !param_value_in_range(p, value);
}

json_t *param_write(const struct param *params, const void *conf)
{
    json_t *object = json_object();

    for (const struct param *p = params; object != NULL && p->name != NULL; p++) {
        struct param_value value = param_value_load(p, conf);

        if (is_absent(p, &value))
            continue;
        if (json_object_set_new(object, p->name, param_value_write(p, &value)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static int read_lone(enum param_kind kind, const char *text, const char *what,
                     struct param_value *out, struct error *err)
{
    const struct param lone = {.name = what, .kinds = kind};

    return param_value_read_text(&lone, text, what, out, err);
}

int param_duration(const char *text, uint64_t *ns, const char *what, struct error *err)
{
    struct param_value value;
    int rc = read_lone(PARAM_DURATION, text, what, &value, err);

    if (rc == 0)
        *ns = value.ns;
    return rc;
}

int param_bytes(const char *text, uint64_t *bytes, const char *what, struct error *err)
{
    struct param_value value;
    int rc = read_lone(PARAM_BYTES, text, what, &value, err);

    if (rc == 0)
        *bytes = value.bytes;
    return rc;
}

int param_rate(const char *text, double *per_s, const char *what, struct error *err)
{
    struct param_value value;
    int rc = read_lone(PARAM_RATE, text, what, &value, err);

    if (rc == 0)
        *per_s = value.number;
    return rc;
}

int param_percent(const char *text, double *fraction, const char *what, struct error *err)
{
    struct param_value value;
    int rc = read_lone(PARAM_PERCENT, text, what, &value, err);

    if (rc == 0)
        *fraction = value.number;
    return rc;
}

const char *param_duration_text(uint64_t ns, char *text, size_t size)
{
    quantity_duration_text(ns, text, size);
    return text;
}

const char *param_bytes_text(uint64_t bytes, char *text, size_t size)
{
    quantity_bytes_text(bytes, text, size);
    return text;
}
