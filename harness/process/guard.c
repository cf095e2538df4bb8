/* guard: the small process between us and a child, which leaves nothing behind.
 *
 *   stormdrill guard [--control FD] [--cwd DIR] [--kill-orphans] -- argv...
 *
 * All well: subreaper, parent-death signal, parent still there -> fork -> exec succeeded:
 * STARTED with the pidfd -> the process ends -> what is left of its tree is killed ->
 * EXITED -> we end with its code.
 * exec fails:              FAILED with the step and errno.
 * Our parent dies, closes its end, or somebody sends us a signal: kill the whole tree.
 * We are killed:           the process dies by PDEATHSIG; what it left behind goes to the
 *                          guard above us, which kills orphans (--kill-orphans).
 *
 * One thread, no event loop library: everything is one poll. All signals are blocked and
 * read from a signalfd, so that no handler interrupts anything. */
#include "harness/process/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/process/guard_protocol.h"
#include "harness/process/spawn.h"
#include "harness/process/tree.h"
#include "proxy/base/clock.h"

/* Orphans of a killed inner guard announce themselves: its process dies with it and we
 * get SIGCHLD. The slow look is for those whose process had ended before. */
enum { ORPHAN_LOOK_MS = 500 };
static const uint64_t kill_timeout_ns = 5ull * NS_PER_S;

struct guard {
    int control;   /* to our parent; -1 when a person runs us */
    int signals;   /* signalfd */
    int exec_pipe; /* end of file: exec succeeded; -1 once that is known */
    const char *cwd;
    bool kill_orphans;
    char **argv;
    int pidfd; /* of the process */
    struct tree_watch process;
    struct guard_message failure; /* kind is set when it never ran */
    int ended_by;                 /* the signal that ended us; 0 */
};

/* What the forked child tells us when it could not become the program. */
struct exec_failure {
    uint32_t step;
    int32_t error;
};

static int usage(void)
{
    fprintf(stderr, "usage: stormdrill guard [--control FD] [--cwd DIR]"
                    " [--kill-orphans] -- PROGRAM [ARG]...\n");
    return 2;
}

/* main() may hand us its whole argv, or what follows its own name. */
static int first_option(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "guard") == 0)
        return 2;
    if (argc > 0 && strncmp(argv[0], "--", 2) == 0)
        return 0;
    return 1;
}

static int read_options(struct guard *g, int argc, char **argv)
{
    int at = first_option(argc, argv);

    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        if (strcmp(argv[at], "--kill-orphans") == 0) {
            g->kill_orphans = true;
        } else if (strcmp(argv[at], "--cwd") == 0 && at + 1 < argc) {
            g->cwd = argv[++at];
        } else if (strcmp(argv[at], "--control") == 0 && at + 1 < argc) {
            g->control = (int)strtol(argv[++at], NULL, 10);
        } else {
            return -1;
        }
    }
    if (at + 1 >= argc)
        return -1;
    g->argv = argv + at + 1;
    return 0;
}

