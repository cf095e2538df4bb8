/* stocker: makes the next segment before it is needed, and keeps a stock.
 *
 * Order comes -> a spare, or a segment made and every page touched -> ready. Then the
 * reserve and the spares are filled up, one by one, orders first. No room: the order
 * stays here and is tried again, so that a writer that has lost its place finds one soon.
 * The writer was closed meanwhile: the order is abandoned, what was made for it goes. */
#include <stdlib.h>

#include "harness/evidence/home.h"

enum { RETRY_MS = 100 };

/* Orders in the order in which they came. */
static struct order *take_orders(struct evidence_home *home)
{
    struct order *stack = atomic_exchange(&home->orders, NULL);
    struct order *list = NULL;

    while (stack != NULL) {
        struct order *next = stack->next;

        stack->next = list;
        list = stack;
        stack = next;
    }
    return list;
}

/* True when the order is out of our hands. */
static bool serve(struct evidence_home *home, struct order *order)
{
    int expected = ORDER_PENDING;
    size_t bytes =
        order->bytes < SEGMENT_PROMPT_BYTES ? order->bytes : SEGMENT_PROMPT_BYTES;

    if (atomic_load(&order->state) == ORDER_ABANDONED) {
        free(order);
        return true;
    }
    if (order->bytes > SEGMENT_FIRST_BYTES * SEGMENT_GROWTH)
        home->demand = DEMAND_HIGH;
    else if (home->demand == DEMAND_LOW)
        home->demand = DEMAND_SOME;
    order->segment = home_take_spare(home);
    if (order->segment == NULL)
        order->segment = home_make_segment(home, order->writer, bytes, true, false);
    if (order->segment == NULL)
        return false;
    if (!atomic_compare_exchange_strong(&order->state, &expected, ORDER_READY)) {
        home_drop_segment(home, order->segment);
        free(order);
    }
    return true;
}

static struct order **last_link(struct order **list)
{
    while (*list != NULL)
        list = &(*list)->next;
    return list;
}

static void serve_all(struct evidence_home *home, struct order **waiting)
{
    *last_link(waiting) = take_orders(home);
    for (struct order **link = waiting; *link != NULL;) {
        struct order *order = *link;
        struct order *next = order->next;

        if (serve(home, order))
            *link = next;
        else
            link = &order->next;
    }
}

void *stocker_main(void *arg)
{
    struct evidence_home *home = arg;
    struct order *waiting = NULL;

    home_step_back(0);
    /* When it is time to stop all writers are closed: what still waits is abandoned. */
    while (!atomic_load(&home->stopping) || waiting != NULL ||
           atomic_load(&home->orders) != NULL) {
        home_wait(&home->stocker_work, waiting == NULL ? 0 : RETRY_MS);
        /* Woken: some writer is busy enough to need more than its first segment. */
        do {
            serve_all(home, &waiting);
        } while (!atomic_load(&home->stopping) && waiting == NULL &&
                 home_stock_one(home));
        home_drop_scrap(home);
    }
    return NULL;
}
