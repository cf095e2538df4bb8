/* tally: page by page, message by message.
 *
 * For each page: what every group of receivers saw of it is folded into one byte per
 * message (all of them delivered, acked, processed; any of them saw it; missing at the
 * level asked, for good or for now) -> one walk through publisher's byte and folded byte
 * counts the columns. Runs of lost messages become prefix, middle or postfix when the
 * next arrived message, or the end, is reached. */
#include "harness/checks/tally.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum folded {
    ALL_RECEIVED = LEDGER_DELIVERED | LEDGER_ACKED | LEDGER_PROCESSED,
    ANYBODY = 1 << 3,
    MISSING = 1 << 4, /* in a group that has caught up: it will not come any more */
    PENDING = 1 << 5,
    ODD = 1 << 6, /* acked or processed, but never delivered */
};

struct listener { /* one group, as this incarnation sees it */
    int group;
    const struct ledger_sheet **sheets; /* of its members */
    unsigned flag;
    bool is_final;
    uint64_t unsettled_got; /* of run_unsettled, it got so many */
};

struct counting {
    const struct tally_input *input;
    const struct ledger_sheet *own;
    struct listener *listeners;
    const struct ledger_sheet **sheets; /* of all listeners */
    int listener_count;
    uint32_t page_count;
    struct tally *tally;
    struct tally_sink *sink;
    struct tally_share *shares; /* of all groups; NULL: not asked for */
    int sink_before;            /* what was in the sink when this incarnation began */
    bool any_arrived;           /* there was a message that did */
    uint64_t run;               /* lost since then */
    uint64_t run_unsettled;     /* of them above flushed_below */
    uint64_t unsettled_from;    /* the first of those */
    bool may_be_unsettled; /* a core publisher that was killed with messages in hand */
    uint64_t flushed_below;
    uint8_t folded[LEDGER_PAGE_MESSAGES];
    uint8_t got[LEDGER_PAGE_MESSAGES];
};

/* ---- when is an incarnation's story over? ---- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static uint64_t load_flushed_ns(const struct ledger_life *life)
{
    return life->load_end_ns != 0 && life->flushed_ns >= life->load_end_ns
               ? life->flushed_ns
               : 0;
}

/* When nothing more could come from it: drained, flushed after its load, or ended.
 * 0: not seen. */
static uint64_t settled_ns(const struct ledger_life *life)
{
    if (life == NULL)
        return 0;
    return sooner(sooner(life->drained_ns, load_flushed_ns(life)), life->ended_ns);
}

/* ---- folding what the receivers saw ---- */

/* What a group saw of this page: the members' flags together. NULL: nothing. */
static const uint8_t *fold_members(struct counting *c, const struct listener *listener,
                                   uint32_t page)
{
    const struct audience_group *group = &c->input->audience->groups[listener->group];
    const uint8_t *got = NULL;
    int m;
    int i;

    for (m = 0; m < group->member_count; m++) {
        const uint8_t *bytes = ledger_page(listener->sheets[m], page);

        if (bytes == NULL)
            continue;
        if (got == NULL) {
            got = bytes;
            continue;
        }
        if (got != c->got)
            memcpy(c->got, got, sizeof c->got);
        for (i = 0; i < LEDGER_PAGE_MESSAGES; i++)
            c->got[i] |= bytes[i];
        got = c->got;
    }
    return got;
}

static void fold_listener(struct counting *c, const struct listener *listener,
                          uint32_t page)
{
    const uint8_t *got = fold_members(c, listener, page);
    unsigned miss = listener->is_final ? MISSING : PENDING;
    int i;

    for (i = 0; i < LEDGER_PAGE_MESSAGES; i++) {
        unsigned seen = got == NULL ? 0 : got[i];
        unsigned folded = c->folded[i] & (seen | ~(unsigned)ALL_RECEIVED);

        folded |= seen & ALL_RECEIVED ? ANYBODY : 0;
        folded |= seen & listener->flag ? 0 : miss;
        folded |= (seen & ALL_RECEIVED) && !(seen & LEDGER_DELIVERED) ? ODD : 0;
        c->folded[i] = (uint8_t)folded;
    }
}

