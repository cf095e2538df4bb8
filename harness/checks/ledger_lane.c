/* ledger_lane: read one writer after the other, mark each record's message.
 *
 * All well:   a lane takes the largest writer that is left, walks its records and sets a
 *             flag for each on the sheet of who looks at whose messages.
 * No memory:  the lane remembers it and reads no further.
 * A number beyond the bounds is counted in out_of_reach and otherwise left alone: what
 * the bounds are for is a damaged or hostile file. */
#include "harness/checks/ledger_lane.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* ---- sheets ---- */

static bool sheet_is(const struct ledger_sheet *sheet, uint32_t receiver, uint32_t client,
                     uint32_t incarnation)
{
    return sheet->client == client && sheet->incarnation == incarnation &&
           sheet->receiver == receiver;
}

static void *grown(void *array, int count, int *capacity, size_t size)
{
    int wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *more;

    if (count < *capacity)
        return array;
    more = realloc(array, (size_t)wanted * size);
    if (more != NULL)
        *capacity = wanted;
    return more;
}

/* Index of the sheet, made when it is new; -1 without memory or past the bound. */
static int sheet_index(struct lane *lane, uint32_t receiver, uint32_t client,
                       uint32_t incarnation)
{
    struct ledger *ledger = &lane->ledger;
    struct ledger_sheet *sheets;
    int i;

    for (i = 0; i < ledger->sheet_count; i++)
        if (sheet_is(&ledger->sheets[i], receiver, client, incarnation))
            return i;
    sheets =
        grown(ledger->sheets, ledger->sheet_count, &lane->sheet_capacity, sizeof *sheets);
    if (sheets == NULL) {
        lane->no_memory = true;
        return -1;
    }
    ledger->sheets = sheets;
    sheets[i] = (struct ledger_sheet){
        .receiver = receiver, .client = client, .incarnation = incarnation};
    ledger->sheet_count++;
    return i;
}

static bool reach_page(struct lane *lane, struct ledger_sheet *sheet, uint32_t page)
{
    uint32_t count = sheet->page_count == 0 ? 16 : sheet->page_count;
    uint8_t **pages;

    while (count <= page)
        count *= 2;
    pages = realloc(sheet->pages, count * sizeof *pages);
    if (pages == NULL) {
        lane->no_memory = true;
        return false;
    }
    memset(pages + sheet->page_count, 0, (count - sheet->page_count) * sizeof *pages);
    /* The list of pages is memory too: count it in pages. */
    atomic_fetch_add_explicit(&lane->job->pages, (int)(count >> 13),
                              memory_order_relaxed);
    sheet->pages = pages;
    sheet->page_count = count;
    return true;
}

/* The slow way: the page is not there yet. NULL: beyond a bound, or no memory. */
static uint8_t *make_page(struct lane *lane, struct ledger_sheet *sheet, uint64_t number)
{
    uint64_t page = number >> LEDGER_PAGE_BITS;

    if (page >= LEDGER_PAGES_MAX ||
        atomic_load_explicit(&lane->job->pages, memory_order_relaxed) >=
            LEDGER_PAGES_IN_MEMORY_MAX) {
        lane->ledger.out_of_reach++;
        return NULL;
    }
    if (page >= sheet->page_count && !reach_page(lane, sheet, (uint32_t)page))
        return NULL;
    assert(sheet->pages[page] == NULL);
    sheet->pages[page] = calloc(1, LEDGER_PAGE_MESSAGES);
    if (sheet->pages[page] == NULL)
        lane->no_memory = true;
    else
        atomic_fetch_add_explicit(&lane->job->pages, 1, memory_order_relaxed);
    return sheet->pages[page];
}

static void mark(struct lane *lane, uint32_t receiver, const struct message_id *id,
                 unsigned flags)
{
    int *slot = &lane->cache[(id->client + id->incarnation * 127) % LANE_CACHE_SLOTS];
    struct ledger_sheet *sheet;
    uint64_t page = id->number >> LEDGER_PAGE_BITS;
    uint8_t *bytes;
    int at = *slot - 1;

    if (at < 0 ||
        !sheet_is(&lane->ledger.sheets[at], receiver, id->client, id->incarnation)) {
        at = sheet_index(lane, receiver, id->client, id->incarnation);
        if (at < 0)
            return;
        *slot = at + 1;
    }
    sheet = &lane->ledger.sheets[at];
    bytes = page < sheet->page_count ? sheet->pages[page] : NULL;
    if (bytes == NULL)
        bytes = make_page(lane, sheet, id->number);
    if (bytes != NULL)
        bytes[id->number & (LEDGER_PAGE_MESSAGES - 1)] |= (uint8_t)flags;
}

