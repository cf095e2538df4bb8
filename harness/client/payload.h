/* payload: the bytes of a built-in message: a header of 48 bytes, then filler.
 *
 *    0  magic      8   says that the message is ours
 *    8  kind       4   data or fence
 *   12  size       4   of the whole payload
 *   16  client     4   who sent it,
 *   20  incarnation 4  in which life,
 *   24  number     8   as its how manieth message, from 0 (a fence: its number)
 *   32  intended   8   CLOCK_MONOTONIC ns at which it was due to be sent
 *   40  check      8   hash of the bytes before it
 *
 * Little-endian. The filler depends on the number alone, so that a flipped bit anywhere
 * is noticed. Reading trusts no byte. Thread: any. */
#ifndef STORMDRILL_CLIENT_PAYLOAD_H
#define STORMDRILL_CLIENT_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/evidence/record.h"

enum { PAYLOAD_HEADER_BYTES = 48, PAYLOAD_BYTES_MAX = 8 << 20 };

enum payload_kind { PAYLOAD_DATA = 1, PAYLOAD_FENCE = 2 };

struct payload {
    enum payload_kind kind;
    struct message_id id;
    uint64_t intended_ns;
};

/* Write header and filler over all `size` bytes. size >= PAYLOAD_HEADER_BYTES. */
void payload_write(void *bytes, size_t size, const struct payload *payload);

/* false: the bytes are no whole message of ours; `out` is then untouched. */
bool payload_read(struct payload *out, const void *bytes, size_t size);

#endif
