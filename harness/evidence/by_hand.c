/* by_hand: evidence made in memory, so that a check can be tested without a run.
 *
 * Records lie in blocks that never move, one list of blocks per writer, so that a
 * record stays where it is while others are added. Running out of memory here ends the
 * test: there is nobody to tell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/evidence/store.h"
#include "proxy/base/clock.h"

enum { BLOCK_RECORDS = 512 };

static void must(bool good)
{
    if (!good)
        abort();
}

struct evidence *evidence_create(void)
{
    struct evidence *evidence = calloc(1, sizeof *evidence);

    must(evidence != NULL);
    evidence->by_hand = true;
    evidence->start_ns = UINT64_MAX;
    return evidence;
}

static struct source *find_source(struct evidence *evidence, uint32_t client,
                                  uint32_t incarnation)
{
    struct source *source;

    for (int i = evidence->source_count - 1; i >= 0; i--) {
        source = evidence->sources[i];
        if (source->info.client == client && source->info.incarnation == incarnation)
            return source;
    }
    source = source_add(evidence);
    must(source != NULL);
    source->info.client = client;
    source->info.incarnation = incarnation;
    source->info.complete = true;
    if (client == 0)
        snprintf(source->info.name, sizeof source->info.name, "main");
    else
        snprintf(source->info.name, sizeof source->info.name, "c%u.%u", client,
                 incarnation);
    snprintf(source->info.host, sizeof source->info.host, "by-hand");
    return source;
}

static uint32_t add_string(struct source *source, const char *text)
{
    char *copy;

    if (text == NULL || text[0] == '\0')
        return 0;
    for (uint32_t i = 1; i < source->string_count; i++) {
        if (strcmp(source->strings[i], text) == 0)
            return i;
    }
    copy = strdup(text);
    must(copy != NULL);
    if (source->string_count == 0)
        must(source_set_string(source, 0, NULL));
    must(source_set_string(source, source->string_count, copy));
    return source->string_count - 1;
}

static uint32_t add_detail(struct source *source, const json_t *detail)
{
    if (detail == NULL)
        return 0;
    if (source->detail_count == source->detail_capacity) {
        uint32_t wanted = source->detail_capacity * 2 + 8;

        source->details = realloc(source->details, wanted * sizeof *source->details);
        must(source->details != NULL);
        source->detail_capacity = wanted;
    }
    source->details[source->detail_count] = json_deep_copy(detail);
    must(source->details[source->detail_count] != NULL);
    return ++source->detail_count;
}

/* The next free slot of the writer's last block, in a new block where that is full. */
static struct record *next_slot(struct source *source)
{
    struct source_segment *last;
    struct record *block;

    if (source->segment_count > 0) {
        last = &source->segments[source->segment_count - 1];
        block = last->memory;
        if (last->end != block + BLOCK_RECORDS)
            return block + (last->end++ - block);
    }
    must(array_reserve(&source->segments, &source->segment_capacity,
                       source->segment_count, sizeof *source->segments));
    block = calloc(BLOCK_RECORDS, sizeof *block);
    must(block != NULL);
    source->segments[source->segment_count++] =
        (struct source_segment){.at = block, .end = block + 1, .memory = block};
    return block;
}

void evidence_add_seen_by(struct evidence *evidence, uint32_t client,
                          uint32_t incarnation, struct record record, const char *subject,
                          const json_t *detail)
{
    struct source *source = find_source(evidence, client, incarnation);
    struct record *slot = next_slot(source);

    assert(evidence->by_hand);
    assert(record_kind(&record) != 0);
    if (record.time_ns == 0 && evidence->next_ns != 0)
        record.time_ns = evidence->next_ns;
    else if (record.time_ns == 0)
        record.time_ns = evidence->end_ns + NS_PER_US;
    evidence->next_ns = 0;
    if (subject != NULL)
        record.subject = add_string(source, subject);
    if (detail != NULL)
        record.detail = add_detail(source, detail);
    *slot = record;
    source_note_record(evidence, source, slot);
}

void evidence_add(struct evidence *evidence, struct record record, const char *subject,
                  const json_t *detail)
{
    evidence_add_seen_by(evidence, record.message.client, record.message.incarnation,
                         record, subject, detail);
}

void evidence_at(struct evidence *evidence, uint64_t time_ns)
{
    assert(evidence->by_hand);
    evidence->next_ns = time_ns;
}

uint16_t evidence_add_string(struct evidence *evidence, uint32_t client,
                             uint32_t incarnation, const char *text)
{
    uint32_t number = add_string(find_source(evidence, client, incarnation), text);

    assert(number <= UINT16_MAX);
    return (uint16_t)number;
}
