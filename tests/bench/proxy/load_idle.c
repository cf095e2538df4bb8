/* load_idle: what a proxy keeps in memory for a connection that says nothing.
 *
 * One connection there and back, so that what is made once is there -> memory -> open
 * them all, a byte there and back on each -> wait until it is quiet -> memory. The growth
 * over the count is what one costs: own pages, kernel memory not included. */
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/child.h"
#include "tests/bench/common/net.h"
#include "tests/bench/proxy/bench.h"

enum {
    CONNECTIONS = 9000,
    FORKED_CONNECTIONS = 200, /* a process each: socat */
    AT_ONCE = 500,
    LIMIT_MS = 10000,
    QUIET_MS = 200
};

static void settle(void)
{
    const struct timespec quiet = {.tv_nsec = QUIET_MS * NS_PER_MS};

    nanosleep(&quiet, NULL);
}

/* A byte there and back on each. */
static bool touch(const int *fds, int count)
{
    char byte = '?';

    for (int i = 0; i < count; i++)
        if (!net_write_all(fds[i], &byte, 1, LIMIT_MS))
            return false;
    for (int i = 0; i < count; i++)
        if (!net_read_all(fds[i], &byte, 1, LIMIT_MS))
            return false;
    return true;
}

static bool open_all(int *fds, int wanted, uint16_t port, int *count)
{
    for (*count = 0; *count < wanted;) {
        int first = *count;

        while (*count < wanted && *count < first + AT_ONCE) {
            fds[*count] = net_connect(port);
            if (fds[*count] == -1)
                return false;
            ++*count;
        }
        if (!touch(fds + first, *count - first))
            return false;
    }
    return true;
}

static void close_all(const struct sample *sample, const int *fds, int count)
{
    for (int i = 0; i < count; i++)
        net_abort(fds[i]);
    origin_await_open(sample->origin, 0, LIMIT_MS);
}

static int how_many(const struct sample *sample)
{
    long room = (sample->bench->tools.fd_limit - 500) / 2;
    int wanted = CONNECTIONS;

    if (sample->peer->setup->kind == PEER_SOCAT)
        wanted = FORKED_CONNECTIONS;
    if (wanted <= room)
        return wanted;
    results_note(&sample->bench->results,
                 "idle: %ld connections instead of %d (ulimit -n is %ld)", room, wanted,
                 sample->bench->tools.fd_limit);
    return (int)room;
}

bool take_idle(struct sample *sample)
{
    int wanted = how_many(sample);
    int *fds = calloc((size_t)wanted, sizeof *fds);
    double before_kb;
    double after_kb = 0;
    int count;
    bool good;

    if (fds == NULL)
        return false;
    good = open_all(fds, 1, sample->peer->port, &count);
    close_all(sample, fds, count);
    settle();
    before_kb = child_pss_kb(sample->peer->pid);
    if (good) {
        good = open_all(fds, wanted, sample->peer->port, &count);
        settle();
        after_kb = child_pss_kb(sample->peer->pid);
        close_all(sample, fds, count);
    }
    free(fds);
    if (!good)
        return false;
    sample_add(sample, "KB/conn", (after_kb - before_kb) / wanted);
    sample_add(sample, "process KB", after_kb);
    return true;
}
