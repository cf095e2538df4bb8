/* link_faults: a fault comes to a link, changes, and is healed.
 *
 * Each of the three: tell the observer, then act on every live connection, then on the
 * port. What the fault held leaves at once; nobody waits for it to arrive. */
#include "proxy/link_faults.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/connection.h"

/* {fault, label, direction, params}: params in full, in the user's spelling. */
static json_t *describe(const struct link_fault *fault)
{
    json_t *params = param_write(fault->type->params, fault->conf);
    json_t *common = param_write(fault_common_params(), &fault->common);

    if (params != NULL && common != NULL)
        json_object_update_missing(params, common);
    json_decref(common);
    return json_pack("{s:s, s:s, s:s, s:o*}", "fault", fault->type->name, "label",
                     fault->label, "direction",
                     fault_direction_name(fault->common.direction), "params", params);
}

static void emit(const struct link_fault *fault, enum proxy_event_kind kind, uint64_t b,
                 json_t *detail)
{
    struct proxy_event event = {
        .kind = kind, .link = fault->link->id.number, .a = fault->id.number, .b = b};

    engine_emit(fault->link->engine, &event, detail);
}

static void fault_destroy(struct link_fault *fault)
{
    if (fault->conf != NULL)
        param_release(fault->type->params, fault->conf);
    free(fault->conf);
    free(fault->shared);
    free(fault);
}

/* The conf changes hands: out of the command, into the fault. */
static struct link_fault *fault_create(struct link *link, struct fault_id id,
                                       struct plane_command *command)
{
    struct link_fault *fault = calloc(1, sizeof *fault);

    if (fault == NULL)
        return NULL;
    fault->link = link;
    fault->id = id;
    fault->type = command->type;
    if (fault->type->shared_size > 0) {
        fault->shared = calloc(1, fault->type->shared_size);
        if (fault->shared == NULL) {
            free(fault);
            return NULL;
        }
    }
    memcpy(&fault->common, command->common, sizeof fault->common);
    fault->conf = command->conf;
    command->conf = NULL;
    return fault;
}

/* The first latency on a link is latency#1, whatever else is there: adding a fault of
 * another type must not rename, and so redraw, this one. */
static void set_label(struct link_fault *fault)
{
    unsigned ordinal = 1 + fault->link->fault_counts[fault_type_index(fault->type)]++;

    snprintf(fault->label, sizeof fault->label, "%s#%u", fault->type->name, ordinal);
}

int link_fault_add(struct link *link, struct fault_id id, struct plane_command *command,
                   struct link_fault **out, uint32_t *touched, struct error *err)
{
    struct link_fault *fault = fault_create(link, id, command);
    struct link_fault **at = &link->faults;

    *touched = 0;
    if (fault == NULL)
        return error_set(err, E_NOMEM, "fault %s", command->type->name);
    set_label(fault);
    while (*at != NULL)
        at = &(*at)->next;
    *at = fault;
    emit(fault, PROXY_FAULT_BEGIN, 0, describe(fault));
    for (struct connection *c = link->connections, *next; c != NULL; c = next) {
        next = c->next;
        *touched += connection_fault_add(c, fault);
    }
    *out = fault;
    return link_update_port(link, err);
}

/* Read the change into copies first: a combination that does not fit must not have been
 * in force for a moment. */
static int read_change(struct link_fault *fault, const json_t *params, struct error *err)
{
    const struct fault_type *type = fault->type;
    void *conf = calloc(1, type->conf_size);
    struct fault_common common = fault->common;
    struct param_layer layers[2] = {{type->params, conf},
                                    {fault_common_params(), &common}};
    int rc;

    if (conf == NULL)
        return error_set(err, E_NOMEM, "fault %s", type->name);
    rc = param_copy(type->params, conf, fault->conf, err);
    if (rc != 0)
        goto fail_free;
    rc = param_change_layers(layers, 2, params, type->name, err);
    if (rc == 0)
        rc = fault_check_conf(type, conf, &common, err);
    if (rc != 0)
        goto fail_release;

    /* Stages hold a pointer to the conf in force: its place stays, its content goes. */
    param_release(type->params, fault->conf);
    memcpy(fault->conf, conf, type->conf_size);
    fault->common = common;
    free(conf);
    return 0;

fail_release:
    param_release(type->params, conf);
fail_free:
    free(conf);
    return rc;
}

/* A change that is refused has changed nothing, and nobody hears of it. */
int link_fault_change(struct link_fault *fault, const json_t *params, uint32_t *touched,
                      struct error *err)
{
    struct link *link = fault->link;
    int rc = read_change(fault, params, err);

    *touched = 0;
    if (rc != 0)
        return rc;
    emit(fault, PROXY_FAULT_CHANGE, 0, describe(fault));
    for (struct connection *c = link->connections, *next; c != NULL; c = next) {
        next = c->next;
        *touched += connection_fault_change(c, fault);
    }
    return link_update_port(link, err);
}

/* From here on it touches nothing: off the list first, then out of every chain. */
int link_fault_heal(struct link_fault *fault, uint32_t *touched, struct error *err)
{
    struct link *link = fault->link;
    struct link_fault **at = &link->faults;
    int rc;

    *touched = 0;
    while (*at != fault)
        at = &(*at)->next;
    *at = fault->next;
    emit(fault, PROXY_FAULT_HEAL, fault->touched, NULL);
    for (struct connection *c = link->connections, *next; c != NULL; c = next) {
        next = c->next;
        *touched += connection_fault_remove(c, fault);
    }
    rc = link_update_port(link, err);
    fault_destroy(fault);
    return rc;
}

void link_faults_end(struct link *link)
{
    for (const struct link_fault *f = link->faults; f != NULL; f = f->next)
        emit(f, PROXY_FAULT_HEAL, f->touched, NULL);
}

void link_faults_release(struct link *link)
{
    while (link->faults != NULL) {
        struct link_fault *fault = link->faults;

        link->faults = fault->next;
        fault_destroy(fault);
    }
}
