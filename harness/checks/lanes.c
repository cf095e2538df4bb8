/* lanes: sorted out of the evidence in one merged walk over a few kinds of records.
 *
 * All well:  links of the cast become lanes -> accepts, first bytes, closes find their
 *            lane by link and connection -> words by client and connection index ->
 *            process events go to all lanes of the client -> who was established is
 *            decided at the end, when all is known. */
#include "harness/checks/lanes.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/observer.h"

enum {
    /* An attempt that lived so long was a connection, whatever was said of it. */
    LIVED_NS = NS_PER_S,
};

struct sorting {
    const struct evidence *evidence;
    const struct cast *cast;
    struct lanes *lanes;
    struct connection_lane **by_link; /* [65536] */
    bool no_memory;
};

/* The array with room for one more, or NULL without memory. */
static void *reserve(struct sorting *s, void *items, int count, int *capacity,
                     size_t size)
{
    int wanted = *capacity == 0 ? 8 : *capacity * 2;
    void *more;

    if (count < *capacity)
        return items;
    more = realloc(items, (size_t)wanted * size);
    if (more == NULL)
        s->no_memory = true;
    else
        *capacity = wanted;
    return more;
}

/* ---- links become lanes ---- */

/* The k-th link of a client to the same node belongs to its k-th connection. */
static uint32_t index_of(const struct cast *cast, int at)
{
    const struct cast_link *link = &cast->links[at];
    uint32_t index = 0;
    int i;

    for (i = 0; i < at; i++)
        if (cast->links[i].client == link->client && cast->links[i].node == link->node)
            index++;
    return index;
}

static struct connection_lane *find_lane(struct sorting *s, uint32_t client,
                                         uint32_t index)
{
    int i;

    for (i = 0; i < s->lanes->count; i++)
        if (s->lanes->lanes[i].client == client && s->lanes->lanes[i].index == index)
            return &s->lanes->lanes[i];
    return NULL;
}

static void name_lane(const struct cast *cast, struct connection_lane *lane)
{
    const struct cast_client *client = cast_client(cast, lane->client);
    char number[16];

    snprintf(number, sizeof number, "client %u", lane->client);
    snprintf(lane->name, sizeof lane->name, "%s", client == NULL ? number : client->name);
}

static void add_link(struct sorting *s, int at)
{
    const struct cast_link *link = &s->cast->links[at];
    uint32_t index = index_of(s->cast, at);
    struct connection_lane *lane = find_lane(s, link->client, index);
    uint16_t *numbers;

    if (lane == NULL) {
        lane = &s->lanes->lanes[s->lanes->count++];
        *lane = (struct connection_lane){.client = link->client, .index = index};
        name_lane(s->cast, lane);
        if (index > 0) /* the first one is told later, when there are more */
            snprintf(lane->name + strlen(lane->name),
                     sizeof lane->name - strlen(lane->name), "#%u", index + 1);
    }
    numbers =
        realloc(lane->links.numbers, (size_t)(lane->links.count + 1) * sizeof *numbers);
    if (numbers == NULL) {
        s->no_memory = true;
        return;
    }
    numbers[lane->links.count++] = link->number;
    lane->links.numbers = numbers;
    s->by_link[link->number] = lane;
}

static void make_lanes(struct sorting *s, const char *only)
{
    const struct cast *cast = s->cast;
    size_t most = (size_t)cast->link_count + (size_t)cast->client_count + 1;
    int i;

    s->by_link = calloc(UINT16_MAX + 1, sizeof(void *));
    s->lanes->lanes = calloc(most, sizeof *s->lanes->lanes);
    if (s->by_link == NULL || s->lanes->lanes == NULL) {
        s->no_memory = true;
        return;
    }
    for (i = 0; i < cast->link_count; i++)
        if (cast->links[i].client != 0 && cast_means(cast, only, cast->links[i].client))
            add_link(s, i);
    /* A client without links still has words. */
    for (i = 0; i < cast->client_count; i++) {
        uint32_t number = cast->clients[i].number;
        struct connection_lane *lane;

        if (!cast_means(cast, only, number) || find_lane(s, number, 0) != NULL)
            continue;
        lane = &s->lanes->lanes[s->lanes->count++];
        *lane = (struct connection_lane){.client = number};
        name_lane(cast, lane);
    }
}

