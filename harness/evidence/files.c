/* files: folders, marks of life, and the way home.
 *
 * A segment goes home as a copy under a temporary name, a rename, an unlink: a reader
 * finds it whole in one place or in both, never nowhere. */
#include "harness/evidence/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES_MAX = 16, COPY_BYTES = 128 << 10, HOST_BYTES = 256 };

bool file_write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;

    while (size > 0) {
        ssize_t n = write(fd, at, size);

        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

size_t file_read_all(int fd, void *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, (char *)bytes + done, size - done);

        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

static int write_text(int folder_fd, const char *name, const char *text,
                      struct error *err)
{
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool good;

    if (fd == -1)
        return error_from_errno(err, "create the evidence's file '%s'", name);
    good = file_write_all(fd, text, strlen(text)) && file_write_all(fd, "\n", 1);
    if (!good)
        error_from_errno(err, "write the evidence's file '%s'", name);
    close(fd);
    return good ? 0 : E_NOSPACE;
}

/* For evidence_sweep. Without it a killed run's folder stays in shm until somebody
 * analyses it: a pity, no failure. */
static void write_home(int folder_fd, const char *path)
{
    int shm_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char folder[SHM_PATH_BYTES], host[HOST_BYTES] = "", link[64];
    char text[sizeof folder + sizeof host];
    ssize_t size;

    if (shm_fd == -1)
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder_fd);
    size = readlink(link, folder, sizeof folder - 1);
    gethostname(host, sizeof host - 1);
    if (size > 0) {
        folder[size] = '\0';
        snprintf(text, sizeof text, "%s\n%s", folder, host);
        write_text(shm_fd, SHM_HOME_NAME, text, NULL);
    }
    close(shm_fd);
}

int shm_folder_create(int folder_fd, const char *root, char *path, size_t path_size,
                      struct error *err)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        uint64_t random;
        int n;

        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            return error_from_errno(err, "draw a name");
        n = snprintf(path, path_size, "%s/" SHM_FOLDER_PREFIX "%u-%016" PRIx64, root,
                     (unsigned)geteuid(), random);
        if (n < 0 || (size_t)n >= path_size)
            return error_set(err, E_PARAM, "the path '%s' is too long", root);
        if (write_text(folder_fd, "shm", path, err) != 0)
            return err == NULL ? E_NOSPACE : err->code;
        if (mkdir(path, 0700) == 0) {
            write_home(folder_fd, path);
            return 0;
        }
        if (errno != EEXIST)
            break;
    }
    error_from_errno(err, "create %s", path);
    write_text(folder_fd, "shm", "", NULL);
    path[0] = '\0';
    return err == NULL ? E_SYSTEM : err->code;
}

/* The first bytes of a small text file. */
static bool read_text(int folder_fd, const char *name, char *text, size_t size)
{
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    ssize_t n;

    if (fd == -1)
        return false;
    n = read(fd, text, size - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return true;
}

static bool read_line(int folder_fd, const char *name, char *text, size_t size)
{
    if (!read_text(folder_fd, name, text, size))
        return false;
    text[strcspn(text, "\n")] = '\0';
    return true;
}

bool shm_folder_is_ours(int shm_fd, const char *name)
{
    size_t prefix = sizeof SHM_FOLDER_PREFIX - 1;
    struct stat st;
    char *end;

    if (strncmp(name, SHM_FOLDER_PREFIX, prefix) != 0 || fstat(shm_fd, &st) == -1)
        return false;
    return strtoul(name + prefix, &end, 10) == st.st_uid && *end == '-' &&
           (geteuid() == 0 || geteuid() == st.st_uid) && (st.st_mode & 0777) == 0700;
}

int shm_folder_open(int folder_fd, char *path, size_t path_size)
{
    int fd;

    path[0] = '\0';
    if (!read_line(folder_fd, "shm", path, path_size) || path[0] != '/')
        return -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd != -1 && !shm_folder_is_ours(fd, strrchr(path, '/') + 1)) {
        close(fd);
        return -1;
    }
    return fd;
}

