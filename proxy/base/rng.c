/* rng: xoshiro256** streams, seeded through splitmix64, each below a named key.
 *
 * rng_child hashes the name with the parent's key into the child's key, and the key
 * alone makes the state. Draws move the state and leave the key, so a child never
 * depends on what its parent drew.
 * Sources: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021);
 * Lemire, "Fast random integer generation in an interval" (2019). */
#include "proxy/base/rng.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES_MAX = 512 };

static const uint64_t golden_ratio = 0x9E3779B97F4A7C15u;

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

void rng_init(struct rng *rng, uint64_t seed)
{
    uint64_t counter = seed;

    rng->key = seed;
    for (int i = 0; i < 4; i++) {
        counter += golden_ratio;
        rng->state[i] = mix(counter);
    }
    /* splitmix64 visits zero once in its period, so four zeros in a row cannot be. */
    assert((rng->state[0] | rng->state[1] | rng->state[2] | rng->state[3]) != 0);
}

void rng_child(struct rng *child, const struct rng *parent, const char *format, ...)
{
    char name[NAME_BYTES_MAX];
    uint64_t key = parent->key;
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(name, sizeof name, format, args);
    va_end(args);
    assert(length >= 0); /* it fails only for a format that is our mistake */
    /* Names hold what users call things, so they may be of any length: of a longer one,
     * its beginning and its length count. */
    if ((size_t)length >= sizeof name)
        key = mix(key ^ (uint64_t)length);
    /* One more step than the hash itself, so that a child's key is no value that
     * evidence prints as the hash of a name. */
    rng_init(child, mix(rng_hash(name, strlen(name), key) + golden_ratio));
}

uint64_t rng_next(struct rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    unsigned __int128 product;
    uint64_t reject_below;

    if (bound == 0)
        return 0;
    product = (unsigned __int128)rng_next(rng) * bound;
    if ((uint64_t)product >= bound)
        return (uint64_t)(product >> 64);
    /* The low half tells which draws would favour some results: 2^64 mod bound many. */
    reject_below = (0 - bound) % bound;
    while ((uint64_t)product < reject_below)
        product = (unsigned __int128)rng_next(rng) * bound;
    return (uint64_t)(product >> 64);
}

double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1.0p-53;
}

static uint64_t load_word(const unsigned char *bytes, size_t size)
{
    uint64_t word = 0;

    /* Byte by byte, so that a run repeats on a machine of the other byte order. */
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

uint64_t rng_hash(const void *bytes, size_t size, uint64_t seed)
{
    const unsigned char *at = bytes;
    uint64_t hash = mix(seed ^ (size * golden_ratio));

    for (; size >= 8; at += 8, size -= 8)
        hash = mix((hash + golden_ratio) ^ load_word(at, 8));
    if (size > 0)
        hash = mix((hash + golden_ratio) ^ load_word(at, size));
    return mix(hash + golden_ratio);
}