/* ---- records ---- */

static struct attempt *find_attempt(struct connection_lane *lane, uint32_t connection)
{
    int i;

    for (i = lane->attempt_count - 1; i >= 0; i--)
        if (lane->attempts[i].connection == connection)
            return &lane->attempts[i];
    return NULL;
}

static void on_accept(struct sorting *s, struct connection_lane *lane,
                      const struct record *r)
{
    struct attempt *attempts = reserve(s, lane->attempts, lane->attempt_count,
                                       &lane->attempt_capacity, sizeof *attempts);

    if (attempts == NULL)
        return;
    lane->attempts = attempts;
    attempts[lane->attempt_count++] = (struct attempt){.link = r->link,
                                                       .connection = r->connection,
                                                       .accept_ns = r->time_ns,
                                                       .accept = r};
}

static void on_link_record(struct sorting *s, const struct record *r, unsigned kind)
{
    struct connection_lane *lane = s->by_link[r->link];
    struct attempt *attempt;

    if (lane == NULL)
        return;
    if (kind == RECORD_accept) {
        on_accept(s, lane, r);
        return;
    }
    attempt = find_attempt(lane, r->connection);
    if (attempt == NULL)
        return;
    if (kind == RECORD_first_byte) {
        attempt->first_byte_ns = r->time_ns;
        return;
    }
    /* The broker's FIN may wait in a fault; the client's own says that it is through. */
    if (attempt->end_ns == 0 && (kind == RECORD_close || r->flags & PROXY_BY_CLIENT))
        attempt->end_ns = r->time_ns;
    if (kind == RECORD_close) {
        attempt->end_flags = r->flags;
        attempt->close = r;
    }
}

static void on_word(struct sorting *s, const struct record *r, unsigned kind)
{
    struct connection_lane *lane = find_lane(s, r->message.client, (uint32_t)r->b);
    struct word *words;

    if (lane == NULL) /* a connection past the 256 that have links of their own */
        return;
    lane->speaks = true;
    words =
        reserve(s, lane->words, lane->word_count, &lane->word_capacity, sizeof *words);
    if (words == NULL)
        return;
    lane->words = words;
    words[lane->word_count++] = (struct word){.time_ns = r->time_ns,
                                              .kind = kind,
                                              .incarnation = r->message.incarnation,
                                              .record = r};
}

static void on_pause(struct sorting *s, struct connection_lane *lane,
                     const struct record *r)
{
    struct span *pauses;

    if (r->b == SIGCONT && lane->pause_count > 0 &&
        lane->pauses[lane->pause_count - 1].end_ns == UINT64_MAX)
        lane->pauses[lane->pause_count - 1].end_ns = r->time_ns;
    if (r->b != SIGSTOP)
        return;
    pauses = reserve(s, lane->pauses, lane->pause_count, &lane->pause_capacity,
                     sizeof *pauses);
    if (pauses == NULL)
        return;
    lane->pauses = pauses;
    pauses[lane->pause_count++] =
        (struct span){.begin_ns = r->time_ns, .end_ns = UINT64_MAX};
}

static void on_process(struct sorting *s, const struct record *r, unsigned kind)
{
    uint64_t *ends;
    int i;

    for (i = 0; i < s->lanes->count; i++) {
        struct connection_lane *lane = &s->lanes->lanes[i];

        if (lane->client != (uint32_t)r->a)
            continue;
        if (kind == RECORD_client_signal && r->b != SIGTERM && r->b != SIGKILL) {
            on_pause(s, lane, r);
            continue;
        }
        ends = reserve(s, lane->ends, lane->end_count, &lane->end_capacity, sizeof *ends);
        if (ends == NULL)
            return;
        lane->ends = ends;
        ends[lane->end_count++] = r->time_ns;
    }
}

