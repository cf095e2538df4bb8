/* http_client: connect, send, read to the end, take apart.
 *
 *   address -> each address of the name in turn: connect -> send -> receive -> parse
 * Every step waits for its socket with the time that is left; when it is up, whichever
 * step it was says so. */
#include "harness/cli/http_client.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/address.h"
#include "proxy/base/clock.h"

enum { TIMEOUT_S = 10, HEAD_BYTES_MAX = 64 << 10, READ_BYTES = 64 << 10 };

struct exchange {
    const struct http_client_request *request;
    uint64_t until_ns;
    int fd;
    char *bytes; /* what was received, with a NUL behind it */
    size_t size;
    size_t capacity;
};

/* ---- the socket ---- */

static int silent(const struct exchange *x, struct error *err)
{
    error_set(err, E_ENVIRONMENT, "the API at %s does not answer in time",
              x->request->address);
    error_hint(err, "is it a stormdrill proxy that listens there?");
    return E_ENVIRONMENT;
}

static int broken(const struct exchange *x, struct error *err)
{
    return error_set(err, E_ENVIRONMENT, "the API at %s broke off: %s",
                     x->request->address, strerror(errno));
}

/* Until the socket is ready for `events`, or the time is up. */
static int await(const struct exchange *x, short events, struct error *err)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = x->fd, .events = events};
        uint64_t now_ns = clock_now(clock_real());
        int rc;

        if (now_ns >= x->until_ns)
            return silent(x, err);
        rc = poll(&poll_fd, 1, (int)((x->until_ns - now_ns) / NS_PER_MS) + 1);
        if (rc > 0)
            return 0;
        if (rc < 0 && errno != EINTR)
            return error_from_errno(err, "wait for the API at %s", x->request->address);
    }
}

/* Gives 0, or what connect said as an errno, or -1 with `err` when the time is up. */
static int connect_to(struct exchange *x, const struct sockaddr *to, socklen_t size,
                      struct error *err)
{
    int problem = 0;
    socklen_t length = sizeof problem;

    x->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (x->fd < 0)
        return errno;
    if (connect(x->fd, to, size) == 0)
        return 0;
    problem = errno;
    if (problem == EINPROGRESS) {
        if (await(x, POLLOUT, err) != 0)
            return -1;
        if (getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &problem, &length) != 0)
            problem = errno;
    }
    if (problem != 0) {
        close(x->fd);
        x->fd = -1;
    }
    return problem;
}

static int nobody(const struct exchange *x, const char *why, struct error *err)
{
    error_set(err, E_ENVIRONMENT, "no proxy answers at %s: %s", x->request->address, why);
    error_hint(err,
               "start one with: stormdrill proxy     or say where it is: --api ADDR");
    return E_ENVIRONMENT;
}

/* A name may have several addresses: localhost has a v6 one on most machines. */
static int connect_name(struct exchange *x, const struct address *address,
                        struct error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[8];
    int problem = 0;
    int rc;

    snprintf(port, sizeof port, "%u", address->port);
    rc = getaddrinfo(address->host, port, &hints, &found);
    if (rc != 0)
        return nobody(x, gai_strerror(rc), err);
    for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        problem = connect_to(x, at->ai_addr, at->ai_addrlen, err);
        if (problem <= 0)
            break;
    }
    freeaddrinfo(found);
    if (problem < 0)
        return E_ENVIRONMENT;
    return problem == 0 ? 0 : nobody(x, strerror(problem), err);
}

static int connect_address(struct exchange *x, struct error *err)
{
    struct address address;
    int problem;

    if (address_parse(&address, x->request->address, "API address", err) != 0) {
        err->code = E_USAGE;
        return E_USAGE;
    }
    if (address.kind == ADDRESS_NOBODY)
        return error_set(err, E_USAGE, "the API's address is empty");
    if (address.kind == ADDRESS_NAME)
        return connect_name(x, &address, err);
    problem = connect_to(x, (const struct sockaddr *)&address.storage, address.size, err);
    if (problem < 0)
        return E_ENVIRONMENT;
    return problem == 0 ? 0 : nobody(x, strerror(problem), err);
}

