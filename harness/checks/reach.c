/* reach: every change of what is open, as a list in the order of time; a lane's openings
 * are found by playing that list for its links. */
#include "harness/checks/reach.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/checks/disturbances.h"

enum obstacle { /* why a link is shut; several at once are several bits */
                NODE_IS_DOWN = 1 << 0,
                NODE_IS_PAUSED = 1 << 1,
                LEADS_NOWHERE = 1 << 2,
                FAULT_SHUTS = 1 << 3, /* counted beside */
};

struct change {
    uint64_t time_ns;
    uint32_t node; /* 0: of a link */
    uint16_t link;
    enum obstacle obstacle;
    bool shuts;
    char text[160]; /* what happened, when it opens */
};

struct reach {
    const struct cast *cast;
    struct node_names names;
    struct change *changes;
    int count, capacity;
    uint64_t *hits; /* by fault: when one that spares some connections hit the first */
    bool no_memory;
};

static struct change *add_change(struct reach *reach, uint64_t time_ns,
                                 enum obstacle obstacle, bool shuts)
{
    struct change *more;

    if (reach->count == reach->capacity) {
        int capacity = reach->capacity == 0 ? 64 : reach->capacity * 2;

        more = realloc(reach->changes, (size_t)capacity * sizeof *more);
        if (more == NULL) {
            reach->no_memory = true;
            return NULL;
        }
        reach->changes = more;
        reach->capacity = capacity;
    }
    more = &reach->changes[reach->count++];
    *more = (struct change){.time_ns = time_ns, .obstacle = obstacle, .shuts = shuts};
    return more;
}

static void add_node(struct reach *reach, const struct record *r, enum obstacle obstacle,
                     bool shuts, const char *what)
{
    struct change *change = add_change(reach, r->time_ns, obstacle, shuts);
    char spare[64];

    if (change == NULL)
        return;
    change->node = (uint32_t)r->a;
    snprintf(change->text, sizeof change->text, "%s %s",
             node_names_of(&reach->names, r->a, spare, sizeof spare), what);
}

static void on_broker_signal(struct reach *reach, const struct record *r)
{
    if (r->b == SIGKILL || r->b == SIGTERM)
        add_node(reach, r, NODE_IS_DOWN, true, "was ended");
    else if (r->b == SIGSTOP)
        add_node(reach, r, NODE_IS_PAUSED, true, "was paused");
    else if (r->b == SIGCONT)
        add_node(reach, r, NODE_IS_PAUSED, false, "went on");
}

static void on_upstream(struct reach *reach, const struct evidence *evidence, int writer,
                        const struct record *r)
{
    json_t *detail = evidence_detail(evidence, writer, r->detail);
    const char *upstream = json_string_value(json_object_get(detail, "upstream"));
    struct change *change = NULL;

    if (upstream != NULL)
        change = add_change(reach, r->time_ns, LEADS_NOWHERE, upstream[0] == '\0');
    if (change != NULL) {
        const struct cast_link *link = cast_link(reach->cast, r->link);

        change->link = r->link;
        snprintf(change->text, sizeof change->text, "%.100s led to a broker again",
                 link == NULL ? "its link" : link->name);
    }
    json_decref(detail);
}

/* While one of these acts nobody gets through: not even those who try. */
static bool is_shutting(const struct cast_fault *fault)
{
    static const char *const names[] = {"refuse", "stall", "blackhole", "half_open",
                                        "unreachable"};
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(fault->name, names[i]) == 0)
            return fault->link != 0 && fault->number != 0;
    return false;
}

static void shut_by_fault(struct reach *reach, const struct cast_fault *fault,
                          uint64_t time_ns, bool shuts)
{
    struct change *change = add_change(reach, time_ns, FAULT_SHUTS, shuts);

    if (change == NULL)
        return;
    change->link = fault->link;
    if (!shuts)
        snprintf(change->text, sizeof change->text, "%.30s on %.100s %s", fault->name,
                 fault->on, time_ns == fault->end_ns ? "was healed" : "came to rest");
}

/* A fault with a probability below 1 excuses nobody who did not try: it shuts from the
 * first connection on that it hit. */
