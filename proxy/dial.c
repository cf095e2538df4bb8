/* dial: lookup -> try address -> (next address) -> report.
 *
 * One deadline bounds the whole. What is decided is reported at the end of the loop's
 * turn, also what fails at once: `done` never fires inside dial_start. */
#include "proxy/dial.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/wire.h"

/* A lookup cannot be called off once the resolver has it: the dial that gives up leaves
 * it behind, and it frees itself when it comes back. */
struct lookup {
    uv_getaddrinfo_t request;
    struct dial *dial; /* NULL: abandoned */
};

/* What one that sleeps in connect(2) would wait for. */
static const uint64_t AGAIN_NS = 5ull * NS_PER_MS;

struct dial {
    struct engine *engine;
    dial_done_fn *done;
    void *arg;
    struct address address;
    struct watch watch; /* of the attempt at hand; without one, to report from the loop */
    struct deadline timeout;
    struct deadline again; /* a Unix socket whose queue is full is tried again */
    struct lookup *lookup; /* while it runs */
    struct addrinfo *list; /* what the lookup found */
    struct addrinfo *next; /* to be tried */
    int fd;
    int error;
    bool ended; /* decided: reported when the watch has closed */
};

static void try_next(struct dial *dial);

/* Nothing of the dial is on the loop any more: say how it went, and go. */
static void report(struct dial *dial)
{
    int fd = dial->fd;

    assert(dial->ended);
    assert(dial->lookup == NULL);
    if (dial->list != NULL)
        uv_freeaddrinfo(dial->list);
    deadline_release(&dial->engine->deadlines, &dial->timeout);
    deadline_release(&dial->engine->deadlines, &dial->again);
    if (dial->error != 0 && fd != -1) {
        socket_reset(fd); /* one that met itself would keep its port for a minute */
        fd = -1;
    }
    dial->done(dial->arg, fd, dial->error);
    free(dial);
}

/* The watch of one attempt has closed: on to the next address, or the end. */
static void on_watch_closed(struct watch *watch)
{
    struct dial *dial = (struct dial *)((char *)watch - offsetof(struct dial, watch));

    if (!dial->ended) {
        socket_reset(dial->fd);
        dial->fd = -1;
        try_next(dial);
        return;
    }
    report(dial);
}

static void on_ready(struct watch *watch, unsigned events);

/* Decide the outcome; it is reported at the end of the loop's turn, when the watch has
 * closed: never before dial_start returns. */
static void end(struct dial *dial, int error)
{
    if (dial->ended)
        return;
    dial->ended = true;
    dial->error = error;
    deadline_clear(&dial->engine->deadlines, &dial->again);
    if (dial->lookup != NULL) {
        uv_cancel((uv_req_t *)&dial->lookup->request);
        dial->lookup->dial = NULL;
        dial->lookup = NULL;
    }
    /* An attempt that failed is already on its way out. */
    if (dial->watch.is_closing)
        return;
    if (!watch_is_open(&dial->watch))
        watch_open(&dial->engine->poller, &dial->watch, -1, on_ready);
    watch_close(&dial->engine->poller, &dial->watch, on_watch_closed);
}

static void on_timeout(struct deadline *own)
{
    struct dial *dial = (struct dial *)((char *)own - offsetof(struct dial, timeout));

    end(dial, ETIMEDOUT);
}

/* Where nobody listens on a port of the range from which the kernel takes ports for
 * dials, it sooner or later takes this very one, and the two halves of a handshake meet.
 * The client would hear its own echo, and the broker could not take its port again. */
bool dial_met_itself(int fd)
{
    struct sockaddr_storage own = {0};
    struct sockaddr_storage peer = {0};
    socklen_t own_size = sizeof own;
    socklen_t peer_size = sizeof peer;

    if (getsockname(fd, (struct sockaddr *)&own, &own_size) != 0 ||
        getpeername(fd, (struct sockaddr *)&peer, &peer_size) != 0)
        return false;
    /* Two nameless Unix sockets have the same empty address. */
    return own.ss_family != AF_UNIX && own_size == peer_size &&
           memcmp(&own, &peer, own_size) == 0;
}

/* What has become of the attempt: 0 or an errno. */
static int outcome(const struct dial *dial)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error == 0 && dial_met_itself(dial->fd) ? ECONNREFUSED : error;
}

/* Connected or failed; a failure goes on to the next address while there is one. */
static void on_ready(struct watch *watch, unsigned events)
{
    struct dial *dial = (struct dial *)((char *)watch - offsetof(struct dial, watch));
    int error;

    (void)events;
    if (dial->ended)
        return;
    error = outcome(dial);
    if (error == 0 || dial->next == NULL) {
        end(dial, error);
        return;
    }
    dial->error = error;
    watch_close(&dial->engine->poller, watch, on_watch_closed);
}

