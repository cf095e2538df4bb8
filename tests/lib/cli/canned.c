/* canned: one connection, one request, one answer, on a thread of its own. */
#include "tests/lib/cli/canned.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/address.h"

static bool is_whole_request(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strstr(request, "Content-Length: ");

    if (end == NULL)
        return false;
    return length == NULL ||
           strlen(end + 4) >= strtoul(length + strlen("Content-Length: "), NULL, 10);
}

static void *serve(void *arg)
{
    struct canned *s = arg;
    struct pollfd ready[2] = {{.fd = s->listen_fd, .events = POLLIN},
                              {.fd = s->stop[0], .events = POLLIN}};
    size_t size = 0;
    int fd;

    poll(ready, 2, -1);
    if (ready[0].revents == 0)
        return NULL;
    fd = accept(s->listen_fd, NULL, NULL);
    while (!is_whole_request(s->request) && size < CANNED_REQUEST_BYTES - 1) {
        ssize_t got = read(fd, s->request + size, CANNED_REQUEST_BYTES - 1 - size);

        if (got <= 0)
            break;
        size += (size_t)got;
        s->request[size] = '\0';
    }
    (void)send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
    for (size_t i = 0; i < s->repeats; i += CANNED_REQUEST_BYTES) {
        static const char zeros[CANNED_REQUEST_BYTES];

        if (send(fd, zeros, sizeof zeros, MSG_NOSIGNAL) < 0)
            break;
    }
    if (s->holds)
        poll(&ready[1], 1, -1);
    close(fd);
    return NULL;
}

static void start_on(struct canned *s, const char *address, const char *answer)
{
    struct address at;
    uint16_t port;

    assert_int_equal(address_parse(&at, address, "address", NULL), 0);
    s->answer = answer;
    s->listen_fd = socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&at.storage, at.size), 0);
    assert_int_equal(listen(s->listen_fd, 4), 0);
    address_of_socket(s->listen_fd, s->address, &port);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

void canned_start(struct canned *s, const char *answer)
{
    start_on(s, "127.0.0.1:0", answer);
}

void canned_start_at(struct canned *s, const char *address, const char *answer)
{
    start_on(s, address, answer);
}

void canned_end(struct canned *s)
{
    close(s->stop[1]);
    pthread_join(s->thread, NULL);
    close(s->stop[0]);
    close(s->listen_fd);
}
