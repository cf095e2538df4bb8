/* settle: when all files of the evidence are found: is every byte what was written?
 *
 * Chain:    segments and side files count up without a gap; each but the last is closed,
 *           with as many records as are there; the last is final, or its writer was
 *           killed.
 * Entries:  strings and details match their checksums, to the end of the file. The last
 *           entry of a killed writer may be torn: no record names it.
 * Records:  each matches its check, names strings and details that are there, and there
 *           is none missing between or behind them. The last of a killed writer may lack
 *           its check.
 * Roster:   who is listed is there; who closed everything has its end.
 * Whatever is not so is said once per file; then no check gives a verdict. */
#include <stdlib.h>
#include <string.h>

#include "harness/evidence/roster.h"
#include "harness/evidence/side_entry.h"
#include "harness/evidence/slots.h"
#include "harness/evidence/store.h"

static int by_number(const void *a, const void *b)
{
    const struct source_segment *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

static int by_side_number(const void *a, const void *b)
{
    const struct source_side *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

/* ---- strings and details ---- */

static void check_side(struct evidence *evidence, struct source *source,
                       struct source_side *side, bool may_be_torn)
{
    uint64_t offset = SIDE_HEADER_BYTES;
    struct side_entry entry;

    while (side_entry_read(&entry, side->bytes, side->size, offset,
                           side_entry_key(source->key, side->base + offset))) {
        if (entry.type == SIDE_STRING &&
            !source_set_string(source, entry.number, entry.text)) {
            evidence->no_memory = true;
            return;
        }
        offset += side_entry_bytes(entry.size);
    }
    side->good_bytes = offset;
    if (offset < side->size &&
        !(may_be_torn && side_entry_is_torn(side->bytes, side->size, offset)))
        evidence_add_damage(evidence, source,
                            "%s: the entry at byte %llu is not what was written",
                            side->name, (unsigned long long)offset);
}

static void check_sides(struct evidence *evidence, struct source *source)
{
    const struct source_segment *last =
        source->segment_count > 0 ? &source->segments[source->segment_count - 1] : NULL;
    uint64_t base = 0;

    for (int i = 0; i < source->side_count; i++) {
        struct source_side *side = &source->sides[i];

        check_side(evidence, source, side,
                   i == source->side_count - 1 && !source->info.complete);
        if (side->base != base && !source->damaged)
            evidence_add_damage(evidence, source, "%s: what was before it is missing",
                                side->name);
        base = side->base + side->size;
    }
    if (source->side_count == 0)
        evidence_add_damage(evidence, source, "%s.0000.side is missing",
                            source->info.name);
    else if (source->info.complete && !source->damaged &&
             last->closing.side_bytes != base)
        evidence_add_damage(evidence, source,
                            "%s: %llu bytes of strings and details were written, %llu "
                            "are there",
                            source->sides[source->side_count - 1].name,
                            (unsigned long long)last->closing.side_bytes,
                            (unsigned long long)base);
}

static bool has_string(const struct source *source, uint32_t number)
{
    return number == 0 ||
           (number < source->string_count && source->strings[number] != NULL);
}

static bool has_detail(const struct source *source, uint32_t detail)
{
    uint64_t offset = (uint64_t)detail * 8;

    for (int i = source->side_count - 1; i >= 0 && detail != 0; i--) {
        if (offset >= source->sides[i].base)
            return offset - source->sides[i].base < source->sides[i].good_bytes;
    }
    return detail == 0;
}

/* A record that is itself good names what was there when it was written. */
static bool names_what_is_there(const struct source *source, const struct record *r)
{
    return ((r->flags & EVIDENCE_HASHED) != 0 || has_string(source, r->subject)) &&
           has_string(source, r->stream) && has_string(source, r->consumer) &&
           has_detail(source, r->detail);
}

/* ---- records ---- */

/* What is wrong with a segment, of which the first is told. */
struct finding {
    const char *what; /* NULL: nothing */
    size_t slot;
};

static void find(struct finding *finding, const char *what, size_t slot)
{
    if (finding->what == NULL)
        *finding = (struct finding){.what = what, .slot = slot};
}

static uint32_t load_check(const struct record *first, size_t slot)
{
    return atomic_load_explicit(slot_check(first, slot), memory_order_relaxed);
}

/* `key` of this segment's checks. A line that is walked as if it were a record is noted
 * like one. */
static void survey_slot(struct evidence *evidence, struct source *source,
                        const struct source_segment *segment, uint64_t key, size_t slot,
                        struct finding *finding)
{
    const struct record *r = segment->at + slot;
    bool is_last = r + 1 == segment->end;
    bool may_lack_check =
        is_last && (!segment->closed || segment->closing.end == SEGMENT_TORN);
    uint32_t check;

    if (slot_is_line(slot)) {
        if (((const struct check_line *)(const void *)r)->zero != 0)
            find(finding, "the checks are not what was written", slot);
        if (record_kind(r) != 0)
            source_note_record(evidence, source, r);
        return;
    }
    if (record_kind(r) == 0) {
        evidence->damage.holes++;
        find(finding, "there is no record any more", slot);
        return;
    }
    source_note_record(evidence, source, r);
    check = load_check(segment->at, slot);
    if (check != record_check(r, key, slot) && !(check == 0 && may_lack_check))
        find(finding, "the record is not what was written", slot);
    else if (!source->sides_damaged && !names_what_is_there(source, r))
        find(finding, "the record names a string or detail that is missing", slot);
}

/* Behind the last record there is no check either: it would be of one that is gone. The
 * last line of checks is there whole, also where the file ends in the middle of its
 * group.
 */
static void check_rest(const struct source_segment *segment, struct finding *finding)
{
    static const struct check_line none;
    size_t slot = (size_t)(segment->end - segment->at);

    for (; slot % GROUP_SLOTS != 0; slot++) {
        if (load_check(segment->at, slot) != 0)
            find(finding, "there is no record any more", slot);
    }
    for (; slot < segment->slots; slot += GROUP_SLOTS) {
        if (memcmp(segment->at + slot, &none, sizeof none) != 0)
            find(finding, "there is no record any more behind the checks", slot);
    }
}

static void survey(struct evidence *evidence, struct source *source,
                   struct source_segment *segment)
{
    uint64_t key = check_key(source->key, segment->number);
    struct finding finding = {.what = NULL};
    size_t slots = (size_t)(segment->end - segment->at);

    for (size_t slot = 0; slot < slots; slot++)
        survey_slot(evidence, source, segment, key, slot, &finding);
    check_rest(segment, &finding);
    if (finding.what != NULL && !segment->told)
        evidence_add_damage(evidence, source, "%s: at byte %llu %s", segment->name,
                            (unsigned long long)(EVIDENCE_HEADER_BYTES +
                                                 finding.slot * sizeof(struct record)),
                            finding.what);
}

/* ---- the chain ---- */

/* Killed between two segments: the next one has its name already, and no record. */
static bool is_begun_only(const struct source *source, int at)
{
    return at == source->segment_count - 1 && source->segments[at].records == 0 &&
           !(source->segments[at].closed &&
             source->segments[at].closing.end == SEGMENT_FINAL);
}

/* One of a chain that goes on behind it: is it closed so? */
static bool goes_on_well(const struct source *source, int at)
{
    const struct source_segment *segment = &source->segments[at];

    if (segment->closed && segment->closing.end == SEGMENT_GOES_ON)
        return true;
    return !segment->closing_is_bad && is_begun_only(source, at + 1) &&
           !(segment->closed && segment->closing.end == SEGMENT_FINAL);
}

static const char *wrong_with(const struct source *source, int at)
{
    const struct source_segment *segment = &source->segments[at];
    bool is_last = at == source->segment_count - 1;

    if (segment->closing_is_bad)
        return "its closing is not what was written";
    if (segment->cut)
        return "its end is cut off";
    if (segment->closed && segment->closing.records != segment->records)
        return "it does not hold as many records as were written";
    if (!is_last && !goes_on_well(source, at))
        return "the chain does not go on behind it as it should";
    if (is_last && segment->closed && segment->closing.end == SEGMENT_GOES_ON)
        return "the segment behind it is missing";
    return NULL;
}

static void check_chain(struct evidence *evidence, struct source *source)
{
    uint32_t expected = 0;

    for (int i = 0; i < source->segment_count; i++) {
        struct source_segment *segment = &source->segments[i];
        const char *wrong = wrong_with(source, i);

        if (segment->number != expected) {
            evidence_add_damage(evidence, source, "%s.%04u.seg is missing",
                                source->info.name, expected);
            evidence->damage.bad_segments += segment->number - expected - 1;
        }
        expected = segment->number + 1;
        segment->told = wrong != NULL;
        if (segment->told)
            evidence_add_damage(evidence, source, "%s: %s", segment->name, wrong);
    }
}

static void settle_source(struct evidence *evidence, struct source *source)
{
    struct source_segment *segments = source->segments;

    if (source->segment_count > 0) {
        const struct source_segment *last;

        qsort(segments, (size_t)source->segment_count, sizeof *segments, by_number);
        last = &segments[source->segment_count - 1];
        source->info.complete = last->closed && last->closing.end == SEGMENT_FINAL;
    }
    if (source->side_count > 0)
        qsort(source->sides, (size_t)source->side_count, sizeof *source->sides,
              by_side_number);
    if (!source->info.complete)
        evidence->damage.open_writers++;
    check_sides(evidence, source);
    source->sides_damaged = source->damaged;
    check_chain(evidence, source);
    for (int i = 0; i < source->segment_count; i++)
        survey(evidence, source, &segments[i]);
}

static int by_name(const void *a, const void *b)
{
    const struct evidence_writer_info *left = &(*(const struct source *const *)a)->info;
    const struct evidence_writer_info *right = &(*(const struct source *const *)b)->info;

    if (left->client != right->client)
        return left->client < right->client ? -1 : 1;
    if (left->incarnation != right->incarnation)
        return left->incarnation < right->incarnation ? -1 : 1;
    return strcmp(left->name, right->name);
}

/* An order that does not depend on the folder's: the harness first, since it is the
 * cause of what clients see at the same nanosecond. */
bool evidence_settle(struct evidence *evidence)
{
    bool any_segment = false;

    if (evidence->source_count > 0)
        qsort(evidence->sources, (size_t)evidence->source_count, sizeof(struct source *),
              by_name);
    for (int i = 0; i < evidence->source_count; i++) {
        settle_source(evidence, evidence->sources[i]);
        any_segment = any_segment || evidence->sources[i]->segment_count > 0;
    }
    return any_segment;
}

/* ---- the roster ---- */

static struct source *find_source(const struct evidence *evidence, const char *name)
{
    for (int i = 0; i < evidence->source_count; i++) {
        if (strcmp(evidence->sources[i]->info.name, name) == 0)
            return evidence->sources[i];
    }
    return NULL;
}

static void check_line(struct evidence *evidence, const struct roster_line *line)
{
    struct source *source = find_source(evidence, line->writer);
    int count = source == NULL ? 0 : source->segment_count;

    if (count == 0 && line->word == ROSTER_OPENED)
        evidence_add_damage(evidence, source,
                            "nothing that '%s' saw is there any more: %s.0000.seg is "
                            "missing",
                            line->writer, line->writer);
    else if (count > 0 && line->word == ROSTER_CLOSED && !source->damaged &&
             (!source->info.complete || (uint32_t)count != line->segments))
        evidence_add_damage(evidence, source,
                            "%s: the end of what it saw is missing (%d of %u segments "
                            "are there)",
                            line->writer, count, line->segments);
}

/* Nothing but a last line without its end is a process that was killed while it wrote. */
void evidence_check_roster(struct evidence *evidence)
{
    const char *at = evidence->roster;
    unsigned number = 0;

    if (at == NULL) {
        evidence_add_damage(evidence, NULL, "the list of writers (%s) is missing",
                            ROSTER_NAME);
        return;
    }
    while (at < evidence->roster + evidence->roster_size) {
        size_t rest = (size_t)(evidence->roster + evidence->roster_size - at);
        const char *end = memchr(at, '\n', rest);
        struct roster_line line;

        number++;
        if (end == NULL)
            return;
        if (roster_line_read(&line, at, (size_t)(end - at)))
            check_line(evidence, &line);
        else
            evidence_add_damage(evidence, NULL, "%s: line %u is not what was written",
                                ROSTER_NAME, number);
        at = end + 1;
    }
}
