/* priority: first by default, back after a tenth of a second of storm, first again with
 * the first delay or the first calm tick. */
#include "proxy/priority.h"

#include <sys/resource.h>
#include <unistd.h>

enum { NICE_FIRST = -20, NICE_BACK = 0 };

/* Without the right to it nothing changes, and nothing is wrong. */
static void set_nice(int nice)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), nice);
}

void priority_begin(struct priority *priority)
{
    *priority = (struct priority){.events = 0};
    set_nice(NICE_FIRST);
}

void priority_tick(struct priority *priority)
{
    uint64_t events = priority->events - priority->seen_events;
    bool delayed = priority->due != priority->seen_due;
    bool back;

    priority->seen_events = priority->events;
    priority->seen_due = priority->due;
    if (delayed || events < PRIORITY_STORM_EVENTS)
        priority->storm_ticks = 0;
    else if (priority->storm_ticks < PRIORITY_STORM_TICKS)
        priority->storm_ticks++;
    back = priority->storm_ticks == PRIORITY_STORM_TICKS;
    if (back == priority->stands_back)
        return;
    priority->stands_back = back;
    set_nice(back ? NICE_BACK : NICE_FIRST);
}