static void on_hit(struct reach *reach, const struct record *r)
{
    int i;

    for (i = 0; i < reach->cast->fault_count && (r->flags & EVIDENCE_HELD); i++) {
        const struct cast_fault *fault = &reach->cast->faults[i];

        if (!is_shutting(fault) || fault->probability >= 1 || fault->number != r->a ||
            fault->link != r->link || reach->hits[i] != 0 ||
            r->time_ns < fault->begin_ns ||
            (fault->end_ns != 0 && r->time_ns >= fault->end_ns))
            continue;
        reach->hits[i] = r->time_ns;
    }
}

static void on_record(struct reach *reach, const struct evidence *evidence, int writer,
                      const struct record *r)
{
    switch (record_kind(r)) {
    case RECORD_broker_start:
        add_node(reach, r, NODE_IS_DOWN, true, "was started");
        break;
    case RECORD_broker_ready:
        add_node(reach, r, NODE_IS_DOWN, false, "was ready");
        break;
    case RECORD_broker_exit:
        add_node(reach, r, NODE_IS_DOWN, true, "was gone");
        break;
    case RECORD_broker_signal:
        on_broker_signal(reach, r);
        break;
    case RECORD_fault_draw:
        on_hit(reach, r);
        break;
    default:
        on_upstream(reach, evidence, writer, r);
    }
}

static void add_faults(struct reach *reach)
{
    int i;

    for (i = 0; i < reach->cast->fault_count; i++) {
        const struct cast_fault *fault = &reach->cast->faults[i];

        uint64_t from_ns = fault->probability >= 1 ? fault->begin_ns : reach->hits[i];
        uint64_t begin_ns;
        uint64_t end_ns;

        if (!is_shutting(fault) || from_ns == 0)
            continue;
        while (cast_fault_period(reach->cast, i, from_ns, &begin_ns, &end_ns)) {
            shut_by_fault(reach, fault, begin_ns, true);
            if (end_ns == 0)
                break;
            shut_by_fault(reach, fault, end_ns, false);
            from_ns = end_ns;
        }
    }
}