/* ---- one message ---- */

/* What the members of a group saw of this message, together. */
static unsigned seen_by(const struct counting *c, const struct listener *listener,
                        uint64_t number)
{
    uint32_t page = (uint32_t)(number >> LEDGER_PAGE_BITS);
    size_t at = number & (LEDGER_PAGE_MESSAGES - 1);
    int members = c->input->audience->groups[listener->group].member_count;
    unsigned seen = 0;
    int m;

    for (m = 0; m < members; m++) {
        const uint8_t *bytes = ledger_page(listener->sheets[m], page);

        seen |= bytes == NULL ? 0 : bytes[at];
    }
    return seen;
}

static void share(struct counting *c, uint64_t number)
{
    int l;

    for (l = 0; c->shares != NULL && l < c->listener_count; l++) {
        struct tally_share *of = &c->shares[c->listeners[l].group];

        of->entitled++;
        of->arrived += (seen_by(c, &c->listeners[l], number) & c->listeners[l].flag) != 0;
    }
}

/* Where these turn out to be unknown, they were nobody's due. */
static void note_unsettled(struct counting *c, uint64_t number)
{
    int l;

    for (l = 0; c->shares != NULL && l < c->listener_count; l++)
        c->listeners[l].unsettled_got +=
            (seen_by(c, &c->listeners[l], number) & c->listeners[l].flag) != 0;
}

static void take_back_shares(struct counting *c, uint64_t unsettled)
{
    int l;

    for (l = 0; c->shares != NULL && l < c->listener_count; l++) {
        struct tally_share *of = &c->shares[c->listeners[l].group];

        of->entitled -= unsettled;
        of->arrived -= c->listeners[l].unsettled_got;
    }
}

static int first_missing(const struct counting *c, uint64_t number)
{
    int l;

    for (l = 0; l < c->listener_count; l++) {
        const struct listener *listener = &c->listeners[l];

        if (listener->is_final && !(seen_by(c, listener, number) & listener->flag))
            return listener->group;
    }
    return -1;
}

/* Next to the last one and lost in the same way: one of its kind. */
static void keep(struct tally_sink *sink, const struct lost_messages *lost)
{
    struct lost_messages *last = sink->count > 0 ? &sink->lost[sink->count - 1] : NULL;

    if (last != NULL && last->id.client == lost->id.client &&
        last->id.incarnation == lost->id.incarnation && last->group == lost->group &&
        last->last + 1 == lost->id.number)
        last->last++;
    else if (sink->count < sink->capacity)
        sink->lost[sink->count++] = *lost;
}

/* Take back what turned out to be unknown: the numbers from here on. */
static void forget_from(struct tally_sink *sink, int before, uint64_t number)
{
    while (sink->count > before && sink->lost[sink->count - 1].id.number >= number)
        sink->count--;
    if (sink->count > before && sink->lost[sink->count - 1].last >= number)
        sink->lost[sink->count - 1].last = number - 1;
}

static void lose(struct counting *c, uint64_t number)
{
    struct tally_sink *sink = c->sink;

    c->tally->lost++;
    c->run++;
    if (number >= c->flushed_below && c->may_be_unsettled) {
        if (c->run_unsettled == 0)
            c->unsettled_from = number;
        c->run_unsettled++;
        note_unsettled(c, number);
    }
    if (sink != NULL)
        keep(sink, &(struct lost_messages){.id = {.client = c->input->publisher->client,
                                                  .incarnation = c->input->incarnation,
                                                  .number = number},
                                           .last = number,
                                           .group = first_missing(c, number)});
}

static void arrive(struct counting *c)
{
    int l;

    c->tally->arrived++;
    if (c->run > 0) {
        *(c->any_arrived ? &c->tally->lost_middle : &c->tally->lost_prefix) += c->run;
        c->run = 0;
        c->run_unsettled = 0;
        for (l = 0; l < c->listener_count; l++)
            c->listeners[l].unsettled_got = 0;
    }
    c->any_arrived = true;
}