bool shm_home_read(int shm_fd, char *home, size_t home_size)
{
    char text[SHM_PATH_BYTES + HOST_BYTES], host[HOST_BYTES] = "";
    char *end, *other;

    if (!read_text(shm_fd, SHM_HOME_NAME, text, sizeof text) || text[0] != '/')
        return false;
    end = strchr(text, '\n');
    if (end == NULL)
        return false;
    *end = '\0';
    other = end + 1;
    other[strcspn(other, "\n")] = '\0';
    gethostname(host, sizeof host - 1);
    return strcmp(other, host) == 0 &&
           (size_t)snprintf(home, home_size, "%s", text) < home_size;
}

bool folder_names_shm(int folder_fd, const char *name)
{
    char path[SHM_PATH_BYTES];
    const char *last;

    if (!read_line(folder_fd, "shm", path, sizeof path))
        return false;
    last = strrchr(path, '/');
    return last != NULL && strcmp(last + 1, name) == 0;
}

DIR *folder_list(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd == -1 ? NULL : fdopendir(fd);

    if (dir == NULL && fd != -1)
        close(fd);
    return dir;
}

/* Copy `bytes` (or to the end of the file, if that comes first). */
static bool copy_bytes(int from, int to, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = sendfile(to, from, NULL, bytes < COPY_BYTES ? bytes : COPY_BYTES);

        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return false;
        if (n == 0)
            break;
        bytes -= (size_t)n;
    }
    return true;
}

/* The same from memory, in pieces, since each is one call of the kernel. */
static bool write_bytes(const char *from, int to, size_t bytes)
{
    while (bytes > 0) {
        size_t step = bytes < COPY_BYTES ? bytes : COPY_BYTES;

        if (!file_write_all(to, from, step))
            return false;
        from += step;
        bytes -= step;
    }
    return true;
}

int file_copy_home(int from_fd, const char *from_name, const void *mapping, size_t bytes,
                   int to_fd, const char *to_name, struct error *err)
{
    char temporary[FILE_NAME_BYTES + 32];
    int from, to, rc;

    snprintf(temporary, sizeof temporary, ".%s.%ld.tmp", to_name, (long)getpid());
    from = openat(from_fd, from_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from == -1)
        return error_from_errno(err, "open the evidence file %s", from_name);
    to = openat(to_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (to == -1) {
        rc = error_from_errno(err, "create the evidence file %s", to_name);
        goto fail_from;
    }
    if (mapping != NULL ? !write_bytes(mapping, to, bytes)
                        : !copy_bytes(from, to, bytes)) {
        rc = error_from_errno(err, "write the evidence file %s", to_name);
        goto fail_to;
    }
    if (renameat(to_fd, temporary, to_fd, to_name) == -1) {
        rc = error_from_errno(err, "rename the evidence file %s", to_name);
        goto fail_to;
    }
    close(to);
    close(from);
    return 0;

fail_to:
    close(to);
    unlinkat(to_fd, temporary, 0);
fail_from:
    close(from);
    return rc;
}

int alive_mark(int folder_fd, char *name, size_t name_size)
{
    for (int i = 0; i < 1 << 16; i++) {
        struct stat st;
        int fd;

        snprintf(name, name_size, "%ld-%d.alive", (long)getpid(), i);
        fd = openat(folder_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd == -1 && errno == EEXIST)
            continue;
        if (fd == -1)
            break;
        /* Somebody may have looked at it between the two calls, and have found it dead:
         * then it is gone and another one has to be made. */
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1)
            return fd;
        close(fd);
    }
    name[0] = '\0';
    return -1;
}

long alive_check(int folder_fd, const char *name, bool tidy)
{
    size_t size = strlen(name);
    char *end;
    long pid;
    int fd;

    if (size < 7 || strcmp(name + size - 6, ".alive") != 0)
        return -1;
    pid = strtol(name, &end, 10);
    if (pid <= 0 || *end != '-')
        return -1;
    fd = openat(folder_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd == -1)
        return 0;
    /* The kernel drops a dead process's lock, however it died. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        if (tidy)
            unlinkat(folder_fd, name, 0);
        pid = 0;
    }
    close(fd);
    return pid;
}
