/* registry: an array that only grows. */
#include "proxy/registry.h"

#include <assert.h>
#include <stdlib.h>

void registry_init(struct registry *registry, uint32_t generation)
{
    *registry = (struct registry){.generation = generation};
}

void registry_release(struct registry *registry)
{
    free(registry->objects);
    registry->objects = NULL;
}

uint32_t registry_reserve(struct registry *registry)
{
    if (registry->count == registry->capacity) {
        uint32_t capacity = registry->capacity > 0 ? registry->capacity * 2 : 64;
        void **objects = realloc(registry->objects, capacity * sizeof(void *));

        if (objects == NULL)
            return 0;
        registry->objects = objects;
        registry->capacity = capacity;
    }
    registry->objects[registry->count] = NULL;
    return ++registry->count;
}

void registry_set(struct registry *registry, uint32_t number, void *object)
{
    assert(number > 0);
    assert(number <= registry->count);
    registry->objects[number - 1] = object;
}

void *registry_find(const struct registry *registry, uint32_t number, uint32_t generation)
{
    if (number == 0 || number > registry->count || generation != registry->generation)
        return NULL;
    return registry->objects[number - 1];
}
