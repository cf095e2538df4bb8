/* segment: seal and check the headers of evidence files. */
#include "harness/evidence/segment.h"

#include <string.h>

#include "harness/evidence/side_entry.h"

static uint64_t checksum_until(const void *header, size_t size)
{
    return side_checksum(header, size, SIDE_CHECKSUM_START);
}

void segment_header_seal(struct segment_header *header, const struct clock *clock)
{
    memcpy(header->magic, SEGMENT_MAGIC, sizeof header->magic);
    header->version = EVIDENCE_FORMAT_VERSION;
    header->header_bytes = EVIDENCE_HEADER_BYTES;
    header->record_bytes = sizeof(struct record);
    header->monotonic_ns = clock_now(clock);
    header->realtime_ns = clock_wall_ns();
    header->checksum = checksum_until(header, offsetof(struct segment_header, checksum));
}

void segment_closing_seal(struct segment_closing *closing, uint64_t records,
                          enum segment_end end, uint64_t side_bytes)
{
    closing->records = records;
    closing->end = end;
    closing->side_bytes = side_bytes;
    closing->checksum =
        checksum_until(closing, offsetof(struct segment_closing, checksum));
}

bool segment_closing_is_good(const struct segment_closing *closing)
{
    return closing->checksum ==
               checksum_until(closing, offsetof(struct segment_closing, checksum)) &&
           closing->end <= SEGMENT_TORN;
}

void side_header_seal(struct side_header *header)
{
    memcpy(header->magic, SIDE_MAGIC, sizeof header->magic);
    header->version = EVIDENCE_FORMAT_VERSION;
    header->checksum = checksum_until(header, offsetof(struct side_header, checksum));
}

static bool is_zero(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

bool segment_closing_is_unwritten(const struct segment_closing *closing)
{
    return is_zero((const char *)closing, sizeof *closing);
}

static bool is_terminated(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

enum segment_state segment_header_check(struct segment_header *out, const void *bytes,
                                        size_t size)
{
    struct segment_header header;

    if (size < EVIDENCE_HEADER_BYTES)
        return SEGMENT_BAD;
    memcpy(&header, bytes, sizeof header);
    if (is_zero(header.magic, sizeof header.magic))
        return SEGMENT_UNUSED;
    if (memcmp(header.magic, SEGMENT_MAGIC, sizeof header.magic) != 0 ||
        header.version != EVIDENCE_FORMAT_VERSION ||
        header.header_bytes != EVIDENCE_HEADER_BYTES ||
        header.record_bytes != sizeof(struct record) ||
        header.checksum !=
            checksum_until(&header, offsetof(struct segment_header, checksum)))
        return SEGMENT_BAD;
    if (!is_terminated(header.identity.host, sizeof header.identity.host) ||
        !is_terminated(header.identity.boot_id, sizeof header.identity.boot_id) ||
        !is_terminated(header.writer, sizeof header.writer) ||
        !writer_name_is_good(header.writer) || header.number > SEGMENT_NUMBER_MAX)
        return SEGMENT_BAD;
    *out = header;
    return SEGMENT_GOOD;
}

bool side_header_check(struct side_header *out, const void *bytes, size_t size)
{
    struct side_header header;

    if (size < sizeof header)
        return false;
    memcpy(&header, bytes, sizeof header);
    if (memcmp(header.magic, SIDE_MAGIC, sizeof header.magic) != 0 ||
        header.version != EVIDENCE_FORMAT_VERSION ||
        header.checksum !=
            checksum_until(&header, offsetof(struct side_header, checksum)))
        return false;
    if (!is_terminated(header.writer, sizeof header.writer) ||
        !writer_name_is_good(header.writer) || header.number > SEGMENT_NUMBER_MAX ||
        header.base % 8 != 0)
        return false;
    *out = header;
    return true;
}

size_t segment_slots(size_t file_bytes)
{
    if (file_bytes < EVIDENCE_HEADER_BYTES)
        return 0;
    return (file_bytes - EVIDENCE_HEADER_BYTES) / sizeof(struct record);
}

bool writer_name_is_good(const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

    return size > 0 && size < EVIDENCE_NAME_BYTES && name[size] == '\0' && name[0] != '.';
}

bool file_is_unborn(const char *name, size_t size)
{
    return size == 0 && (strstr(name, ".live") != NULL || name_has_suffix(name, ".side"));
}

bool name_has_suffix(const char *name, const char *suffix)
{
    size_t size = strlen(name), tail = strlen(suffix);

    return size > tail && name[0] != '.' && strcmp(name + size - tail, suffix) == 0;
}
