/* untouched: the fault was there, but nothing met it, so nothing had a chance to fail.
 *
 * Looked at are the disturbances that the run asked for, up to the end of run(): what
 * clears up afterwards disturbs nothing. One that was never healed has not said what it
 * touched; it gets the benefit of the doubt. No disturbance at all: nothing to say. */
#include "harness/checks/untouched.h"

#include <stdio.h>

#include "harness/checks/disturbances.h"
#include "harness/checks/words.h"

struct looking {
    uint64_t over_ns;
    const struct cast_fault *first;
    int untouched;
    int touched;
};

static void look(struct looking *l, const struct cast_fault *fault)
{
    bool is_action = fault->number == 0;

    if (fault->begin_ns >= l->over_ns)
        return;
    if (fault->touched > 0 || (!is_action && fault->end_ns == 0)) {
        l->touched++;
        return;
    }
    if (l->untouched++ == 0)
        l->first = fault;
}

void untouched_apply(const struct check_input *input, struct verdict *verdict)
{
    struct looking l = {.over_ns = run_over_ns(input->evidence)};
    const char *between;
    char active[64] = "";
    char time[TIME_TEXT_BYTES];
    char others[64] = "";
    int i;

    for (i = 0; i < input->cast->fault_count; i++)
        look(&l, &input->cast->faults[i]);
    if (l.untouched == 0 || l.touched > 0)
        return;
    between = l.first->on[0] == '\0' ? "" : " on ";
    if (l.first->number != 0)
        snprintf(active, sizeof active, " was active for %s",
                 ns_text(l.first->end_ns - l.first->begin_ns, time, sizeof time));
    if (l.untouched > 1)
        snprintf(others, sizeof others, " (nor did the other %d disturbances touch any)",
                 l.untouched - 1);
    if (l.first->number != 0)
        verdict_inconclusive(verdict, "untouched",
                             "%s%s%s%s, but nothing passed through it%s", l.first->name,
                             between, l.first->on, active, others);
    else
        verdict_inconclusive(verdict, "untouched", "%s%s%s found nothing to touch%s",
                             l.first->name, between, l.first->on, others);
}
