/* flights: a fixed table of slots, found by number through buckets. */
#include "harness/client/flights.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "proxy/base/clock.h"

struct flights {
    pthread_mutex_t lock;
    pthread_cond_t finished;
    struct flight *slots;
    int32_t *buckets; /* first slot of each, -1: none */
    uint32_t bucket_mask;
    uint32_t window;
    uint32_t count;
    int32_t first_free;
};

static void init_locks(struct flights *flights)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&flights->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&flights->finished, &attr);
    pthread_condattr_destroy(&attr);
}

struct flights *flights_create(uint32_t window)
{
    struct flights *flights = calloc(1, sizeof *flights);
    uint32_t buckets = 16;

    assert(window > 0);
    if (flights == NULL)
        return NULL;
    while (buckets < window)
        buckets *= 2;
    flights->slots = calloc(window, sizeof *flights->slots);
    flights->buckets = malloc(buckets * sizeof *flights->buckets);
    if (flights->slots == NULL || flights->buckets == NULL) {
        free(flights->slots);
        free(flights->buckets);
        free(flights);
        return NULL;
    }
    flights->bucket_mask = buckets - 1;
    flights->window = window;
    for (uint32_t i = 0; i < buckets; i++)
        flights->buckets[i] = -1;
    for (uint32_t i = 0; i < window; i++)
        flights->slots[i].next = i + 1 < window ? (int32_t)i + 1 : -1;
    init_locks(flights);
    return flights;
}

void flights_destroy(struct flights *flights)
{
    if (flights == NULL)
        return;
    for (uint32_t i = 0; i < flights->window; i++)
        natsMsg_Destroy(flights->slots[i].again);
    pthread_cond_destroy(&flights->finished);
    pthread_mutex_destroy(&flights->lock);
    free(flights->slots);
    free(flights->buckets);
    free(flights);
}

/* With the lock held: the place that points to the slot of `number`, or to -1. */
static int32_t *find_place(struct flights *flights, uint64_t number)
{
    int32_t *place = &flights->buckets[number & flights->bucket_mask];

    while (*place != -1 && flights->slots[*place].number != number)
        place = &flights->slots[*place].next;
    return place;
}

static struct flight *find(struct flights *flights, uint64_t number)
{
    int32_t at = *find_place(flights, number);

    return at != -1 ? &flights->slots[at] : NULL;
}

static void remove_at(struct flights *flights, int32_t *place)
{
    int32_t at = *place;
    struct flight *flight = &flights->slots[at];

    assert(flight->used);
    assert(flights->count > 0);
    *place = flight->next;
    *flight = (struct flight){.next = flights->first_free};
    flights->first_free = at;
    flights->count--;
    pthread_cond_signal(&flights->finished);
}

uint32_t flights_count(struct flights *flights)
{
    uint32_t count;

    pthread_mutex_lock(&flights->lock);
    count = flights->count;
    pthread_mutex_unlock(&flights->lock);
    return count;
}

void flights_wait(struct flights *flights, uint32_t below, uint64_t ns)
{
    uint64_t until_ns = clock_now(clock_real()) + ns;
    struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                             .tv_nsec = (long)(until_ns % NS_PER_S)};

    pthread_mutex_lock(&flights->lock);
    if (flights->count >= below)
        pthread_cond_timedwait(&flights->finished, &flights->lock, &until);
    pthread_mutex_unlock(&flights->lock);
}

bool flights_add(struct flights *flights, uint64_t number, uint64_t intended_ns,
                 uint64_t now_ns)
{
    int32_t *bucket = &flights->buckets[number & flights->bucket_mask];
    int32_t at;

    pthread_mutex_lock(&flights->lock);
    at = flights->first_free;
    if (at != -1) {
        assert(find(flights, number) == NULL);
        flights->first_free = flights->slots[at].next;
        flights->slots[at] = (struct flight){.number = number,
                                             .intended_ns = intended_ns,
                                             .first_ns = now_ns,
                                             .sent_ns = now_ns,
                                             .used = true,
                                             .next = *bucket};
        *bucket = at;
        flights->count++;
    }
    pthread_mutex_unlock(&flights->lock);
    return at != -1;
}

bool flights_finish(struct flights *flights, uint64_t number, struct flight *out)
{
    int32_t *place;
    bool found;

    pthread_mutex_lock(&flights->lock);
    place = find_place(flights, number);
    found = *place != -1;
    if (found) {
        if (out != NULL)
            *out = flights->slots[*place];
        natsMsg_Destroy(flights->slots[*place].again);
        remove_at(flights, place);
    }
    pthread_mutex_unlock(&flights->lock);
    return found;
}

bool flights_find(struct flights *flights, uint64_t number, struct flight *out)
{
    const struct flight *flight;

    pthread_mutex_lock(&flights->lock);
    flight = find(flights, number);
    if (flight != NULL)
        *out = *flight;
    pthread_mutex_unlock(&flights->lock);
    return flight != NULL;
}

uint32_t flights_touch(struct flights *flights, uint64_t number, uint64_t now_ns)
{
    struct flight *flight;
    uint32_t tries = 0;

    pthread_mutex_lock(&flights->lock);
    flight = find(flights, number);
    if (flight != NULL) {
        flight->sent_ns = now_ns;
        tries = ++flight->tries;
    }
    pthread_mutex_unlock(&flights->lock);
    return tries;
}

bool flights_keep(struct flights *flights, uint64_t number, natsMsg *msg)
{
    struct flight *flight;
    bool kept = false;

    pthread_mutex_lock(&flights->lock);
    flight = find(flights, number);
    if (flight != NULL && flight->again == NULL) {
        flight->again = msg;
        kept = true;
    }
    pthread_mutex_unlock(&flights->lock);
    return kept;
}

natsMsg *flights_take_again(struct flights *flights, uint64_t before_ns)
{
    struct flight *found = NULL;
    natsMsg *msg = NULL;

    pthread_mutex_lock(&flights->lock);
    for (uint32_t i = 0; i < flights->window; i++) {
        struct flight *flight = &flights->slots[i];

        if (!flight->used || flight->again == NULL || flight->sent_ns > before_ns)
            continue;
        if (found == NULL || flight->number < found->number)
            found = flight;
    }
    if (found != NULL) {
        msg = found->again;
        found->again = NULL;
    }
    pthread_mutex_unlock(&flights->lock);
    return msg;
}

uint64_t flights_oldest_ns(struct flights *flights)
{
    uint64_t oldest_ns = UINT64_MAX;

    pthread_mutex_lock(&flights->lock);
    for (uint32_t i = 0; flights->count > 0 && i < flights->window; i++) {
        const struct flight *flight = &flights->slots[i];

        if (flight->used && flight->again == NULL && flight->sent_ns < oldest_ns)
            oldest_ns = flight->sent_ns;
    }
    pthread_mutex_unlock(&flights->lock);
    return oldest_ns;
}

bool flights_pop(struct flights *flights, struct flight *out)
{
    bool found = false;

    pthread_mutex_lock(&flights->lock);
    for (uint32_t i = 0; !found && i < flights->window; i++) {
        if (!flights->slots[i].used)
            continue;
        found = true;
        *out = flights->slots[i];
        natsMsg_Destroy(out->again);
        out->again = NULL;
        remove_at(flights, find_place(flights, out->number));
    }
    pthread_mutex_unlock(&flights->lock);
    return found;
}
