/* child: programs that a benchmark starts, and what they cost.
 *
 * CPU time comes from the process's CPU clock, which counts nanoseconds over all its
 * threads, where /proc/PID/stat counts ticks of 10 ms. Descendants are summed: socat
 * forks for each connection. Those that were reaped are in stat's children fields. */
#include "tests/bench/common/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"

enum { PATH_BYTES = 512, FDS_WANTED = 65536, TREE_MAX = 4096 };

bool child_find(const char *name, char *path, size_t size)
{
    static const char *const folders[] = {
        "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

    if (strchr(name, '/') != NULL) {
        snprintf(path, size, "%s", name);
        return access(path, X_OK) == 0;
    }
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, size, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* Between fork and exec: system calls alone. */
static void become(const char *path, char *const argv[], int out, int log, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    dup2(out != -1 ? out : log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(path, argv);
    _exit(127);
}

pid_t child_start(char *const argv[], const char *log, int *out)
{
    char path[PATH_BYTES];
    int ends[2] = {-1, -1};
    pid_t parent = getpid();
    pid_t pid = 0;
    int log_fd;

    if (!child_find(argv[0], path, sizeof path)) {
        errno = ENOENT;
        return 0;
    }
    log_fd = open(log, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    if (log_fd == -1)
        return 0;
    if (out == NULL || pipe2(ends, O_CLOEXEC) == 0) {
        pid = fork();
        if (pid == 0)
            become(path, argv, ends[1], log_fd, parent);
    }
    close(log_fd);
    if (ends[1] != -1)
        close(ends[1]);
    if (pid > 0 && out != NULL)
        *out = ends[0];
    else if (ends[0] != -1)
        close(ends[0]);
    return pid > 0 ? pid : 0;
}

bool child_lives(pid_t pid)
{
    return pid > 0 && waitpid(pid, NULL, WNOHANG) == 0;
}

void child_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* The text of a file of /proc; false when the process is gone. */
static bool read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[PATH_BYTES];
    FILE *file;
    size_t got;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    got = fread(text, 1, size - 1, file);
    text[got] = '\0';
    fclose(file);
    return got > 0;
}

static pid_t parent_of(pid_t pid)
{
    char text[1024];
    const char *close;
    int parent = 0;

    if (!read_proc(pid, "stat", text, sizeof text))
        return 0;
    close = strrchr(text, ')');
    if (close == NULL || sscanf(close, ") %*c %d", &parent) != 1)
        return 0;
    return parent;
}

/* `pid` and its descendants, at most TREE_MAX. Where nobody forks this is one step. */
static int list_tree(pid_t pid, pid_t tree[TREE_MAX])
{
    char name[64];
    char text[64 * 1024];
    int count = 0;

    tree[count++] = pid;
    for (int i = 0; i < count; i++) {
        char *next = text;
        long child;

        snprintf(name, sizeof name, "task/%d/children", (int)tree[i]);
        if (!read_proc(tree[i], name, text, sizeof text))
            continue;
        while (count < TREE_MAX && (child = strtol(next, &next, 10)) > 0)
            if (parent_of((pid_t)child) == tree[i])
                tree[count++] = (pid_t)child;
    }
    return count;
}

static double reaped_cpu_s(pid_t pid)
{
    char text[1024];
    const char *close;
    long user = 0, system = 0;

    if (!read_proc(pid, "stat", text, sizeof text))
        return 0;
    close = strrchr(text, ')');
    if (close == NULL || sscanf(close,
                                ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
                                "%ld %ld",
                                &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double clock_s(clockid_t id)
{
    struct timespec used = {.tv_sec = 0};

    if (clock_gettime(id, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / NS_PER_S;
}

double child_cpu_s(pid_t pid)
{
    pid_t tree[TREE_MAX];
    int count = list_tree(pid, tree);
    double sum = reaped_cpu_s(pid);

    for (int i = 0; i < count; i++) {
        clockid_t id;

        if (clock_getcpuclockid(tree[i], &id) == 0)
            sum += clock_s(id);
    }
    return sum;
}

double child_pss_kb(pid_t pid)
{
    pid_t tree[TREE_MAX];
    int count = list_tree(pid, tree);
    double sum = 0;

    for (int i = 0; i < count; i++) {
        char text[4096];
        const char *line;
        long kb = 0;

        if (!read_proc(tree[i], "smaps_rollup", text, sizeof text))
            continue;
        line = strstr(text, "\nPss:");
        if (line != NULL && sscanf(line, "\nPss: %ld kB", &kb) == 1)
            sum += (double)kb;
    }
    return sum;
}

struct child_fds child_fds(pid_t pid)
{
    struct child_fds fds = {.pipes = 0};
    char path[PATH_BYTES];
    struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    folder = opendir(path);
    if (folder == NULL)
        return (struct child_fds){.pipes = -1, .others = -1};
    while ((entry = readdir(folder)) != NULL) {
        char target[64] = "";

        if (entry->d_name[0] == '.')
            continue;
        if (readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1) > 0 &&
            strncmp(target, "pipe:", 5) == 0)
            fds.pipes++;
        else
            fds.others++;
    }
    closedir(folder);
    return fds;
}

double machine_busy_s(void)
{
    FILE *file = fopen("/proc/stat", "re");
    unsigned long user = 0, nice = 0, system = 0, irq = 0, softirq = 0, steal = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "cpu %lu %lu %lu %*u %*u %lu %lu %lu", &user, &nice, &system, &irq,
               &softirq, &steal) != 6)
        user = 0;
    fclose(file);
    return (double)(user + nice + system + irq + softirq + steal) /
           (double)sysconf(_SC_CLK_TCK);
}

double own_cpu_s(void)
{
    return clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

long raise_fd_limit(void)
{
    struct rlimit limit;
    struct rlimit more = {.rlim_cur = FDS_WANTED, .rlim_max = FDS_WANTED};

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_max < FDS_WANTED && setrlimit(RLIMIT_NOFILE, &more) == 0)
        return FDS_WANTED; /* root may */
    limit.rlim_cur = limit.rlim_max < FDS_WANTED ? limit.rlim_max : FDS_WANTED;
    setrlimit(RLIMIT_NOFILE, &limit);
    return (long)limit.rlim_cur;
}
