/* sweep: what killed runs left in shm and nobody came to fetch.
 *
 * A folder is an orphan when it is ours by name and owner, nothing in it was made,
 * renamed or removed for a while, and no process holds a mark of life in it. Then: its
 * evidence folder is there:  what it holds is brought home, as `analyze` would; that is
 * gone:                  a longer while, since it may have been moved and be analysed
 * where it is now; then it is removed; that is not known:             only marks of dead
 * processes go, and it if empty; that is another host's:        left alone: two
 * containers may share one shm. Whatever cannot be done is left for the next sweep;
 * nothing here can fail a run. */
#include "harness/evidence/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/evidence/files.h"
#include "harness/evidence/segment.h"
#include "proxy/base/clock.h"

/* A case that starts does not wait for more than this: no folder is begun after it. */
static const uint64_t BUDGET_NS = 3 * NS_PER_MS;

struct orphan {
    int root_fd;
    int fd;
    const char *name;
    int64_t quiet_s; /* since anything changed in it */
};

static bool is_alive(const struct orphan *orphan)
{
    DIR *dir = folder_list(orphan->fd);
    struct dirent *entry;
    bool alive = dir == NULL;

    while (!alive && (entry = readdir(dir)) != NULL)
        alive = alive_check(orphan->fd, entry->d_name, false) > 0;
    if (dir != NULL)
        closedir(dir);
    return alive;
}

static bool is_evidence(const char *name)
{
    return name_has_suffix(name, ".seg") || name_has_suffix(name, ".side") ||
           strcmp(name, SHM_HOME_NAME) == 0;
}

/* Marks of dead processes, our files if `evidence`, and then the folder, which stays when
 * something else lies in it. */
static void remove_orphan(const struct orphan *orphan, bool evidence)
{
    DIR *dir = folder_list(orphan->fd);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (alive_check(orphan->fd, entry->d_name, true) < 0 && evidence &&
            is_evidence(entry->d_name))
            unlinkat(orphan->fd, entry->d_name, 0);
    }
    if (dir != NULL)
        closedir(dir);
    unlinkat(orphan->root_fd, orphan->name, AT_REMOVEDIR);
}

/* Is its evidence folder still there, and still the one that it was made for? */
static bool has_home(const struct orphan *orphan, const char *home)
{
    int fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good;

    /* Not readable is not gone. */
    if (fd == -1)
        return errno != ENOENT && errno != ENOTDIR;
    good = folder_names_shm(fd, orphan->name);
    close(fd);
    return good;
}

static void settle(const struct orphan *orphan)
{
    char home[SHM_PATH_BYTES];

    if (is_alive(orphan))
        return;
    if (faccessat(orphan->fd, SHM_HOME_NAME, F_OK, 0) == -1) {
        if (orphan->quiet_s >= SWEEP_GONE_S)
            remove_orphan(orphan, false);
        return;
    }
    if (!shm_home_read(orphan->fd, home, sizeof home))
        return;
    if (has_home(orphan, home)) {
        /* It takes the lock itself. */
        flock(orphan->fd, LOCK_UN);
        collect_home(home, false, NULL);
    } else if (orphan->quiet_s >= SWEEP_GONE_S) {
        remove_orphan(orphan, true);
    }
}

/* Nobody else of two sweeps, or of somebody who reads it, is at it. */
static bool is_quiet(struct orphan *orphan)
{
    struct stat st;

    if (!shm_folder_is_ours(orphan->fd, orphan->name) || fstat(orphan->fd, &st) == -1)
        return false;
    orphan->quiet_s = (int64_t)(clock_wall_ns() / NS_PER_S) - (int64_t)st.st_mtim.tv_sec;
    return orphan->quiet_s >= SWEEP_QUIET_S && flock(orphan->fd, LOCK_EX | LOCK_NB) == 0;
}

void evidence_sweep(const char *root)
{
    int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = root_fd == -1 ? NULL : folder_list(root_fd);
    uint64_t until_ns = clock_now(clock_real()) + BUDGET_NS;
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL &&
           clock_now(clock_real()) < until_ns) {
        struct orphan orphan = {.root_fd = root_fd, .name = entry->d_name};

        if (strncmp(orphan.name, SHM_FOLDER_PREFIX, sizeof SHM_FOLDER_PREFIX - 1) != 0)
            continue;
        orphan.fd =
            openat(root_fd, orphan.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (orphan.fd == -1)
            continue;
        if (is_quiet(&orphan))
            settle(&orphan);
        close(orphan.fd);
    }
    if (dir != NULL)
        closedir(dir);
    if (root_fd != -1)
        close(root_fd);
}
