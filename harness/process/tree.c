/* tree: find, signal and kill all descendants of a process.
 *
 * One look is a snapshot of (pid, parent) of every process; the descendants of a root are
 * those whose chain of parents leads there. A snapshot is stale when it is finished, so:
 *   signal: look, signal those not yet signalled, until a look finds nobody new;
 *   kill:   signal SIGSTOP that way (nobody can fork any more), then SIGKILL to all,
 *           reap, and begin again until the kernel says that we have no children.
 * As a subreaper we inherit every orphan, so "no children" means no descendants. */
#include "harness/process/tree.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"

/* A look that finds more than this is a fork bomb: the next look takes the rest. */
enum { PROCESSES_MAX = 1 << 16, LOOKS_MAX = 64 };

struct process {
    pid_t pid;
    pid_t parent;
    bool chosen; /* below the root of this look */
    bool struck; /* signalled during this look */
    bool done;   /* signalled, now or before */
};

struct snapshot {
    struct process *processes;
    int count;
    int capacity;
};

/* What is done to whom. */
struct aim {
    pid_t root;
    pid_t spare; /* 0: nobody */
    int signal;
    const struct snapshot *before; /* the look before: who had the signal already */
};

/* State and parent from a stat file of /proc; false when there is no such process. */
static bool read_stat(const char *path, char *state, int *parent)
{
    char text[512];
    const char *end;
    ssize_t size;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1)
        return false;
    size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return false;
    text[size] = '\0';
    /* The name stands in brackets and may itself hold brackets and blanks. */
    end = strrchr(text, ')');
    return end != NULL && sscanf(end + 1, " %c %d", state, parent) == 2;
}

/* The parent of `pid`, or -1 when it is gone. A zombie still counts: a process whose
 * first thread has ended looks like one while its other threads run on. */
static pid_t read_parent(pid_t pid)
{
    char path[64];
    char state;
    int parent;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (!read_stat(path, &state, &parent) || state == 'X')
        return -1;
    return (pid_t)parent;
}

bool tree_is_stopped(pid_t pid)
{
    char path[64];
    struct dirent *entry;
    bool stopped = true;
    DIR *tasks;

    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    tasks = opendir(path);
    if (tasks == NULL)
        return false;
    while (stopped && (entry = readdir(tasks)) != NULL) {
        char stat[128];
        char state;
        int parent;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(stat, sizeof stat, "/proc/%d/task/%.32s/stat", (int)pid, entry->d_name);
        /* A thread that ended while we looked is no runner. */
        stopped = !read_stat(stat, &state, &parent) || state == 'T' || state == 't';
    }
    closedir(tasks);
    return stopped;
}

static bool snapshot_add(struct snapshot *shot, const struct process *process)
{
    if (shot->count == shot->capacity) {
        int capacity = shot->capacity == 0 ? 256 : shot->capacity * 2;
        struct process *grown;

        if (capacity > PROCESSES_MAX)
            return false;
        grown = realloc(shot->processes, (size_t)capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        shot->processes = grown;
        shot->capacity = capacity;
    }
    shot->processes[shot->count++] = *process;
    return true;
}

static int compare_pids(const void *left, const void *right)
{
    const struct process *a = left;
    const struct process *b = right;

    return (a->pid > b->pid) - (a->pid < b->pid);
}

static const struct process *snapshot_find(const struct snapshot *shot, pid_t pid)
{
    const struct process key = {.pid = pid};

    if (shot->count == 0)
        return NULL;
    return bsearch(&key, shot->processes, (size_t)shot->count, sizeof key, compare_pids);
}

/* Signal the process that we saw, not one that got its number since. */
static bool signal_exactly(const struct process *p, int signal)
{
    int pidfd = pidfd_open(p->pid, 0);
    bool sent;

    if (pidfd == -1)
        return false;
    sent = read_parent(p->pid) == p->parent &&
           pidfd_send_signal(pidfd, signal, NULL, 0) == 0;
    close(pidfd);
    return sent;
}

static bool was_done(const struct snapshot *before, const struct process *p)
{
    const struct process *earlier = snapshot_find(before, p->pid);

    return earlier != NULL && earlier->done && earlier->chosen;
}

/* The numbers of all processes, oldest first. Gives an array and its length. */
static pid_t *read_pids(int *count)
{
    DIR *proc = opendir("/proc");
    pid_t *pids = NULL;
    int capacity = 0;
    struct dirent *entry;

    *count = 0;
    while (proc != NULL && (entry = readdir(proc)) != NULL) {
        long pid = strtol(entry->d_name, NULL, 10);

        if (pid <= 1)
            continue;
        if (*count == capacity) {
            pid_t *grown;

            capacity = capacity == 0 ? 512 : capacity * 2;
            grown = realloc(pids, (size_t)capacity * sizeof *pids);
            if (grown == NULL)
                break;
            pids = grown;
        }
        pids[(*count)++] = (pid_t)pid;
    }
    if (proc != NULL)
        closedir(proc);
    return pids;
}

/* Look. Newest first, and our own children are signalled while we look: a process that
 * forks and exits in a circle never lives long enough to be signalled afterwards. */
static void snapshot_take(struct snapshot *shot, const struct aim *aim)
{
    int count;
    pid_t *pids = read_pids(&count);

    shot->count = 0;
    for (int i = count - 1; i >= 0; i--) {
        struct process p = {.pid = pids[i], .parent = read_parent(pids[i])};

        if (p.parent == -1)
            continue;
        if (aim != NULL && p.parent == aim->root && p.pid != aim->spare &&
            !was_done(aim->before, &p))
            p.struck = signal_exactly(&p, aim->signal);
        if (!snapshot_add(shot, &p))
            break;
    }
    free(pids);
    qsort(shot->processes, (size_t)shot->count, sizeof *shot->processes, compare_pids);
}

static bool is_chosen(const struct snapshot *shot, pid_t pid)
{
    const struct process *p = snapshot_find(shot, pid);

    return p != NULL && p->chosen;
}

/* Mark what lies below `root`, except `spare` and thereby what lies below it. */
static void snapshot_choose(struct snapshot *shot, pid_t root, pid_t spare)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (int i = 0; i < shot->count; i++) {
            struct process *p = &shot->processes[i];

            if (p->chosen || p->pid == spare)
                continue;
            if (p->parent == root || is_chosen(shot, p->parent))
                p->chosen = changed = true;
        }
    }
}