static void count_entitled(struct counting *c, unsigned own, unsigned folded,
                           uint64_t number)
{
    c->tally->entitled++;
    share(c, number);
    if (c->input->level == LEVEL_STORED) {
        if (own & LEDGER_STORED)
            arrive(c);
        else
            lose(c, number);
    } else if (c->listener_count == 0) {
        c->tally->unserved++;
        c->tally->pending++;
    } else if (folded & MISSING) {
        lose(c, number);
    } else if (folded & PENDING) {
        c->tally->pending++;
    } else {
        arrive(c);
    }
}

static void count_message(struct counting *c, unsigned own, unsigned folded,
                          uint64_t number)
{
    struct tally *tally = c->tally;
    bool by_ack = c->input->publisher->by_ack;
    bool accepted = (own & LEDGER_ACCEPTED) && !(own & LEDGER_ACKNOWLEDGED) && !by_ack;

    if (folded & ODD)
        tally->impossible++;
    if (!(own & LEDGER_ATTEMPTED)) {
        if (own != 0 || (folded & ANYBODY))
            tally->impossible++;
        return;
    }
    if (!(own & LEDGER_IN_SCOPE))
        return;
    tally->attempted++;
    tally->acknowledged += (own & LEDGER_ACKNOWLEDGED) != 0;
    tally->stored += (own & LEDGER_STORED) != 0;
    tally->accepted += accepted;
    tally->delivered += (folded & LEDGER_DELIVERED) != 0;
    tally->acked += (folded & LEDGER_ACKED) != 0;
    tally->processed += (folded & LEDGER_PROCESSED) != 0;
    if (accepted || (own & LEDGER_ACKNOWLEDGED))
        count_entitled(c, own, folded, number);
    else if (folded & ANYBODY)
        tally->recovered++;
    else if ((own & LEDGER_FAILED) && !(own & LEDGER_UNKNOWN))
        tally->refused++;
    else
        tally->unknown++;
}

static void count_page(struct counting *c, uint32_t page)
{
    const uint8_t *own = ledger_page(c->own, page);
    uint64_t base = (uint64_t)page << LEDGER_PAGE_BITS;
    bool any = own != NULL;
    int i;

    for (i = 0; i < c->listener_count && !any; i++) {
        const struct listener *listener = &c->listeners[i];
        int m = c->input->audience->groups[listener->group].member_count;

        while (m-- > 0)
            any = any || ledger_page(listener->sheets[m], page) != NULL;
    }
    if (!any)
        return;
    memset(c->folded, c->listener_count > 0 ? ALL_RECEIVED : 0, sizeof c->folded);
    for (i = 0; i < c->listener_count; i++)
        fold_listener(c, &c->listeners[i], page);
    for (i = 0; i < LEDGER_PAGE_MESSAGES; i++)
        if ((own != NULL && own[i] != 0) || (c->folded[i] & (ANYBODY | ODD)))
            count_message(c, own == NULL ? 0 : own[i], c->folded[i], base + (uint64_t)i);
}

/* The last run. Where a core publisher was killed, what it had handed to its library
 * and nobody saw, nor any later message of it, may never have left the process: its
 * fate is unknown, not lost. */
static void finish_run(struct counting *c)
{
    uint64_t unsettled = c->run_unsettled;

    c->run -= unsettled;
    c->tally->lost -= unsettled;
    c->tally->entitled -= unsettled;
    c->tally->accepted -= unsettled;
    c->tally->unknown += unsettled;
    take_back_shares(c, unsettled);
    *(c->any_arrived ? &c->tally->lost_postfix : &c->tally->lost_prefix) += c->run;
    if (unsettled > 0 && c->sink != NULL)
        forget_from(c->sink, c->sink_before, c->unsettled_from);
}

/* ---- setting up ---- */

static void widen(struct counting *c, const struct ledger_sheet *sheet)
{
    if (sheet != NULL && sheet->page_count > c->page_count)
        c->page_count = sheet->page_count;
}

static int members_of_all(const struct audience *audience)
{
    int members = 0;
    int i;

    for (i = 0; i < audience->group_count; i++)
        members += audience->groups[i].member_count;
    return members;
}

