/* outages: when a lane lost its connection and when it was back.
 *
 * Seen by the proxy:  an established attempt ends and no other is established: lost;
 *                     the next established one is the return.
 * Told by the client: disconnected until reconnected or closed. A loss that the proxy
 *                     saw and the client never spoke of is added.
 * No outage: the client was ended by us, or left by itself, or the run was over. */
#include <stdlib.h>

#include "harness/checks/lanes.h"
#include "proxy/base/clock.h"
#include "proxy/observer.h"

enum {
    /* Who leaves by itself closes its connection and exits: within this. */
    LEAVING_NS = NS_PER_S,
    /* A client may tell of a loss before or after the proxy saw it, by so much. */
    NOTICE_NS = NS_PER_S,
};

struct gathering {
    const struct lanes *lanes;
    const struct connection_lane *lane;
    uint64_t from_ns, to_ns;
    struct outage *outages;
    int count;
    bool no_memory;
};

static void gather(struct gathering *g, const struct outage *outage)
{
    struct outage *more =
        realloc(g->outages, (size_t)(g->count + 1) * sizeof *g->outages);

    if (more == NULL) {
        g->no_memory = true;
        return;
    }
    g->outages = more;
    g->outages[g->count++] = *outage;
}

static bool in_scope(const struct gathering *g, uint64_t time_ns)
{
    return time_ns >= g->from_ns && time_ns < g->to_ns && time_ns < g->lanes->over_ns;
}

/* The first end of the client's process after this time; UINT64_MAX: none. */
static uint64_t end_after(const struct connection_lane *lane, uint64_t time_ns)
{
    int i;

    for (i = 0; i < lane->end_count; i++)
        if (lane->ends[i] > time_ns)
            return lane->ends[i];
    return UINT64_MAX;
}

static bool was_told_lost(const struct connection_lane *lane, uint64_t from_ns,
                          uint64_t to_ns)
{
    int i;

    for (i = 0; i < lane->word_count; i++) {
        const struct word *word = &lane->words[i];

        if ((word->kind == RECORD_disconnected || word->kind == RECORD_closed) &&
            word->time_ns >= from_ns && word->time_ns <= to_ns)
            return true;
    }
    return false;
}

/* Where the story of an outage stops, and whether the client ended it. */
static void bound(const struct gathering *g, struct outage *outage)
{
    uint64_t end_ns = end_after(g->lane, outage->lost_ns);
    uint64_t until_ns = g->lanes->over_ns;

    if (end_ns < until_ns)
        until_ns = end_ns;
    if (outage->back_ns != 0 && outage->back_ns <= until_ns) {
        outage->until_ns = outage->back_ns;
        return;
    }
    outage->back_ns = 0;
    if (outage->closed_ns != 0 && outage->closed_ns <= until_ns) {
        outage->until_ns = outage->closed_ns;
        return;
    }
    outage->closed_ns = 0;
    outage->until_ns = until_ns;
    outage->client_ended = end_ns < g->lanes->over_ns;
}

static void find_attempts(struct outage *outage)
{
    const struct connection_lane *lane = outage->lane;
    int i;

    outage->first_attempt = lane->attempt_count;
    for (i = 0; i < lane->attempt_count; i++) {
        const struct attempt *attempt = &lane->attempts[i];

        if (attempt->accept_ns < outage->lost_ns || attempt->accept_ns > outage->until_ns)
            continue;
        if (outage->attempt_count == 0)
            outage->first_attempt = i;
        outage->attempt_count++;
    }
}

/* ---- as the proxy saw it ---- */

static bool another_is_up(const struct connection_lane *lane, int but, uint64_t time_ns)
{
    int i;

    for (i = 0; i < lane->attempt_count; i++) {
        const struct attempt *attempt = &lane->attempts[i];

        if (i != but && attempt->is_established && attempt->accept_ns <= time_ns &&
            (attempt->end_ns == 0 || attempt->end_ns > time_ns))
            return true;
    }
    return false;
}

/* The client closed its connection and went: no loss. */
static bool left_by_itself(const struct connection_lane *lane,
                           const struct attempt *attempt)
{
    uint64_t end_ns = end_after(lane, attempt->end_ns);
    int i;

    if (!(attempt->end_flags & PROXY_BY_CLIENT) || end_ns == UINT64_MAX ||
        end_ns - attempt->end_ns > LEAVING_NS)
        return false;
    for (i = 0; i < lane->attempt_count; i++)
        if (lane->attempts[i].accept_ns > attempt->end_ns &&
            lane->attempts[i].accept_ns < end_ns)
            return false;
    return !was_told_lost(lane, attempt->accept_ns, end_ns);
}

static void closing_word(struct outage *outage)
{
    const struct connection_lane *lane = outage->lane;
    int i;

    for (i = 0; i < lane->word_count && outage->closed_ns == 0; i++)
        if (lane->words[i].kind == RECORD_closed &&
            lane->words[i].time_ns >= outage->lost_ns) {
            outage->closed_ns = lane->words[i].time_ns;
            outage->closed = lane->words[i].record;
        }
}

