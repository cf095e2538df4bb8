/* book_faults: operations on faults: added, changed, removed; all of them healed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/book_internal.h"

/* false: it has failed. */
static bool find_fault(struct op *op)
{
    if (!book_op_find_link(op))
        return false;
    op->target = book_entry_fault(op->link, op->fault_name);
    if (op->target == NULL)
        book_op_fail(op, E_NOT_FOUND, "name", "link '%s' has no fault '%s'",
                     op->link_name, op->fault_name);
    return op->target != NULL;
}

/* NULL: memory is short, and then `done` has been told. */
static struct op *create(struct book *book, const char *link, const char *fault,
                         op_step_fn *start, book_done_fn *done, void *arg)
{
    struct op *op = book_op_create(book, start, done, arg);

    if (op == NULL)
        return NULL;
    op->link_name = strdup(link);
    op->fault_name = strdup(fault);
    if (op->link_name == NULL || op->fault_name == NULL)
        op->start = book_step_no_memory;
    return op;
}

static void start_add(struct op *op)
{
    if (book_op_find_link(op))
        book_step_add(op, op->link, &op->fault, book_op_finish);
}

void book_fault_add(struct book *book, const char *link,
                    const struct book_fault_spec *spec, book_done_fn *done, void *arg)
{
    struct op *op = create(book, link, "", start_add, done, arg);

    if (op == NULL)
        return;
    if (!book_plan_fault(&op->fault, spec))
        op->start = book_step_no_memory;
    book_op_submit(op);
}

static void start_change(struct op *op)
{
    if (find_fault(op))
        book_step_change(op, book_op_finish);
}

void book_fault_change(struct book *book, const char *link, const char *fault,
                       json_t *params, json_t *toxic, book_done_fn *done, void *arg)
{
    const struct book_fault_spec spec = {.params = params, .toxic = toxic};
    struct op *op = create(book, link, fault, start_change, done, arg);

    if (op == NULL)
        return;
    if (!book_plan_fault(&op->fault, &spec))
        op->start = book_step_no_memory;
    book_op_submit(op);
}

static void start_edit(struct op *op)
{
    struct error err;
    int rc;

    if (!find_fault(op))
        return;
    rc = op->edit(op->arg, op->target, &op->fault.params, &op->fault.toxic, &err);
    if (rc != 0)
        book_op_fail_with(op, &err, rc, "fault");
    else
        book_step_change(op, book_op_finish);
}

void book_fault_edit(struct book *book, const char *link, const char *fault,
                     book_edit_fn *edit, book_done_fn *done, void *arg)
{
    struct op *op = create(book, link, fault, start_edit, done, arg);

    if (op == NULL)
        return;
    op->edit = edit;
    book_op_submit(op);
}

static void start_remove(struct op *op)
{
    if (find_fault(op))
        book_step_heal(op, op->link, op->target, book_op_finish);
}

void book_fault_remove(struct book *book, const char *link, const char *fault,
                       book_done_fn *done, void *arg)
{
    struct op *op = create(book, link, fault, start_remove, done, arg);

    if (op != NULL)
        book_op_submit(op);
}

/* Heal all */

static void heal_link(struct op *op);

static void heal_next_fault(struct op *op)
{
    if (op->link->faults != NULL) {
        book_step_heal(op, op->link, op->link->faults, heal_next_fault);
        return;
    }
    op->link = op->link->next;
    book_op_go(op, heal_link);
}

static void heal_link(struct op *op)
{
    if (op->link == NULL)
        book_op_finish(op);
    else if (!op->link->enabled)
        book_step_enable(op, op->link, heal_next_fault);
    else
        heal_next_fault(op);
}

static void start_heal_all(struct op *op)
{
    op->link = op->book->links;
    heal_link(op);
}

void book_heal_all(struct book *book, book_done_fn *done, void *arg)
{
    struct op *op = book_op_create(book, start_heal_all, done, arg);

    if (op != NULL)
        book_op_submit(op);
}
