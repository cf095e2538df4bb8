/* watchdog: the thread that ends a client whose library call does not come back.
 *
 * Every 25 ms it looks at all guards. A guard whose turn is odd and the same as at the
 * last look has been in one call all the time; its awake time grows until the limit.
 * It takes no lock that a thread inside the library could hold. */
#include "harness/client/watchdog.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct watchdog {
    const struct clock *clock;
    watchdog_expired_fn *on_expired;
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock; /* of the list and `ending`; held for a moment only */
    pthread_cond_t wake;
    struct guard *guards[WATCHDOG_GUARDS_MAX];
    int count;
    bool ending;
};

bool guard_tick(struct guard *guard, uint64_t elapsed_ns)
{
    const uint64_t most_ns = 2ull * WATCHDOG_TICK_MS * NS_PER_MS;
    uint32_t turn = atomic_load_explicit(&guard->turn, memory_order_acquire);

    if (turn % 2 == 0 || turn != guard->seen_turn) {
        guard->seen_turn = turn;
        guard->awake_ns = 0;
        return false;
    }
    guard->awake_ns += elapsed_ns < most_ns ? elapsed_ns : most_ns;
    return guard->awake_ns > atomic_load_explicit(&guard->limit_ns, memory_order_relaxed);
}

static struct guard *look_at_all(struct watchdog *watchdog, uint64_t elapsed_ns)
{
    for (int i = 0; i < watchdog->count; i++) {
        if (guard_tick(watchdog->guards[i], elapsed_ns))
            return watchdog->guards[i];
    }
    return NULL;
}

static void wait_a_tick(struct watchdog *watchdog)
{
    uint64_t until_ns =
        clock_now(watchdog->clock) + (uint64_t)WATCHDOG_TICK_MS * NS_PER_MS;
    struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                             .tv_nsec = (long)(until_ns % NS_PER_S)};

    pthread_cond_timedwait(&watchdog->wake, &watchdog->lock, &until);
}

static void *run(void *arg)
{
    struct watchdog *watchdog = arg;
    uint64_t last_ns = clock_now(watchdog->clock);
    struct guard *late = NULL;

    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->ending && late == NULL) {
        uint64_t now_ns;

        wait_a_tick(watchdog);
        now_ns = clock_now(watchdog->clock);
        late = look_at_all(watchdog, now_ns - last_ns);
        last_ns = now_ns;
    }
    pthread_mutex_unlock(&watchdog->lock);
    if (late != NULL)
        watchdog->on_expired(watchdog->arg, atomic_load(&late->call), late->awake_ns);
    return NULL;
}

int watchdog_start(struct watchdog **out, const struct clock *clock,
                   watchdog_expired_fn *on_expired, void *arg, struct error *err)
{
    struct watchdog *watchdog = calloc(1, sizeof *watchdog);
    pthread_condattr_t attr;

    if (watchdog == NULL)
        return error_set(err, E_NOMEM, "watchdog");
    watchdog->clock = clock;
    watchdog->on_expired = on_expired;
    watchdog->arg = arg;
    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&watchdog->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&watchdog->thread, NULL, run, watchdog) != 0) {
        pthread_cond_destroy(&watchdog->wake);
        pthread_mutex_destroy(&watchdog->lock);
        free(watchdog);
        return error_set(err, E_SYSTEM, "no thread for the watchdog");
    }
    *out = watchdog;
    return 0;
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    pthread_mutex_lock(&watchdog->lock);
    watchdog->ending = true;
    pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    pthread_cond_destroy(&watchdog->wake);
    pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}

int watchdog_add(struct watchdog *watchdog, struct guard *guard)
{
    int rc = E_LIMIT;

    assert(atomic_load(&guard->turn) % 2 == 0);
    pthread_mutex_lock(&watchdog->lock);
    if (watchdog->count < WATCHDOG_GUARDS_MAX) {
        watchdog->guards[watchdog->count++] = guard;
        rc = 0;
    }
    pthread_mutex_unlock(&watchdog->lock);
    return rc;
}

void watchdog_remove(struct watchdog *watchdog, struct guard *guard)
{
    pthread_mutex_lock(&watchdog->lock);
    for (int i = 0; i < watchdog->count; i++) {
        if (watchdog->guards[i] == guard) {
            watchdog->guards[i] = watchdog->guards[--watchdog->count];
            break;
        }
    }
    pthread_mutex_unlock(&watchdog->lock);
}
