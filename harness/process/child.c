/* child: a guarded process, seen from the loop that started it.
 *
 * All well:  spawn -> STARTING -> guard says started -> RUNNING -> guard says exited,
 *            its tree is gone -> guard ends and is reaped -> ENDED, on_exit.
 * exec fails:   guard says failed and ends -> ENDED, on_exit with the failure.
 * Guard killed: its pidfd wakes us and it had said nothing: the process dies by
 *               PDEATHSIG; we wait for its own pidfd (MOURNING), then ENDED.
 * The guard's end is the one event that leads to on_exit; what it said before is read
 * then at the latest. child_release: closes the handles, the last one frees. */
#include "harness/process/child.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/process/guard_protocol.h"
#include "harness/process/spawn.h"
#include "harness/process/tree.h"
#include "proxy/base/clock.h"

enum child_state {
    CHILD_STARTING,
    CHILD_RUNNING,
    CHILD_MOURNING,
    CHILD_ENDED,
    CHILD_RELEASED,
    CHILD_STATE_COUNT
};

#define TO(state) (1u << CHILD_##state)
static const unsigned allowed[CHILD_STATE_COUNT] = {
    [CHILD_STARTING] = TO(RUNNING) | TO(ENDED),
    [CHILD_RUNNING] = TO(MOURNING) | TO(ENDED),
    [CHILD_MOURNING] = TO(ENDED),
    [CHILD_ENDED] = TO(RELEASED),
    [CHILD_RELEASED] = 0,
};
#undef TO

struct child {
    enum child_state state;
    char *name; /* argv[0], for messages */
    char *cwd;  /* NULL: ours */
    pid_t guard;
    int guard_pidfd;
    int control;
    pid_t pid;
    int pidfd; /* -1 before on_started */
    bool killing;
    struct guard_message last; /* FAILED or EXITED; kind 0: not yet */
    uv_poll_t control_poll;
    uv_poll_t guard_poll;
    uv_poll_t mourning_poll;
    bool mourning_poll_open;
    int handles_open;
    void (*on_started)(struct child *child, void *arg);
    void (*on_exit)(struct child *child, const struct child_exit *exit, void *arg);
    void *arg;
    void (*on_released)(void *arg);
    void *released_arg;
};

static void child_move(struct child *child, enum child_state to)
{
    assert((allowed[child->state] & (1u << to)) != 0);
    child->state = to;
}

/* Read one message of the guard and the descriptor that may come along. */
static bool receive(struct child *child, struct guard_message *message, int *pidfd)
{
    char space[CMSG_SPACE(sizeof(int))];
    struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
    struct msghdr packet = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = space,
        .msg_controllen = sizeof space,
    };
    ssize_t size = recvmsg(child->control, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *rights;

    *pidfd = -1;
    if (size <= 0)
        return false;
    rights = CMSG_FIRSTHDR(&packet);
    if (rights != NULL && rights->cmsg_type == SCM_RIGHTS)
        memcpy(pidfd, CMSG_DATA(rights), sizeof *pidfd);
    return size == (ssize_t)sizeof *message;
}

static void on_guard_started(struct child *child, pid_t pid, int pidfd)
{
    child->pid = pid;
    child->pidfd = pidfd;
    child_move(child, CHILD_RUNNING);
    if (child->on_started != NULL)
        child->on_started(child, child->arg);
}

/* Take what the guard has said so far. */
static void read_messages(struct child *child)
{
    struct guard_message message;
    int pidfd;

    while (receive(child, &message, &pidfd)) {
        if (message.kind == GUARD_STARTED && child->state == CHILD_STARTING) {
            on_guard_started(child, message.value, pidfd);
            continue;
        }
        if (pidfd != -1)
            close(pidfd);
        if (message.kind == GUARD_FAILED || message.kind == GUARD_EXITED)
            child->last = message;
    }
}

static void on_control(uv_poll_t *handle, int status, int events)
{
    struct child *child = handle->data;

    (void)status;
    (void)events;
    read_messages(child);
    /* At its end of file the guard is ending: on_guard_ended does the rest. */
    if (child->last.kind != 0 || recv(child->control, &(char){0}, 1, MSG_PEEK) == 0)
        uv_poll_stop(handle);
}