static void see_loss(struct gathering *g, int at)
{
    const struct connection_lane *lane = g->lane;
    const struct attempt *attempt = &lane->attempts[at];
    struct outage outage = {
        .lane = lane, .lost_ns = attempt->end_ns, .loss = attempt->close};
    int i;

    if (!attempt->is_established || attempt->end_ns == 0 || !in_scope(g, attempt->end_ns))
        return;
    if (outage.loss == NULL)
        outage.loss = attempt->accept;
    /* Ended by us while it was up: the signal is stamped before the act. */
    if (end_after(lane, attempt->accept_ns) <= attempt->end_ns ||
        left_by_itself(lane, attempt) || another_is_up(lane, at, attempt->end_ns))
        return;
    for (i = 0; i < lane->attempt_count && outage.back_ns == 0; i++)
        if (lane->attempts[i].is_established &&
            lane->attempts[i].accept_ns >= attempt->end_ns)
            outage.back_ns = lane->attempts[i].first_byte_ns;
    closing_word(&outage);
    bound(g, &outage);
    find_attempts(&outage);
    gather(g, &outage);
}

static int finish(struct gathering *g, struct outage **out)
{
    if (g->no_memory) {
        free(g->outages);
        *out = NULL;
        return E_NOMEM;
    }
    *out = g->outages;
    return g->count;
}

int lane_outages_seen(const struct lanes *lanes, const struct connection_lane *lane,
                      uint64_t from_ns, uint64_t to_ns, struct outage **out)
{
    struct gathering g = {
        .lanes = lanes, .lane = lane, .from_ns = from_ns, .to_ns = to_ns};
    int i;

    for (i = 0; i < lane->attempt_count; i++)
        see_loss(&g, i);
    return finish(&g, out);
}

/* ---- as the client told it ---- */

/* A loss in the client's words begins at `at`; gives the word that ends it. */
static int tell_loss(struct gathering *g, int at)
{
    const struct connection_lane *lane = g->lane;
    const struct word *word = &lane->words[at];
    struct outage outage = {.lane = lane, .lost_ns = word->time_ns, .loss = word->record};
    int i = word->kind == RECORD_closed ? at : at + 1;

    while (i < lane->word_count && lane->words[i].incarnation == word->incarnation &&
           lane->words[i].kind != RECORD_reconnected &&
           lane->words[i].kind != RECORD_closed)
        i++;
    if (i < lane->word_count && lane->words[i].incarnation == word->incarnation) {
        if (lane->words[i].kind == RECORD_reconnected)
            outage.back_ns = lane->words[i].time_ns;
        else {
            outage.closed_ns = lane->words[i].time_ns;
            outage.closed = lane->words[i].record;
        }
    }
    if (in_scope(g, word->time_ns)) {
        bound(g, &outage);
        find_attempts(&outage);
        gather(g, &outage);
    }
    return i;
}

static bool is_same_loss(const struct outage *told, const struct outage *seen)
{
    return told->lost_ns <= seen->lost_ns + NOTICE_NS &&
           seen->lost_ns <= told->lost_ns + NOTICE_NS;
}

int outages_missing(const struct outage *told, int told_count, const struct outage *seen,
                    int seen_count, const struct outage **first)
{
    int missing = 0;
    int next = 0;
    int t;
    int s;

    *first = NULL;
    for (t = 0; t < told_count; t++) { /* both are in the order of time */
        for (s = next; s < seen_count && !is_same_loss(&told[t], &seen[s]); s++)
            ;
        if (s < seen_count) {
            next = s + 1;
            continue;
        }
        if (missing++ == 0)
            *first = &told[t];
    }
    return missing;
}

/* The client spoke of this loss: one that it told of lies within it, or it in that. */
static bool is_told(const struct gathering *g, const struct outage *seen, int told)
{
    int i;

    for (i = 0; i < told; i++)
        if (g->outages[i].lost_ns <= seen->until_ns + NOTICE_NS &&
            seen->lost_ns <= g->outages[i].until_ns + NOTICE_NS)
            return true;
    return false;
}

static int by_loss(const void *left, const void *right)
{
    const struct outage *a = left;
    const struct outage *b = right;

    return a->lost_ns < b->lost_ns ? -1 : a->lost_ns > b->lost_ns;
}

/* Losses that the proxy saw and of which the client never spoke. */
static void add_unnoticed(struct gathering *g)
{
    struct outage *seen = NULL;
    int count = lane_outages_seen(g->lanes, g->lane, g->from_ns, g->to_ns, &seen);
    int told = g->count;
    int i;

    for (i = 0; i < count; i++) {
        uint64_t lost_ns = seen[i].lost_ns;
        uint64_t since_ns = lost_ns > NOTICE_NS ? lost_ns - NOTICE_NS : 0;
        uint64_t until_ns = seen[i].until_ns + NOTICE_NS;

        if (seen[i].back_ns == 0 || until_ns < NOTICE_NS)
            until_ns = UINT64_MAX;
        if (!is_told(g, &seen[i], told) && !was_told_lost(g->lane, since_ns, until_ns))
            gather(g, &seen[i]);
    }
    if (g->count > told)
        qsort(g->outages, (size_t)g->count, sizeof *g->outages, by_loss);
    g->no_memory = g->no_memory || count < 0;
    free(seen);
}

int lane_outages_told(const struct lanes *lanes, const struct connection_lane *lane,
                      uint64_t from_ns, uint64_t to_ns, struct outage **out)
{
    struct gathering g = {
        .lanes = lanes, .lane = lane, .from_ns = from_ns, .to_ns = to_ns};
    int i;

    if (!lane->speaks)
        return lane_outages_seen(lanes, lane, from_ns, to_ns, out);
    for (i = 0; i < lane->word_count; i++)
        if (lane->words[i].kind == RECORD_disconnected ||
            lane->words[i].kind == RECORD_closed)
            i = tell_loss(&g, i);
    add_unnoticed(&g);
    return finish(&g, out);
}
