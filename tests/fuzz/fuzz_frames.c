/* fuzz_frames: any bytes, cut anywhere, give the same frames as in one piece, and never
 * more memory than a line may have.
 *
 * The first eight bytes seed the cuts; the rest is the stream. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "proxy/base/rng.h"
#include "tests/lib/nats/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t cut(void *arg)
{
    return 1 + rng_below(arg, rng_below(arg, 3) == 0 ? 500 : 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct digest whole, parts;
    struct rng rng;
    uint64_t seed;

    if (size <= sizeof seed)
        return 0;
    memcpy(&seed, data, sizeof seed);
    rng_init(&rng, seed);
    whole = digest_read(data + sizeof seed, size - sizeof seed, NULL, NULL);
    parts = digest_read(data + sizeof seed, size - sizeof seed, cut, &rng);
    assert(whole.hash == parts.hash);
    assert(whole.lines == parts.lines);
    assert(whole.ends == parts.ends);
    assert((whole.lost_at == UINT64_MAX) == (parts.lost_at == UINT64_MAX));
    if (whole.lost_at == UINT64_MAX) {
        assert(whole.partial == parts.partial);
        assert(whole.body_left == parts.body_left);
    }
    return 0;
}
