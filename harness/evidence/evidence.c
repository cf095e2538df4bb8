/* evidence: the questions that checks and reports ask, whoever made the evidence.
 *
 * Opening from a folder is reader.c, making by hand is by_hand.c; here lie the parts
 * that both share: sources, walking, strings, the end. */
#include "harness/evidence/evidence.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/evidence/side_entry.h"
#include "harness/evidence/store.h"

bool array_reserve(void *array, int *capacity, int count, size_t size)
{
    int wanted = *capacity == 0 ? 8 : *capacity * 2;
    void *bigger;

    if (count < *capacity)
        return true;
    memcpy(&bigger, array, sizeof bigger);
    bigger = realloc(bigger, (size_t)wanted * size);
    if (bigger == NULL)
        return false;
    memcpy(array, &bigger, sizeof bigger);
    *capacity = wanted;
    return true;
}

struct source *source_add(struct evidence *evidence)
{
    struct source *source;

    if (!array_reserve(&evidence->sources, &evidence->source_capacity,
                       evidence->source_count, sizeof(struct source *)))
        return NULL;
    source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    evidence->sources[evidence->source_count++] = source;
    return source;
}

bool source_set_string(struct source *source, uint32_t number, const char *text)
{
    if (number >= source->string_capacity) {
        uint32_t wanted = number < 32 ? 64 : number * 2;
        const char **bigger = realloc(source->strings, wanted * sizeof *bigger);

        if (bigger == NULL)
            return false;
        for (uint32_t i = source->string_capacity; i < wanted; i++)
            bigger[i] = NULL;
        source->strings = bigger;
        source->string_capacity = wanted;
    }
    source->strings[number] = text;
    if (number >= source->string_count)
        source->string_count = number + 1;
    return true;
}

void source_note_record(struct evidence *evidence, struct source *source,
                        const struct record *record)
{
    uint64_t time_ns = record->time_ns;

    if (time_ns < evidence->start_ns)
        evidence->start_ns = time_ns;
    if (time_ns > evidence->end_ns)
        evidence->end_ns = time_ns;
    if (time_ns < source->last_ns)
        source->unordered = true;
    source->last_ns = time_ns;
    source->info.records++;
    if (record_kind(record) == RECORD_evidence_lost)
        evidence->damage.lost_records += record->a;
}

void evidence_add_damage(struct evidence *evidence, struct source *source,
                         const char *format, ...)
{
    va_list args;

    evidence->damage.bad_segments++;
    if (source != NULL)
        source->damaged = true;
    if (evidence->damage_text_count == DAMAGE_TEXTS_MAX)
        return;
    va_start(args, format);
    vsnprintf(evidence->damage_texts[evidence->damage_text_count++], DAMAGE_TEXT_BYTES,
              format, args);
    va_end(args);
}

const char *evidence_damage_text(const struct evidence *evidence, int at)
{
    return at >= 0 && at < evidence->damage_text_count ? evidence->damage_texts[at]
                                                       : NULL;
}

static void source_destroy(struct source *source, bool by_hand)
{
    for (int i = 0; i < source->segment_count; i++) {
        struct source_segment *segment = &source->segments[i];

        if (segment->map_bytes != 0)
            munmap(segment->memory, segment->map_bytes);
        else
            free(segment->memory);
    }
    for (int i = 0; i < source->side_count; i++) {
        if (source->sides[i].memory != NULL)
            munmap(source->sides[i].memory, source->sides[i].size);
    }
    for (uint32_t i = 0; by_hand && i < source->string_count; i++)
        free((void *)(uintptr_t)source->strings[i]);
    for (uint32_t i = 0; i < source->detail_count; i++)
        json_decref(source->details[i]);
    free(source->details);
    free(source->strings);
    free(source->sides);
    free(source->segments);
    free(source);
}

void evidence_close(struct evidence *evidence)
{
    if (evidence == NULL)
        return;
    for (int i = 0; i < evidence->source_count; i++)
        source_destroy(evidence->sources[i], evidence->by_hand);
    free(evidence->sources);
    free(evidence->roster);
    free(evidence);
}

int evidence_writer_count(const struct evidence *evidence)
{
    return evidence->source_count;
}

const struct evidence_writer_info *evidence_writer(const struct evidence *evidence,
                                                   int at)
{
    assert(at >= 0);
    assert(at < evidence->source_count);
    return &evidence->sources[at]->info;
}

struct evidence_damage evidence_damage(const struct evidence *evidence)
{
    return evidence->damage;
}

void evidence_walk(struct evidence_walk *walk, const struct evidence *evidence,
                   int writer)
{
    assert(writer >= 0);
    assert(writer < evidence->source_count);
    *walk = (struct evidence_walk){.evidence = evidence, .writer = writer};
}

bool evidence_walk_segment(struct evidence_walk *walk)
{
    const struct source *source = walk->evidence->sources[walk->writer];

    if (walk->segment == source->segment_count)
        return false;
    walk->at = source->segments[walk->segment].at;
    walk->end = source->segments[walk->segment].end;
    walk->segment++;
    return true;
}

const char *evidence_string(const struct evidence *evidence, int writer, uint32_t number)
{
    const struct source *source = evidence->sources[writer];

    if (number == 0 || number >= source->string_count || source->strings[number] == NULL)
        return "";
    return source->strings[number];
}

json_t *evidence_detail(const struct evidence *evidence, int writer, uint32_t detail)
{
    const struct source *source = evidence->sources[writer];
    uint64_t offset = (uint64_t)detail * 8;

    if (detail == 0)
        return NULL;
    if (evidence->by_hand)
        return detail <= source->detail_count
                   ? json_deep_copy(source->details[detail - 1])
                   : NULL;
    for (int i = source->side_count - 1; i >= 0; i--) {
        const struct source_side *side = &source->sides[i];
        struct side_entry entry;

        if (offset < side->base)
            continue;
        if (!side_entry_read(&entry, side->bytes, side->size, offset - side->base,
                             side_entry_key(source->key, offset)) ||
            entry.type != SIDE_DETAIL)
            return NULL;
        return json_loadb(entry.text, entry.size, JSON_DECODE_ANY, NULL);
    }
    return NULL;
}

uint64_t evidence_start_ns(const struct evidence *evidence)
{
    return evidence->start_ns == UINT64_MAX ? 0 : evidence->start_ns;
}

uint64_t evidence_end_ns(const struct evidence *evidence)
{
    return evidence->end_ns;
}
