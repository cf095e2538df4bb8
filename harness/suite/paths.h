/* paths: the scenario files that somebody means by files and folders. */
#ifndef STORMDRILL_SUITE_PATHS_H
#define STORMDRILL_SUITE_PATHS_H

#include "proxy/base/error.h"

struct paths {
    char **files;
    int count;
};

/* Every *.lua under the folders (hidden ones not), sorted; files as they are named, in
 * their place, each once. E_USAGE for a path that is not there; E_NOTHING where no file
 * was found. Without any path: the folder `scenarios` here. */
int paths_collect(struct paths *out, char *const *wanted, int count, struct error *err);
void paths_release(struct paths *paths);

#endif
