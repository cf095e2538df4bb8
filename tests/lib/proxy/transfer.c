/* transfer: a sender thread, a receiver thread, and a pattern whose every shift shows. */
#include "transfer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "proxy/base/rng.h"
#include "world.h"

/* PERIOD is no multiple of a page, a block or a pipe: what is lost, swapped or repeated
 * lies at a wrong place of the pattern. */
enum { BLOCK = 256 * 1024, PERIOD = (1 << 20) + 4099 };

/* The bytes at offset `at` of every stream are pattern + at % PERIOD. */
static uint8_t *pattern_create(void)
{
    uint8_t *pattern = malloc(PERIOD + BLOCK);
    struct rng rng;

    assert_non_null(pattern);
    rng_init(&rng, 11);
    for (size_t i = 0; i < PERIOD; i++)
        pattern[i] = (uint8_t)rng_next(&rng);
    memcpy(pattern + PERIOD, pattern, BLOCK);
    return pattern;
}

static void *send_all(void *arg)
{
    struct transfer *t = arg;
    uint64_t sent = 0;

    while (sent < t->bytes) {
        size_t want = t->bytes - sent < BLOCK ? (size_t)(t->bytes - sent) : BLOCK;
        ssize_t n = send(t->from, t->pattern + sent % PERIOD, want, MSG_NOSIGNAL);

        if (n <= 0)
            return NULL;
        sent += (uint64_t)n;
    }
    shutdown(t->from, SHUT_WR);
    return NULL;
}

static void *receive_all(void *arg)
{
    struct transfer *t = arg;
    uint8_t *got = malloc(BLOCK);

    for (;;) {
        uint64_t at = t->received;
        ssize_t n = recv(t->to, got, BLOCK, 0);

        if (n <= 0) {
            t->ended = n == 0;
            break;
        }
        if (t->wrong_at == UINT64_MAX &&
            memcmp(got, t->pattern + at % PERIOD, (size_t)n) != 0)
            t->wrong_at = at;
        t->received = at + (uint64_t)n;
    }
    free(got);
    return NULL;
}

void transfer_start_sender(struct transfer *t, int from, int to, uint64_t bytes)
{
    *t = (struct transfer){.from = from, .to = to, .bytes = bytes};
    t->wrong_at = UINT64_MAX;
    t->pattern = pattern_create();
    assert_int_equal(pthread_create(&t->sender, NULL, send_all, t), 0);
}

void transfer_finish_sender(struct transfer *t)
{
    pthread_join(t->sender, NULL);
    free(t->pattern);
}

void transfer_start(struct transfer *t, int from, int to, uint64_t bytes)
{
    transfer_start_sender(t, from, to, bytes);
    assert_int_equal(pthread_create(&t->receiver, NULL, receive_all, t), 0);
}

void transfer_finish(struct transfer *t)
{
    pthread_join(t->receiver, NULL);
    transfer_finish_sender(t);
    assert_int_equal(t->received, t->bytes);
    assert_true(t->wrong_at == UINT64_MAX);
    assert_true(t->ended);
}

void transfer_wait_for(const struct transfer *t, uint64_t bytes)
{
    const struct timespec pause = {.tv_nsec = 1000 * 1000};

    for (int i = 0; i < WORLD_PATIENCE_S * 1000; i++) {
        if (t->received >= bytes)
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("only %llu bytes arrived", (unsigned long long)t->received);
}
