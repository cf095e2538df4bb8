/* side_entry: encode and decode one entry. Nothing read here is trusted: an entry must
 * lie whole within the file, end with its zero and match its checksum. */
#include "harness/evidence/side_entry.h"

#include <assert.h>
#include <string.h>

struct entry_header {
    uint16_t type;
    uint16_t number;
    uint32_t size;
    uint64_t checksum;
};

static_assert(sizeof(struct entry_header) == SIDE_ENTRY_HEADER_BYTES, "file format");

uint64_t side_checksum(const void *bytes, size_t size, uint64_t start)
{
    const uint8_t *at = bytes;
    uint64_t hash = start ^ 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

size_t side_entry_bytes(size_t size)
{
    return (SIDE_ENTRY_HEADER_BYTES + size + 1 + 7) & ~(size_t)7;
}

uint64_t side_writer_key(const char *writer)
{
    return side_checksum(writer, strlen(writer), SIDE_CHECKSUM_START);
}

uint64_t side_entry_key(uint64_t writer_key, uint64_t at)
{
    return writer_key ^ at * 0x9e3779b97f4a7c15u;
}

static uint64_t entry_checksum(const struct entry_header *header, const void *text,
                               uint64_t key)
{
    uint64_t hash = side_checksum(header, offsetof(struct entry_header, checksum), key);

    return side_checksum(text, header->size, hash);
}

void side_entry_write(uint8_t *out, enum side_entry_type type, uint16_t number,
                      const char *text, size_t size)
{
    struct entry_header header = {
        .type = (uint16_t)type, .number = number, .size = (uint32_t)size};

    assert(size <= SIDE_TEXT_BYTES_MAX);
    memset(out, 0, side_entry_bytes(size));
    memcpy(out, &header, sizeof header);
    memcpy(out + sizeof header, text, size);
}

void side_entry_seal(uint8_t *out, uint64_t key)
{
    struct entry_header header;

    memcpy(&header, out, sizeof header);
    header.checksum = entry_checksum(&header, out + sizeof header, key);
    memcpy(out, &header, sizeof header);
}

bool side_entry_read(struct side_entry *out, const uint8_t *bytes, size_t size,
                     uint64_t offset, uint64_t key)
{
    struct entry_header header;

    if (offset % 8 != 0 || offset > size || size - offset < sizeof header)
        return false;
    memcpy(&header, bytes + offset, sizeof header);
    if (header.type != SIDE_STRING && header.type != SIDE_DETAIL)
        return false;
    if (header.size > SIDE_TEXT_BYTES_MAX ||
        side_entry_bytes(header.size) > size - offset)
        return false;
    *out = (struct side_entry){.type = header.type,
                               .number = header.number,
                               .size = header.size,
                               .text = (const char *)bytes + offset + sizeof header};
    return out->text[out->size] == '\0' &&
           header.checksum == entry_checksum(&header, out->text, key);
}

bool side_entry_is_torn(const uint8_t *bytes, size_t size, uint64_t offset)
{
    struct entry_header header;

    if (offset > size)
        return false;
    if (size - offset < sizeof header)
        return true;
    memcpy(&header, bytes + offset, sizeof header);
    return (header.type == SIDE_STRING || header.type == SIDE_DETAIL) &&
           header.size <= SIDE_TEXT_BYTES_MAX &&
           side_entry_bytes(header.size) > size - offset;
}
