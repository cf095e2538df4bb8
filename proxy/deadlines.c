/* deadlines: a binary heap of embedded deadlines, and the timerfd that wakes the loop.
 *
 * The timerfd is armed for the head of the heap; it is only armed again when the head
 * comes earlier, or after it fired. Absolute times: nothing drifts, nothing rounds.
 * For a precise deadline it fires a little before, and the rest of the time is spun. */
#include "proxy/deadlines.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { STANDS_STILL_READS = 1000 };

/* How long one run may keep the loop from its sockets and commands. */
static const uint64_t RUN_NS_MAX = 2ull * NS_PER_MS;

void deadlines_init(struct deadlines *d, const struct clock *clock)
{
    *d = (struct deadlines){.clock = clock, .timer_fd = -1, .armed_ns = UINT64_MAX};
}

/* Equal times keep the order of setting: bytes of one moment must not swap. */
static bool is_before(const struct deadline *a, const struct deadline *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->turn < b->turn;
}

static void put(struct deadlines *d, size_t place, struct deadline *own)
{
    d->heap[place - 1] = own;
    own->place = place;
}

static void sift_up(struct deadlines *d, struct deadline *own)
{
    size_t place = own->place;

    while (place > 1 && is_before(own, d->heap[place / 2 - 1])) {
        put(d, place, d->heap[place / 2 - 1]);
        place /= 2;
    }
    put(d, place, own);
}

static void sift_down(struct deadlines *d, struct deadline *own)
{
    size_t place = own->place;

    for (;;) {
        size_t child = place * 2;

        if (child > d->count)
            break;
        if (child < d->count && is_before(d->heap[child], d->heap[child - 1]))
            child++;
        if (!is_before(d->heap[child - 1], own))
            break;
        put(d, place, d->heap[child - 1]);
        place = child;
    }
    put(d, place, own);
}

/* The last one takes its place, and moves up or down from there. */
static void take_out(struct deadlines *d, struct deadline *own)
{
    struct deadline *last = d->heap[d->count - 1];
    size_t place = own->place;

    assert(place > 0);
    assert(place <= d->count);
    d->count--;
    own->place = 0;
    if (last == own)
        return;
    put(d, place, last);
    sift_up(d, last);
    sift_down(d, last);
}

uint64_t deadlines_next_ns(const struct deadlines *d)
{
    return d->count > 0 ? d->heap[0]->due_ns : UINT64_MAX;
}

/* A sleep ends some 50 us late. A precise deadline is slept towards that much less, and
 * the rest is spun. */
static uint64_t wake_ns(const struct deadline *own)
{
    if (!own->is_precise)
        return own->due_ns;
    return own->due_ns > DEADLINES_SPIN_NS ? own->due_ns - DEADLINES_SPIN_NS : 0;
}

/* Wake for the head of the heap. A head that moved later is not worth a system call: we
 * wake, find nothing due, and arm for the next. */