static int by_time(const void *left, const void *right)
{
    const struct change *a = left;
    const struct change *b = right;

    return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

int reach_create(struct reach **out, const struct evidence *evidence,
                 const struct cast *cast, struct error *err)
{
    static const unsigned kinds[] = {RECORD_broker_start,  RECORD_broker_ready,
                                     RECORD_broker_signal, RECORD_broker_exit,
                                     RECORD_link_open,     RECORD_link_upstream,
                                     RECORD_fault_draw};
    struct reach *reach = calloc(1, sizeof *reach);
    struct evidence_merge *merge =
        evidence_merge_create(evidence, kinds, (int)(sizeof kinds / sizeof kinds[0]));
    const struct record *r;
    int writer;

    if (reach != NULL)
        reach->hits = calloc((size_t)cast->fault_count + 1, sizeof *reach->hits);
    if (reach != NULL && reach->hits != NULL) {
        reach->cast = cast;
        node_names_read(&reach->names, evidence);
        while (merge != NULL && (r = evidence_merge_next(merge, &writer)) != NULL)
            on_record(reach, evidence, writer, r);
        add_faults(reach);
    }
    if (reach == NULL || reach->hits == NULL || merge == NULL || reach->no_memory) {
        evidence_merge_destroy(merge);
        reach_destroy(reach);
        return error_set(err, E_NOMEM, "when brokers could be reached");
    }
    evidence_merge_destroy(merge);
    if (reach->count > 0)
        qsort(reach->changes, (size_t)reach->count, sizeof *reach->changes, by_time);
    *out = reach;
    return 0;
}

void reach_destroy(struct reach *reach)
{
    if (reach == NULL)
        return;
    node_names_release(&reach->names);
    free(reach->hits);
    free(reach->changes);
    free(reach);
}

/* ---- playing the changes for one lane ---- */

struct path { /* one link while the changes are played */
    uint16_t link;
    uint32_t node;
    unsigned obstacles;
    int faults;
};

struct playing {
    struct path *paths;
    int path_count;
    const struct connection_lane *lane;
    uint64_t from_ns, to_ns;
    bool is_open;
    struct opening *openings;
    int count;
    bool no_memory;
};

static bool is_paused(const struct connection_lane *lane, uint64_t time_ns)
{
    int i;

    for (i = 0; i < lane->pause_count; i++)
        if (time_ns >= lane->pauses[i].begin_ns && time_ns < lane->pauses[i].end_ns)
            return true;
    return false;
}

/* A lane without links (a foreign world) is taken for open. */
static bool any_path_open(const struct playing *p)
{
    int i;

    for (i = 0; i < p->path_count; i++)
        if (p->paths[i].obstacles == 0 && p->paths[i].faults == 0)
            return true;
    return p->path_count == 0;
}

static void open_up(struct playing *p, uint64_t time_ns, const char *since)
{
    struct opening *more =
        realloc(p->openings, (size_t)(p->count + 1) * sizeof *p->openings);

    if (more == NULL) {
        p->no_memory = true;
        return;
    }
    p->openings = more;
    more[p->count] = (struct opening){.begin_ns = time_ns, .end_ns = p->to_ns};
    snprintf(more[p->count].since, sizeof more[p->count].since, "%s", since);
    p->count++;
}

/* The state from `time_ns` on. Before the window only the last state counts. */
static void set_open(struct playing *p, bool open, uint64_t time_ns, const char *since)
{
    if (open == p->is_open)
        return;
    p->is_open = open;
    if (time_ns < p->from_ns || time_ns >= p->to_ns)
        return;
    if (open)
        open_up(p, time_ns, since);
    else if (p->count > 0)
        p->openings[p->count - 1].end_ns = time_ns;
}

static void play_change(struct playing *p, const struct change *change)
{
    int i;

    for (i = 0; i < p->path_count; i++) {
        struct path *path = &p->paths[i];
        bool concerns =
            change->node != 0 ? path->node == change->node : path->link == change->link;

        if (!concerns)
            continue;
        if (change->obstacle == FAULT_SHUTS)
            path->faults += change->shuts ? 1 : -1;
        else if (change->shuts)
            path->obstacles |= (unsigned)change->obstacle;
        else
            path->obstacles &= ~(unsigned)change->obstacle;
        /* A new process is not paused, whatever the old one was. */
        if (change->obstacle == NODE_IS_DOWN)
            path->obstacles &= ~(unsigned)NODE_IS_PAUSED;
    }
}

/* Ends and begins of pauses of the client itself that lie before `until_ns`. */
static void play_pauses(struct playing *p, int *next, uint64_t until_ns)
{
    const struct connection_lane *lane = p->lane;

    while (*next < lane->pause_count * 2) {
        const struct span *pause = &lane->pauses[*next / 2];
        uint64_t time_ns = *next % 2 == 0 ? pause->begin_ns : pause->end_ns;

        if (time_ns >= until_ns)
            return;
        set_open(p, any_path_open(p) && !is_paused(lane, time_ns), time_ns,
                 "it was let go on");
        (*next)++;
    }
}

static void play(struct playing *p, const struct reach *reach)
{
    bool entered = false;
    int pauses = 0;
    int i;

    p->is_open = any_path_open(p);
    for (i = 0; i <= reach->count; i++) {
        uint64_t time_ns = i < reach->count ? reach->changes[i].time_ns : UINT64_MAX;

        if (!entered && time_ns >= p->from_ns) {
            play_pauses(p, &pauses, p->from_ns);
            if (p->is_open)
                open_up(p, p->from_ns, "");
            entered = true;
        }
        play_pauses(p, &pauses, time_ns);
        if (i == reach->count || time_ns >= p->to_ns)
            break;
        play_change(p, &reach->changes[i]);
        set_open(p, any_path_open(p) && !is_paused(p->lane, time_ns), time_ns,
                 reach->changes[i].text);
    }
}

int reach_openings(const struct reach *reach, const struct connection_lane *lane,
                   uint64_t from_ns, uint64_t to_ns, struct opening **out)
{
    struct playing p = {.lane = lane, .from_ns = from_ns, .to_ns = to_ns};
    int i;

    p.paths = calloc((size_t)lane->links.count + 1, sizeof *p.paths);
    if (p.paths == NULL)
        return E_NOMEM;
    for (i = 0; i < lane->links.count; i++) {
        const struct cast_link *link = cast_link(reach->cast, lane->links.numbers[i]);

        p.paths[p.path_count++] = (struct path){.link = lane->links.numbers[i],
                                                .node = link == NULL ? 0 : link->node};
    }
    play(&p, reach);
    free(p.paths);
    if (p.no_memory) {
        free(p.openings);
        return E_NOMEM;
    }
    *out = p.openings;
    return p.count;
}
