/* folder: where a run lives.
 *
 * The lock tells `analyze` that the run goes on: it would take the segments away under
 * its writers. A killed suite loses it with its life, so it never has to be removed.
 * Two runs of the same second get names of their own (-2, -3, ...). */
#include "harness/suite/folder.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/script/text.h"
#include "proxy/base/clock.h"

static const char base_name[] = "stormdrill-out";

/* mkdir -p; an existing folder is fine. */
static int make_folders(const char *path, struct error *err)
{
    char part[PATH_MAX];

    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return error_from_errno(err, "cannot make the folder %s", part);
        *slash = '/';
    }
    if (mkdir(part, 0777) != 0 && errno != EEXIST)
        return error_from_errno(err, "cannot make the folder %s", part);
    return 0;
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    int count = 0;

    if (folder == NULL)
        return false;
    while ((entry = readdir(folder)) != NULL)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return count == 0;
}

static int make_wanted(struct run_folder *out, const char *wanted, struct error *err)
{
    struct stat info;
    int rc;

    if (strlen(wanted) > PATH_MAX / 2)
        return error_set(err, E_USAGE, "--out is too long: %.80s…", wanted);
    snprintf(out->shown, sizeof out->shown, "%s", wanted);
    if (stat(wanted, &info) == 0 && !S_ISDIR(info.st_mode))
        return error_set(err, E_USAGE, "--out %s is there and is no folder", wanted);
    rc = make_folders(wanted, err);
    if (rc != 0) {
        error_hint(err, "choose a place to write to with --out DIR");
        return rc;
    }
    if (!is_empty(wanted)) {
        error_set(err, E_USAGE, "--out %s is not empty", wanted);
        error_hint(err, "a run gets a folder of its own: choose a new one");
        return E_USAGE;
    }
    return 0;
}

/* The link is a convenience: whatever stands in its way is left alone. */
static void point_latest(const char *target)
{
    char link_path[PATH_MAX];
    char fresh[PATH_MAX];
    struct stat info;

    snprintf(link_path, sizeof link_path, "%s/latest", base_name);
    snprintf(fresh, sizeof fresh, "%s/.latest-%d", base_name, (int)getpid());
    if (lstat(link_path, &info) == 0 && !S_ISLNK(info.st_mode))
        return;
    if (symlink(target, fresh) == 0 && rename(fresh, link_path) != 0)
        unlink(fresh);
}

static int make_dated(struct run_folder *out, const char *name, struct error *err)
{
    time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
    char stamp[32];
    char slug[SLUG_BYTES];
    char last[SLUG_BYTES + 64];
    struct tm parts;
    json_t *none = json_object();

    localtime_r(&now, &parts);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &parts);
    slug_make(slug, name, none);
    json_decref(none);
    if (make_folders(base_name, err) != 0) {
        error_hint(err, "choose a place to write to with --out DIR");
        return err != NULL ? err->code : E_SYSTEM;
    }
    for (int again = 1; again < 1000; again++) {
        snprintf(last, sizeof last, "%s-%s", stamp, slug);
        if (again > 1)
            snprintf(last, sizeof last, "%s-%s-%d", stamp, slug, again);
        snprintf(out->shown, sizeof out->shown, "%s/%s", base_name, last);
        if (mkdir(out->shown, 0777) == 0) {
            point_latest(last);
            return 0;
        }
        if (errno != EEXIST)
            break;
    }
    return error_from_errno(err, "cannot make the folder %s", out->shown);
}

static int lock(struct run_folder *out, struct error *err)
{
    char path[PATH_MAX + 8];

    snprintf(path, sizeof path, "%s/.lock", out->path);
    out->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (out->lock == -1 || flock(out->lock, LOCK_EX | LOCK_NB) != 0)
        return error_from_errno(err, "cannot lock %s", path);
    return 0;
}

int run_folder_create(struct run_folder *out, const char *wanted, const char *name,
                      struct error *err)
{
    int rc;

    assert(out != NULL);
    memset(out, 0, sizeof *out);
    out->lock = -1;
    rc = wanted != NULL ? make_wanted(out, wanted, err) : make_dated(out, name, err);
    if (rc == 0 && realpath(out->shown, out->path) == NULL)
        rc = error_from_errno(err, "cannot find %s", out->shown);
    if (rc == 0 && !text_is_utf8(out->path)) {
        rc = error_set(err, E_ENVIRONMENT, "the path %s is not valid UTF-8", out->path);
        error_hint(err, "choose a place with plain names with --out DIR");
    }
    if (rc == 0)
        rc = lock(out, err);
    if (rc != 0)
        run_folder_release(out);
    return rc;
}

void run_folder_release(struct run_folder *folder)
{
    if (folder->lock != -1)
        close(folder->lock);
    folder->lock = -1;
}

int run_folder_check_idle(const char *path, struct error *err)
{
    char file[PATH_MAX + 8];
    int rc = 0;
    int fd;

    snprintf(file, sizeof file, "%s/.lock", path);
    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return 0;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        rc = error_set(err, E_BUSY, "the run in %s is still going on", path);
        error_hint(err, "wait for its end, or stop it first");
    }
    close(fd);
    return rc;
}

/* Letters, digits, and one dash for everything else between them. */
static void make_plain(char *to, size_t size, const char *text)
{
    size_t used = 0;

    for (; *text != '\0' && used + 1 < size; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x80 && isalnum(c))
            to[used++] = (char)tolower(c);
        else if (used > 0 && to[used - 1] != '-')
            to[used++] = '-';
    }
    while (used > 0 && to[used - 1] == '-')
        used--;
    to[used] = '\0';
    if (used == 0)
        snprintf(to, size, "case");
}

char *slug_make(char *to, const char *text, json_t *taken)
{
    /* Room for a number behind it. */
    char plain[SLUG_BYTES - 12];

    assert(json_is_object(taken));
    make_plain(plain, sizeof plain, text);
    snprintf(to, SLUG_BYTES, "%s", plain);
    for (int again = 2; json_object_get(taken, to) != NULL; again++)
        snprintf(to, SLUG_BYTES, "%s-%d", plain, again);
    json_object_set_new(taken, to, json_true());
    return to;
}

char *time_stamp(char *to, size_t size)
{
    time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
    struct tm parts;

    gmtime_r(&now, &parts);
    strftime(to, size, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return to;
}