static void arm(struct deadlines *d)
{
    uint64_t next_ns = d->count > 0 ? wake_ns(d->heap[0]) : UINT64_MAX;
    struct itimerspec when = {.it_value = {0}};

    if (d->timer_fd == -1 || d->running || next_ns >= d->armed_ns)
        return;
    /* Zero would disarm; a time long past fires at once, which is what is meant. */
    if (next_ns == 0)
        next_ns = 1;
    when.it_value.tv_sec = (time_t)(next_ns / NS_PER_S);
    when.it_value.tv_nsec = (long)(next_ns % NS_PER_S);
    timerfd_settime(d->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
    d->armed_ns = next_ns;
}

/* The heap grows here, so that setting a deadline cannot fail. */
bool deadline_init(struct deadlines *d, struct deadline *own,
                   void (*on_due)(struct deadline *own))
{
    if (d->reserved == d->capacity) {
        size_t capacity = d->capacity > 0 ? d->capacity * 2 : 64;
        struct deadline **heap = realloc(d->heap, capacity * sizeof(struct deadline *));

        if (heap == NULL)
            return false;
        d->heap = heap;
        d->capacity = capacity;
    }
    d->reserved++;
    *own = (struct deadline){.on_due = on_due};
    return true;
}

void deadline_release(struct deadlines *d, struct deadline *own)
{
    if (own->on_due == NULL)
        return;
    assert(d->reserved > 0);
    deadline_clear(d, own);
    d->reserved--;
    own->on_due = NULL;
}

void deadline_set(struct deadlines *d, struct deadline *own, uint64_t due_ns)
{
    assert(own->on_due != NULL);
    if (own->place != 0 && own->due_ns == due_ns)
        return;
    deadline_clear(d, own);
    if (due_ns == UINT64_MAX)
        return;
    assert(d->count < d->capacity);
    own->due_ns = due_ns;
    own->turn = d->turns++;
    d->count++;
    put(d, d->count, own);
    sift_up(d, own);
    arm(d);
}

void deadline_clear(struct deadlines *d, struct deadline *own)
{
    if (own->place != 0)
        take_out(d, own);
}

/* Burn the time until `due_ns`. A clock that stands still (a test's) is not waited for.
 */
static uint64_t spin_until(const struct deadlines *d, uint64_t due_ns)
{
    uint64_t now_ns = clock_now(d->clock);
    int still = 0;

    while (now_ns < due_ns && still < STANDS_STILL_READS) {
        uint64_t next_ns = clock_now(d->clock);

        still = next_ns == now_ns ? still + 1 : 0;
        now_ns = next_ns;
    }
    return now_ns;
}

/* The time is taken once: a callback that sets its own deadline anew must not keep the
 * loop from its sockets. For the same reason all spinning of one run ends 100 us after
 * its begin, and after 2 ms of work what is still due waits for the next turn: it is
 * armed for a time that has passed, which fires at once. */
void deadlines_run(struct deadlines *d)
{
    uint64_t now_ns = clock_now(d->clock);
    uint64_t spin_until_ns = now_ns + DEADLINES_SPIN_NS;
    uint64_t run_until_ns = now_ns + RUN_NS_MAX;
    bool fired = false;

    assert(!d->running);
    d->running = true;
    while (d->count > 0) {
        struct deadline *own = d->heap[0];

        if (own->due_ns > now_ns && own->is_precise && own->due_ns <= spin_until_ns)
            now_ns = spin_until(d, own->due_ns);
        if (own->due_ns > now_ns || (fired && clock_now(d->clock) >= run_until_ns))
            break;
        fired = true;
        take_out(d, own);
        d->fired++;
        own->on_due(own);
    }
    d->running = false;
    arm(d);
}

static void on_timer(struct watch *watch, unsigned events)
{
    struct deadlines *d =
        (struct deadlines *)((char *)watch - offsetof(struct deadlines, watch));
    uint64_t times;

    (void)events;
    if (read(d->timer_fd, &times, sizeof times) == (ssize_t)sizeof times)
        d->armed_ns = UINT64_MAX;
    deadlines_run(d);
}

int deadlines_attach(struct deadlines *d, struct poller *poller, struct error *err)
{
    d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (d->timer_fd == -1)
        return error_from_errno(err, "create a timer");
    d->poller = poller;
    d->attached = true;
    watch_open(poller, &d->watch, d->timer_fd, on_timer);
    watch_set(poller, &d->watch, POLLER_READ);
    arm(d);
    return 0;
}

void deadlines_detach(struct deadlines *d)
{
    if (!d->attached)
        return;
    d->attached = false;
    watch_close(d->poller, &d->watch, NULL);
    close(d->timer_fd);
    d->timer_fd = -1;
}

void deadlines_release(struct deadlines *d)
{
    assert(d->count == 0);
    assert(!d->attached);
    free(d->heap);
    d->heap = NULL;
}
