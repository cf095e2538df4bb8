/* memory: counts allocations and makes one of them fail.
 *
 * The state must be at file scope, since malloc has no argument to carry it; it is
 * the one place of the tests where that is so. */
#include "tests/lib/memory/memory.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static atomic_uint allocations_left; /* 0: not armed */
static atomic_bool has_failed;

static bool this_one_fails(void)
{
    unsigned left = atomic_load(&allocations_left);

    while (left > 0)
        if (atomic_compare_exchange_weak(&allocations_left, &left, left - 1))
            break;
    if (left == 1)
        atomic_store(&has_failed, true);
    return left == 1;
}

void memory_fail_at(unsigned n)
{
    json_set_alloc_funcs(__wrap_malloc, free);
    atomic_store(&has_failed, false);
    atomic_store(&allocations_left, n);
}

bool memory_failed(void)
{
    return atomic_load(&has_failed);
}

void *__wrap_malloc(size_t size)
{
    return this_one_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return this_one_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return this_one_fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return this_one_fails() ? NULL : __real_strdup(text);
}
