/* waits: from the end of an attempt to the next accept, one per sweep of the pool. */
#include "harness/checks/waits.h"

#include <math.h>
#include <stdlib.h>

#include "proxy/base/clock.h"
#include "proxy/base/error.h"

static bool is_paused_between(const struct connection_lane *lane, uint64_t from_ns,
                              uint64_t to_ns)
{
    int i;

    for (i = 0; i < lane->pause_count; i++)
        if (lane->pauses[i].begin_ns < to_ns && lane->pauses[i].end_ns > from_ns)
            return true;
    return false;
}

/* From the end of one attempt to the accept of the next; -1 where the end is not known
 * (a stalled link saw it late) or we had stopped the client meanwhile. */
static double gap_ms(const struct connection_lane *lane, const struct attempt *attempt,
                     const struct attempt *next)
{
    if (attempt->end_ns == 0 || attempt->end_ns > next->accept_ns ||
        is_paused_between(lane, attempt->end_ns, next->accept_ns))
        return -1;
    return (double)(next->accept_ns - attempt->end_ns) / NS_PER_MS;
}

/* A client with a pool of n servers tries them in a sweep and waits once per sweep: of n
 * gaps in a row one is the wait and the others are next to nothing. Where that is so,
 * keep the waits; where not, every gap is one. Gives the new count. */
static int keep_waits(double *gaps, int count, int pool)
{
    int waits = 0;
    int i;
    int k;

    if (pool < 2)
        return count;
    for (i = 0; i + pool <= count; i += pool) {
        double most = 0;
        double rest = 0;

        for (k = 0; k < pool; k++) {
            double gap = gaps[i + k] < 0 ? 0 : gaps[i + k];

            rest += gap < most ? gap : most;
            most = gap > most ? gap : most;
        }
        if (rest > 5.0 * (pool - 1) && rest > most * 0.1)
            return count;
    }
    for (i = 0; i + pool <= count; i += pool) {
        double most = -1;

        for (k = 0; k < pool; k++)
            most = gaps[i + k] > most ? gaps[i + k] : most;
        gaps[waits++] = most;
    }
    return waits;
}

int waits_of_outage(struct pace_outage *out, const struct outage *outage, int order)
{
    const struct connection_lane *lane = outage->lane;
    const struct attempt *attempts = lane->attempts + outage->first_attempt;
    int gaps = outage->attempt_count > 1 ? outage->attempt_count - 1 : 0;
    int i;

    *out = (struct pace_outage){.order = order, .first_ms = -1};
    out->waits = calloc((size_t)gaps + 1, sizeof *out->waits);
    if (out->waits == NULL)
        return E_NOMEM;
    if (outage->attempt_count > 0 &&
        !is_paused_between(lane, outage->lost_ns, attempts[0].accept_ns))
        out->first_ms = (double)(attempts[0].accept_ns - outage->lost_ns) / NS_PER_MS;
    for (i = 0; i < gaps; i++)
        out->waits[i] = gap_ms(lane, &attempts[i], &attempts[i + 1]);
    out->count = keep_waits(out->waits, gaps, lane->links.count);
    return 0;
}
