/* child: a process of ours that leaves nothing behind.
 *
 * Every child runs as `stormdrill guard -- argv`. The guard is a child subreaper with
 * PDEATHSIG and holds one end of a socket pair; at its end of file (we died, however)
 * it kills all its descendants, also those that called setsid, and exits. We get the
 * real process's pidfd and its exit status through the pair.
 *
 *   spawn -> on_started (pid known; exec succeeded) -> on_exit (exactly once, when the
 *            process and all that it started are gone)
 *   exec fails -> on_exit with an error in `failure`, no on_started
 *   guard killed -> the process dies by PDEATHSIG; on_exit says so when it is dead
 *
 * Only the main thread forks, always with exec. Signals go by pidfd, so a reused pid is
 * never hit. Callbacks fire on the loop's thread, never before a call returns. */
#ifndef STORMDRILL_PROCESS_CHILD_H
#define STORMDRILL_PROCESS_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "proxy/base/error.h"

struct child;

struct child_exit {
    int status;  /* as waitpid gives it; meaningless when `failed` */
    bool failed; /* it never ran, or its guard was lost: see failure */
    struct error failure;
    uint64_t time_ns;
};

struct child_fd {
    int fd; /* ours; borrowed: the caller closes it after spawn returned */
    int as; /* number in the child, >= 3 */
};

struct child_options {
    const char *self;        /* path of the stormdrill binary; NULL: /proc/self/exe */
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;  /* "NAME=value" beyond our environment; NULL for none */
    bool clean_env; /* of ours only PATH, HOME, TMPDIR, TZ, LD_LIBRARY_PATH, STORMDRILL_*,
                     * *SAN_OPTIONS */
    bool kill_orphans; /* for processes that start others only through child_spawn (the
                        * case): what an inner guard left when it was killed goes to this
                        * one's guard, and is debris. Else orphans live until the end. */
    const char *cwd;   /* NULL: ours */
    int stdin_fd, stdout_fd, stderr_fd; /* -1: /dev/null; borrowed */
    const struct child_fd *fds;
    int fd_count;
    void (*on_started)(struct child *child, void *arg); /* may be NULL */
    void (*on_exit)(struct child *child, const struct child_exit *exit, void *arg);
    void *arg;
};

int child_spawn(struct child **out, uv_loop_t *loop, const struct child_options *options,
                struct error *err);

/* Signal the process itself; E_STALE when it has ended, E_BUSY before on_started. */
int child_signal(struct child *child, int signal, struct error *err);

/* Signal the process and all its descendants (SIGSTOP and SIGCONT for pause). Errors as
 * child_signal. */
int child_signal_tree(struct child *child, int signal, struct error *err);

int child_pid(const struct child *child); /* 0 before on_started */
bool child_is_running(const struct child *child);

/* Has every thread of the process itself stopped (SIGSTOP is in force)? */
bool child_is_stopped(const struct child *child);

/* Kill what is left of the tree, without waiting. on_exit follows if it did not come. */
void child_kill_tree(struct child *child);

/* Free, after on_exit (also from within it); `on_released` fires when the last handle is
 * closed (may be NULL). */
void child_release(struct child *child, void (*on_released)(void *arg), void *arg);

/* The guard itself: `stormdrill guard -- argv...`, run by main(). Gives an exit code. */
int guard_main(int argc, char **argv);

/* Make this process a subreaper for what its children may leave (the suite). */
int child_adopt_orphans(struct error *err);

/* Kill and reap every descendant of this process (not the process itself). Waits at
 * most `timeout_ns`. Gives how many were killed. */
int child_kill_descendants(uint64_t timeout_ns);

#endif