/* One look and its signals. Gives how many new ones it found, adds to `reached`. */
static int signal_look(const struct aim *aim, struct snapshot *now, int *reached)
{
    int found = 0;

    snapshot_take(now, aim);
    snapshot_choose(now, aim->root, aim->spare);
    for (int i = 0; i < now->count; i++) {
        struct process *p = &now->processes[i];

        if (!p->chosen)
            continue;
        p->done = was_done(aim->before, p);
        if (p->done)
            continue;
        p->done = p->struck || signal_exactly(p, aim->signal);
        found++;
        *reached += p->done;
    }
    return found;
}

static int signal_all(pid_t root, pid_t spare, int signal)
{
    struct snapshot shots[2] = {{.processes = NULL}, {.processes = NULL}};
    struct aim aim = {.root = root, .spare = spare, .signal = signal};
    int reached = 0;

    assert(root > 0);
    for (int look = 0; look < LOOKS_MAX; look++) {
        aim.before = &shots[(look + 1) % 2];
        if (signal_look(&aim, &shots[look % 2], &reached) == 0)
            break;
    }
    free(shots[0].processes);
    free(shots[1].processes);
    return reached;
}

int tree_signal(pid_t root, int signal)
{
    return signal_all(root, 0, signal);
}

int tree_reap(struct tree_watch *watch)
{
    int count = 0;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        count++;
        if (watch == NULL || pid != watch->pid)
            continue;
        watch->reaped = true;
        watch->status = status;
        watch->time_ns = clock_now(clock_real());
    }
    return count;
}

/* Have we a child other than `spare`? The kernel knows it exactly, but not about one
 * child among several: then a look decides. */
static bool is_anybody_left(pid_t spare)
{
    struct snapshot shot = {.processes = NULL};
    siginfo_t info = {.si_pid = 0};
    bool left = false;

    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 && errno == ECHILD)
        return false;
    if (spare == 0)
        return true;
    snapshot_take(&shot, NULL);
    for (int i = 0; i < shot.count; i++)
        left |= shot.processes[i].parent == getpid() && shot.processes[i].pid != spare;
    free(shot.processes);
    return left;
}

int tree_kill(pid_t spare, uint64_t timeout_ns, struct tree_watch *watch, bool *clean)
{
    const struct timespec breath = {.tv_nsec = 500 * NS_PER_US};
    uint64_t deadline_ns = clock_now(clock_real()) + timeout_ns;
    int killed = 0;
    bool left;

    tree_reap(watch);
    while ((left = is_anybody_left(spare))) {
        signal_all(getpid(), spare, SIGSTOP);
        killed += signal_all(getpid(), spare, SIGKILL);
        if (tree_reap(watch) == 0)
            nanosleep(&breath, NULL);
        if (clock_now(clock_real()) >= deadline_ns)
            break;
    }
    tree_reap(watch);
    if (clean != NULL)
        *clean = !left;
    return killed;
}
