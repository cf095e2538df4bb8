/* observe: one event of the proxy, one record. The kinds are the same words on both
 * sides; this table is where they meet. */
#include "harness/suite/observe.h"

#include <assert.h>

static const uint16_t kinds[] = {
    [PROXY_LINK_OPEN] = RECORD_link_open,
    [PROXY_LINK_UPSTREAM] = RECORD_link_upstream,
    [PROXY_LINK_CLOSE] = RECORD_link_close,
    [PROXY_ACCEPT] = RECORD_accept,
    [PROXY_DIAL] = RECORD_dial,
    [PROXY_DIALED] = RECORD_dialed,
    [PROXY_REFUSED] = RECORD_refused,
    [PROXY_FIRST_BYTE] = RECORD_first_byte,
    [PROXY_HALF_CLOSED] = RECORD_half_closed,
    [PROXY_CLOSE] = RECORD_close,
    [PROXY_FAULT_BEGIN] = RECORD_fault_begin,
    [PROXY_FAULT_CHANGE] = RECORD_fault_change,
    [PROXY_FAULT_HEAL] = RECORD_fault_heal,
    [PROXY_FAULT_DRAW] = RECORD_fault_draw,
    [PROXY_ACTION] = RECORD_action,
    [PROXY_BOUND] = RECORD_bound,
    [PROXY_ABANDON] = RECORD_abandon,
    [PROXY_LAG] = RECORD_lag,
};

static void on_event(void *arg, const struct proxy_event *event)
{
    struct writer *writer = arg;
    unsigned flags = event->flags & 0xffu;
    struct record record = {.time_ns = event->time_ns,
                            .a = event->a,
                            .b = event->b,
                            .connection = event->connection,
                            .link = (uint16_t)event->link};

    assert((size_t)event->kind < sizeof kinds / sizeof kinds[0]);
    assert(kinds[event->kind] != 0);
    if (event->flags & PROXY_DRAW_HIT)
        flags |= EVIDENCE_HELD;
    record.flags = (uint16_t)flags;
    if (event->detail != NULL)
        record.detail = writer_detail(writer, event->detail);
    record.kind = kinds[event->kind];
    writer_append(writer, &record);
}

struct observer observe_into(struct writer *writer)
{
    return (struct observer){.on_event = on_event, .arg = writer};
}
