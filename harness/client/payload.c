/* payload: writes and recognises the bytes of a built-in message.
 *
 * All well:  header, its hash, filler that follows from the number.
 * A stranger's message, a cut or damaged one: payload_read says no, and nothing else
 * happens; whoever received it calls it unexpected. */
#include "harness/client/payload.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "proxy/base/rng.h"

enum { CHECKED_BYTES = 40 };

static const uint64_t magic = 0x314c4c4952445453; /* "STDRILL1" */

static void put_u32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
}

static void put_u64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof value);
    return le32toh(value);
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof value);
    return le64toh(value);
}

static uint64_t filler_word(uint64_t number, size_t at)
{
    return (number + at + 1) * 0x9e3779b97f4a7c15u;
}

void payload_write(void *bytes, size_t size, const struct payload *payload)
{
    uint8_t *at = bytes;

    assert(size >= PAYLOAD_HEADER_BYTES);
    assert(size <= UINT32_MAX);
    put_u64(at, magic);
    put_u32(at + 8, (uint32_t)payload->kind);
    put_u32(at + 12, (uint32_t)size);
    put_u32(at + 16, payload->id.client);
    put_u32(at + 20, payload->id.incarnation);
    put_u64(at + 24, payload->id.number);
    put_u64(at + 32, payload->intended_ns);
    put_u64(at + 40, rng_hash(at, CHECKED_BYTES, magic));
    for (size_t i = PAYLOAD_HEADER_BYTES; i < size; i += 8) {
        uint64_t word = htole64(filler_word(payload->id.number, i));

        memcpy(at + i, &word, size - i < 8 ? size - i : 8);
    }
}

static bool filler_is_whole(const uint8_t *at, size_t size, uint64_t number)
{
    for (size_t i = PAYLOAD_HEADER_BYTES; i < size; i += 8) {
        uint64_t word = htole64(filler_word(number, i));

        if (memcmp(at + i, &word, size - i < 8 ? size - i : 8) != 0)
            return false;
    }
    return true;
}

bool payload_read(struct payload *out, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint32_t kind;

    if (bytes == NULL || size < PAYLOAD_HEADER_BYTES || get_u64(at) != magic)
        return false;
    kind = get_u32(at + 8);
    if (kind != PAYLOAD_DATA && kind != PAYLOAD_FENCE)
        return false;
    if (get_u32(at + 12) != size ||
        get_u64(at + 40) != rng_hash(at, CHECKED_BYTES, magic))
        return false;
    if (!filler_is_whole(at, size, get_u64(at + 24)))
        return false;
    *out = (struct payload){
        .kind = (enum payload_kind)kind,
        .id = {.client = get_u32(at + 16),
               .incarnation = get_u32(at + 20),
               .number = get_u64(at + 24)},
        .intended_ns = get_u64(at + 32),
    };
    return true;
}
