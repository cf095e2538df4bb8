/* world: the helpers of the tests against real sockets. Waiting is for states: bytes,
 * ends and events, bounded by patience. */
#include "world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void on_event(void *arg, const struct proxy_event *event)
{
    struct world *w = arg;
    struct world_event *kept;

    pthread_mutex_lock(&w->lock);
    if (w->event_count < WORLD_EVENTS_MAX) {
        kept = &w->events[w->event_count++];
        kept->event = *event;
        kept->event.detail = NULL;
        if (event->detail != NULL) {
            char *text = json_dumps(event->detail, JSON_COMPACT | JSON_SORT_KEYS);

            /* A test may let this allocation fail. */
            snprintf(kept->detail, sizeof kept->detail, "%s", text != NULL ? text : "");
            free(text);
        }
    }
    pthread_mutex_unlock(&w->lock);
}

static void set_patience(int fd)
{
    struct timeval patience = {.tv_sec = WORLD_PATIENCE_S};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

int world_listen(uint16_t *port, int backlog)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t size = sizeof own;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &size), 0);
    *port = ntohs(own.sin_port);
    set_patience(fd);
    return fd;
}

struct world *world_create_without_link(uint64_t seed, uint64_t memory_bytes_max)
{
    struct world *w = calloc(1, sizeof *w);
    struct plane_options options = {.observer = {.on_event = on_event, .arg = w},
                                    .seed = seed,
                                    .memory_bytes_max = memory_bytes_max};
    struct error err;

    assert_non_null(w);
    w->events = calloc(WORLD_EVENTS_MAX, sizeof *w->events);
    assert_non_null(w->events);
    pthread_mutex_init(&w->lock, NULL);
    w->upstream_fd = world_listen(&w->upstream_port, 4096);
    assert_int_equal(plane_start(&w->plane, &options, &err), 0);
    return w;
}

struct plane_reply world_open_link(struct world *w, const struct link_options *options)
{
    struct plane_command command = {.kind = PLANE_LINK_OPEN, .options = *options};
    struct plane_reply reply;

    plane_call_wait(w->plane, &command, &reply);
    return reply;
}

struct world *world_create(uint64_t seed)
{
    return world_create_bounded(seed, 0);
}

struct world *world_create_bounded(uint64_t seed, uint64_t memory_bytes_max)
{
    struct world *w = world_create_without_link(seed, memory_bytes_max);
    struct link_options options = {.name = "world"};
    struct plane_reply reply;

    snprintf(options.upstream, sizeof options.upstream, "127.0.0.1:%u", w->upstream_port);
    reply = world_open_link(w, &options);
    assert_string_equal(reply.error.text, "");
    assert_int_equal(reply.rc, 0);
    w->link = reply.link;
    w->link_port = reply.port;
    snprintf(w->link_address, sizeof w->link_address, "%s", reply.address);
    return w;
}

void world_destroy(struct world *w)
{
    plane_stop(w->plane);
    close(w->upstream_fd);
    pthread_mutex_destroy(&w->lock);
    free(w->events);
    free(w);
}

int world_connect_port(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    set_patience(fd);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

int world_connect(struct world *w)
{
    int fd = world_connect_port(w->link_port);

    assert_int_not_equal(fd, -1);
    return fd;
}

int world_accept(struct world *w)
{
    int fd = accept4(w->upstream_fd, NULL, NULL, SOCK_CLOEXEC);

    assert_int_not_equal(fd, -1);
    set_patience(fd);
    return fd;
}

void world_pair(struct world *w, int pair[2])
{
    pair[0] = world_connect(w);
    pair[1] = world_accept(w);
}

void world_talking_pair(struct world *w, int pair[2])
{
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "hello");
    world_pass(pair[1], pair[0], "welcome");
}

void world_close_pair(const int pair[2])
{
    close(pair[0]);
    close(pair[1]);
}

void world_send(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

void world_expect(int fd, const char *text)
{
    char got[4096] = "";
    size_t want = strlen(text);
    size_t size = 0;

    assert_true(want < sizeof got);
    while (size < want) {
        ssize_t n = recv(fd, got + size, want - size, 0);

        if (n <= 0)
            fail_msg("expected '%s', got '%.*s', then %s", text, (int)size, got,
                     n == 0 ? "the end" : strerror(errno));
        size += (size_t)n;
    }
    assert_memory_equal(got, text, want);
}

void world_pass(int from, int to, const char *text)
{
    world_send(from, text);
    world_expect(to, text);
}

void world_expect_fin(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);

    if (n != 0)
        fail_msg("expected FIN, got %s", n > 0 ? "a byte" : strerror(errno));
}

