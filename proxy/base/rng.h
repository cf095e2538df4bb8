/* rng: named, seeded random streams.
 *
 * A run has one seed. Every link, connection, fault, client takes a child stream by
 * name; a child depends on the parent's key and the name alone, never on how much was
 * drawn from the parent or in which order children were taken. So adding a fault does
 * not change another's draws. xoshiro256** seeded through splitmix64; no crypto.
 * Thread: a stream belongs to one thread. */
#ifndef STORMDRILL_BASE_RNG_H
#define STORMDRILL_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t key; /* identity: what children are derived from */
    uint64_t state[4];
};

void rng_init(struct rng *rng, uint64_t seed);

/* The stream that is called by this (printf) name below `parent`. */
void rng_child(struct rng *child, const struct rng *parent, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

uint64_t rng_next(struct rng *rng);

/* Uniform in [0, bound), without modulo bias; 0 for bound 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);

/* Uniform in [0, 1), 53 bits. */
double rng_unit(struct rng *rng);

/* 64-bit hash of bytes (for names and per-message strings in evidence). */
uint64_t rng_hash(const void *bytes, size_t size, uint64_t seed);

#endif
