/* book_links: operations on links: made, changed, removed, reset; many at once. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/book_internal.h"
#include "proxy/control/listen.h"

static bool set_text(char **out, const char *text)
{
    *out = strdup(text);
    return *out != NULL;
}

/* An operation that could not be set up still ends in its turn. */
static void submit(struct op *op, bool is_whole)
{
    if (!is_whole)
        op->start = book_step_no_memory;
    book_op_submit(op);
}

bool book_op_find_link(struct op *op)
{
    op->link = book_entry_find(op->book, op->link_name);
    if (op->link == NULL)
        book_op_fail(op, E_NOT_FOUND, "name", "there is no link '%s'", op->link_name);
    return op->link != NULL;
}

/* Made with its faults, or not at all */

static void unmake(struct op *op)
{
    if (op->link == NULL) { /* it never opened */
        book_op_finish(op);
        return;
    }
    op->target = NULL;
    book_step_close(op, op->link, book_op_finish);
}

static void build_next_fault(struct op *op)
{
    const struct link_plan *plan = &op->plans[op->at];

    if (op->fault_at < plan->fault_count) {
        book_step_add(op, op->link, &plan->faults[op->fault_at++], build_next_fault);
        return;
    }
    op->failed = NULL;
    op->links[op->answer.link_count++] = op->link;
    op->at++;
    book_op_go(op, op->build_then);
}

void book_step_build(struct op *op, op_step_fn *then)
{
    op->build_then = then;
    op->failed = unmake;
    op->fault_at = 0;
    op->link = NULL;
    book_step_open(op, &op->plans[op->at], build_next_fault);
}

static void start_add(struct op *op)
{
    struct book_link *there = book_entry_find(op->book, op->plans[0].name);

    if (there == NULL) {
        book_step_build(op, book_op_finish);
        return;
    }
    op->link = there;
    book_op_fail(op, E_EXISTS, "name", "there is a link '%s' already", there->name);
}

/* false: memory is short. */
static bool take_plans(struct op *op, const struct book_link_spec *specs, size_t count)
{
    op->plans = calloc(count + 1, sizeof *op->plans);
    op->links = calloc(count + 1, sizeof *op->links);
    if (op->plans == NULL || op->links == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!book_plan_link(&op->plans[op->plan_count++], &specs[i]))
            return false;
    return true;
}

void book_link_add(struct book *book, const struct book_link_spec *spec,
                   book_done_fn *done, void *arg)
{
    struct op *op = book_op_create(book, start_add, done, arg);

    if (op != NULL)
        submit(op, take_plans(op, spec, 1));
}

/* Populate */

static void populate_next(struct op *op);

static bool is_same_listen(const struct book *book, const struct book_link *link,
                           const char *given, const char *resolved)
{
    struct address address;

    if (strcmp(link->listen, given) == 0 || strcmp(link->listen, resolved) == 0)
        return true;
    /* One that has not listened yet stands there as it was written. */
    return listen_parse(&address, link->listen, book->allow_any_listen, NULL) == 0 &&
           strcmp(address.text, resolved) == 0;
}

static void replace(struct op *op)
{
    book_step_build(op, populate_next);
}

static void populate_next(struct op *op)
{
    const struct link_plan *plan;
    struct book_link *there;

    if (op->at == op->plan_count) {
        op->link = NULL;
        op->target = NULL;
        book_op_finish(op);
        return;
    }
    plan = &op->plans[op->at];
    there = book_entry_find(op->book, plan->name);
    if (there == NULL) {
        book_step_build(op, populate_next);
    } else if (is_same_listen(op->book, there, plan->listen, plan->resolved) &&
               strcmp(there->upstream, plan->upstream) == 0) {
        op->links[op->answer.link_count++] = there;
        op->at++;
        book_op_go(op, populate_next);
    } else {
        book_step_close(op, there, replace);
    }
}

void book_populate(struct book *book, const struct book_link_spec *specs, size_t count,
                   book_done_fn *done, void *arg)
{
    struct op *op = book_op_create(book, populate_next, done, arg);

    if (op != NULL)
        submit(op, take_plans(op, specs, count));
}

