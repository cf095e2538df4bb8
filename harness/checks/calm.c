/* calm: one walk over what was done to brokers and clients, one over the faults. */
#include "harness/checks/calm.h"

#include <signal.h>

#include "proxy/base/clock.h"
#include "proxy/base/param.h"

enum { NODES_MAX = 64, PATIENCE_S = 10, ACK_WAITS = 3 };

struct watch {
    const struct audience_group *group;
    uint64_t since_ns;
    uint64_t known, down; /* nodes, a bit each */
    uint64_t ended;       /* members, a bit each */
};

static void later(struct watch *w, uint64_t ns)
{
    if (ns > w->since_ns)
        w->since_ns = ns;
}

static uint64_t bit(uint64_t number)
{
    return number < NODES_MAX ? (uint64_t)1 << number : 0;
}

static void on_node(struct watch *w, const struct record *r, bool down)
{
    w->known |= bit(r->a);
    if (!down && (w->down & bit(r->a)))
        later(w, r->time_ns);
    w->down = down ? w->down | bit(r->a) : w->down & ~bit(r->a);
}

static void on_client(struct watch *w, const struct record *r, bool ended)
{
    int m;

    for (m = 0; m < w->group->member_count; m++) {
        if (w->group->members[m] != (uint32_t)r->a)
            continue;
        if (!ended && (w->ended & bit((uint64_t)m)))
            later(w, r->time_ns);
        w->ended = ended ? w->ended | bit((uint64_t)m) : w->ended & ~bit((uint64_t)m);
    }
}

static void on_record(struct watch *w, const struct record *r)
{
    switch (record_kind(r)) {
    case RECORD_broker_ready:
        on_node(w, r, false);
        break;
    case RECORD_broker_exit:
        on_node(w, r, true);
        break;
    case RECORD_broker_signal:
        if (r->b == SIGCONT || r->b == SIGSTOP || r->b == SIGKILL || r->b == SIGTERM)
            on_node(w, r, r->b != SIGCONT);
        break;
    case RECORD_client_start:
        on_client(w, r, false);
        break;
    case RECORD_client_exit:
        on_client(w, r, true);
        break;
    case RECORD_client_signal:
        if (r->b == SIGKILL || r->b == SIGTERM)
            on_client(w, r, true);
        break;
    default:
        break;
    }
}

static bool play(struct watch *w, const struct evidence *evidence, uint64_t until_ns)
{
    static const unsigned kinds[] = {RECORD_broker_ready,  RECORD_broker_exit,
                                     RECORD_broker_signal, RECORD_client_start,
                                     RECORD_client_exit,   RECORD_client_signal};
    struct evidence_merge *merge =
        evidence_merge_create(evidence, kinds, (int)(sizeof kinds / sizeof kinds[0]));
    const struct record *r;
    int writer;

    if (merge == NULL)
        return false;
    while ((r = evidence_merge_next(merge, &writer)) != NULL && r->time_ns <= until_ns)
        on_record(w, r);
    evidence_merge_destroy(merge);
    return true;
}

/* A fault that rests is as good as healed, until it comes back. */
static void later_by_rests(struct watch *w, const struct cast *cast, uint64_t until_ns)
{
    int i;

    for (i = 0; i < cast->rest_count; i++)
        if (cast->rests[i].begin_ns <= until_ns)
            later(w, cast->rests[i].begin_ns);
}

static bool all_are(uint64_t some, uint64_t all)
{
    return all != 0 && (some & all) == all;
}

static uint64_t members_of(const struct audience_group *group)
{
    return group->member_count >= NODES_MAX ? UINT64_MAX
                                            : bit((uint64_t)group->member_count) - 1;
}

uint64_t calm_since(const struct evidence *evidence, const struct cast *cast,
                    const struct audience_group *group, uint64_t until_ns)
{
    struct watch w = {.group = group};
    int i;

    if (!play(&w, evidence, until_ns) || all_are(w.down, w.known) ||
        all_are(w.ended, members_of(group)))
        return UINT64_MAX;
    for (i = 0; i < cast->fault_count; i++) {
        const struct cast_fault *fault = &cast->faults[i];
        uint64_t begin_ns;
        uint64_t end_ns;

        if (fault->begin_ns > until_ns)
            continue;
        if (cast_fault_period(cast, i, until_ns, &begin_ns, &end_ns) &&
            begin_ns <= until_ns)
            return UINT64_MAX;
        if (fault->end_ns != 0 && fault->end_ns <= until_ns)
            later(&w, fault->end_ns);
    }
    later_by_rests(&w, cast, until_ns);
    return w.since_ns;
}

uint64_t calm_patience_ns(const struct cast *cast, const struct audience_group *group)
{
    uint64_t longest = (uint64_t)PATIENCE_S * NS_PER_S;
    int m;

    for (m = 0; m < group->member_count; m++) {
        const struct cast_client *client = cast_client(cast, group->members[m]);
        const char *text =
            client == NULL ? NULL
                           : json_string_value(json_object_get(client->conf, "ack_wait"));
        uint64_t ns = 0;

        if (text == NULL || param_duration(text, &ns, "ack_wait", NULL) != 0)
            continue;
        if (ACK_WAITS * ns > longest)
            longest = ACK_WAITS * ns;
    }
    return longest;
}