/* ---- lives ---- */

/* Never NULL: without memory a life that nobody keeps, and the lane says so. */
static struct ledger_life *life_of(struct lane *lane, uint32_t client,
                                   uint32_t incarnation, struct ledger_life *spare)
{
    struct ledger *ledger = &lane->ledger;
    struct ledger_life *lives;
    int i;

    for (i = 0; i < ledger->life_count; i++)
        if (ledger->lives[i].client == client &&
            ledger->lives[i].incarnation == incarnation)
            return &ledger->lives[i];
    *spare = (struct ledger_life){.client = client, .incarnation = incarnation};
    lives = grown(ledger->lives, ledger->life_count, &lane->life_capacity, sizeof *lives);
    if (lives == NULL) {
        lane->no_memory = true;
        return spare;
    }
    ledger->lives = lives;
    lives[ledger->life_count] = *spare;
    return &lives[ledger->life_count++];
}

static void later(uint64_t *kept, uint64_t ns)
{
    if (ns > *kept)
        *kept = ns;
}

static void earlier(uint64_t *kept, uint64_t ns)
{
    if (*kept == 0 || ns < *kept)
        *kept = ns;
}

static void on_client_end(struct ledger_life *life, const struct record *r, unsigned kind)
{
    if (kind == RECORD_client_signal) {
        if (r->b != SIGKILL)
            return;
        life->killed = true;
    } else if (WIFSIGNALED((int)r->b)) {
        life->killed = true;
    }
    earlier(&life->ended_ns, r->time_ns);
}

static void on_caught_up(struct ledger_life *life, const struct record *r)
{
    if (r->flags & EVIDENCE_HELD)
        later(&life->held_ns, r->time_ns);
    else if (r->flags & EVIDENCE_STUCK)
        later(&life->stuck_ns, r->time_ns);
    else if (r->flags & EVIDENCE_GONE)
        later(&life->gone_ns, r->time_ns);
    else
        later(&life->undrained_ns, r->time_ns);
}

/* Everything that happens a few times in a client's life. */
static void on_rare(struct lane *lane, const struct record *r, unsigned kind)
{
    struct ledger_life spare;
    struct ledger_life *life;
    uint32_t client = kind < RECORD_connected ? (uint32_t)r->a : r->message.client;

    switch (kind) {
    case RECORD_caught_up:
    case RECORD_drained:
    case RECORD_client_signal:
    case RECORD_client_exit:
    case RECORD_load_end:
    case RECORD_flushed:
    case RECORD_unexpected:
        break;
    default:
        return;
    }
    if (kind == RECORD_unexpected)
        client = lane->receiver;
    life = life_of(lane, client, r->message.incarnation, &spare);
    if (kind == RECORD_caught_up)
        on_caught_up(life, r);
    else if (kind == RECORD_drained && (r->flags & EVIDENCE_HELD))
        earlier(&life->drained_ns, r->time_ns);
    else if (kind == RECORD_client_signal || kind == RECORD_client_exit)
        on_client_end(life, r, kind);
    else if (kind == RECORD_load_end)
        later(&life->load_end_ns, r->time_ns);
    else if (kind == RECORD_flushed)
        later(&life->flushed_ns, r->time_ns);
    else if (kind == RECORD_unexpected)
        life->unexpected++;
}

/* ---- one writer ---- */

static void on_acknowledged(struct lane *lane, const struct record *r, bool *named)
{
    struct ledger_life spare;
    struct ledger_life *life;

    mark(lane, 0, &r->message, LEDGER_ACKNOWLEDGED | (r->a != 0 ? LEDGER_STORED : 0u));
    if (*named || r->stream == 0)
        return;
    life = life_of(lane, r->message.client, r->message.incarnation, &spare);
    life->stream = r->stream;
    life->stream_writer = lane->writer;
    *named = true;
}

/* A message that was handed over before this writer's last flush has reached the
 * broker: the flush orders them. */
static void on_flushed(struct lane *lane, const struct record *r, uint64_t accepted_below)
{
    struct ledger_life spare;
    struct ledger_life *life =
        life_of(lane, r->message.client, r->message.incarnation, &spare);

    later(&life->flushed_below, accepted_below);
}

