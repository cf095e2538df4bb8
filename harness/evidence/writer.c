/* writer: append records to a chain of mapped segments.
 *
 * All well:  append ... half of the segment is used: the next one is ordered ... full:
 *            it is there, the full one is sent home, the writer goes on in the new one.
 * Late:      the stocker has not made it yet: a small one is taken from the reserve; only
 *            when that is empty too the writer makes one itself, in shm.
 * No room:   records are counted. The last slot of every segment is kept for that: it
 *            becomes an evidence_lost record that counts up in place, so the loss is
 *            told even if there is never room again.
 * Killed:    everything that was appended lies in shm; kind was written last. */
#include "harness/evidence/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/evidence/home.h"
#include "harness/evidence/side.h"
#include "harness/evidence/slots.h"

enum { TEXT_BYTES_MAX = 4096 };

struct writer {
    struct record *at;    /* the next slot, never a line of checks */
    struct record *first; /* of the segment, where its checks count from */
    uint64_t key;         /* of the segment's checks */
    struct record
        *limit;          /* where append has to think: half of the segment, then `last` */
    struct record *last; /* the slot kept for evidence_lost */
    uint32_t client;
    uint32_t incarnation;
    uint64_t lost;      /* records and details, ever */
    uint64_t lost_here; /* counted in this segment's last slot */
    struct evidence_home *home;
    struct live_file *segment;
    struct order *order;
    uint32_t number; /* of the segment in the chain */
    char name[EVIDENCE_NAME_BYTES];
    struct side side;
};

static struct record *first_slot(const struct live_file *segment)
{
    return (struct record *)((char *)segment->header + EVIDENCE_HEADER_BYTES);
}

static void name_segment(const struct writer *w, struct live_file *segment,
                         uint32_t number)
{
    struct segment_header header = {.number = number,
                                    .client = w->client,
                                    .incarnation = w->incarnation,
                                    .segment_bytes = segment->bytes,
                                    .identity = w->home->identity};

    memcpy(header.writer, w->name, sizeof header.writer);
    segment_header_seal(&header, clock_real());
    memcpy(segment->header, &header, sizeof header);
}

static void enter_segment(struct writer *w, struct live_file *segment)
{
    size_t slots = segment_slots(segment->bytes);

    assert(slots >= 4 * GROUP_SLOTS);
    assert(slots % GROUP_SLOTS == 0);
    w->segment = segment;
    w->key = check_key(w->side.key, w->number);
    w->first = first_slot(segment);
    w->at = w->first + 1;
    w->limit = w->at + slots / 2 / GROUP_SLOTS * GROUP_SLOTS;
    w->last = w->first + slots - 1;
    w->lost_here = 0;
}

/* Nothing here may wait: no allocation, since its lock is the mover's too. */
static void leave_segment(struct writer *w, enum segment_end end)
{
    struct live_file *segment = w->segment;
    size_t records =
        slots_records((size_t)(w->at - w->first)) + (w->lost_here > 0 ? 1 : 0);

    assert(w->at <= w->last);
    assert(w->lost_here == 0 || w->at == w->last);
    segment_closing_seal(&segment->header->closing, records, end,
                         w->side.base + w->side.size);
    segment->used_bytes =
        EVIDENCE_HEADER_BYTES + slots_for(records) * sizeof(struct record);
    snprintf(segment->home_name, sizeof segment->home_name, "%s.%04u.seg", w->name,
             w->number);
    w->number++;
    w->segment = NULL;
    home_send(w->home, segment);
}

static void order_next(struct writer *w)
{
    if (atomic_load(&w->order->state) != ORDER_IDLE)
        return;
    w->order->bytes = w->segment->bytes * SEGMENT_GROWTH;
    atomic_store(&w->order->state, ORDER_PENDING);
    home_order(w->home, w->order);
}

static struct live_file *take_ordered(struct writer *w)
{
    struct live_file *segment;