void world_expect_reset(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);

    if (n >= 0 || errno != ECONNRESET)
        fail_msg("expected RST, got %s",
                 n > 0 ? "a byte" : (n == 0 ? "FIN" : strerror(errno)));
}

void world_abort(int fd)
{
    struct linger at_once = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

int world_try_fault(struct world *w, const char *type, const char *words,
                    struct plane_reply *reply)
{
    struct plane_command command;
    json_t *params = NULL;
    struct error err;
    int rc;

    assert_int_equal(param_words(words, NULL, 0, &params, &err), 0);
    *reply = (struct plane_reply){.rc = 0};
    rc = plane_command_fault(&command, w->link, type, params, &reply->error);
    json_decref(params);
    if (rc != 0)
        reply->rc = rc;
    else
        rc = plane_call_wait(w->plane, &command, reply);
    return rc;
}

struct fault_id world_fault(struct world *w, const char *type, const char *words)
{
    struct plane_reply reply;

    if (world_try_fault(w, type, words, &reply) != 0)
        fail_msg("%s %s: %s", type, words, reply.error.text);
    return reply.fault;
}

static struct plane_reply must(struct world *w, const struct plane_command *command)
{
    struct plane_reply reply;

    if (plane_call_wait(w->plane, command, &reply) != 0)
        fail_msg("command %d: %s", (int)command->kind, reply.error.text);
    return reply;
}

void world_change(struct world *w, struct fault_id fault, const char *words)
{
    struct plane_command command = {.kind = PLANE_FAULT_CHANGE, .fault = fault};

    assert_int_equal(param_words(words, NULL, 0, &command.params, NULL), 0);
    must(w, &command);
}

void world_heal(struct world *w, struct fault_id fault)
{
    must(w, &(struct plane_command){.kind = PLANE_FAULT_HEAL, .fault = fault});
}

uint32_t world_reset(struct world *w)
{
    return must(w, &(struct plane_command){.kind = PLANE_LINK_RESET, .link = w->link})
        .touched;
}

struct link_stats world_stats(struct world *w)
{
    return must(w, &(struct plane_command){.kind = PLANE_LINK_STATS, .link = w->link})
        .stats;
}

void world_upstream(struct world *w, const char *upstream)
{
    struct plane_command command = {.kind = PLANE_LINK_UPSTREAM, .link = w->link};

    snprintf(command.options.upstream, sizeof command.options.upstream, "%s", upstream);
    must(w, &command);
}

int world_command(struct world *w, enum plane_command_kind kind, const char *text,
                  struct plane_reply *reply)
{
    struct plane_command command = {.kind = kind, .link = w->link};

    if (text != NULL) {
        snprintf(command.options.upstream, sizeof command.options.upstream, "%s", text);
        snprintf(command.options.listen, sizeof command.options.listen, "%s", text);
    }
    return plane_call_wait(w->plane, &command, reply);
}

void world_expect_silence(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&wait, 1, 50), 0);
}

static int count_locked(const struct world *w, enum proxy_event_kind kind)
{
    int count = 0;

    for (int i = 0; i < w->event_count; i++)
        count += w->events[i].event.kind == kind;
    return count;
}

int world_count(struct world *w, enum proxy_event_kind kind)
{
    int count;

    pthread_mutex_lock(&w->lock);
    count = count_locked(w, kind);
    pthread_mutex_unlock(&w->lock);
    return count;
}

struct world_event world_find(struct world *w, enum proxy_event_kind kind, int nth)
{
    struct world_event found = {.event = {.kind = kind}};
    bool is_found = false;

    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < w->event_count && !is_found; i++) {
        if (w->events[i].event.kind != kind || nth-- > 0)
            continue;
        found = w->events[i];
        is_found = true;
    }
    pthread_mutex_unlock(&w->lock);
    if (!is_found)
        fail_msg("no such event of kind %d", (int)kind);
    return found;
}

void world_wait_for(struct world *w, enum proxy_event_kind kind, int count)
{
    const struct timespec pause = {.tv_nsec = 2 * 1000 * 1000};

    for (int i = 0; i < WORLD_PATIENCE_S * 500; i++) {
        if (world_count(w, kind) >= count)
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("event %d came %d times, not %d", (int)kind, world_count(w, kind), count);
}

int world_open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}
