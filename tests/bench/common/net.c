/* net: loopback sockets for benchmarks. */
#include "tests/bench/common/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/child.h"

#define CONGESTION_CONTROL "/proc/sys/net/ipv4/tcp_congestion_control"

enum { BACKLOG = 4096, LISTENER_WAIT_MS = 5000, LISTENER_STEP_MS = 5 };

static struct sockaddr_in loopback(unsigned last, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (last != 0 ? last : 1)),
    };
}

static int make_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd != -1)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd != -1 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd != -1)
        close(fd);
    return good;
}

/* Without a privilege: a user namespace first, in which we are who we are outside. */
static bool enter_namespace(void)
{
    unsigned user = (unsigned)getuid();
    char map[64];

    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    snprintf(map, sizeof map, "%u %u 1", user, user);
    write_file("/proc/self/uid_map", map);
    return true;
}

bool net_own_namespace(void)
{
    struct ifreq loopback_on = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd;
    bool good;

    if (!enter_namespace())
        return false;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    good = fd != -1 && ioctl(fd, SIOCSIFFLAGS, &loopback_on) == 0;
    if (fd != -1)
        close(fd);
    if (!write_file(CONGESTION_CONTROL, "cubic"))
        write_file(CONGESTION_CONTROL, "reno");
    return good;
}

const char *net_congestion_control(char *name, size_t size)
{
    FILE *file = fopen(CONGESTION_CONTROL, "re");

    snprintf(name, size, "unknown");
    if (file == NULL)
        return name;
    if (fgets(name, (int)size, file) != NULL)
        name[strcspn(name, "\n")] = '\0';
    fclose(file);
    return name;
}

int net_listen(uint16_t *port)
{
    struct sockaddr_in at = loopback(0, 0);
    socklen_t size = sizeof at;
    int fd = make_socket();

    if (fd == -1)
        return -1;
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(at.sin_port);
    return fd;
}

uint16_t net_free_port(void)
{
    uint16_t port = 0;
    int fd = net_listen(&port);

    if (fd != -1)
        close(fd);
    return port;
}

int net_connect_begin(uint16_t port, unsigned source)
{
    struct sockaddr_in to = loopback(0, port);
    struct sockaddr_in from = loopback(source, 0);
    int fd = make_socket();
    int late = 1;

    if (fd == -1)
        return -1;
    if (source != 0) {
        /* The port is chosen at connect, so that it may be used towards others too. */
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
            goto fail;
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS)
        return fd;
fail:
    close(fd);
    return -1;
}

/* Wait for `events`; false: not in time. */
static bool wait_for(int fd, short events, int limit_ms)
{
    struct pollfd poller = {.fd = fd, .events = events};

    return poll(&poller, 1, limit_ms) == 1;
}

int net_connect(uint16_t port)
{
    int fd = net_connect_begin(port, 0);
    int failure = 0;
    socklen_t size = sizeof failure;

    if (fd == -1)
        return -1;
    if (wait_for(fd, POLLOUT, LISTENER_WAIT_MS) &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0)
        return fd;
    close(fd);
    errno = failure != 0 ? failure : ETIMEDOUT;
    return -1;
}

bool net_await_listener(uint16_t port, pid_t pid)
{
    const struct timespec step = {.tv_nsec = LISTENER_STEP_MS * NS_PER_MS};

    for (int ms = 0; ms < LISTENER_WAIT_MS; ms += LISTENER_STEP_MS) {
        int fd;

        if (pid != 0 && !child_lives(pid))
            return false;
        fd = net_connect(port);
        if (fd != -1) {
            net_abort(fd);
            return pid == 0 || child_lives(pid);
        }
        nanosleep(&step, NULL);
    }
    return false;
}

void net_abort(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

bool net_write_all(int fd, const void *bytes, size_t size, int limit_ms)
{
    const char *from = bytes;

    while (size > 0) {
        ssize_t n = send(fd, from, size, MSG_NOSIGNAL);

        if (n < 0 && (errno != EAGAIN || !wait_for(fd, POLLOUT, limit_ms)))
            return false;
        if (n > 0) {
            from += n;
            size -= (size_t)n;
        }
    }
    return true;
}

bool net_read_all(int fd, void *bytes, size_t size, int limit_ms)
{
    char *to = bytes;

    while (size > 0) {
        ssize_t n = recv(fd, to, size, 0);

        if (n == 0 || (n < 0 && (errno != EAGAIN || !wait_for(fd, POLLIN, limit_ms))))
            return false;
        if (n > 0) {
            to += n;
            size -= (size_t)n;
        }
    }
    return true;
}
