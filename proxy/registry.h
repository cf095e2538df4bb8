/* registry: from an id (number, generation) to the object, or to nothing.
 *
 * Numbers start at 1 and are never used again in a plane, since evidence names things
 * by them. The generation is the plane's: an id of another plane is stale here.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_REGISTRY_H
#define STORMDRILL_PROXY_REGISTRY_H

#include <stdint.h>

struct registry {
    void **objects; /* objects[number - 1]; NULL: gone */
    uint32_t count; /* numbers given */
    uint32_t capacity;
    uint32_t generation;
};

void registry_init(struct registry *registry, uint32_t generation);
void registry_release(struct registry *registry);

/* The next number; 0 when memory is short. Nothing is there until registry_set. */
uint32_t registry_reserve(struct registry *registry);
void registry_set(struct registry *registry, uint32_t number, void *object);

/* NULL when the id is stale, unknown or of another plane. */
void *registry_find(const struct registry *registry, uint32_t number,
                    uint32_t generation);

#endif
