/* runs: finished (or killed) runs on disk.
 *
 * A folder with run.json is a run; its cases are those named there, as far as they were
 * begun. A folder with spec.json is a case; when two folders up there is its run, the
 * run's entry for it is used. */
#include "harness/cli/runs.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/suite/document.h"

static bool has_file(const char *folder, const char *name)
{
    char path[PATH_MAX + 32];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* `latest` is another run tomorrow: a folder is shown by its own name, below the current
 * one without it. A folder that is no link stays as it was written. */
static void show_folder(char *to, size_t size, const char *folder)
{
    char full[PATH_MAX], here[PATH_MAX];
    struct stat info;
    size_t length;

    snprintf(to, size, "%s", folder);
    length = strlen(to);
    while (length > 1 && to[length - 1] == '/')
        to[--length] = '\0';
    if (lstat(to, &info) != 0 || !S_ISLNK(info.st_mode) || realpath(to, full) == NULL)
        return;
    length = getcwd(here, sizeof here) != NULL ? strlen(here) : 0;
    if (length > 1 && strncmp(full, here, length) == 0 && full[length] == '/')
        snprintf(to, size, "%s", full + length + 1);
    else
        snprintf(to, size, "%s", full);
}

static int read_run(struct run_files *files, const char *folder, struct error *err)
{
    char path[PATH_MAX + 32];
    int rc;

    snprintf(path, sizeof path, "%s/run.json", folder);
    rc = document_read(&files->run, path, err);
    if (rc == 0 && !json_is_array(json_object_get(files->run, "cases")))
        rc = error_set(err, E_FORMAT, "%s names no cases", path);
    if (rc == 0)
        show_folder(files->shown, sizeof files->shown, folder);
    return rc;
}

static void add_case(struct run_files *files, const json_t *entry, const char *folder)
{
    json_t *one = json_copy((json_t *)entry);

    json_object_set_new(one, "path", json_string(folder));
    json_array_append_new(files->cases, one);
}

static int take_all(struct run_files *files)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(files->run, "cases"), i, entry) {
        const char *below = json_string_value(json_object_get(entry, "folder"));
        char folder[PATH_MAX];

        if (below == NULL)
            continue;
        snprintf(folder, sizeof folder, "%.2000s/%.1000s", files->shown, below);
        add_case(files, entry, folder);
    }
    return 0;
}

/* A case's folder, "…/RUN/cases/slug". */
static int take_case(struct run_files *files, const char *folder, struct error *err)
{
    char full[PATH_MAX];
    const char *slug;
    const json_t *entry;
    size_t i;

    if (realpath(folder, full) == NULL)
        return error_from_errno(err, "cannot find %s", folder);
    slug = strrchr(full, '/');
    assert(slug != NULL);
    slug++;
    snprintf(files->shown, sizeof files->shown, "%.*s", (int)(slug - 1 - full), full);
    if (strrchr(files->shown, '/') != NULL)
        *strrchr(files->shown, '/') = '\0';
    if (has_file(files->shown, "run.json") && read_run(files, files->shown, err) == 0) {
        json_array_foreach(json_object_get(files->run, "cases"), i, entry) {
            const char *own = json_string_value(json_object_get(entry, "slug"));

            if (own != NULL && strcmp(own, slug) == 0) {
                add_case(files, entry, full);
                return 0;
            }
        }
    }
    /* Cut out of its run and sent to somebody: it stands for itself. */
    json_decref(files->run);
    files->run = json_object();
    files->shown[0] = '\0';
    json_t *alone = json_object();
    add_case(files, alone, full);
    json_decref(alone);
    return 0;
}

static int not_a_run(const char *path, bool latest, struct error *err)
{
    if (latest)
        error_set(err, E_USAGE, "no run was named, and there is no %s here", path);
    else if (access(path, F_OK) != 0)
        error_set(err, E_USAGE, "there is no folder %s", path);
    else
        error_set(err, E_USAGE, "%s is neither a run nor a case", path);
    error_hint(err, "name the folder of a run (it holds run.json) or of a case (it holds "
                    "spec.json)");
    return E_USAGE;
}

int run_files_open(struct run_files *out, const char *path, struct error *err)
{
    bool latest = path == NULL;
    int rc;

    memset(out, 0, sizeof *out);
    out->cases = json_array();
    if (latest)
        path = "stormdrill-out/latest";
    if (has_file(path, "run.json")) {
        rc = read_run(out, path, err);
        if (rc == 0)
            rc = take_all(out);
    } else if (has_file(path, "spec.json")) {
        rc = take_case(out, path, err);
    } else {
        rc = not_a_run(path, latest, err);
    }
    if (rc != 0)
        run_files_release(out);
    return rc;
}

void run_files_release(struct run_files *files)
{
    json_decref(files->run);
    json_decref(files->cases);
    memset(files, 0, sizeof *files);
}
