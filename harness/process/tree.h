/* tree: a process and all that it started, however deep and in whatever session.
 *
 * Descendants are found by parent numbers in /proc, again and again, since a process may
 * fork while we look. Every signal goes through a pidfd that was opened first and whose
 * parent was compared afterwards, so that a pid that was used again is never hit.
 * Thread: any; nothing is shared. */
#ifndef STORMDRILL_PROCESS_TREE_H
#define STORMDRILL_PROCESS_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of the one process whose end somebody waits for, when tree_kill reaps it. */
struct tree_watch {
    pid_t pid; /* 0: none */
    bool reaped;
    int status;       /* as waitpid gives it */
    uint64_t time_ns; /* when it was reaped */
};

/* Send `signal` once to every descendant of `root` (not to root itself), looking again
 * until nobody new is found. Gives how many it reached. */
int tree_signal(pid_t root, int signal);

/* Kill and reap every descendant of this process, except `spare` and what it started
 * (0: spare nobody). Needs a subreaper, else what daemonised escapes. Stops them all
 * first, so that a fork bomb stands still when it dies. Waits at most `timeout_ns`.
 * Gives how many it killed; `*clean` (may be NULL) says whether nothing is left. */
int tree_kill(pid_t spare, uint64_t timeout_ns, struct tree_watch *watch, bool *clean);

/* Has every thread of that process stopped? */
bool tree_is_stopped(pid_t pid);

/* Reap what has ended among our children. Gives how many; notes the watched one. */
int tree_reap(struct tree_watch *watch);

#endif
