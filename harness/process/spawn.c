/* spawn: start a guard with exactly the descriptors and the environment it shall have.
 *
 * Descriptors: 0, 1, 2, those the caller names, then the control socket right behind the
 * highest; nothing else. Since a source may have the number of another's target, each is
 * first copied above all targets, then put in its place in the child.
 * posix_spawn, because it shares our memory until exec: with threads running nothing may
 * happen in between but system calls, and a big process forks as fast as a small one. */
#include "harness/process/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHILD_FDS_MAX = 64, CHILD_FD_NUMBER_MAX = 1024 };

/* Where each descriptor of the child comes from. */
struct layout {
    int sources[CHILD_FDS_MAX + 4]; /* copies above every target; ours to close */
    int targets[CHILD_FDS_MAX + 4];
    int count;
    int control_number; /* highest of all targets */
};

static void layout_release(struct layout *layout)
{
    for (int i = 0; i < layout->count; i++)
        close(layout->sources[i]);
    layout->count = 0;
}

static int layout_add(struct layout *layout, int fd, int target, struct error *err)
{
    int source = fcntl(fd, F_DUPFD_CLOEXEC, layout->control_number + 1);

    if (source == -1)
        return error_from_errno(err, "copy descriptor %d for a child", fd);
    layout->sources[layout->count] = source;
    layout->targets[layout->count] = target;
    layout->count++;
    return 0;
}

static int layout_add_standard(struct layout *layout, const int standard[3],
                               struct error *err)
{
    int rc = 0;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null == -1)
        return error_from_errno(err, "open /dev/null");
    for (int i = 0; rc == 0 && i < 3; i++)
        rc = layout_add(layout, standard[i] == -1 ? null : standard[i], i, err);
    close(null);
    return rc;
}

static int layout_fill(struct layout *layout, const struct child_options *options,
                       int control, struct error *err)
{
    const int standard[3] = {options->stdin_fd, options->stdout_fd, options->stderr_fd};
    int rc;

    layout->control_number = 3;
    for (int i = 0; i < options->fd_count; i++) {
        assert(options->fds[i].as >= 3);
        assert(options->fds[i].as < CHILD_FD_NUMBER_MAX);
        if (options->fds[i].as >= layout->control_number)
            layout->control_number = options->fds[i].as + 1;
    }
    rc = layout_add_standard(layout, standard, err);
    for (int i = 0; rc == 0 && i < options->fd_count; i++)
        rc = layout_add(layout, options->fds[i].fd, options->fds[i].as, err);
    if (rc == 0)
        rc = layout_add(layout, control, layout->control_number, err);
    return rc;
}

static bool layout_has(const struct layout *layout, int target)
{
    for (int i = 0; i < layout->count; i++)
        if (layout->targets[i] == target)
            return true;
    return false;
}

/* In the child: put everything in its place, close the gaps and all above. */
static int layout_actions(const struct layout *layout, posix_spawn_file_actions_t *out)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < layout->count; i++)
        rc =
            posix_spawn_file_actions_adddup2(out, layout->sources[i], layout->targets[i]);
    for (int fd = 3; rc == 0 && fd < layout->control_number; fd++)
        if (!layout_has(layout, fd))
            rc = posix_spawn_file_actions_addclose(out, fd);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(out, layout->control_number + 1);
    return rc;
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What a clean environment keeps: what is needed to find and load programs, and the marks
 * by which a run finds its own processes. */
static bool is_kept(const char *entry)
{
    static const char *const kept[] = {"PATH=",
                                       "HOME=",
                                       "TMPDIR=",
                                       "TZ=",
                                       "LD_LIBRARY_PATH=",
                                       "STORMDRILL_",
                                       "ASAN_OPTIONS=",
                                       "UBSAN_OPTIONS=",
                                       "TSAN_OPTIONS=",
                                       "LSAN_OPTIONS="};

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (has_prefix(entry, kept[i]))
            return true;
    return false;
}

static bool is_overridden(const char *entry, const char *const *env)
{
    const char *equals = strchr(entry, '=');
    size_t size = equals == NULL ? strlen(entry) : (size_t)(equals - entry) + 1;

    for (; env != NULL && *env != NULL; env++)
        if (strncmp(entry, *env, size) == 0)
            return true;
    return false;
}

