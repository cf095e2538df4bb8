/* runs: finished (or killed) runs on disk, for analyze and export. */
#ifndef STORMDRILL_CLI_RUNS_H
#define STORMDRILL_CLI_RUNS_H

#include <jansson.h>
#include <limits.h>

#include "proxy/base/error.h"

struct run_files {
    char shown[PATH_MAX]; /* the run's folder as the user would type it; "" when `path`
                           * was a case that belongs to no run */
    json_t *run;          /* run.json's object, or an empty one */
    json_t *cases;        /* array of {…entry of run.json, path: the case's folder} */
};

/* `path` names a run's folder or a case's; NULL: stormdrill-out/latest. E_USAGE when it
 * is neither. Release after success. */
int run_files_open(struct run_files *out, const char *path, struct error *err);
void run_files_release(struct run_files *files);

#endif
