/* fuzz_evidence: any bytes can be opened as evidence, walked, merged, cast and exported.
 *
 * Input: a byte of mode, two bytes that say how much of the rest is the segment, the
 * segment, the side file. Random bytes never match a checksum, so by mode a good header
 * is put in front of the records, which get their checks, and the side file's entries are
 * written from pieces: type, number, size, text. What is opened then must hold what
 * evidence.h promises, and every exported line must be JSON. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/evidence/cast.h"
#include "harness/evidence/segment.h"
#include "harness/evidence/side_entry.h"
#include "harness/evidence/slots.h"
#include "harness/evidence/store.h"

enum {
    MODE_RAW_SEGMENT = 1,
    MODE_RAW_SIDE = 2,
    MODE_CLOSED = 4,
    MODE_FINAL = 8,
    MODE_UNCHECKED = 16,
};

struct bytes {
    uint8_t *at;
    size_t size;
};

static struct bytes allocate(size_t size)
{
    struct bytes bytes = {.at = calloc(1, size == 0 ? 1 : size), .size = size};

    assert(bytes.at != NULL);
    return bytes;
}

/* Each 64 bytes are a record, in its slot and with its check. */
static void write_records(struct record *first, unsigned mode, const uint8_t *data,
                          size_t count)
{
    uint64_t key = check_key(side_writer_key("c1.0"), 0);

    for (size_t i = 0; i < count; i++) {
        size_t slot = slots_for(i + 1) - 1;
        struct check_line *line = (void *)(first + slot / GROUP_SLOTS * GROUP_SLOTS);

        memcpy(&first[slot], data + i * sizeof *first, sizeof *first);
        if ((mode & MODE_UNCHECKED) == 0)
            line->checks[slot % GROUP_SLOTS - 1] = record_check(&first[slot], key, slot);
    }
}

static struct bytes make_segment(unsigned mode, const uint8_t *data, size_t size)
{
    struct segment_header header = {.client = 1, .writer = "c1.0"};
    size_t count = size / sizeof(struct record);
    struct bytes segment;

    if ((mode & MODE_RAW_SEGMENT) != 0) {
        segment = allocate(size);
        memcpy(segment.at, data, size);
        return segment;
    }
    segment = allocate(EVIDENCE_HEADER_BYTES + slots_for(count) * sizeof(struct record));
    header.segment_bytes = segment.size;
    segment_header_seal(&header, clock_real());
    if ((mode & MODE_CLOSED) != 0)
        segment_closing_seal(&header.closing, count,
                             (mode & MODE_FINAL) != 0 ? SEGMENT_FINAL : SEGMENT_GOES_ON,
                             SIDE_HEADER_BYTES);
    memcpy(segment.at, &header, sizeof header);
    write_records((void *)(segment.at + EVIDENCE_HEADER_BYTES), mode, data, count);
    return segment;
}

static struct bytes make_side(unsigned mode, const uint8_t *data, size_t size)
{
    struct side_header header = {.writer = "c1.0"};
    struct bytes side;
    size_t used = sizeof header, at = 0;

    if ((mode & MODE_RAW_SIDE) != 0) {
        side = allocate(size);
        memcpy(side.at, data, size);
        return side;
    }
    side = allocate(sizeof header + size * 8 + 64);
    side_header_seal(&header);
    memcpy(side.at, &header, sizeof header);
    while (size - at >= 4) {
        uint16_t number = (uint16_t)(data[at + 1] | data[at + 2] << 8);
        size_t text = data[at + 3] < size - at - 4 ? data[at + 3] : size - at - 4;

        side_entry_write(side.at + used, data[at] % 2 == 0 ? SIDE_STRING : SIDE_DETAIL,
                         number, (const char *)data + at + 4, text);
        side_entry_seal(side.at + used, side_entry_key(side_writer_key("c1.0"), used));
        used += side_entry_bytes(text);
        at += 4 + text;
    }
    assert(used <= side.size);
    side.size = used;
    return side;
}

static void check_walk(const struct evidence *evidence)
{
    assert((evidence_damage(evidence).bad_segments == 0) ==
           (evidence_damage_text(evidence, 0) == NULL));
    for (int i = 0; i < evidence_writer_count(evidence); i++) {
        struct evidence_walk walk;
        const struct record *record;
        uint64_t count = 0;

        evidence_walk(&walk, evidence, i);
        while ((record = evidence_walk_next(&walk)) != NULL) {
            json_t *detail = evidence_detail(evidence, i, record->detail);

            assert(record_kind(record) != 0);
            assert(evidence_string(evidence, i, record->subject) != NULL);
            json_decref(detail);
            count++;
        }
        assert(count == evidence_writer(evidence, i)->records);
    }
}

static void check_merge(const struct evidence *evidence)
{
    struct evidence_merge *merge = evidence_merge_create(evidence, NULL, 0);
    uint64_t last_ns = evidence_start_ns(evidence);
    const struct record *record;
    int writer;

    assert(merge != NULL);
    while ((record = evidence_merge_next(merge, &writer)) != NULL) {
        assert(record->time_ns >= last_ns);
        assert(record->time_ns <= evidence_end_ns(evidence));
        last_ns = record->time_ns;
    }
    evidence_merge_destroy(merge);
}

static void check_export(const struct evidence *evidence)
{
    char *text = NULL, *rest = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    assert(to != NULL);
    assert(evidence_export_jsonl(evidence, to, NULL) == 0);
    fclose(to);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

        assert(object != NULL);
        json_decref(object);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct evidence *evidence;
    struct bytes segment, side;
    size_t split;

    if (size < 3)
        return 0;
    split = (size_t)(data[1] | data[2] << 8);
    if (split > size - 3)
        split = size - 3;
    segment = make_segment(data[0], data + 3, split);
    side = make_side(data[0], data + 3 + split, size - 3 - split);
    if (evidence_open_bytes(&evidence, segment.at, segment.size, side.at, side.size,
                            NULL) == 0) {
        check_walk(evidence);
        check_merge(evidence);
        check_export(evidence);
        evidence_close(evidence);
    }
    free(segment.at);
    free(side.at);
    return 0;
}
