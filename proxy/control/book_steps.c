/* book_steps: single commands to the plane, and what their answers change in the book.
 *
 * A step sets `then`, sends, and returns; its answer enters the change and goes on to
 * `then`. One that has nothing to send goes on at once. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/book_internal.h"
#include "proxy/control/listen.h"

static void set_listen(struct book_link *link, const char *address)
{
    if (address[0] != '\0')
        snprintf(link->listen, sizeof link->listen, "%s", address);
}

/* A listen that has no numbers: what is wrong with it. */
static void fail_listen(struct op *op, const char *listen)
{
    struct address address;
    struct error err;
    int rc = listen_parse(&address, listen, op->book->allow_any_listen, &err);

    if (rc != 0)
        book_op_fail_with(op, &err, rc, "listen");
    else
        book_op_fail(op, E_NOT_FOUND, "listen", "listen '%s': nobody knows this host",
                     listen);
}

bool book_check_upstream(struct op *op, const char *upstream)
{
    struct address address;
    struct error err;
    int rc = address_parse(&address, upstream, "upstream", &err);

    if (rc != 0)
        book_op_fail_with(op, &err, rc, "upstream");
    return rc == 0;
}

bool book_check_listen(struct op *op, const char *listen, const char *resolved)
{
    if (resolved[0] == '\0')
        fail_listen(op, listen);
    return resolved[0] != '\0';
}

void book_step_no_memory(struct op *op)
{
    book_op_fail(op, E_NOMEM, NULL, "%s", error_text(E_NOMEM));
}

/* Links */

static void on_opened(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;
    struct book_link *link = op->fresh_link;

    op->fresh_link = NULL;
    if (reply->rc != 0) {
        free(link);
        book_op_fail_with(op, &reply->error, reply->rc, "listen");
        return;
    }
    link->id = reply->link;
    if (link->enabled)
        set_listen(link, reply->address);
    book_entry_add(op->book, link);
    op->link = link;
    book_op_go(op, op->then);
}

static bool check_name(struct op *op, const char *name)
{
    if (name[0] == '\0')
        book_op_fail(op, E_PARAM, "name", "a link needs a name");
    else if (strlen(name) >= LINK_NAME_BYTES)
        book_op_fail(op, E_PARAM, "name", "name '%.40s...' is longer than %d bytes", name,
                     LINK_NAME_BYTES - 1);
    else
        return true;
    return false;
}

void book_step_open(struct op *op, const struct link_plan *plan, op_step_fn *then)
{
    struct link_options options = {.disabled = plan->disabled,
                                   .dial_timeout_ns = plan->dial_timeout_ns,
                                   .buffer_bytes = plan->buffer_bytes};
    struct book_link *link;

    op->then = then;
    if (!check_name(op, plan->name) || !book_check_upstream(op, plan->upstream) ||
        !book_check_listen(op, plan->listen, plan->resolved))
        return;
    link = calloc(1, sizeof *link);
    if (link == NULL) {
        book_step_no_memory(op);
        return;
    }
    snprintf(link->name, sizeof link->name, "%s", plan->name);
    snprintf(link->listen, sizeof link->listen, "%s", plan->listen);
    snprintf(link->upstream, sizeof link->upstream, "%s", plan->upstream);
    link->enabled = !plan->disabled;
    link->dial_timeout_ns = plan->dial_timeout_ns;
    link->buffer_bytes = plan->buffer_bytes;
    memcpy(options.name, link->name, sizeof options.name);
    memcpy(options.upstream, link->upstream, sizeof options.upstream);
    memcpy(options.listen, plan->resolved, sizeof options.listen);
    op->fresh_link = link;
    control_link_open(op->book->control, &options, on_opened, op);
}

/* The same name may stand twice in what is to be made. */
static void forget(struct op *op, const struct book_link *link)
{
    size_t kept = 0;

    for (size_t i = 0; i < op->answer.link_count; i++)
        if (op->links[i] != link)
            op->links[kept++] = op->links[i];
    op->answer.link_count = kept;
}

static void on_closed(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;

    (void)reply; /* gone is gone */
    forget(op, op->link);
    book_entry_remove(op->book, op->link);
    op->link = NULL;
    book_op_go(op, op->then);
}

/* By way of disabling: the connections end with FIN, as Toxiproxy's do. */
static void on_disabled_to_close(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;

    (void)reply;
    control_link_close(op->book->control, op->link->id, on_closed, op);
}

void book_step_close(struct op *op, struct book_link *link, op_step_fn *then)
{
    op->then = then;
    op->link = link;
    control_link_disable(op->book->control, link->id, on_disabled_to_close, op);
}

static void on_enabled(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;

    if (reply->rc != 0) {
        book_op_fail_with(op, &reply->error, reply->rc, "listen");
        return;
    }
    op->link->enabled = true;
    set_listen(op->link, reply->address);
    book_op_go(op, op->then);
}

void book_step_enable(struct op *op, struct book_link *link, op_step_fn *then)
{
    op->then = then;
    op->link = link;
    control_link_enable(op->book->control, link->id, on_enabled, op);
}

