/* farewell: a socket that has said FIN stays until its peer has everything.
 *
 * close(2) alone loses bytes where the peer goes on sending: the kernel answers what
 * nobody reads with RST, and throws away what it has not sent yet, though it was passed
 * on and counted.
 *
 * All well:  FIN -> throw away what comes -> all is acknowledged, or the peer has ended
 *            too -> close. Mostly at once; else at a later look.
 * The peer takes nothing for too long, or too many linger: close, as any server would.
 * On a Unix socket what was written is the peer's already: nothing to wait for. */
#include "proxy/farewell.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/engine.h"

enum { FAREWELLS_MAX = 1024, DISCARDS_MAX = 16, DISCARD_BYTES = 1 << 20 };
enum { SCRATCH_BYTES = 16 * 1024 };

static const uint64_t PATIENCE_NS = 5ull * NS_PER_S;

struct farewell {
    struct farewell *next;
    int fd;
    int unsent_bytes;
    uint64_t moved_ns; /* when the peer last took something */
};

/* TCP throws away without a copy; a Unix socket wants somewhere to put it. */
static ssize_t discard(int fd)
{
    char scratch[SCRATCH_BYTES];
    ssize_t n = recv(fd, NULL, DISCARD_BYTES, MSG_TRUNC | MSG_DONTWAIT);

    if (n < 0 && errno == EFAULT)
        n = recv(fd, scratch, sizeof scratch, MSG_DONTWAIT);
    return n;
}

/* Throw away what has come. true: nothing more will. Bounded: the peer may be fast. */
static bool has_peer_ended(int fd)
{
    for (int i = 0; i < DISCARDS_MAX; i++) {
        ssize_t n = discard(fd);

        if (n == 0)
            return true;
        if (n < 0)
            return errno != EAGAIN && errno != EINTR;
    }
    return false;
}

/* Bytes that the peer has not acknowledged, the FIN among them. */
static int unsent_of(int fd)
{
    int domain = AF_UNIX;
    socklen_t size = sizeof domain;
    int bytes = 0;

    if (ioctl(fd, SIOCOUTQ, &bytes) != 0 || bytes == 0)
        return 0;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain == AF_UNIX)
        return 0;
    return bytes;
}

void farewell_close(struct engine *engine, int fd)
{
    struct farewell *farewell = NULL;
    int unsent_bytes;

    shutdown(fd, SHUT_WR);
    unsent_bytes = has_peer_ended(fd) ? 0 : unsent_of(fd);
    if (unsent_bytes > 0 && engine->farewell_count < FAREWELLS_MAX)
        farewell = calloc(1, sizeof *farewell);
    if (farewell == NULL) {
        close(fd);
        return;
    }
    *farewell = (struct farewell){.next = engine->farewells,
                                  .fd = fd,
                                  .unsent_bytes = unsent_bytes,
                                  .moved_ns = clock_now(engine->clock)};
    engine->farewells = farewell;
    engine->farewell_count++;
}

static bool is_done(struct farewell *farewell, uint64_t now_ns)
{
    int unsent_bytes = has_peer_ended(farewell->fd) ? 0 : unsent_of(farewell->fd);

    if (unsent_bytes != farewell->unsent_bytes)
        farewell->moved_ns = now_ns;
    farewell->unsent_bytes = unsent_bytes;
    return unsent_bytes == 0 || now_ns - farewell->moved_ns >= PATIENCE_NS;
}

/* Takes it off the list that it heads. */
static void end(struct engine *engine, struct farewell **at)
{
    struct farewell *farewell = *at;

    *at = farewell->next;
    engine->farewell_count--;
    close(farewell->fd);
    free(farewell);
}

void farewells_check(struct engine *engine)
{
    struct farewell **at = &engine->farewells;

    while (*at != NULL) {
        if (is_done(*at, clock_now(engine->clock)))
            end(engine, at);
        else
            at = &(*at)->next;
    }
}

void farewells_release(struct engine *engine)
{
    while (engine->farewells != NULL)
        end(engine, &engine->farewells);
}