/* Change */

static void change_enabled(struct op *op)
{
    if (op->enabled == op->link->enabled)
        book_op_finish(op);
    else if (op->enabled)
        book_step_enable(op, op->link, book_op_finish);
    else
        book_step_disable(op, op->link, book_op_finish);
}

static void on_listen(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;

    snprintf(op->link->listen, sizeof op->link->listen, "%s",
             reply->rc == 0 && reply->address[0] != '\0' ? reply->address : op->resolved);
    if (reply->rc != 0)
        book_op_fail_with(op, &reply->error, reply->rc, "listen");
    else
        change_enabled(op);
}

static void change_listen(struct op *op)
{
    if (op->listen == NULL)
        change_enabled(op);
    else
        control_link_listen(op->book->control, op->link->id, op->resolved, on_listen, op);
}

static void on_upstream(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;

    if (reply->rc != 0) {
        book_op_fail_with(op, &reply->error, reply->rc, "upstream");
        return;
    }
    snprintf(op->link->upstream, sizeof op->link->upstream, "%s", op->upstream);
    change_listen(op);
}

static void change_upstream(struct op *op)
{
    if (op->upstream == NULL)
        change_listen(op);
    else
        control_link_upstream(op->book->control, op->link->id, op->upstream, on_upstream,
                              op);
}

/* What is the same is as if nobody had named it. */
static void drop_same(struct op *op)
{
    if (op->listen != NULL &&
        is_same_listen(op->book, op->link, op->listen, op->resolved)) {
        free(op->listen);
        op->listen = NULL;
    }
    if (op->upstream != NULL && strcmp(op->upstream, op->link->upstream) == 0) {
        free(op->upstream);
        op->upstream = NULL;
    }
}

static void start_change(struct op *op)
{
    if (!book_op_find_link(op) ||
        (op->upstream != NULL && !book_check_upstream(op, op->upstream)) ||
        (op->listen != NULL && !book_check_listen(op, op->listen, op->resolved)))
        return;
    if (!op->has_enabled)
        op->enabled = op->link->enabled;
    drop_same(op);
    if (op->listen == NULL && op->upstream == NULL)
        change_enabled(op);
    else if (op->link->enabled)
        book_step_disable(op, op->link, change_upstream);
    else
        change_upstream(op);
}

void book_link_change(struct book *book, const char *name,
                      const struct book_link_change *change, book_done_fn *done,
                      void *arg)
{
    struct op *op = book_op_create(book, start_change, done, arg);
    bool is_whole;

    if (op == NULL)
        return;
    op->has_enabled = change->enabled != NULL;
    op->enabled = op->has_enabled && *change->enabled;
    is_whole = set_text(&op->link_name, name) &&
               (change->listen == NULL || set_text(&op->listen, change->listen)) &&
               (change->upstream == NULL || set_text(&op->upstream, change->upstream));
    submit(op, is_whole);
}

/* Remove, reset */

static void start_remove(struct op *op)
{
    if (book_op_find_link(op))
        book_step_close(op, op->link, book_op_finish);
}

static void submit_named(struct book *book, const char *name, op_step_fn *start,
                         book_done_fn *done, void *arg)
{
    struct op *op = book_op_create(book, start, done, arg);

    if (op != NULL)
        submit(op, set_text(&op->link_name, name));
}

void book_link_remove(struct book *book, const char *name, book_done_fn *done, void *arg)
{
    submit_named(book, name, start_remove, done, arg);
}

static void on_reset(void *arg, const struct plane_reply *reply)
{
    struct op *op = arg;

    op->answer.touched = reply->touched;
    if (reply->rc != 0)
        book_op_fail_with(op, &reply->error, reply->rc, NULL);
    else
        book_op_finish(op);
}

static void start_reset(struct op *op)
{
    if (book_op_find_link(op))
        control_link_reset(op->book->control, op->link->id, on_reset, op);
}

void book_link_reset(struct book *book, const char *name, book_done_fn *done, void *arg)
{
    submit_named(book, name, start_reset, done, arg);
}
