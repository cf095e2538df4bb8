/* seed: the one number from which all chance of a run comes. */
#include "harness/cli/seed.h"

#include <sys/random.h>

#include "proxy/base/clock.h"
#include "proxy/base/rng.h"

/* Ten digits can be read aloud; the collisions of that few do not matter. */
static const uint64_t drawn_max = 9999999999u;

uint64_t seed_of(const struct invocation *invocation)
{
    struct rng rng;
    uint64_t raw = 0;

    if (invocation_has(invocation, "seed"))
        return (uint64_t)invocation_number(invocation, "seed", 0);
    /* Before the system's pool is filled the clock has to do. */
    if (getrandom(&raw, sizeof raw, GRND_NONBLOCK) != sizeof raw)
        raw = clock_wall_ns();
    rng_init(&rng, raw);
    return 1 + rng_below(&rng, drawn_max);
}