static void tell(const struct guard *g, struct guard_message message, int pidfd)
{
    char space[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {.iov_base = &message, .iov_len = sizeof message};
    struct msghdr packet = {.msg_iov = &part, .msg_iovlen = 1};

    if (g->control == -1)
        return;
    if (pidfd != -1) {
        struct cmsghdr *rights;

        packet.msg_control = space;
        packet.msg_controllen = sizeof space;
        rights = CMSG_FIRSTHDR(&packet);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &pidfd, sizeof pidfd);
    }
    /* A parent that is gone is noticed in the loop, not here. */
    (void)sendmsg(g->control, &packet, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The numbers below the control socket belong to the process. Takes `fd`. */
static int out_of_the_way(const struct guard *g, int fd)
{
    int moved;

    if (fd == -1 || fd > g->control)
        return fd;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, g->control + 1);
    close(fd);
    return moved;
}

/* Subreaper first, so that nothing can slip away; then the parent-death signal; then a
 * look whether the parent died before it was set. */
static bool tie_to_parent(struct guard *g, pid_t parent)
{
    char byte;
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    prctl(PR_SET_NAME, "sd-guard");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        return false;
    if (g->control != -1) {
        fcntl(g->control, F_SETFD, FD_CLOEXEC);
        /* End of file: our parent is gone, or has changed its mind. */
        if (recv(g->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            return false;
    }
    g->signals = out_of_the_way(g, signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    return g->signals != -1;
}

/* All to their defaults. By the system call, since glibc hides two signals of its own,
 * which posix_spawn left ignored. */
static void reset_signals(void)
{
    static const unsigned long defaults[4]; /* handler, flags, restorer, mask */

    for (int number = 1; number < NSIG; number++)
        syscall(SYS_rt_sigaction, number, defaults, NULL, sizeof defaults[3]);
}

/* In the forked child: become the program, or say why not. */
_Noreturn static void become(const struct guard *g, pid_t guard_pid, int failed)
{
    struct exec_failure failure = {.step = GUARD_STEP_EXEC};
    sigset_t none;
    ssize_t written;

    /* A group of its own: Ctrl-C and kill(0, …) must not reach us, nor it. */
    setsid();
    reset_signals();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard_pid)
        _exit(127);
    if (g->cwd != NULL && chdir(g->cwd) != 0) {
        failure.step = GUARD_STEP_CHDIR;
    } else {
        execvp(g->argv[0], g->argv);
    }
    failure.error = errno;
    written = write(failed, &failure, sizeof failure);
    _exit(written == (ssize_t)sizeof failure ? 126 : 127);
}

/* The process alone holds its descriptors now: a reader of its output sees the end when
 * the tree ends. */
static void let_go_of_descriptors(const struct guard *g)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (g->control == -1)
        return;
    if (g->control > 3)
        close_range(3, (unsigned)g->control - 1, 0);
    for (int fd = 0; null != -1 && fd <= 2; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

static bool start_process(struct guard *g)
{
    pid_t guard_pid = getpid();
    int ends[2];
    pid_t pid;

    g->failure.step = GUARD_STEP_FORK;
    if (pipe2(ends, O_CLOEXEC) == -1) {
        g->failure.value = errno;
        return false;
    }
    pid = fork();
    if (pid == 0)
        become(g, guard_pid, ends[1]);
    g->failure.value = errno;
    close(ends[1]);
    if (pid == -1) {
        close(ends[0]);
        return false;
    }
    g->exec_pipe = out_of_the_way(g, ends[0]);
    g->process.pid = pid;
    /* Not reaped yet, so the number is still this process's. */
    g->pidfd = out_of_the_way(g, pidfd_open(pid, 0));
    g->failure.value = errno;
    return g->pidfd != -1;
}

/* Did exec work? Its pipe closed without a word: yes. */
static void on_exec_known(struct guard *g)
{
    struct exec_failure failure;
    ssize_t size = read(g->exec_pipe, &failure, sizeof failure);

    close(g->exec_pipe);
    g->exec_pipe = -1;
    if (size == (ssize_t)sizeof failure) {
        g->failure.kind = GUARD_FAILED;
        g->failure.step = failure.step;
        g->failure.value = failure.error;
        return;
    }
    tell(g, (struct guard_message){.kind = GUARD_STARTED, .value = g->process.pid},
         g->pidfd);
    close(g->pidfd);
    g->pidfd = -1;
}

/* true: a signal that ends us. */
static bool on_signals(struct guard *g)
{
    struct signalfd_siginfo info;
    bool orphan_ended = false;
    bool ends = false;

    while (read(g->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            orphan_ended |= info.ssi_pid != (uint32_t)g->process.pid;
        } else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT ||
                   info.ssi_signo == SIGHUP || info.ssi_signo == SIGQUIT) {
            g->ended_by = (int)info.ssi_signo;
            ends = true;
        }
    }
    tree_reap(&g->process);
    if (g->kill_orphans && orphan_ended && !g->process.reaped)
        tree_kill(g->process.pid, kill_timeout_ns, &g->process, NULL);
    return ends;
}

/* Until the process has ended, or we must end. */
static void watch_process(struct guard *g)
{
    while (!g->process.reaped) {
        struct pollfd fds[] = {
            {.fd = g->signals, .events = POLLIN},
            {.fd = g->control, .events = POLLIN},
            {.fd = g->exec_pipe, .events = POLLIN},
        };
        int ready = poll(fds, 3, g->kill_orphans ? ORPHAN_LOOK_MS : -1);

        if (ready == -1 && errno != EINTR)
            return;
        /* Before the signals: a process that ends at once did start. */
        if (fds[2].revents != 0)
            on_exec_known(g);
        if (g->failure.kind != 0)
            return;
        if (fds[0].revents != 0 && on_signals(g))
            return;
        /* Our parent says nothing: whatever happens there is its end. */
        if (fds[1].revents != 0)
            return;
        if (ready == 0)
            tree_kill(g->process.pid, kill_timeout_ns, &g->process, NULL);
    }
}

static int report_failure(const struct guard *g)
{
    static const char *const steps[] = {
        [GUARD_STEP_FORK] = "cannot start",
        [GUARD_STEP_CHDIR] = "cannot enter the folder of",
        [GUARD_STEP_EXEC] = "cannot run",
    };

    if (g->control == -1)
        fprintf(stderr, "error: %s %s: %s\n", steps[g->failure.step], g->argv[0],
                strerror(g->failure.value));
    tell(g, g->failure, -1);
    return g->failure.value == ENOENT ? 127 : 126;
}

static int report_exit(const struct guard *g, bool clean)
{
    int status = g->process.status;

    tell(g,
         (struct guard_message){
             .kind = GUARD_EXITED,
             .value = status,
             .survivors = !clean,
             .time_ns = g->process.time_ns,
         },
         -1);
    if (g->ended_by != 0)
        return 128 + g->ended_by;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int guard_main(int argc, char **argv)
{
    pid_t parent = getppid();
    struct guard g = {.control = -1, .signals = -1, .exec_pipe = -1, .pidfd = -1};
    bool clean;
    int code;

    if (read_options(&g, argc, argv) != 0)
        return usage();
    unsetenv(SPAWN_MARK);
    if (!tie_to_parent(&g, parent))
        return 128 + SIGTERM;
    if (!start_process(&g))
        g.failure.kind = GUARD_FAILED;
    if (g.process.pid != 0) {
        let_go_of_descriptors(&g);
        if (g.failure.kind == 0)
            watch_process(&g);
        tree_kill(0, kill_timeout_ns, &g.process, &clean);
        /* It may have ended before its exec was looked at. */
        if (g.failure.kind == 0 && g.exec_pipe != -1)
            on_exec_known(&g);
    }
    code = g.failure.kind != 0 ? report_failure(&g) : report_exit(&g, clean);
    if (g.control != -1)
        close(g.control);
    close(g.signals);
    return code;
}
