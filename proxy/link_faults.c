/* link_faults: a fault comes to a link, changes, and is healed.
 *
 * Each of the three: tell the observer, then act on every live connection, then on the
 * port. What the fault held leaves at once; nobody waits for it to arrive. */
#include "proxy/link_faults.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/admission.h"
#include "proxy/port.h"
#include "proxy/turns.h"

/* Params in full, in the user's spelling. */
json_t *link_fault_describe(const struct link_fault *fault)
{
    json_t *detail;
    json_t *params = param_write(fault->type->params, fault->conf);
    json_t *common = param_write(fault_common_params(), &fault->common);

    if (params != NULL && common != NULL)
        json_object_update_missing(params, common);
    json_decref(common);
    detail = json_pack("{s:s, s:s, s:s, s:o*}", "fault", fault->type->name, "label",
                       fault->label, "direction",
                       fault_direction_name(fault->common.direction), "params", params);
    if (detail != NULL && turns_has_rests(fault))
        json_object_set_new(detail, "resting", json_boolean(!turns_acts(fault)));
    return detail;
}

static void emit(const struct link_fault *fault, enum proxy_event_kind kind, uint64_t b,
                 json_t *detail)
{
    struct proxy_event event = {
        .kind = kind, .link = fault->link->id.number, .a = fault->id.number, .b = b};

    engine_emit(fault->link->engine, &event, detail);
}

/* Chunks are not told one by one: what was drawn for them stands here, all together. */
static void emit_heal(const struct link_fault *fault)
{
    json_t *delays = fault->delays.count > 0 ? histogram_write(&fault->delays) : NULL;

    emit(fault, PROXY_FAULT_HEAL, fault->touched,
         delays != NULL ? json_pack("{s:o}", "delays", delays) : NULL);
}

static void fault_destroy(struct link_fault *fault)
{
    turns_stop(fault);
    if (fault->conf != NULL)
        param_release(fault->type->params, fault->conf);
    free(fault->conf);
    free(fault->shared);
    free(fault);
}

/* Connections that are closing still hold stages of it. */
static void destroy_if_unused(struct link_fault *fault)
{
    if (fault->healed && fault->seats == 0)
        fault_destroy(fault);
}

void link_fault_unseat(struct link_fault *fault)
{
    assert(fault->seats > 0);
    fault->seats--;
    destroy_if_unused(fault);
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

/* Live connections, then those that wait (the fault may be what kept them), then the
 * port. Gives on how many the fault acts (acted). */
static int act(struct link *link, struct link_fault *fault,
               bool (*on_connection)(struct connection *c, struct link_fault *fault),
               uint32_t *touched, struct error *err)
{
    *touched = 0;
    for (struct connection *c = link->connections, *next; c != NULL; c = next) {
        next = c->next;
        *touched += on_connection(c, fault);
    }
    admission_ask_all(link);
    return port_update(link, err);
}

int link_fault_add(struct link *link, struct fault_id id, struct plane_command *command,
                   struct link_fault **out, uint32_t *touched, struct error *err)
{
    struct link_fault *fault = fault_create(link, id, command);
    struct link_fault **at = &link->faults;

    *touched = 0;
    if (fault == NULL || !turns_start(fault)) {
        if (fault != NULL)
            fault_destroy(fault);
        return error_set(err, E_NOMEM, "fault %s", command->type->name);
    }
    set_label(fault);
    while (*at != NULL)
        at = &(*at)->next;
    *at = fault;
    emit(fault, PROXY_FAULT_BEGIN, 0, link_fault_describe(fault));
    *out = fault;
    return act(link, fault, connection_fault_add, touched, err);
}

/* Nobody waits for the answer: what the port could not do is in the log, and tried again
 * with the next change. */
void link_fault_turned(struct link_fault *fault)
{
    struct link *link = fault->link;
    struct error err;
    uint32_t touched;

    emit(fault, PROXY_FAULT_CHANGE, 0, link_fault_describe(fault));
    if (act(link, fault, connection_fault_turn, &touched, &err) != 0)
        log_warn(link->engine->log, "link", "%s: %s", link->name, err.text);
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

static bool change_after(struct connection *c, struct link_fault *fault)
{
    return connection_fault_change(c, fault, true);
}

static bool change(struct connection *c, struct link_fault *fault)
{
    return connection_fault_change(c, fault, false);
}

/* A change that is refused has changed nothing, and nobody hears of it. */
int link_fault_change(struct link_fault *fault, const json_t *params, uint32_t *touched,
                      struct error *err)
{
    struct fault_common before = fault->common;
    int rc = read_change(fault, params, err);
    bool same_after;

    *touched = 0;
    if (rc != 0)
        return rc;
    same_after = turns_is_same_after(&before, &fault->common);
    turns_change(fault, &before);
    emit(fault, PROXY_FAULT_CHANGE, 0, link_fault_describe(fault));
    return act(fault->link, fault, same_after ? change : change_after, touched, err);
}

/* From here on it touches nothing: off the list first, then out of every chain. */
int link_fault_heal(struct link_fault *fault, uint32_t *touched, struct error *err)
{
    struct link *link = fault->link;
    struct link_fault **at = &link->faults;
    int rc;

    while (*at != fault)
        at = &(*at)->next;
    *at = fault->next;
    emit_heal(fault);
    rc = act(link, fault, connection_fault_remove, touched, err);
    turns_stop(fault);
    fault->healed = true;
    destroy_if_unused(fault);
    return rc;
}

void link_faults_end(struct link *link)
{
    for (struct link_fault *f = link->faults; f != NULL; f = f->next) {
        turns_stop(f);
        emit_heal(f);
    }
}

void link_faults_release(struct link *link)
{
    while (link->faults != NULL) {
        struct link_fault *fault = link->faults;

        link->faults = fault->next;
        fault_destroy(fault);
    }
}
