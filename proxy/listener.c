/* listener: pick a port, bind it, listen; shut and open again. */
#include "proxy/listener.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* PICKS_MAX: somebody may take a picked port before we bind it; seldom once. */
enum { BACKLOG = 4096, PICKS_MAX = 16 };

static int create_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static void set_port(struct sockaddr_storage *storage, uint16_t port)
{
    if (storage->ss_family == AF_INET)
        ((struct sockaddr_in *)storage)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)storage)->sin6_port = htons(port);
}

/* A port that is free now; 0 when the system has none. */
static uint16_t pick_port(const struct address *address)
{
    char text[ADDRESS_BYTES];
    uint16_t port = 0;
    int fd = create_socket(address->storage.ss_family);

    if (fd == -1)
        return 0;
    if (bind(fd, (const struct sockaddr *)&address->storage, address->size) == 0)
        address_of_socket(fd, text, &port);
    close(fd);
    return port;
}

/* What stands at the path of a Unix address; nothing any more counts as a socket. */
static bool is_socket(const struct address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    struct stat status;

    return lstat(un->sun_path, &status) != 0 || S_ISSOCK(status.st_mode);
}

/* The port is what a user can do something about, so it is named. */
static int bind_failed(int fd, const struct address *address, struct error *err)
{
    int error = errno;

    if (fd != -1)
        close(fd);
    errno = error;
    if (error == EADDRINUSE && address->kind == ADDRESS_UNIX && !is_socket(address)) {
        error_set(err, E_PARAM, "listen on %s: that file is there and is no socket",
                  address->text);
        error_hint(err, "choose a path at which there is nothing, or remove the file");
        return E_PARAM;
    }
    if (error == EADDRINUSE && address->kind == ADDRESS_UNIX) {
        error_set(err, E_BUSY, "listen on %s: another process listens there",
                  address->text);
        return E_BUSY;
    }
    if (error == EADDRINUSE) {
        error_set(err, E_BUSY, "listen on %s: port %u is taken", address->text,
                  address->port);
        error_hint(err, "choose another port, or port 0 for a free one");
        return E_BUSY;
    }
    return error_from_errno(err, "listen on %s", address->text);
}

/* An explicit port, also when we picked it: only that survives shutdown(). */
static int open_tcp(int *out, const struct address *address, uint16_t port,
                    struct error *err)
{
    struct address own = *address;
    int on = 1;
    int fd = create_socket(address->storage.ss_family);

    /* Needed to listen again while old connections hold the port. */
    if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return bind_failed(fd, address, err);
    set_port(&own.storage, port);
    if (bind(fd, (const struct sockaddr *)&own.storage, own.size) != 0 ||
        listen(fd, BACKLOG) != 0)
        return bind_failed(fd, address, err);
    *out = fd;
    return 0;
}

/* A socket file to which no socket belongs is left over: only then it may be taken
 * away. Asked with a datagram socket, which a live listener refuses for its type
 * (EPROTOTYPE) without seeing a connection. */
static bool is_left_over(const struct address *address)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    struct stat status;
    bool refused;
    int fd;

    if (lstat(un->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    refused = connect(fd, (const struct sockaddr *)un, address->size) != 0 &&
              errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int open_unix(int *out, const struct address *address, struct error *err)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)&address->storage;
    int fd = create_socket(AF_UNIX);
    int rc;

    if (fd == -1)
        return bind_failed(fd, address, err);
    rc = bind(fd, (const struct sockaddr *)un, address->size);
    if (rc != 0 && errno == EADDRINUSE) {
        if (is_left_over(address))
            unlink(un->sun_path);
        rc = bind(fd, (const struct sockaddr *)un, address->size);
    }
    if (rc != 0 || listen(fd, BACKLOG) != 0)
        return bind_failed(fd, address, err);
    *out = fd;
    return 0;
}

int listener_open(int *fd, const struct address *address, struct error *err)
{
    int rc = E_SYSTEM;

    if (address->kind == ADDRESS_UNIX)
        return open_unix(fd, address, err);
    if (address->kind != ADDRESS_LITERAL) {
        error_set(err, E_PARAM, "listen '%s': that is no numeric address", address->text);
        error_hint(err, "for example 127.0.0.1:0 or [::1]:4222");
        return E_PARAM;
    }
    if (address->port != 0)
        return open_tcp(fd, address, address->port, err);
    for (int i = 0; i < PICKS_MAX; i++) {
        uint16_t port = pick_port(address);

        if (port == 0)
            return bind_failed(-1, address, err);
        rc = open_tcp(fd, address, port, err);
        if (rc != E_BUSY)
            break;
    }
    return rc;
}

void listener_shut(int fd)
{
    shutdown(fd, SHUT_RDWR);
}

int listener_reopen(int fd, const char *address, struct error *err)
{
    if (listen(fd, BACKLOG) == 0)
        return 0;
    if (errno == EADDRINUSE)
        return error_set(err, E_BUSY, "open %s again: the port was taken meanwhile",
                         address);
    return error_from_errno(err, "open %s again", address);
}
