/* seen: a hash table of bit pages, keyed by client, incarnation and page number.
 *
 * Open addressing; it doubles at three quarters. Pages are never given back: what a run
 * has seen stays seen. No memory is answered like the bound: not remembered. */
#include "harness/client/seen.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "proxy/base/rng.h"

struct page {
    uint64_t number;
    uint32_t client;
    uint32_t incarnation;
    uint64_t bits[SEEN_PAGE_MESSAGES / 64];
};

struct seen {
    pthread_mutex_t lock;
    struct page **table;
    size_t capacity; /* a power of two */
    size_t count;
    struct page *last; /* the page of the last message: nearly always the next one's */
};

struct seen *seen_create(void)
{
    struct seen *seen = calloc(1, sizeof *seen);

    if (seen == NULL)
        return NULL;
    seen->capacity = 64;
    seen->table = calloc(seen->capacity, sizeof(struct page *));
    if (seen->table == NULL) {
        free(seen);
        return NULL;
    }
    pthread_mutex_init(&seen->lock, NULL);
    return seen;
}

void seen_destroy(struct seen *seen)
{
    if (seen == NULL)
        return;
    for (size_t i = 0; i < seen->capacity; i++)
        free(seen->table[i]);
    free(seen->table);
    pthread_mutex_destroy(&seen->lock);
    free(seen);
}

static bool page_is(const struct page *page, struct message_id id)
{
    return page->number == id.number / SEEN_PAGE_MESSAGES && page->client == id.client &&
           page->incarnation == id.incarnation;
}

/* Where the page is, or the free place where it would be. */
static struct page **find_place(struct page **table, size_t capacity,
                                struct message_id id)
{
    uint64_t key[2] = {id.number / SEEN_PAGE_MESSAGES,
                       (uint64_t)id.client << 32 | id.incarnation};
    size_t at = (size_t)rng_hash(key, sizeof key, 0) & (capacity - 1);

    while (table[at] != NULL && !page_is(table[at], id))
        at = (at + 1) & (capacity - 1);
    return &table[at];
}

static bool grow(struct seen *seen)
{
    size_t capacity = seen->capacity * 2;
    struct page **table = calloc(capacity, sizeof(struct page *));

    if (table == NULL)
        return false;
    for (size_t i = 0; i < seen->capacity; i++) {
        const struct page *page = seen->table[i];
        struct message_id id;

        if (page == NULL)
            continue;
        id = (struct message_id){.client = page->client,
                                 .incarnation = page->incarnation,
                                 .number = page->number * SEEN_PAGE_MESSAGES};
        *find_place(table, capacity, id) = seen->table[i];
    }
    free(seen->table);
    seen->table = table;
    seen->capacity = capacity;
    return true;
}

/* The page of `id`, made when `make` is set; NULL when there is none. */
static struct page *find_page(struct seen *seen, struct message_id id, bool make)
{
    struct page **place;

    if (seen->last != NULL && page_is(seen->last, id))
        return seen->last;
    place = find_place(seen->table, seen->capacity, id);
    if (*place == NULL && make && seen->count < SEEN_PAGES_MAX) {
        if ((seen->count + 1) * 4 > seen->capacity * 3 && !grow(seen))
            return NULL;
        place = find_place(seen->table, seen->capacity, id);
        *place = calloc(1, sizeof(struct page));
        if (*place == NULL)
            return NULL;
        (*place)->number = id.number / SEEN_PAGE_MESSAGES;
        (*place)->client = id.client;
        (*place)->incarnation = id.incarnation;
        seen->count++;
    }
    if (*place != NULL)
        seen->last = *place;
    return *place;
}

enum seen_answer seen_add(struct seen *seen, struct message_id id)
{
    uint64_t at = id.number % SEEN_PAGE_MESSAGES;
    uint64_t bit = (uint64_t)1 << (at % 64);
    enum seen_answer answer = SEEN_UNKNOWN;
    struct page *page;

    pthread_mutex_lock(&seen->lock);
    page = find_page(seen, id, true);
    if (page != NULL) {
        answer = (page->bits[at / 64] & bit) != 0 ? SEEN_AGAIN : SEEN_NEW;
        page->bits[at / 64] |= bit;
    }
    assert(seen->count <= SEEN_PAGES_MAX);
    pthread_mutex_unlock(&seen->lock);
    return answer;
}

void seen_remove(struct seen *seen, struct message_id id)
{
    uint64_t at = id.number % SEEN_PAGE_MESSAGES;
    struct page *page;

    pthread_mutex_lock(&seen->lock);
    page = find_page(seen, id, false);
    if (page != NULL)
        page->bits[at / 64] &= ~((uint64_t)1 << (at % 64));
    pthread_mutex_unlock(&seen->lock);
}