/* The child's environment: pointers into ours and the caller's. Gives the array. */
static const char **make_environment(const struct child_options *options)
{
    const char **out;
    size_t count = 0;
    size_t at = 0;

    for (char **entry = environ; *entry != NULL; entry++)
        count++;
    for (const char *const *e = options->env; e != NULL && *e != NULL; e++)
        count++;
    out = calloc(count + 2, sizeof *out);
    if (out == NULL)
        return NULL;
    for (char **entry = environ; *entry != NULL; entry++)
        if (!is_overridden(*entry, options->env) &&
            (!options->clean_env || is_kept(*entry)))
            out[at++] = *entry;
    for (const char *const *e = options->env; e != NULL && *e != NULL; e++)
        out[at++] = *e;
    out[at++] = SPAWN_MARK "=1";
    return out;
}

/* `stormdrill guard --control N [...] -- argv...`. Gives the array; its strings are
 * borrowed, `number` too. */
static const char **make_arguments(const struct child_options *options,
                                   const char *number)
{
    enum { OURS_MAX = 8 };
    const char **out;
    size_t count = 0;
    size_t at = 0;

    while (options->argv[count] != NULL)
        count++;
    out = calloc(count + OURS_MAX + 1, sizeof *out);
    if (out == NULL)
        return NULL;
    out[at++] = "stormdrill";
    out[at++] = "guard";
    out[at++] = "--control";
    out[at++] = number;
    if (options->cwd != NULL) {
        out[at++] = "--cwd";
        out[at++] = options->cwd;
    }
    if (options->kill_orphans)
        out[at++] = "--kill-orphans";
    out[at++] = "--";
    memcpy(out + at, options->argv, count * sizeof *out);
    return out;
}

/* Its own session (Ctrl-C at the terminal reaches only the suite), no signal blocked, all
 * at their defaults. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    rc = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    return rc;
}

/* posix_spawn and what it needs; an errno. */
static int spawn(const struct child_options *options, const struct layout *layout,
                 pid_t *pid)
{
    const char *self = options->self != NULL ? options->self : "/proc/self/exe";
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char number[16];
    const char **argv;
    const char **env;
    int rc;

    snprintf(number, sizeof number, "%d", layout->control_number);
    argv = make_arguments(options, number);
    env = make_environment(options);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    rc = argv == NULL || env == NULL ? ENOMEM : layout_actions(layout, &actions);
    if (rc == 0)
        rc = set_attributes(&attributes);
    /* The casts drop const where POSIX forgot it. */
    if (rc == 0)
        rc = posix_spawn(pid, self, &actions, &attributes, (char *const *)argv,
                         (char *const *)env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(env);
    free(argv);
    return rc;
}

int spawn_guard(const struct child_options *options, pid_t *pid, int *control,
                struct error *err)
{
    struct layout layout = {.count = 0};
    int ends[2];
    int rc;

    /* PDEATHSIG follows the thread that forks: it must be the one that lives longest. */
    assert(gettid() == getpid());
    assert(options->argv != NULL && options->argv[0] != NULL);
    if (getenv(SPAWN_MARK) != NULL)
        return error_set(err, E_INTERNAL,
                         "this program was started as a guard, but its main() does not "
                         "call guard_main()");
    if (options->fd_count > CHILD_FDS_MAX)
        return error_set(err, E_LIMIT, "%d descriptors for one child; at most %d",
                         options->fd_count, CHILD_FDS_MAX);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == -1)
        return error_from_errno(err, "socket pair for the guard of %s", options->argv[0]);
    rc = layout_fill(&layout, options, ends[1], err);
    close(ends[1]);
    if (rc == 0) {
        errno = spawn(options, &layout, pid);
        if (errno != 0)
            rc = error_from_errno(err, "start the guard of %s", options->argv[0]);
    }
    layout_release(&layout);
    if (rc != 0) {
        close(ends[0]);
        return rc;
    }
    *control = ends[0];
    return 0;
}
