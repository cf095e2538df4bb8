/* child: programs that a benchmark starts, and what they cost. Every child dies with the
 * benchmark (PDEATHSIG) and is ended by its pid. Thread: any; pids are the caller's. */
#ifndef STORMDRILL_BENCH_CHILD_H
#define STORMDRILL_BENCH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* Start `argv` (a path, or a name to look up in PATH and the sbin folders). Its standard
 * error, and its output unless `out` asks for it, go to the file `log`. `out` gives a
 * descriptor to read its output from (the caller closes it); may be NULL. 0 on failure,
 * with errno. */
pid_t child_start(char *const argv[], const char *log, int *out);

/* Is it still running? Reaps it when not. */
bool child_lives(pid_t pid);

/* SIGKILL and wait. 0 is fine. */
void child_stop(pid_t pid);

/* Where `name` is installed; false: nowhere. A name with '/' is taken as it is. */
bool child_find(const char *name, char *path, size_t size);

/* CPU time in seconds that the process and its descendants have used, ns resolution for
 * what lives (all threads, also those that ended), clock ticks for what was reaped. */
double child_cpu_s(pid_t pid);

/* Memory of the process and its descendants in KB: own pages, and its share of those
 * that are shared. */
double child_pss_kb(pid_t pid);

/* Open descriptors of the process: pipes, and all others. -1: it is gone. */
struct child_fds {
    int pipes;
    int others;
};
struct child_fds child_fds(pid_t pid);

/* CPU seconds that the whole machine has spent on work since it was switched on. */
double machine_busy_s(void);

/* CPU seconds of this process. */
double own_cpu_s(void);

/* As many descriptors as this process may have; gives the limit. */
long raise_fd_limit(void);

#endif