static void read_writer(struct lane *lane, int writer)
{
    const struct ledger_job *job = lane->job;
    const struct evidence_writer_info *info = evidence_writer(job->evidence, writer);
    uint32_t receiver = info->client;
    uint64_t accepted_below = 0;
    bool named = false;
    struct evidence_walk walk;
    const struct record *r;

    lane->writer = writer;
    lane->receiver = receiver;
    memset(lane->cache, 0, sizeof lane->cache);
    evidence_walk(&walk, job->evidence, writer);
    while ((r = evidence_walk_next(&walk)) != NULL && !lane->no_memory) {
        unsigned kind = atomic_load_explicit(&r->kind, memory_order_relaxed);

        switch (kind) {
        case RECORD_attempted:
            mark(lane, 0, &r->message,
                 r->time_ns >= job->from_ns && r->time_ns < job->to_ns
                     ? LEDGER_ATTEMPTED | LEDGER_IN_SCOPE
                     : LEDGER_ATTEMPTED);
            break;
        case RECORD_accepted:
            mark(lane, 0, &r->message, LEDGER_ACCEPTED);
            accepted_below = r->message.number + 1;
            break;
        case RECORD_acknowledged:
            on_acknowledged(lane, r, &named);
            break;
        case RECORD_publish_failed:
            mark(lane, 0, &r->message,
                 r->flags & EVIDENCE_UNKNOWN ? LEDGER_UNKNOWN : LEDGER_FAILED);
            break;
        case RECORD_received:
        case RECORD_duplicate_dropped:
            mark(lane, receiver, &r->message, LEDGER_DELIVERED);
            break;
        case RECORD_acked:
            mark(lane, receiver, &r->message, LEDGER_ACKED);
            break;
        case RECORD_processed:
            mark(lane, receiver, &r->message, LEDGER_PROCESSED);
            break;
        default:
            on_rare(lane, r, kind);
            if (kind == RECORD_flushed)
                on_flushed(lane, r, accepted_below);
        }
    }
}

/* A chain that was not closed: its process was killed, or is being read while it runs. */
static void note_open_writer(struct lane *lane, const struct evidence_writer_info *info)
{
    struct ledger_life spare;

    if (info->client != 0 && !info->complete)
        life_of(lane, info->client, info->incarnation, &spare)->killed = true;
}

void *lane_run(void *arg)
{
    struct lane *lane = arg;
    struct ledger_job *job = lane->job;
    int at;

    while (!lane->no_memory &&
           (at = atomic_fetch_add(&job->next, 1)) < job->writer_count) {
        read_writer(lane, job->writers[at]);
        note_open_writer(lane, evidence_writer(job->evidence, job->writers[at]));
    }
    return NULL;
}

/* ---- laying one lane over the other ---- */

static bool lay_sheet(struct lane *lane, struct ledger_sheet *to,
                      struct ledger_sheet *from)
{
    uint32_t p;
    int i;

    if (from->page_count > to->page_count && !reach_page(lane, to, from->page_count - 1))
        return false;
    for (p = 0; p < from->page_count; p++) {
        if (from->pages[p] == NULL)
            continue;
        if (to->pages[p] == NULL) {
            to->pages[p] = from->pages[p];
            from->pages[p] = NULL;
            continue;
        }
        for (i = 0; i < LEDGER_PAGE_MESSAGES; i++)
            to->pages[p][i] |= from->pages[p][i];
    }
    return true;
}

static void lay_life(struct ledger_life *to, const struct ledger_life *from)
{
    to->killed |= from->killed;
    if (from->ended_ns != 0)
        earlier(&to->ended_ns, from->ended_ns);
    if (from->drained_ns != 0)
        earlier(&to->drained_ns, from->drained_ns);
    later(&to->load_end_ns, from->load_end_ns);
    later(&to->flushed_ns, from->flushed_ns);
    later(&to->flushed_below, from->flushed_below);
    later(&to->held_ns, from->held_ns);
    later(&to->stuck_ns, from->stuck_ns);
    later(&to->gone_ns, from->gone_ns);
    later(&to->undrained_ns, from->undrained_ns);
    to->unexpected += from->unexpected;
    if (to->stream == 0) {
        to->stream = from->stream;
        to->stream_writer = from->stream_writer;
    }
}

bool lane_lay_over(struct lane *to, struct lane *from)
{
    struct ledger_life spare;
    int i;

    to->ledger.out_of_reach += from->ledger.out_of_reach;
    for (i = 0; i < from->ledger.life_count; i++) {
        const struct ledger_life *life = &from->ledger.lives[i];

        lay_life(life_of(to, life->client, life->incarnation, &spare), life);
    }
    for (i = 0; i < from->ledger.sheet_count; i++) {
        struct ledger_sheet *sheet = &from->ledger.sheets[i];
        int at = sheet_index(to, sheet->receiver, sheet->client, sheet->incarnation);

        if (at < 0 || !lay_sheet(to, &to->ledger.sheets[at], sheet))
            return false;
    }
    return !to->no_memory && !from->no_memory;
}
