/* desk: the thread that reads orders, and the queue in which they wait.
 *
 * All well:  a line arrives -> it is parsed -> it waits in the queue -> the workload
 * takes it, acts, answers by its id. No JSON, no op: answered at once with E_FORMAT, if
 * it has an id; logged otherwise. Socket ends:    an exit order of our own: nobody is
 * left to ask for anything. Answers are small and the socket's buffer is large; a case
 * that does not read them is dead or broken, so a full socket loses the answer and never
 * blocks the client. */
#include "harness/client/desk.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 1 << 20, READ_BYTES = 4096 };

struct desk {
    const struct clock *clock;
    struct log *log;
    int fd;        /* borrowed */
    int signal_fd; /* SIGTERM, SIGINT */
    int end_fd;    /* desk_close wakes the thread */
    pthread_t thread;
    pthread_mutex_t lock;  /* of the queue */
    pthread_mutex_t speak; /* one line at a time */
    pthread_cond_t arrived;
    struct errand *first;
    struct errand *last;
    _Atomic int waiting;
    _Atomic bool wants_stop;
    _Atomic bool wants_exit;
    char *line; /* the thread's: what came of the next line so far */
    size_t line_size;
    size_t line_capacity;
};

static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

void desk_block_signals(void)
{
    sigset_t set;

    signal_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void say(struct desk *desk, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t size = text != NULL ? strlen(text) : 0;
    size_t sent = 0;

    if (text != NULL && desk->fd >= 0) {
        text[size] = '\n'; /* in place of the NUL: the line is sent by its size */
        pthread_mutex_lock(&desk->speak);
        while (sent < size + 1) {
            ssize_t n =
                send(desk->fd, text + sent, size + 1 - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

            if (n > 0)
                sent += (size_t)n;
            else if (n == -1 && errno == EINTR)
                continue;
            else
                break;
        }
        pthread_mutex_unlock(&desk->speak);
        if (sent < size + 1)
            log_warn(desk->log, "client", "an answer was lost: nobody reads them");
    }
    free(text);
    json_decref(object);
}

static void enqueue(struct desk *desk, struct errand *errand)
{
    pthread_mutex_lock(&desk->lock);
    if (desk->last != NULL)
        desk->last->next = errand;
    else
        desk->first = errand;
    desk->last = errand;
    atomic_fetch_add(&desk->waiting, 1);
    if (errand->kind == ERRAND_STOP || errand->kind == ERRAND_EXIT)
        atomic_store(&desk->wants_stop, true);
    if (errand->kind == ERRAND_EXIT)
        atomic_store(&desk->wants_exit, true);
    pthread_cond_signal(&desk->arrived);
    pthread_mutex_unlock(&desk->lock);
}

static void enqueue_exit(struct desk *desk)
{
    struct errand *errand = calloc(1, sizeof *errand);

    if (errand == NULL)
        return;
    errand->kind = ERRAND_EXIT;
    errand->op = "exit";
    enqueue(desk, errand);
}

static enum errand_kind kind_of(const char *op)
{
    if (strcmp(op, "stop") == 0)
        return ERRAND_STOP;
    if (strcmp(op, "fence") == 0)
        return ERRAND_FENCE;
    if (strcmp(op, "exit") == 0)
        return ERRAND_EXIT;
    return ERRAND_OTHER;
}

static void on_line(struct desk *desk, const char *line, size_t size)
{
    json_t *body = json_loadb(line, size, 0, NULL);
    const char *op = json_string_value(json_object_get(body, "op"));
    struct errand *errand;

    if (op == NULL) {
        log_warn(desk->log, "client", "an order that is none: %.*s",
                 (int)(size < 200 ? size : 200), line);
        if (json_object_get(body, "id") != NULL)
            say(desk, json_pack("{s:O, s:i, s:s}", "id", json_object_get(body, "id"),
                                "rc", E_FORMAT, "text", "an order needs an 'op'"));
        json_decref(body);
        return;
    }
    errand = calloc(1, sizeof *errand);
    if (errand == NULL) {
        json_decref(body);
        return;
    }
    errand->kind = kind_of(op);
    errand->is_answerable = json_is_integer(json_object_get(body, "id"));
    errand->id = json_integer_value(json_object_get(body, "id"));
    errand->op = op;
    errand->body = body;
    enqueue(desk, errand);
}

/* Cut what has arrived into lines; the rest stays for the next read. */
static void take_lines(struct desk *desk)
{
    char *at = desk->line;
    char *end = desk->line + desk->line_size;
    char *newline;

    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        on_line(desk, at, (size_t)(newline - at));
        at = newline + 1;
    }
    desk->line_size = (size_t)(end - at);
    memmove(desk->line, at, desk->line_size);
}

/* false: the socket has ended. */
static bool read_socket(struct desk *desk)
{
    ssize_t n;

    if (desk->line_capacity - desk->line_size < READ_BYTES) {
        size_t capacity = desk->line_capacity * 2 + READ_BYTES;
        char *grown = capacity <= LINE_BYTES_MAX ? realloc(desk->line, capacity) : NULL;

        if (grown == NULL) {
            log_warn(desk->log, "client", "an order is too long; it was dropped");
            desk->line_size = 0;
            return true;
        }
        desk->line = grown;
        desk->line_capacity = capacity;
    }
    n = recv(desk->fd, desk->line + desk->line_size, READ_BYTES, MSG_DONTWAIT);
    if (n == -1)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    desk->line_size += (size_t)n;
    take_lines(desk);
    return true;
}

static void *run(void *arg)
{
    struct desk *desk = arg;
    struct pollfd fds[] = {
        {.fd = desk->end_fd, .events = POLLIN},
        {.fd = desk->signal_fd, .events = POLLIN},
        {.fd = desk->fd, .events = POLLIN}, /* -1 is skipped by poll */
    };

    for (;;) {
        if (poll(fds, 3, -1) == -1 && errno != EINTR)
            break;
        if (fds[0].revents != 0)
            break;
        if (fds[1].revents != 0) {
            struct signalfd_siginfo info;

            if (read(desk->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
                enqueue_exit(desk);
        }
        if (fds[2].revents != 0 && !read_socket(desk)) {
            enqueue_exit(desk);
            fds[2].fd = -1;
        }
    }
    return NULL;
}

static int open_fds(struct desk *desk, struct error *err)
{
    sigset_t set;

    signal_set(&set);
    desk->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (desk->signal_fd == -1)
        return error_from_errno(err, "signalfd");
    desk->end_fd = eventfd(0, EFD_CLOEXEC);
    if (desk->end_fd == -1) {
        int rc = error_from_errno(err, "eventfd");

        close(desk->signal_fd);
        return rc;
    }
    return 0;
}

static void release(struct desk *desk)
{
    close(desk->signal_fd);
    close(desk->end_fd);
    pthread_cond_destroy(&desk->arrived);
    pthread_mutex_destroy(&desk->speak);
    pthread_mutex_destroy(&desk->lock);
    free(desk->line);
    free(desk);
}

int desk_open(struct desk **out, int fd, const struct clock *clock, struct log *log,
              struct error *err)
{
    struct desk *desk = calloc(1, sizeof *desk);
    pthread_condattr_t attr;
    int rc;

    if (desk == NULL)
        return error_set(err, E_NOMEM, "desk");
    desk->fd = fd;
    desk->clock = clock;
    desk->log = log;
    rc = open_fds(desk, err);
    if (rc != 0) {
        free(desk);
        return rc;
    }
    pthread_mutex_init(&desk->lock, NULL);
    pthread_mutex_init(&desk->speak, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&desk->arrived, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&desk->thread, NULL, run, desk) != 0) {
        release(desk);
        return error_set(err, E_SYSTEM, "no thread for the orders");
    }
    *out = desk;
    return 0;
}

void desk_close(struct desk *desk)
{
    uint64_t one = 1;
    struct errand *errand;

    if (desk == NULL)
        return;
    if (write(desk->end_fd, &one, sizeof one) != (ssize_t)sizeof one)
        log_warn(desk->log, "client", "the order thread could not be woken");
    pthread_join(desk->thread, NULL);
    while ((errand = desk_take(desk, 0)) != NULL) {
        /* Who asked it to leave gets what was asked for. */
        if (errand->kind == ERRAND_EXIT)
            desk_answer(desk, errand, 0, NULL, NULL);
        else
            desk_answer(desk, errand, E_CLOSED, "the client is leaving", NULL);
    }
    release(desk);
}

bool desk_wait_until(struct desk *desk, uint64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                             .tv_nsec = (long)(until_ns % NS_PER_S)};
    bool waits;

    pthread_mutex_lock(&desk->lock);
    while (desk->first == NULL && clock_now(desk->clock) < until_ns) {
        if (pthread_cond_timedwait(&desk->arrived, &desk->lock, &until) != 0)
            break;
    }
    waits = desk->first != NULL;
    pthread_mutex_unlock(&desk->lock);
    return waits;
}

struct errand *desk_take(struct desk *desk, uint64_t until_ns)
{
    struct errand *errand;

    if (until_ns != 0)
        desk_wait_until(desk, until_ns);
    pthread_mutex_lock(&desk->lock);
    errand = desk->first;
    if (errand != NULL) {
        desk->first = errand->next;
        if (desk->first == NULL)
            desk->last = NULL;
        errand->next = NULL;
        atomic_fetch_sub(&desk->waiting, 1);
    }
    pthread_mutex_unlock(&desk->lock);
    return errand;
}

bool desk_has_order(const struct desk *desk)
{
    return atomic_load_explicit(&desk->waiting, memory_order_relaxed) > 0;
}

bool desk_wants_stop(const struct desk *desk)
{
    return atomic_load_explicit(&desk->wants_stop, memory_order_relaxed);
}

bool desk_wants_exit(const struct desk *desk)
{
    return atomic_load_explicit(&desk->wants_exit, memory_order_relaxed);
}

void desk_answer(struct desk *desk, struct errand *errand, int rc, const char *text,
                 const json_t *more)
{
    json_t *answer;

    assert(errand->next == NULL);
    if (errand->is_answerable) {
        answer = json_pack("{s:I, s:i}", "id", (json_int_t)errand->id, "rc", rc);
        if (answer != NULL && text != NULL)
            json_object_set_new(answer, "text", json_string(text));
        if (answer != NULL && more != NULL)
            json_object_update_missing(answer, (json_t *)(uintptr_t)more);
        say(desk, answer);
    }
    json_decref(errand->body);
    free(errand);
}

/* The code tells the author's mistakes (a subject that cannot be) from the machine's. */
void desk_tell_failed(struct desk *desk, int code, const char *text)
{
    say(desk,
        json_pack("{s:s, s:s, s:i}", "event", "failed", "text", text, "code", code));
}

void desk_tell(struct desk *desk, const char *event, const char *text)
{
    json_t *line = json_pack("{s:s}", "event", event);

    if (line != NULL && text != NULL)
        json_object_set_new(line, "text", json_string(text));
    say(desk, line);
}
