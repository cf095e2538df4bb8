/* fuzz_payload: any bytes may arrive as a message; only ours are taken for ours.
 *
 * Input: the message. What payload_read accepts must be, byte for byte, what
 * payload_write makes of the same id, kind and size: nothing else can be counted as
 * received. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/client/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct payload payload;
    uint8_t *again;

    if (!payload_read(&payload, data, size))
        return 0;
    assert(size >= PAYLOAD_HEADER_BYTES);
    again = malloc(size);
    assert(again != NULL);
    payload_write(again, size, &payload);
    assert(memcmp(again, data, size) == 0);
    free(again);
    return 0;
}
