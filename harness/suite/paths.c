/* paths: the scenario files that somebody means by files and folders.
 *
 * Links to files are followed, links to folders are not: no loop can be walked into. */
#include "harness/suite/paths.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/script/text.h"

enum { FILES_MAX = 100000, DEPTH_MAX = 64 };

static int add(struct paths *paths, const char *path, struct error *err)
{
    char **more;

    for (int i = 0; i < paths->count; i++) {
        if (strcmp(paths->files[i], path) == 0)
            return 0;
    }
    /* Names go into JSON. */
    if (!text_is_utf8(path)) {
        error_set(err, E_USAGE, "the file name %s is not valid UTF-8", path);
        error_hint(err, "rename it");
        return E_USAGE;
    }
    if (paths->count == FILES_MAX)
        return error_set(err, E_LIMIT, "more than %d scenario files", FILES_MAX);
    more = realloc(paths->files, ((size_t)paths->count + 1) * sizeof *more);
    if (more == NULL)
        return error_set(err, E_NOMEM, "list of files");
    paths->files = more;
    more[paths->count] = strdup(path);
    if (more[paths->count] == NULL)
        return error_set(err, E_NOMEM, "list of files");
    paths->count++;
    return 0;
}

static bool is_scenario(const char *name)
{
    size_t size = strlen(name);

    return size > 4 && strcmp(name + size - 4, ".lua") == 0;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int walk(struct paths *paths, const char *folder, int depth, struct error *err);

static int take_entry(struct paths *paths, const char *folder, const char *name,
                      int depth, struct error *err)
{
    char path[PATH_MAX];
    struct stat itself, target;
    size_t size = strlen(folder);
    const char *slash = size > 0 && folder[size - 1] == '/' ? "" : "/";

    /* "x.lua", not "./x.lua". */
    if (strcmp(folder, ".") == 0)
        folder = slash = "";
    if (snprintf(path, sizeof path, "%s%s%s", folder, slash, name) >= (int)sizeof path)
        return error_set(err, E_LIMIT, "path too long: %.200s…", folder);
    if (lstat(path, &itself) != 0)
        return 0; /* it went away while we looked */
    if (S_ISDIR(itself.st_mode))
        return walk(paths, path, depth + 1, err);
    if (!is_scenario(name))
        return 0;
    /* A dangling link is named and will fail to load with its own words. */
    if (stat(path, &target) == 0 && !S_ISREG(target.st_mode))
        return 0;
    return add(paths, path, err);
}

static int walk(struct paths *paths, const char *folder, int depth, struct error *err)
{
    struct dirent **entries;
    int count;
    int rc = 0;

    if (depth > DEPTH_MAX)
        return error_set(err, E_LIMIT, "folders nested too deeply at %s", folder);
    count = scandir(folder, &entries, visible, alphasort);
    if (count < 0)
        return error_from_errno(err, "cannot look into %s", folder);
    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = take_entry(paths, folder, entries[i]->d_name, depth, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int take_path(struct paths *paths, const char *path, struct error *err)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return error_from_errno(err, "cannot look at %s", path);
        error_set(err, E_USAGE, "there is no file or folder %s", path);
        return E_USAGE;
    }
    if (S_ISDIR(info.st_mode))
        return walk(paths, path, 0, err);
    return add(paths, path, err);
}

static int nothing_found(char *const *wanted, int count, struct error *err)
{
    error_set(err, E_NOTHING, "no scenario under %s%s", wanted[0],
              count > 1 ? " and the other folders" : "");
    error_hint(err, "scenarios are files that end in .lua");
    return E_NOTHING;
}

int paths_collect(struct paths *out, char *const *wanted, int count, struct error *err)
{
    static char here[] = "scenarios";
    char *const fallback[] = {here};
    struct stat info;
    int rc = 0;

    assert(out != NULL);
    memset(out, 0, sizeof *out);
    if (count == 0) {
        if (stat(here, &info) != 0 || !S_ISDIR(info.st_mode)) {
            error_set(err, E_USAGE,
                      "no path was named, and there is no folder "
                      "'scenarios' here");
            error_hint(err, "name scenario files or folders that hold some");
            return E_USAGE;
        }
        wanted = fallback;
        count = 1;
    }
    for (int i = 0; rc == 0 && i < count; i++)
        rc = take_path(out, wanted[i], err);
    if (rc == 0 && out->count == 0)
        rc = nothing_found(wanted, count, err);
    if (rc != 0)
        paths_release(out);
    return rc;
}

void paths_release(struct paths *paths)
{
    for (int i = 0; i < paths->count; i++)
        free(paths->files[i]);
    free(paths->files);
    memset(paths, 0, sizeof *paths);
}
