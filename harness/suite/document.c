/* document: JSON files of a run, whole or not at all.
 *
 * All well:   write PATH.tmp -> fsync -> rename over PATH.
 * Disk full:  the temporary file is removed, PATH is as it was, E_NOSPACE.
 * The fsync is for the error, not for power cuts: delayed allocation may report a full
 * disk only then. */
#include "harness/suite/document.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_all(const char *bytes, size_t size, void *arg)
{
    int fd = *(const int *)arg;

    while (size > 0) {
        ssize_t n = write(fd, bytes, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

static int write_failed(struct error *err, const char *path)
{
    int rc = error_from_errno(err, "cannot write %s", path);

    if (rc == E_NOSPACE)
        error_hint(err, "make room, or put the run elsewhere with --out DIR");
    return rc;
}

int document_write(const char *path, const json_t *value, struct error *err)
{
    char temporary[PATH_MAX];
    int fd;
    int rc;

    assert(path != NULL);
    assert(value != NULL);

    if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary)
        return error_set(err, E_LIMIT, "path too long: %.200s…", path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd == -1)
        return write_failed(err, path);

    /* Seventeen digits of a real would print 1.8 as 1.8000000000000000444. */
    if (json_dump_callback(value, write_all, &fd,
                           JSON_INDENT(2) | JSON_REAL_PRECISION(12)) != 0 ||
        write_all("\n", 1, &fd) != 0 || fsync(fd) != 0) {
        rc = write_failed(err, path);
        goto fail_remove;
    }
    if (close(fd) != 0) {
        fd = -1;
        rc = write_failed(err, path);
        goto fail_remove;
    }
    fd = -1;
    if (rename(temporary, path) != 0) {
        rc = write_failed(err, path);
        goto fail_remove;
    }
    return 0;

fail_remove:
    if (fd != -1)
        close(fd);
    unlink(temporary);
    return rc;
}

int document_read(json_t **out, const char *path, struct error *err)
{
    json_error_t bad;

    assert(out != NULL);
    *out = NULL;
    if (access(path, F_OK) != 0)
        return error_set(err, E_NOT_FOUND, "there is no %s", path);
    if (access(path, R_OK) != 0)
        return error_from_errno(err, "cannot read %s", path);

    *out = json_load_file(path, 0, &bad);
    if (*out == NULL)
        return error_set(err, E_FORMAT, "%s:%d:%d: %s", path, bad.line, bad.column,
                         bad.text);
    return 0;
}
