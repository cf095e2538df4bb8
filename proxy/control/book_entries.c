/* book_entries: the lists of links and faults, and the plans of those to be. Nothing here
 * talks to the plane. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/book_internal.h"
#include "proxy/control/toxics.h"

struct book_link *book_entry_find(const struct book *book, const char *name)
{
    for (struct book_link *link = book->links; link != NULL; link = link->next)
        if (strcmp(link->name, name) == 0)
            return link;
    return NULL;
}

struct book_fault *book_entry_fault(const struct book_link *link, const char *name)
{
    for (struct book_fault *fault = link->faults; fault != NULL; fault = fault->next)
        if (strcmp(fault->name, name) == 0)
            return fault;
    return NULL;
}

/* In the order of the names' bytes, as Go sorts the keys of an object. */
void book_entry_add(struct book *book, struct book_link *link)
{
    struct book_link **at = &book->links;

    while (*at != NULL && strcmp((*at)->name, link->name) < 0)
        at = &(*at)->next;
    link->next = *at;
    *at = link;
}

void book_entry_free_fault(struct book_fault *fault)
{
    if (fault == NULL)
        return;
    json_decref(fault->params);
    json_decref(fault->toxic);
    free(fault);
}

void book_entry_remove(struct book *book, struct book_link *link)
{
    struct book_link **at = &book->links;

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    while (link->faults != NULL)
        book_entry_drop(link, link->faults);
    free(link);
}

void book_entry_append(struct book_link *link, struct book_fault *fault)
{
    struct book_fault **at = &link->faults;

    while (*at != NULL)
        at = &(*at)->next;
    fault->next = NULL;
    *at = fault;
}

void book_entry_drop(struct book_link *link, struct book_fault *fault)
{
    struct book_fault **at = &link->faults;

    while (*at != fault)
        at = &(*at)->next;
    *at = fault->next;
    book_entry_free_fault(fault);
}

/* Plans */

static char *copy_text(const char *text)
{
    return strdup(text != NULL ? text : "");
}

bool book_plan_fault(struct fault_plan *plan, const struct book_fault_spec *spec)
{
    plan->name = copy_text(spec->name);
    plan->type = copy_text(spec->type);
    plan->params = spec->params != NULL ? json_deep_copy(spec->params) : json_object();
    plan->toxic = spec->toxic != NULL ? json_deep_copy(spec->toxic) : NULL;
    return plan->name != NULL && plan->type != NULL && plan->params != NULL &&
           (plan->toxic != NULL || spec->toxic == NULL);
}

void book_plan_release_fault(struct fault_plan *plan)
{
    free(plan->name);
    free(plan->type);
    json_decref(plan->params);
    json_decref(plan->toxic);
}

bool book_plan_link(struct link_plan *plan, const struct book_link_spec *spec)
{
    plan->name = copy_text(spec->name);
    plan->listen = copy_text(spec->listen);
    plan->upstream = copy_text(spec->upstream);
    plan->disabled = spec->disabled;
    plan->dial_timeout_ns = spec->dial_timeout_ns;
    plan->buffer_bytes = spec->buffer_bytes;
    plan->faults = calloc(spec->fault_count + 1, sizeof *plan->faults);
    if (plan->name == NULL || plan->listen == NULL || plan->upstream == NULL ||
        plan->faults == NULL)
        return false;
    for (size_t i = 0; i < spec->fault_count; i++) {
        plan->fault_count++;
        if (!book_plan_fault(&plan->faults[i], &spec->faults[i]))
            return false;
    }
    return true;
}

void book_plan_release(struct link_plan *plan)
{
    for (size_t i = 0; i < plan->fault_count; i++)
        book_plan_release_fault(&plan->faults[i]);
    free(plan->faults);
    free(plan->name);
    free(plan->listen);
    free(plan->upstream);
}

static bool is_parameter(const json_t *json, const char *key)
{
    const char *name = json_string_value(json_object_get(json, "fault"));
    const struct fault_type *type = name != NULL ? fault_type_find(name) : NULL;

    return param_find(fault_common_params(), key) != NULL ||
           (type != NULL && param_find(fault_type_params(type), key) != NULL);
}

int book_fault_read(struct book_fault_spec *spec, const json_t *json, struct error *err)
{
    const char *key;
    json_t *value;

    *spec = (struct book_fault_spec){.name = NULL};
    if (!json_is_object(json))
        return error_set(err, E_PARAM,
                         "a fault is an object: {\"fault\": TYPE, \"params\": {...}}");
    json_object_foreach((json_t *)json, key, value) {
        if (strcmp(key, "fault") == 0 && json_is_string(value)) {
            spec->type = json_string_value(value);
        } else if (strcmp(key, "name") == 0 && json_is_string(value)) {
            spec->name = json_string_value(value);
        } else if (strcmp(key, "params") == 0 && json_is_object(value)) {
            spec->params = value;
        } else if (strcmp(key, "toxic") == 0 && json_is_object(value)) {
            spec->toxic = value;
        } else {
            if (is_parameter(json, key)) {
                error_set(err, E_PARAM, "'%s' is a parameter: it belongs into \"params\"",
                          key);
                error_hint(err, "{\"fault\": \"latency\", \"params\": {\"base\": "
                                "\"100ms\"}}");
                return E_PARAM;
            }
            error_set(err, E_PARAM, "a fault has no '%s' of this kind", key);
            error_hint(err,
                       "it takes: fault (text), name (text), params (object); a state's "
                       "also toxic (object)");
            return E_PARAM;
        }
    }
    if (spec->type != NULL && spec->toxic != NULL &&
        !toxic_is_memo(spec->toxic, spec->type))
        return error_set(err, E_PARAM, "its 'toxic' is none that is a %.40s", spec->type);
    if (spec->type != NULL)
        return 0;
    error_set(err, E_PARAM, "a fault needs 'fault': which one");
    error_hint(err, "for example {\"fault\": \"latency\", \"params\": {\"base\": "
                    "\"100ms\"}}");
    return E_PARAM;
}