static void describe_failed_start(const struct child *child, struct error *failure)
{
    int number = child->last.value;
    int code = number == ENOENT ? E_NOT_FOUND : E_SYSTEM;

    if (child->last.step == GUARD_STEP_CHDIR) {
        error_set(failure, code, "cannot enter the folder %s of %s: %s", child->cwd,
                  child->name, strerror(number));
        return;
    }
    error_set(failure, code, "cannot %s %s: %s",
              child->last.step == GUARD_STEP_FORK ? "start a process for" : "run",
              child->name, strerror(number));
    if (number == ENOENT && strchr(child->name, '/') == NULL)
        error_hint(failure, "it is not in $PATH: install it, or give its full path");
    else if (number == EACCES)
        error_hint(failure, "it is not executable: chmod +x %s", child->name);
    else if (number == ENOEXEC)
        error_hint(failure, "it is no program of this machine; does a script lack #!?");
}

static void describe_exit(const struct child *child, struct child_exit *exit)
{
    exit->time_ns = clock_now(clock_real());
    switch (child->last.kind) {
    case GUARD_EXITED:
        exit->status = child->last.value;
        if (child->last.time_ns != 0)
            exit->time_ns = child->last.time_ns;
        exit->failed = child->last.survivors != 0;
        if (exit->failed)
            error_set(&exit->failure, E_SYSTEM,
                      "%s (pid %d) or what it started could not be killed", child->name,
                      (int)child->pid);
        return;
    case GUARD_FAILED:
        exit->failed = true;
        describe_failed_start(child, &exit->failure);
        return;
    default:
        exit->failed = true;
        if (child->killing && child->pid == 0) {
            error_set(&exit->failure, E_CANCELLED, "%s was ended before it had started",
                      child->name);
            return;
        }
        error_set(&exit->failure, E_CLOSED,
                  child->pid == 0 ? "the guard of %s was lost before it started"
                                  : "the guard of %s was lost; the process went with it",
                  child->name);
    }
}

/* The one place where a child ends. */
static void finish(struct child *child)
{
    struct child_exit exit = {.failed = false};

    describe_exit(child, &exit);
    uv_poll_stop(&child->control_poll);
    uv_poll_stop(&child->guard_poll);
    child_move(child, CHILD_ENDED);
    if (child->on_exit != NULL)
        child->on_exit(child, &exit, child->arg); /* may release `child` */
}

static void on_mourned(uv_poll_t *handle, int status, int events)
{
    struct child *child = handle->data;

    (void)status;
    (void)events;
    uv_poll_stop(handle);
    finish(child);
}

/* The guard was killed. PDEATHSIG has hit the process, or is about to; make sure, and
 * wait until it is really gone. */
static void mourn(struct child *child)
{
    child_move(child, CHILD_MOURNING);
    pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
    if (uv_poll_init(child->control_poll.loop, &child->mourning_poll, child->pidfd) !=
        0) {
        finish(child);
        return;
    }
    child->mourning_poll.data = child;
    child->mourning_poll_open = true;
    child->handles_open++;
    uv_poll_start(&child->mourning_poll, UV_READABLE, on_mourned);
}

static void on_guard_ended(uv_poll_t *handle, int status, int events)
{
    struct child *child = handle->data;
    siginfo_t info;

    (void)status;
    (void)events;
    /* ECHILD: child_kill_descendants was faster. */
    (void)waitid(P_PIDFD, (id_t)child->guard_pidfd, &info, WEXITED | WNOHANG);
    uv_poll_stop(handle);
    read_messages(child);
    if (child->state == CHILD_RUNNING && child->last.kind == 0)
        mourn(child);
    else
        finish(child);
}

static int watch_guard(struct child *child, uv_loop_t *loop, struct error *err)
{
    int rc = uv_poll_init(loop, &child->control_poll, child->control);

    if (rc == 0) {
        child->handles_open++;
        rc = uv_poll_init(loop, &child->guard_poll, child->guard_pidfd);
    }
    if (rc != 0)
        return error_set(err, E_SYSTEM, "watch the guard of %s: %s", child->name,
                         uv_strerror(rc));
    child->handles_open++;
    uv_poll_start(&child->control_poll, UV_READABLE | UV_DISCONNECT, on_control);
    uv_poll_start(&child->guard_poll, UV_READABLE, on_guard_ended);
    return 0;
}

static void free_child(struct child *child)
{
    if (child->guard_pidfd != -1)
        close(child->guard_pidfd);
    if (child->control != -1)
        close(child->control);
    if (child->pidfd != -1)
        close(child->pidfd);
    free(child->name);
    free(child->cwd);
    free(child);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct child *child = handle->data;
    void (*on_released)(void *arg) = child->on_released;
    void *arg = child->released_arg;

    child->handles_open--;
    if (child->handles_open > 0)
        return;
    free_child(child);
    if (on_released != NULL)
        on_released(arg);
}