    if (atomic_load(&w->order->state) != ORDER_READY)
        return NULL;
    segment = w->order->segment;
    w->order->segment = NULL;
    atomic_store(&w->order->state, ORDER_IDLE);
    return segment;
}

/* The stocker is late: from the reserve, else of the writer's own making. That is tried
 * once per page: when shm is full the stocker keeps trying, and appends must stay cheap.
 */
static struct live_file *make_small(struct writer *w)
{
    struct live_file *segment = home_take_reserve(w->home);
    size_t bytes = w->segment->bytes * SEGMENT_GROWTH;

    if (segment != NULL || w->lost_here > 0)
        return segment;
    if (bytes > SEGMENT_SELF_BYTES)
        bytes = SEGMENT_SELF_BYTES;
    return home_make_segment(w->home, w->name, bytes, false, true);
}

/* At the limit: true when there is a slot to write to. */
static bool turn_page(struct writer *w)
{
    struct live_file *next;

    if (w->at != w->last) {
        order_next(w);
        w->limit = w->last;
        return true;
    }
    next = take_ordered(w);
    if (next == NULL)
        next = make_small(w);
    if (next == NULL)
        return false;
    /* In this order, so that a closed segment has its successor, whoever is killed. */
    name_segment(w, next, w->number + 1);
    leave_segment(w, SEGMENT_GOES_ON);
    enter_segment(w, next);
    /* A writer that needed a second segment may be fast: it orders at once. */
    order_next(w);
    w->limit = w->last;
    return true;
}

/* The last thing that is written about a record. */
static void write_check(struct writer *w, const struct record *record,
                        const struct record *slot)
{
    size_t place = (size_t)(slot - w->first);
    struct check_line *line = (void *)(w->first + place / GROUP_SLOTS * GROUP_SLOTS);

    atomic_store_explicit(&line->checks[place % GROUP_SLOTS - 1],
                          record_check(record, w->key, place), memory_order_release);
}

static void count_lost(struct writer *w)
{
    struct record *slot = w->last;

    w->lost++;
    w->lost_here++;
    slot->a = w->lost_here;
    slot->b = w->lost_here * sizeof(struct record);
    if (w->lost_here == 1) {
        slot->time_ns = clock_now(clock_real());
        slot->message.client = w->client;
        slot->message.incarnation = w->incarnation;
        atomic_store_explicit(&slot->kind, RECORD_evidence_lost, memory_order_release);
    }
    write_check(w, slot, slot);
}

void writer_append(struct writer *w, const struct record *record)
{
    struct record *slot;
    struct record whole;

    assert(record_kind(record) != 0);
    if (w->at == w->limit && !turn_page(w)) {
        count_lost(w);
        return;
    }
    memcpy(&whole, record, sizeof whole);
    if (whole.time_ns == 0)
        whole.time_ns = clock_now(clock_real());
    if (whole.message.client == 0 && w->client != 0) {
        whole.message.client = w->client;
        whole.message.incarnation = w->incarnation;
    }
    slot = w->at++;
    /* A segment begins on a page, so a group does on a multiple of its size. */
    if ((uintptr_t)w->at % (GROUP_SLOTS * sizeof(struct record)) == 0)
        w->at++;
    memcpy(slot, &whole, offsetof(struct record, kind));
    atomic_store_explicit(&slot->kind, (uint16_t)record_kind(record),
                          memory_order_release);
    write_check(w, &whole, slot);
}

uint64_t writer_lost(const struct writer *w)
{
    return w->lost;
}

/* A string or detail that could not be kept is a loss like that of a record. */
static void lost_in_side(struct writer *w)
{
    struct record record = {.kind = RECORD_evidence_lost, .a = 1};
    uint64_t lost_before = w->lost;

    writer_append(w, &record);
    if (w->lost == lost_before)
        w->lost++;
}

uint32_t writer_string(struct writer *w, const char *text)
{
    uint32_t number;
    bool lost;

    if (text == NULL || text[0] == '\0')
        return 0;
    number = side_string(&w->side, text, &lost);
    if (lost)
        lost_in_side(w);
    return number;
}

