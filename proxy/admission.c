/* admission: how a new connection gets in, or waits before the door.
 *
 * All well:    the faults are asked (on_accept) -> each lets it in -> the upstream is
 *              told as being dialled -> the faults are asked (on_dial) -> dial.
 * WAIT:        it stands in the link's queue, oldest first, with a deadline. It is not
 *              read: what its client sends stays in the kernel; a reset of the client is
 *              noticed and ends it. Asked again at the time which the fault named, when
 *              the faults of the link change, and when another connection has closed.
 * A hanging dial outlives the link's dial time-out: it ends as a failed dial does.
 * A fault that has let it in is not asked again: it may have given away a place. */
#include "proxy/admission.h"

#include <assert.h>
#include <errno.h>

#include "proxy/seats.h"

static void on_ask(struct deadline *own);

static uint64_t dial_due_ns(const struct connection *c)
{
    return c->dialed_ns + c->link->dial_timeout_ns;
}

/* At the end of the queue; whoever waits already keeps the place. */
static void queue_up(struct connection *c)
{
    struct link *link = c->link;

    if (c->waiting)
        return;
    c->waiting = true;
    c->prev_waiting = link->waiting_last;
    c->next_waiting = NULL;
    if (link->waiting_last != NULL)
        link->waiting_last->next_waiting = c;
    else
        link->waiting = c;
    link->waiting_last = c;
}

static void wait(struct connection *c, uint64_t ask_ns)
{
    struct deadlines *deadlines = &c->engine->deadlines;

    /* Most connections never wait, and need no place among the deadlines. */
    if (c->ask.on_due == NULL && !deadline_init(deadlines, &c->ask, on_ask)) {
        connection_close(c, PROXY_BY_PROXY | PROXY_HOW_RST | PROXY_HOW_ERROR);
        return;
    }
    queue_up(c);
    deadline_set(deadlines, &c->ask, ask_ns);
}

void admission_stop_waiting(struct connection *c)
{
    struct link *link = c->link;

    if (!c->waiting)
        return;
    c->waiting = false;
    deadline_clear(&c->engine->deadlines, &c->ask);
    if (c->prev_waiting != NULL)
        c->prev_waiting->next_waiting = c->next_waiting;
    else
        link->waiting = c->next_waiting;
    if (c->next_waiting != NULL)
        c->next_waiting->prev_waiting = c->prev_waiting;
    else
        link->waiting_last = c->prev_waiting;
}

/* true when every fault lets it in; else it waits, or is closed. */
static bool is_let_in(struct connection *c)
{
    uint64_t ask_ns = FAULT_FOREVER;

    assert(c->state == CONNECTION_ACCEPTED);
    switch (seats_ask_accept(c, &ask_ns)) {
    case FAULT_LET:
        return true;
    case FAULT_WAIT:
        wait(c, ask_ns);
        return false;
    case FAULT_CLOSE_FIN:
        connection_close(c, PROXY_BY_FAULT | PROXY_HOW_FIN);
        return false;
    case FAULT_CLOSE_RST:
        connection_close(c, PROXY_BY_FAULT | PROXY_HOW_RST);
        return false;
    }
    return false;
}

/* As far as the faults let it go now. */
static void proceed(struct connection *c)
{
    uint64_t ask_ns = FAULT_FOREVER;

    assert(!c->closing);
    if (c->state == CONNECTION_ACCEPTED) {
        if (!is_let_in(c))
            return;
        connection_enter_dialing(c);
    }
    if (seats_ask_dial(c, &ask_ns) == FAULT_WAIT) {
        wait(c, ask_ns < dial_due_ns(c) ? ask_ns : dial_due_ns(c));
        return;
    }
    admission_stop_waiting(c);
    connection_dial(c);
}

void admission_begin(struct connection *c)
{
    proceed(c);
}

static void on_ask(struct deadline *own)
{
    struct connection *c =
        (struct connection *)((char *)own - offsetof(struct connection, ask));

    if (c->state == CONNECTION_DIALING && clock_now(c->engine->clock) >= dial_due_ns(c)) {
        admission_stop_waiting(c);
        connection_dial_failed(c, ETIMEDOUT, PROXY_BY_FAULT);
        return;
    }
    proceed(c);
}

/* Whoever goes in or ends leaves the queue, and nobody else does: `next` stays. */
void admission_ask_all(struct link *link)
{
    for (struct connection *c = link->waiting, *next; c != NULL; c = next) {
        next = c->next_waiting;
        proceed(c);
    }
}

/* Many may close in one turn, in the middle of anything: once, and from the loop. */
void admission_ask_soon(struct link *link)
{
    if (link->waiting != NULL && !link->closing)
        deadline_set(&link->engine->deadlines, &link->ask_again,
                     clock_now(link->engine->clock));
}