/* 0: connected; EINPROGRESS: the loop will tell; else it failed. On the loopback the
 * handshake is done when connect returns, although it says EINPROGRESS: to ask at once
 * saves a turn of the loop and four system calls. */
static int begin_connect(int fd, const struct sockaddr *to, socklen_t size)
{
    if (connect(fd, to, size) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (connect(fd, to, size) == 0 || errno == EISCONN)
        return 0;
    return errno == EALREADY ? EINPROGRESS : errno;
}

/* 0, or an errno: this address will not do. */
static int try_address(struct dial *dial, const struct sockaddr *to, socklen_t size)
{
    int error;

    dial->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (dial->fd == -1)
        return errno;
    error = begin_connect(dial->fd, to, size);
    if (error == 0 && dial_met_itself(dial->fd))
        error = ECONNREFUSED;
    if (error == 0) {
        end(dial, 0);
        return 0;
    }
    if (error != EINPROGRESS) {
        socket_reset(dial->fd);
        dial->fd = -1;
        return error;
    }
    watch_open(&dial->engine->poller, &dial->watch, dial->fd, on_ready);
    watch_set(&dial->engine->poller, &dial->watch, POLLER_WRITE);
    return 0;
}

/* A literal address. TCP waits by itself where the upstream's queue is full; a Unix
 * socket says EAGAIN at once, and nothing tells when there is room. */
static void try_literal(struct dial *dial)
{
    const struct address *address = &dial->address;
    int error =
        try_address(dial, (const struct sockaddr *)&address->storage, address->size);

    if (error == EAGAIN && address->kind == ADDRESS_UNIX)
        deadline_set(&dial->engine->deadlines, &dial->again,
                     clock_now(dial->engine->clock) + AGAIN_NS);
    else if (error != 0)
        end(dial, error);
}

static void on_again(struct deadline *own)
{
    struct dial *dial = (struct dial *)((char *)own - offsetof(struct dial, again));

    /* Its time may have been up in this very turn. */
    if (!dial->ended)
        try_literal(dial);
}

/* Addresses that fail at once (no route, no such family) are skipped at once. */
static void try_next(struct dial *dial)
{
    int error = dial->error != 0 ? dial->error : EADDRNOTAVAIL;

    while (dial->next != NULL) {
        struct addrinfo *at = dial->next;

        dial->next = at->ai_next;
        error = try_address(dial, at->ai_addr, at->ai_addrlen);
        if (error == 0)
            return;
    }
    end(dial, error);
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct lookup *lookup = request->data;
    struct dial *dial = lookup->dial;

    free(lookup);
    if (dial == NULL) {
        uv_freeaddrinfo(list);
        return;
    }
    dial->lookup = NULL;
    dial->list = list;
    dial->next = list;
    if (status != 0)
        end(dial, EHOSTUNREACH);
    else
        try_next(dial);
}

/* On libuv's thread pool: a slow resolver delays nobody else. */
static void look_up(struct dial *dial)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = calloc(1, sizeof *lookup);
    char port[8];

    if (lookup == NULL) {
        end(dial, ENOMEM);
        return;
    }
    snprintf(port, sizeof port, "%u", dial->address.port);
    lookup->request.data = lookup;
    lookup->dial = dial;
    if (uv_getaddrinfo(&dial->engine->loop, &lookup->request, on_looked_up,
                       dial->address.host, port, &hints) != 0) {
        free(lookup);
        end(dial, EHOSTUNREACH);
        return;
    }
    dial->lookup = lookup;
}

struct dial *dial_start(struct engine *engine, const struct address *address,
                        uint64_t timeout_ns, dial_done_fn *done, void *arg)
{
    struct dial *dial = calloc(1, sizeof *dial);

    if (dial == NULL)
        return NULL;
    *dial = (struct dial){
        .engine = engine, .done = done, .arg = arg, .address = *address, .fd = -1};
    if (!deadline_init(&engine->deadlines, &dial->timeout, on_timeout) ||
        !deadline_init(&engine->deadlines, &dial->again, on_again)) {
        deadline_release(&engine->deadlines, &dial->timeout);
        free(dial);
        return NULL;
    }
    deadline_set(&engine->deadlines, &dial->timeout,
                 clock_now(engine->clock) + timeout_ns);
    if (address->kind == ADDRESS_NOBODY)
        end(dial, ECONNREFUSED);
    else if (address->kind == ADDRESS_NAME)
        look_up(dial);
    else
        try_literal(dial);
    return dial;
}

void dial_cancel(struct dial *dial)
{
    end(dial, ECANCELED);
}