uint32_t writer_detail(struct writer *w, const json_t *object)
{
    char *text;
    uint32_t place;

    if (object == NULL)
        return 0;
    text = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text != NULL && strlen(text) > SIDE_TEXT_BYTES_MAX) {
        size_t size = strlen(text);

        free(text);
        return writer_detail_text(w, "%zu bytes: too large for evidence", size);
    }
    place = text == NULL ? 0 : side_detail(&w->side, text, strlen(text));
    free(text);
    if (place == 0)
        lost_in_side(w);
    return place;
}

/* Words may come from anywhere (a broker's log): what is no UTF-8 is kept as '?'. */
static json_t *text_to_json(char *text)
{
    json_t *string = json_string(text);

    for (char *at = text; string == NULL && *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    return string != NULL ? string : json_string(text);
}

uint32_t writer_detail_text(struct writer *w, const char *format, ...)
{
    char text[TEXT_BYTES_MAX];
    json_t *object;
    uint32_t place;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    object = json_object();
    json_object_set_new(object, "text", text_to_json(text));
    place = object == NULL ? 0 : writer_detail(w, object);
    json_decref(object);
    return place;
}

int writer_open(struct writer **out, struct evidence_home *home, const char *name,
                uint32_t client, uint32_t incarnation, struct error *err)
{
    struct writer *w;
    struct live_file *first;
    int rc;

    if (!writer_name_is_good(name)) {
        error_set(err, E_PARAM, "'%s' cannot name a writer of evidence", name);
        error_hint(err, "use at most %d of a-z, 0-9, '.', '_', '-'",
                   EVIDENCE_NAME_BYTES - 1);
        return E_PARAM;
    }
    w = calloc(1, sizeof *w);
    if (w == NULL)
        return error_set(err, E_NOMEM, "evidence writer %s", name);
    w->home = home;
    w->client = client;
    w->incarnation = incarnation;
    snprintf(w->name, sizeof w->name, "%s", name);
    w->order = calloc(1, sizeof *w->order);
    if (w->order == NULL) {
        rc = error_set(err, E_NOMEM, "evidence writer %s", name);
        goto fail_writer;
    }
    memcpy(w->order->writer, w->name, sizeof w->order->writer);
    rc = side_open(&w->side, home, name, err);
    if (rc != 0)
        goto fail_order;
    first = home_make_segment(home, name, SEGMENT_FIRST_BYTES, true, false);
    if (first == NULL) {
        rc = error_set(err, E_NOSPACE, "no room for evidence of '%s' in %s", name,
                       home->folder);
        error_hint(err, "make room there or in /dev/shm");
        goto fail_side;
    }
    name_segment(w, first, 0);
    enter_segment(w, first);
    home_tell_roster(home, ROSTER_OPENED, w->name, 0);
    atomic_fetch_add(&home->writers, 1);
    *out = w;
    return 0;

fail_side:
    side_undo(&w->side);
fail_order:
    free(w->order);
fail_writer:
    free(w);
    return rc;
}

void writer_close(struct writer *w)
{
    int expected = ORDER_PENDING;

    if (w == NULL)
        return;
    leave_segment(w, SEGMENT_FINAL);
    side_close(&w->side);
    home_tell_roster(w->home, ROSTER_CLOSED, w->name, w->number);
    if (w->lost > 0)
        log_warn(w->home->log, "evidence", "%llu records of '%s' found no room",
                 (unsigned long long)w->lost, w->name);
    /* A pending order stays with the stocker, which finds it abandoned. */
    if (!atomic_compare_exchange_strong(&w->order->state, &expected, ORDER_ABANDONED)) {
        if (w->order->segment != NULL)
            home_drop_segment(w->home, w->order->segment);
        free(w->order);
    }
    atomic_fetch_sub(&w->home->writers, 1);
    free(w);
}