static struct child *child_create(const struct child_options *options)
{
    struct child *child = calloc(1, sizeof *child);

    if (child == NULL)
        return NULL;
    child->guard_pidfd = child->control = child->pidfd = -1;
    child->control_poll.data = child->guard_poll.data = child;
    child->on_started = options->on_started;
    child->on_exit = options->on_exit;
    child->arg = options->arg;
    child->name = strdup(options->argv[0]);
    if (options->cwd != NULL)
        child->cwd = strdup(options->cwd);
    if (child->name == NULL || (options->cwd != NULL && child->cwd == NULL)) {
        free_child(child);
        return NULL;
    }
    return child;
}

/* The guard runs, but cannot be watched: end it. Its socket's end makes it kill all. */
static void give_up(struct child *child)
{
    close(child->control);
    child->control = -1;
    waitpid(child->guard, NULL, 0);
    child->state = CHILD_RELEASED;
    if (child->handles_open > 0)
        uv_close((uv_handle_t *)&child->control_poll, on_handle_closed);
    else
        free_child(child);
}

int child_spawn(struct child **out, uv_loop_t *loop, const struct child_options *options,
                struct error *err)
{
    struct child *child = child_create(options);
    int rc;

    *out = NULL;
    if (child == NULL)
        return error_set(err, E_NOMEM, "child");
    rc = spawn_guard(options, &child->guard, &child->control, err);
    if (rc != 0) {
        free_child(child);
        return rc;
    }
    child->guard_pidfd = pidfd_open(child->guard, 0);
    if (child->guard_pidfd == -1)
        rc = error_from_errno(err, "watch the guard of %s", child->name);
    if (rc == 0)
        rc = watch_guard(child, loop, err);
    if (rc != 0) {
        give_up(child);
        return rc;
    }
    *out = child;
    return 0;
}

/* May it be signalled? A zombie would take a signal without a word. */
static int check_alive(const struct child *child, struct error *err)
{
    struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};

    if (child->state == CHILD_STARTING)
        return error_set(err, E_BUSY, "%s has not started yet", child->name);
    if (child->state != CHILD_RUNNING || poll(&ended, 1, 0) != 0)
        return error_set(err, E_STALE, "%s (pid %d) has ended", child->name,
                         (int)child->pid);
    return 0;
}

int child_signal(struct child *child, int signal, struct error *err)
{
    int rc = check_alive(child, err);

    if (rc != 0)
        return rc;
    if (pidfd_send_signal(child->pidfd, signal, NULL, 0) == 0)
        return 0;
    if (errno == ESRCH)
        return error_set(err, E_STALE, "%s (pid %d) has ended", child->name,
                         (int)child->pid);
    return error_from_errno(err, "signal %d to %s (pid %d)", signal, child->name,
                            (int)child->pid);
}

int child_signal_tree(struct child *child, int signal, struct error *err)
{
    int rc = check_alive(child, err);

    if (rc == 0)
        tree_signal(child->guard, signal);
    return rc;
}

int child_pid(const struct child *child)
{
    return (int)child->pid;
}

bool child_is_running(const struct child *child)
{
    return child->state == CHILD_RUNNING;
}

bool child_is_stopped(const struct child *child)
{
    return child->state == CHILD_RUNNING && tree_is_stopped(child->pid);
}

void child_kill_tree(struct child *child)
{
    if (child->killing || child->state >= CHILD_ENDED)
        return;
    child->killing = true;
    /* The guard reads the end of file and kills all; it still tells us the status. A
     * paused guard must wake for that. */
    shutdown(child->control, SHUT_WR);
    pidfd_send_signal(child->guard_pidfd, SIGCONT, NULL, 0);
    if (child->pidfd != -1)
        pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
}

void child_release(struct child *child, void (*on_released)(void *arg), void *arg)
{
    child_move(child, CHILD_RELEASED);
    child->on_released = on_released;
    child->released_arg = arg;
    uv_close((uv_handle_t *)&child->control_poll, on_handle_closed);
    uv_close((uv_handle_t *)&child->guard_poll, on_handle_closed);
    if (child->mourning_poll_open)
        uv_close((uv_handle_t *)&child->mourning_poll, on_handle_closed);
}

int child_adopt_orphans(struct error *err)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
        return error_from_errno(err, "become a subreaper");
    return 0;
}

int child_kill_descendants(uint64_t timeout_ns)
{
    return tree_kill(0, timeout_ns, NULL, NULL);
}
