/* delay: how far from the delay that was asked for a message really waits.
 *
 * 8 connections, on each a message every 5 ms that carries the time at which it was
 * sent; they take turns. The origin takes the time when it has read one. The error is
 * what lies between, less what was asked for: it holds the benchmark's own wake-up too,
 * which the row "direct" shows. A message that came too early is a negative error. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/net.h"
#include "tests/bench/proxy/bench.h"

enum {
    CONNECTIONS = 8,
    EVERY_US = 5000,
    MESSAGE_BYTES = 64,
    MESSAGES_MAX = 65536,
    WARM_MESSAGES = 200,
    LIMIT_MS = 2000
};

/* What the origin notes. Only its thread writes; `count` publishes. */
struct arrivals {
    uint64_t delay_ns;
    _Atomic int count;
    double errors_us[MESSAGES_MAX];
};

static void note_arrival(struct arrivals *arrivals, const char *message, uint64_t now_ns)
{
    int count = atomic_load_explicit(&arrivals->count, memory_order_relaxed);
    uint64_t sent_ns;

    memcpy(&sent_ns, message, sizeof sent_ns);
    if (count == MESSAGES_MAX)
        return;
    arrivals->errors_us[count] =
        ((double)(now_ns - sent_ns) - (double)arrivals->delay_ns) / NS_PER_US;
    atomic_store_explicit(&arrivals->count, count + 1, memory_order_release);
}

bool delay_on_readable(struct origin *origin, int fd)
{
    struct arrivals *arrivals = *(struct arrivals **)origin->arg;
    ssize_t n = recv(fd, origin->buffer, ORIGIN_READ_BYTES, 0);
    uint64_t now_ns = clock_now(clock_real());

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    atomic_fetch_add_explicit(&origin->bytes, (uint64_t)n, memory_order_relaxed);
    if (arrivals == NULL)
        return true;
    /* Messages are written whole and small: nobody here takes them apart. */
    for (size_t at = 0; at + MESSAGE_BYTES <= (size_t)n; at += MESSAGE_BYTES)
        note_arrival(arrivals, origin->buffer + at, now_ns);
    return true;
}

static void sleep_until(uint64_t ns)
{
    struct timespec until = {.tv_sec = (time_t)(ns / NS_PER_S),
                             .tv_nsec = (long)(ns % NS_PER_S)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

static bool send_messages(const int fds[CONNECTIONS], int count)
{
    const uint64_t step_ns = (uint64_t)EVERY_US * NS_PER_US / CONNECTIONS;
    uint64_t next_ns = clock_now(clock_real());
    char message[MESSAGE_BYTES] = "";

    for (int i = 0; i < count; i++) {
        uint64_t now_ns;

        next_ns += step_ns;
        sleep_until(next_ns);
        now_ns = clock_now(clock_real());
        memcpy(message, &now_ns, sizeof now_ns);
        if (send(fds[i % CONNECTIONS], message, sizeof message, MSG_NOSIGNAL) !=
            (ssize_t)sizeof message)
            return false;
    }
    return true;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static void report(struct sample *sample, struct arrivals *arrivals,
                   const struct stretch *stretch)
{
    int count = atomic_load(&arrivals->count) - WARM_MESSAGES;
    double *errors = arrivals->errors_us + WARM_MESSAGES;

    qsort(errors, (size_t)count, sizeof *errors, by_size);
    sample_add(sample, "p50 us", errors[count / 2]);
    sample_add(sample, "p99 us", errors[count * 99 / 100]);
    sample_add(sample, "least us", errors[0]);
    if (sample->peer->pid != 0)
        sample_add(sample, "CPU us/msg", stretch->proxy_cpu_s * 1e6 / count);
}

/* Everything that was sent has come? */
static bool await_arrivals(struct arrivals *arrivals, int count)
{
    const struct timespec step = {.tv_nsec = NS_PER_MS};

    for (int ms = 0; atomic_load(&arrivals->count) < count; ms++) {
        if (ms > LIMIT_MS)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

bool take_delay(struct sample *sample)
{
    struct arrivals **slot = sample->origin->arg;
    struct arrivals *arrivals = calloc(1, sizeof *arrivals);
    int messages = (int)(1600 * sample->bench->seconds);
    struct stretch stretch;
    int fds[CONNECTIONS];
    int count = 0;
    bool good = arrivals != NULL;

    while (good && count < CONNECTIONS) {
        fds[count] = net_connect(sample->peer->port);
        good = fds[count] != -1;
        count += good;
    }
    good = good && origin_await_open(sample->origin, CONNECTIONS, LIMIT_MS);
    if (good) {
        arrivals->delay_ns = sample->peer->setup->delay_us * NS_PER_US;
        *slot = arrivals;
        good = send_messages(fds, WARM_MESSAGES);
        stretch_begin(&stretch, sample);
        good = good && send_messages(fds, messages) &&
               await_arrivals(arrivals, WARM_MESSAGES + messages);
        stretch_end(&stretch, sample);
    }
    for (int i = 0; i < count; i++)
        net_abort(fds[i]);
    origin_await_open(sample->origin, 0, LIMIT_MS);
    if (arrivals != NULL)
        *slot = NULL;
    if (good)
        report(sample, arrivals, &stretch);
    free(arrivals);
    return good;
}
