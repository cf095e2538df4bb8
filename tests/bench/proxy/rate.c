/* rate: how well a rate is kept, over five seconds and in each tenth of a second.
 *
 * Write flat out; the origin notes when how many bytes came. Counted from the first
 * byte, so that a proxy that lets a burst through in the beginning shows it. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/net.h"
#include "tests/bench/proxy/bench.h"

enum {
    ARRIVALS_MAX = 1 << 18,
    WINDOWS = 50,
    WINDOW_MS = 100,
    EXTRA_MS = 400,
    WAIT_MS = 50,
    LIMIT_MS = 3000
};

struct arrival {
    uint64_t at_ns;
    uint64_t bytes;
};

/* Only the origin's thread writes; `count` publishes. */
struct flood {
    _Atomic int count;
    struct arrival arrivals[ARRIVALS_MAX];
};

bool rate_on_readable(struct origin *origin, int fd)
{
    struct flood *flood = *(struct flood **)origin->arg;
    ssize_t n = recv(fd, origin->buffer, ORIGIN_READ_BYTES, 0);
    int count;

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    atomic_fetch_add_explicit(&origin->bytes, (uint64_t)n, memory_order_relaxed);
    if (flood == NULL)
        return true;
    count = atomic_load_explicit(&flood->count, memory_order_relaxed);
    if (count < ARRIVALS_MAX) {
        flood->arrivals[count] =
            (struct arrival){.at_ns = clock_now(clock_real()), .bytes = (uint64_t)n};
        atomic_store_explicit(&flood->count, count + 1, memory_order_release);
    }
    return true;
}

static bool write_flat_out(int fd)
{
    static const char bytes[64 * 1024];
    uint64_t end_ns =
        clock_now(clock_real()) + (uint64_t)(WINDOWS * WINDOW_MS + EXTRA_MS) * NS_PER_MS;

    while (clock_now(clock_real()) < end_ns) {
        struct pollfd poller = {.fd = fd, .events = POLLOUT};

        if (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) >= 0)
            continue;
        if (errno != EAGAIN)
            return false;
        poll(&poller, 1, WAIT_MS);
    }
    return true;
}

struct figures {
    double windows[WINDOWS]; /* of what was asked for */
    double whole;
    double gap_ms;
};

/* false: it did not last for all windows. */
static bool read_flood(const struct flood *flood, double rate, struct figures *figures)
{
    int count = atomic_load(&flood->count);
    const double per_window = rate * WINDOW_MS / 1000;
    uint64_t first_ns = flood->arrivals[0].at_ns;

    *figures = (struct figures){.whole = 0};
    for (int i = 0; i < count; i++) {
        const struct arrival *arrival = &flood->arrivals[i];
        uint64_t window = (arrival->at_ns - first_ns) / (WINDOW_MS * NS_PER_MS);

        if (i > 0)
            figures->gap_ms =
                fmax(figures->gap_ms,
                     (double)(arrival->at_ns - arrival[-1].at_ns) / NS_PER_MS);
        if (window >= WINDOWS)
            return true;
        figures->windows[window] += (double)arrival->bytes / per_window;
        figures->whole += (double)arrival->bytes / per_window / WINDOWS;
    }
    return false;
}

static void report(struct sample *sample, const struct figures *figures)
{
    double squares = 0;
    double most = 0;

    for (int i = 0; i < WINDOWS; i++) {
        double off = figures->windows[i] - figures->whole;

        squares += off * off;
        most = fmax(most, figures->windows[i]);
    }
    sample_add(sample, "5 s error %", (figures->whole - 1) * 100);
    sample_add(sample, "5 s |error| %", fabs(figures->whole - 1) * 100);
    sample_add(sample, "100 ms sd %", sqrt(squares / WINDOWS) * 100);
    sample_add(sample, "most %", most * 100);
    sample_add(sample, "first %", figures->windows[0] * 100);
    sample_add(sample, "gap ms", figures->gap_ms);
}

bool take_rate(struct sample *sample)
{
    struct flood **slot = sample->origin->arg;
    struct flood *flood = calloc(1, sizeof *flood);
    struct figures figures;
    int fd = net_connect(sample->peer->port);
    bool good = flood != NULL && fd != -1;

    if (good) {
        *slot = flood;
        good = write_flat_out(fd);
    }
    if (fd != -1)
        net_abort(fd);
    origin_await_open(sample->origin, 0, LIMIT_MS);
    *slot = NULL;
    good = good && atomic_load(&flood->count) > 0 &&
           read_flood(flood, (double)sample->peer->setup->rate_bytes_per_s, &figures);
    free(flood);
    if (good)
        report(sample, &figures);
    return good;
}