static void on_disabled(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;

    if (reply->rc != 0) {
        book_op_fail_with(op, &reply->error, reply->rc, NULL);
        return;
    }
    op->link->enabled = false;
    book_op_go(op, op->then);
}

void book_step_disable(struct op *op, struct book_link *link, op_step_fn *then)
{
    op->then = then;
    op->link = link;
    control_link_disable(op->book->control, link->id, on_disabled, op);
}

/* Faults */

static void enter_params(struct book_fault *fault, const struct plane_reply *reply,
                         const json_t *given)
{
    json_t *in_force = json_object_get(reply->detail, "params");

    if (in_force != NULL) {
        /* Made for this answer alone, so it may be kept, which takes no memory. */
        json_decref(fault->params);
        fault->params = json_incref(in_force);
    } else if (given != fault->params) {
        json_object_update(fault->params, (json_t *)given);
    }
}

static void on_added(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;
    struct book_fault *fault = op->fresh;

    op->fresh = NULL;
    if (reply->rc != 0) {
        book_entry_free_fault(fault);
        book_op_fail_with(op, &reply->error, reply->rc, "fault");
        return;
    }
    fault->id = reply->fault;
    enter_params(fault, reply, fault->params);
    book_entry_append(op->link, fault);
    op->answer.touched += reply->touched;
    op->target = fault;
    book_op_go(op, op->then);
}

/* The first of "latency-1", "latency-2", ... that is free. */
static void choose_name(const struct book_link *link, struct book_fault *fault)
{
    for (unsigned n = 1; n != 0; n++) {
        snprintf(fault->name, sizeof fault->name, "%s-%u", fault->type, n);
        if (book_entry_fault(link, fault->name) == NULL)
            return;
    }
}

static struct book_fault *create_fault(const struct book_link *link,
                                       const struct fault_plan *plan)
{
    struct book_fault *fault = calloc(1, sizeof *fault);

    if (fault == NULL)
        return NULL;
    snprintf(fault->type, sizeof fault->type, "%s", plan->type);
    if (plan->name[0] != '\0')
        snprintf(fault->name, sizeof fault->name, "%s", plan->name);
    else
        choose_name(link, fault);
    fault->params = json_deep_copy(plan->params);
    fault->toxic = plan->toxic != NULL ? json_deep_copy(plan->toxic) : NULL;
    if (fault->params == NULL || (fault->toxic == NULL && plan->toxic != NULL)) {
        book_entry_free_fault(fault);
        return NULL;
    }
    return fault;
}

void book_step_add(struct op *op, struct book_link *link, const struct fault_plan *plan,
                   op_step_fn *then)
{
    struct plane_reply nothing = {.rc = 0};

    op->then = then;
    op->link = link;
    if (strlen(plan->name) >= BOOK_NAME_BYTES) {
        book_op_fail(op, E_PARAM, "name", "name '%.40s...' is longer than %d bytes",
                     plan->name, BOOK_NAME_BYTES - 1);
        return;
    }
    if (book_entry_fault(link, plan->name) != NULL) {
        book_op_fail(op, E_EXISTS, "name", "link '%s' has a fault '%s' already",
                     link->name, plan->name);
        return;
    }
    op->fresh = create_fault(link, plan);
    if (op->fresh == NULL)
        book_step_no_memory(op);
    else if (strcmp(plan->type, "noop") == 0)
        on_added(op, &nothing);
    else
        control_fault_add(op->book->control, link->id, plan->type, plan->params, on_added,
                          op);
}

static void on_changed(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;

    if (reply->rc != 0) {
        book_op_fail_with(op, &reply->error, reply->rc, "fault");
        return;
    }
    enter_params(op->target, reply, op->fault.params);
    if (op->fault.toxic != NULL) {
        json_decref(op->target->toxic);
        op->target->toxic = json_incref(op->fault.toxic);
    }
    op->answer.touched += reply->touched;
    book_op_go(op, op->then);
}

void book_step_change(struct op *op, op_step_fn *then)
{
    struct plane_reply nothing = {.rc = 0};

    op->then = then;
    if (op->target->id.number == 0)
        on_changed(op, &nothing);
    else
        control_fault_change(op->book->control, op->target->id, op->fault.params,
                             on_changed, op);
}

/* Healed is gone, also when the port could not be opened again: that is an error, and
 * the link is there without it. */
static void on_healed(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;

    book_entry_drop(op->link, op->target);
    op->target = NULL;
    op->answer.touched += reply->touched;
    if (reply->rc != 0 && reply->rc != E_STALE)
        book_op_fail_with(op, &reply->error, reply->rc, "listen");
    else
        book_op_go(op, op->then);
}

void book_step_heal(struct op *op, struct book_link *link, struct book_fault *fault,
                    op_step_fn *then)
{
    struct plane_reply nothing = {.rc = 0};

    op->then = then;
    op->link = link;
    op->target = fault;
    if (fault->id.number == 0)
        on_healed(op, &nothing);
    else
        control_fault_heal(op->book->control, fault->id, on_healed, op);
}
