/* side_entry: how strings and details lie in a side file.
 *
 *   header (128 bytes, see segment.h), then entries, each aligned to 8:
 *   type, string number, size of the text, checksum of all of them and the text, text, 0
 *
 * The checksum begins with the entry's key (its writer and place), so that an entry that
 * was moved or copied does not match.
 * A detail's place is the offset of its entry divided by 8, counted through all side
 * files of the writer; their headers say where each one begins. A text ends with a zero
 * that `size` does not count, so that it can be used where it lies. */
#ifndef STORMDRILL_EVIDENCE_SIDE_ENTRY_H
#define STORMDRILL_EVIDENCE_SIDE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum side_entry_type { SIDE_STRING = 1, SIDE_DETAIL = 2 };

enum { SIDE_ENTRY_HEADER_BYTES = 16, SIDE_TEXT_BYTES_MAX = 1 << 20 };

struct side_entry {
    enum side_entry_type type;
    uint16_t number; /* of the string; 0 for a detail */
    uint32_t size;
    const char *text; /* into the bytes read */
};

/* Bytes that an entry with a text of this size takes, a multiple of 8. */
size_t side_entry_bytes(size_t size);

/* Of a writer's name; and of an entry of that writer, `at` bytes into its side chain. */
uint64_t side_writer_key(const char *writer);
uint64_t side_entry_key(uint64_t writer_key, uint64_t at);

/* Write the entry to `out`, which has room for side_entry_bytes(size), without its
 * checksum; then that, once its place is known. */
void side_entry_write(uint8_t *out, enum side_entry_type type, uint16_t number,
                      const char *text, size_t size);
void side_entry_seal(uint8_t *out, uint64_t key);

/* The entry at `offset`; false where there is none, or a broken one. */
bool side_entry_read(struct side_entry *out, const uint8_t *bytes, size_t size,
                     uint64_t offset, uint64_t key);

/* Is this the begin of an entry that was being written when its process died: good as far
 * as it goes, cut by the end of the file? */
bool side_entry_is_torn(const uint8_t *bytes, size_t size, uint64_t offset);

/* FNV-1a, 64 bits: finds damage, not malice. Part of the file format. */
uint64_t side_checksum(const void *bytes, size_t size, uint64_t start);
enum { SIDE_CHECKSUM_START = 0 };

#endif
