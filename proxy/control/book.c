/* book: the queue of operations, one at a time.
 *
 * All well:   created -> names looked up -> waiting -> running -> done -> freed.
 * A bad one:  the first step that fails ends it, after what was half made is undone.
 * Close:      what waits is still done; then the control closes, then the book. */
#include "proxy/control/book.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/book_internal.h"
#include "proxy/control/listen.h"

int book_open(struct book **out, struct plane *plane, uv_loop_t *loop,
              bool allow_any_listen, struct error *err)
{
    struct book *book = calloc(1, sizeof *book);
    int rc;

    if (book == NULL)
        return error_set(err, E_NOMEM, "book of links");
    book->loop = loop;
    book->allow_any_listen = allow_any_listen;
    rc = control_open(&book->control, plane, loop, err);
    if (rc != 0) {
        free(book);
        return rc;
    }
    *out = book;
    return 0;
}

static void on_control_closed(void *arg)
{
    struct book *book = arg;
    void (*on_closed)(void *arg) = book->on_closed;
    void *closed_arg = book->closed_arg;

    while (book->links != NULL)
        book_entry_remove(book, book->links);
    free(book);
    on_closed(closed_arg);
}

static void close_if_done(struct book *book)
{
    if (book->closing && book->ops == 0)
        control_close(book->control, on_control_closed, book);
}

void book_close(struct book *book, void (*on_closed)(void *arg), void *arg)
{
    assert(!book->closing);
    book->closing = true;
    book->on_closed = on_closed;
    book->closed_arg = arg;
    close_if_done(book);
}

struct control *book_control(const struct book *book)
{
    return book->control;
}

/* Operations */

struct op *book_op_create(struct book *book, op_step_fn *start, book_done_fn *done,
                          void *arg)
{
    struct op *op = calloc(1, sizeof *op);

    assert(!book->closing);
    if (op == NULL) {
        struct book_answer answer = {.rc = E_NOMEM};

        error_set(&answer.error, E_NOMEM, "%s", error_text(E_NOMEM));
        done(arg, &answer);
        return NULL;
    }
    op->book = book;
    op->start = start;
    op->done = done;
    op->arg = arg;
    book->ops++;
    return op;
}

static void op_destroy(struct op *op)
{
    for (size_t i = 0; i < op->plan_count; i++)
        book_plan_release(&op->plans[i]);
    book_plan_release_fault(&op->fault);
    free(op->plans);
    free(op->links);
    free(op->link_name);
    free(op->fault_name);
    free(op->listen);
    free(op->upstream);
    free(op);
}

/* One step, and one operation, after the other. A loop and no recursion: an operation
 * may have thousands of steps that end inside themselves. */
static void turn(struct book *book)
{
    if (book->turning)
        return;
    book->turning = true;
    while (book->ready || (book->running == NULL && book->head != NULL)) {
        struct op *op = book->running;

        if (op == NULL) {
            op = book->head;
            book->head = op->next;
            book->last = book->head != NULL ? book->last : NULL;
            book->running = op;
            op->then = op->start;
        }
        book->ready = false;
        op->then(op);
    }
    book->turning = false;
    close_if_done(book);
}

void book_op_go(struct op *op, op_step_fn *then)
{
    assert(op->book->running == op);
    assert(!op->book->ready);
    op->then = then;
    op->book->ready = true;
    turn(op->book);
}

void book_op_finish(struct op *op)
{
    struct book *book = op->book;

    assert(book->running == op);
    op->answer.link = op->link;
    op->answer.fault = op->target;
    op->answer.links = op->links;
    op->answer.entry = op->at;
    op->done(op->arg, &op->answer);
    book->running = NULL;
    book->ops--;
    op_destroy(op);
    turn(book);
}

/* To the end, by way of what undoes a half-made thing. */
static void end_badly(struct op *op)
{
    op_step_fn *failed = op->failed;

    op->failed = NULL;
    book_op_go(op, failed != NULL ? failed : book_op_finish);
}

void book_op_fail(struct op *op, int code, const char *about, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    op->answer.rc = error_set(&op->answer.error, code, "%s", text);
    op->answer.about = about;
    end_badly(op);
}

void book_op_fail_with(struct op *op, const struct error *err, int code,
                       const char *about)
{
    op->answer.error = *err;
    op->answer.rc = code;
    op->answer.about = about;
    end_badly(op);
}

static void enqueue(struct op *op)
{
    struct book *book = op->book;

    op->next = NULL;
    if (book->last != NULL)
        book->last->next = op;
    else
        book->head = op;
    book->last = op;
    turn(book);
}

/* Names */

static void look_up_next(struct op *op);

static char *lookup_target(struct op *op)
{
    return op->lookup_at < op->plan_count ? op->plans[op->lookup_at].resolved
                                          : op->resolved;
}

static void write_resolved(char *out, const struct addrinfo *info, uint16_t port)
{
    char host[NI_MAXHOST];

    if (getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof host, NULL, 0,
                    NI_NUMERICHOST) != 0)
        return;
    snprintf(out, ADDRESS_BYTES, info->ai_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
             port);
}

static const char *lookup_text(const struct op *op)
{
    return op->lookup_at < op->plan_count ? op->plans[op->lookup_at].listen : op->listen;
}

/* Without an answer `resolved` stays empty: the step that needs it says so. */
static void on_looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *info)
{
    struct op *op = lookup->data;
    struct address address;

    if (status == 0 && info != NULL &&
        listen_parse(&address, lookup_text(op), false, NULL) == 0)
        write_resolved(lookup_target(op), info, address.port);
    uv_freeaddrinfo(info);
    op->lookup_at++;
    look_up_next(op);
}

/* true: the answer comes later. */
static bool look_up(struct op *op, const char *listen)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct address address;

    if (listen_parse(&address, listen, op->book->allow_any_listen, NULL) != 0)
        return false;
    if (address.kind != ADDRESS_NAME) {
        snprintf(lookup_target(op), ADDRESS_BYTES, "%s", address.text);
        return false;
    }
    op->lookup.data = op;
    return uv_getaddrinfo(op->book->loop, &op->lookup, on_looked_up, address.host, NULL,
                          &hints) == 0;
}

static void look_up_next(struct op *op)
{
    for (; op->lookup_at <= op->plan_count; op->lookup_at++) {
        const char *listen = lookup_text(op);

        if (listen != NULL && look_up(op, listen))
            return;
    }
    enqueue(op);
}

void book_op_submit(struct op *op)
{
    look_up_next(op);
}

/* Reading */

static void start_read(struct op *op)
{
    book_op_finish(op);
}

void book_read(struct book *book, book_done_fn *done, void *arg)
{
    struct op *op = book_op_create(book, start_read, done, arg);

    if (op != NULL)
        book_op_submit(op);
}

const struct book_link *book_first(const struct book *book)
{
    return book->links;
}

const struct book_link *book_find(const struct book *book, const char *name)
{
    return book_entry_find(book, name);
}

const struct book_fault *book_link_fault(const struct book_link *link, const char *name)
{
    return book_entry_fault(link, name);
}