static int find_listeners(struct counting *c, const struct ledger_life *life)
{
    const struct tally_input *input = c->input;
    const struct audience *audience = input->audience;
    uint64_t settled = settled_ns(life);
    const struct ledger_sheet **next;
    int g;
    int m;

    c->listeners = calloc((size_t)audience->group_count + 1, sizeof *c->listeners);
    c->sheets = calloc((size_t)members_of_all(audience) + 1, sizeof(void *));
    if (c->listeners == NULL || c->sheets == NULL)
        return E_NOMEM;
    next = c->sheets;
    for (g = 0; g < audience->group_count; g++) {
        const struct audience_group *group = &audience->groups[g];
        struct listener *listener = &c->listeners[c->listener_count];

        if (!audience_hears(group, input->publisher, input->ledger))
            continue;
        *listener = (struct listener){
            .group = g, .sheets = next, .flag = audience_flag(group, input->level)};
        /* Caught up, or without its stream, after the publisher's story was over:
         * nothing more can come. */
        listener->is_final =
            settled != 0 && (group->held_ns >= settled || group->gone_ns >= settled);
        for (m = 0; m < group->member_count; m++, next++) {
            *next = ledger_sheet(input->ledger, group->members[m],
                                 input->publisher->client, input->incarnation);
            widen(c, *next);
        }
        c->listener_count++;
    }
    return 0;
}

/* What arrived is a lone listener's share: then no message is looked at twice. */
static void count_pages(struct counting *c, struct tally_share *shares)
{
    bool alone = c->listener_count == 1 && c->input->level != LEVEL_STORED;
    uint32_t page;

    c->shares = alone ? NULL : shares;
    for (page = 0; page < c->page_count; page++)
        count_page(c, page);
    finish_run(c);
    if (alone && shares != NULL) {
        shares[c->listeners[0].group].entitled += c->tally->entitled;
        shares[c->listeners[0].group].arrived += c->tally->arrived;
    }
}

int tally_count(struct tally *out, const struct tally_input *input,
                struct tally_sink *sink, struct tally_share *shares, struct error *err)
{
    const struct ledger_life *life =
        ledger_life(input->ledger, input->publisher->client, input->incarnation);
    struct counting *c = calloc(1, sizeof *c);
    int rc = E_NOMEM;

    assert(input->level != LEVEL_FURTHEST);
    memset(out, 0, sizeof *out);
    if (c == NULL)
        return error_set(err, E_NOMEM, "counting messages");
    c->input = input;
    c->tally = out;
    c->sink = sink;
    c->sink_before = sink == NULL ? 0 : sink->count;
    c->own = ledger_sheet(input->ledger, 0, input->publisher->client, input->incarnation);
    widen(c, c->own);
    if (life != NULL) {
        c->may_be_unsettled = life->killed && !input->publisher->by_ack &&
                              life->drained_ns == 0 && load_flushed_ns(life) == 0;
        c->flushed_below = life->flushed_below;
    }
    rc = find_listeners(c, life);
    if (rc == 0)
        count_pages(c, shares);
    else
        error_set(err, rc, "counting messages");
    free(c->listeners);
    free(c->sheets);
    free(c);
    return rc;
}

void tally_add(struct tally *to, const struct tally *from)
{
#define X(column) to->column += from->column;
    TALLY_COLUMNS(X)
#undef X
}

const char *tally_contradiction(const struct tally *t)
{
    if (t->impossible > 0)
        return "an outcome without its attempt, or work on what was never delivered";
    if (t->attempted != t->entitled + t->recovered + t->unknown + t->refused)
        return "attempted = entitled + recovered + unknown + refused";
    if (t->entitled != t->acknowledged + t->accepted)
        return "entitled = acknowledged + accepted";
    if (t->entitled != t->arrived + t->pending + t->lost + t->removed + t->given_up)
        return "entitled = arrived + pending + lost + removed + given up";
    if (t->lost != t->lost_prefix + t->lost_middle + t->lost_postfix)
        return "lost = prefix + middle + postfix";
    if (t->stored > t->acknowledged)
        return "stored <= acknowledged";
    return NULL;
}