static void on_record(struct sorting *s, const struct record *r)
{
    unsigned kind = record_kind(r);

    switch (kind) {
    case RECORD_accept:
    case RECORD_first_byte:
    case RECORD_half_closed:
    case RECORD_close:
        on_link_record(s, r, kind);
        break;
    case RECORD_connected:
    case RECORD_disconnected:
    case RECORD_reconnected:
    case RECORD_closed:
        on_word(s, r, kind);
        break;
    /* Not client_start: it is stamped when the process runs already and may have its
     * connection; what ended the one before has a record of its own. */
    case RECORD_client_signal:
    case RECORD_client_exit:
        on_process(s, r, kind);
        break;
    case RECORD_run_end:
        if (s->lanes->over_ns == UINT64_MAX)
            s->lanes->over_ns = r->time_ns;
        break;
    default:
        break;
    }
}

/* ---- who was established ---- */

/* The attempt that a client speaks of when it says that it is connected: the last one
 * that had an answer by then. Its callback may be late, even later than the loss; an
 * attempt that had an answer and failed is followed by one that it does speak of. */
static struct attempt *meant_by(const struct connection_lane *lane,
                                const struct word *word)
{
    int i;

    for (i = lane->attempt_count - 1; i >= 0; i--)
        if (lane->attempts[i].first_byte_ns != 0 &&
            lane->attempts[i].first_byte_ns <= word->time_ns)
            return &lane->attempts[i];
    return NULL;
}

static void settle_attempts(struct connection_lane *lane)
{
    int i;

    for (i = 0; i < lane->attempt_count; i++) {
        struct attempt *attempt = &lane->attempts[i];

        attempt->is_established = attempt->first_byte_ns != 0 &&
                                  (!lane->speaks || attempt->end_ns == 0 ||
                                   attempt->end_ns - attempt->accept_ns >= LIVED_NS);
    }
    for (i = 0; i < lane->word_count; i++) {
        const struct word *word = &lane->words[i];
        struct attempt *attempt = NULL;

        if (word->kind == RECORD_connected || word->kind == RECORD_reconnected)
            attempt = meant_by(lane, word);
        if (attempt != NULL)
            attempt->is_established = true;
    }
}

static void name_first_lanes(struct lanes *lanes)
{
    int i;
    int k;

    for (i = 0; i < lanes->count; i++)
        for (k = i + 1; k < lanes->count && lanes->lanes[i].index == 0; k++)
            if (lanes->lanes[k].client == lanes->lanes[i].client) {
                size_t used = strlen(lanes->lanes[i].name);

                snprintf(lanes->lanes[i].name + used, sizeof lanes->lanes[i].name - used,
                         "#1");
                break;
            }
}

int lanes_create(struct lanes **out, const struct evidence *evidence,
                 const struct cast *cast, const char *only, struct error *err)
{
    static const unsigned kinds[] = {
        RECORD_run_end,      RECORD_accept,      RECORD_first_byte,    RECORD_half_closed,
        RECORD_close,        RECORD_client_exit, RECORD_client_signal, RECORD_connected,
        RECORD_disconnected, RECORD_reconnected, RECORD_closed};
    struct sorting s = {.evidence = evidence, .cast = cast};
    struct evidence_merge *merge = NULL;
    const struct record *r;
    int writer;
    int i;

    s.lanes = calloc(1, sizeof *s.lanes);
    if (s.lanes != NULL) {
        s.lanes->over_ns = UINT64_MAX;
        make_lanes(&s, only);
        merge =
            evidence_merge_create(evidence, kinds, (int)(sizeof kinds / sizeof kinds[0]));
    }
    while (merge != NULL && !s.no_memory &&
           (r = evidence_merge_next(merge, &writer)) != NULL)
        on_record(&s, r);
    free(s.by_link);
    if (merge == NULL || s.no_memory) {
        evidence_merge_destroy(merge);
        lanes_destroy(s.lanes);
        return error_set(err, E_NOMEM, "the connections of all clients");
    }
    evidence_merge_destroy(merge);
    for (i = 0; i < s.lanes->count; i++)
        settle_attempts(&s.lanes->lanes[i]);
    name_first_lanes(s.lanes);
    *out = s.lanes;
    return 0;
}

void lanes_destroy(struct lanes *lanes)
{
    int i;

    if (lanes == NULL)
        return;
    for (i = 0; i < lanes->count; i++) {
        struct connection_lane *lane = &lanes->lanes[i];

        free(lane->links.numbers);
        free(lane->attempts);
        free(lane->words);
        free(lane->ends);
        free(lane->pauses);
    }
    free(lanes->lanes);
    free(lanes);
}