static int send_all(struct exchange *x, const char *bytes, size_t size, struct error *err)
{
    while (size > 0) {
        ssize_t sent = send(x->fd, bytes, size, MSG_NOSIGNAL);
        int rc;

        if (sent >= 0) {
            bytes += sent;
            size -= (size_t)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        /* It may have answered already, for example that this is too much: read that. */
        if (errno == EPIPE || errno == ECONNRESET)
            return 0;
        if (errno != EAGAIN)
            return broken(x, err);
        rc = await(x, POLLOUT, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* ---- the request ---- */

/* A Unix socket has no name of its own that would fit into a Host header. */
static const char *host_of(const char *address)
{
    return strncmp(address, "unix:", 5) == 0 ? "localhost" : address;
}

static int send_request(struct exchange *x, struct error *err)
{
    const struct http_client_request *request = x->request;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    int rc;

    if (to == NULL)
        return error_set(err, E_NOMEM, "request");
    fprintf(to, "%s %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: stormdrill/%s\r\n",
            request->method, request->path, host_of(request->address),
            STORMDRILL_VERSION);
    if (request->token != NULL)
        fprintf(to, "Authorization: Bearer %s\r\n", request->token);
    if (request->body != NULL)
        fprintf(to, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                strlen(request->body));
    fprintf(to, "\r\n%s", request->body != NULL ? request->body : "");
    if (fclose(to) != 0) {
        free(text);
        return error_set(err, E_NOMEM, "request");
    }
    rc = send_all(x, text, size, err);
    free(text);
    return rc;
}

/* ---- the answer ---- */

static int not_http(const struct exchange *x, struct error *err)
{
    error_set(err, E_FORMAT, "what listens at %s does not speak HTTP",
              x->request->address);
    error_hint(err,
               "the API's address is what `stormdrill proxy` prints behind 'api on'");
    return E_FORMAT;
}

/* Where the body begins; 0 while the head is not whole. */
static size_t head_size(const struct exchange *x)
{
    const char *end = x->size > 0 ? memmem(x->bytes, x->size, "\r\n\r\n", 4) : NULL;

    return end != NULL ? (size_t)(end - x->bytes) + 4 : 0;
}

/* The value of Content-Length, or SIZE_MAX when there is none. The head is whole. */
static size_t content_length(const struct exchange *x)
{
    static const char name[] = "\r\nContent-Length:";
    const char *at = strcasestr(x->bytes, name);
    unsigned long long length;
    char *end;

    if (at == NULL || (size_t)(at - x->bytes) >= head_size(x))
        return SIZE_MAX;
    at += sizeof name - 1;
    at += strspn(at, " \t");
    errno = 0;
    length = isdigit((unsigned char)*at) ? strtoull(at, &end, 10) : ULLONG_MAX;
    return errno == 0 && length < SIZE_MAX ? (size_t)length : SIZE_MAX;
}

static bool is_whole(const struct exchange *x)
{
    size_t head = head_size(x);
    size_t length = head > 0 ? content_length(x) : SIZE_MAX;

    return length != SIZE_MAX && x->size - head >= length;
}

static int make_room(struct exchange *x, struct error *err)
{
    size_t capacity = x->capacity > 0 ? 2 * x->capacity : READ_BYTES;
    char *bytes;

    if (x->size > HTTP_CLIENT_ANSWER_BYTES_MAX)
        return error_set(err, E_LIMIT, "the API at %s answers with more than %d MiB",
                         x->request->address, HTTP_CLIENT_ANSWER_BYTES_MAX >> 20);
    if (x->capacity > x->size + 1)
        return 0;
    bytes = realloc(x->bytes, capacity);
    if (bytes == NULL)
        return error_set(err, E_NOMEM, "answer");
    x->bytes = bytes;
    x->capacity = capacity;
    return 0;
}

/* Until it is whole by its own account, or the connection ends. */
static int receive(struct exchange *x, struct error *err)
{
    while (!is_whole(x)) {
        ssize_t got;
        int rc = make_room(x, err);

        if (rc != 0)
            return rc;
        if (x->size > HEAD_BYTES_MAX && head_size(x) == 0)
            return not_http(x, err);
        got = recv(x->fd, x->bytes + x->size, x->capacity - x->size - 1, 0);
        if (got > 0) {
            x->size += (size_t)got;
            x->bytes[x->size] = '\0';
        } else if (got == 0 || (errno == ECONNRESET && head_size(x) > 0)) {
            return 0;
        } else if (errno == EAGAIN) {
            rc = await(x, POLLIN, err);
            if (rc != 0)
                return rc;
        } else if (errno != EINTR) {
            return broken(x, err);
        }
    }
    return 0;
}

static int parse(struct exchange *x, struct http_client_answer *answer, struct error *err)
{
    size_t head = head_size(x);
    size_t length;
    int status;

    if (x->size == 0)
        return error_set(err, E_ENVIRONMENT,
                         "the API at %s closed the connection without an answer",
                         x->request->address);
    if (head == 0 || sscanf(x->bytes, "HTTP/1.%*1[01] %3d ", &status) != 1 ||
        status < 100)
        return not_http(x, err);
    length = content_length(x);
    if (length != SIZE_MAX && x->size - head < length)
        return error_set(err, E_FORMAT,
                         "the API at %s broke off after %zu of %zu bytes of its answer",
                         x->request->address, x->size - head, length);
    answer->status = status;
    answer->size = length != SIZE_MAX ? length : x->size - head;
    memmove(x->bytes, x->bytes + head, answer->size);
    x->bytes[answer->size] = '\0';
    answer->body = x->bytes;
    x->bytes = NULL;
    return 0;
}

int http_client_call(const struct http_client_request *request,
                     struct http_client_answer *answer, struct error *err)
{
    uint64_t timeout_ns = request->timeout_ns;
    struct exchange x = {.request = request, .fd = -1};
    int rc;

    assert(request->path[0] == '/');
    if (timeout_ns == 0)
        timeout_ns = (uint64_t)TIMEOUT_S * NS_PER_S;
    x.until_ns = clock_now(clock_real()) + timeout_ns;
    *answer = (struct http_client_answer){0};
    rc = connect_address(&x, err);
    if (rc == 0)
        rc = send_request(&x, err);
    if (rc == 0)
        rc = receive(&x, err);
    if (rc == 0)
        rc = parse(&x, answer, err);
    if (x.fd >= 0)
        close(x.fd);
    free(x.bytes);
    return rc;
}

void http_client_release(struct http_client_answer *answer)
{
    free(answer->body);
    *answer = (struct http_client_answer){0};
}

bool http_client_append(char *path, const char *part)
{
    size_t at = strlen(path);

    if (at + 1 + 3 * strlen(part) >= HTTP_CLIENT_PATH_BYTES)
        return false;
    path[at++] = '/';
    for (const char *c = part; *c != '\0'; c++) {
        if (isalnum((unsigned char)*c) || strchr("-._~", *c) != NULL)
            path[at++] = *c;
        else
            at += (size_t)snprintf(path + at, 4, "%%%02X", (unsigned char)*c);
    }
    path[at] = '\0';
    return true;
}
