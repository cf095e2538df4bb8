/* folder: where a run lives: its folder, its lock, the link `latest`, names for cases. */
#ifndef STORMDRILL_SUITE_FOLDER_H
#define STORMDRILL_SUITE_FOLDER_H

#include <jansson.h>
#include <limits.h>
#include <stddef.h>

#include "proxy/base/error.h"

enum { SLUG_BYTES = 96 };

struct run_folder {
    char path[PATH_MAX];  /* absolute */
    char shown[PATH_MAX]; /* as a person would type it from here */
    int lock;             /* held for the life of the suite; -1 when released */
};

/* Make the folder of a run and lock it. `wanted` (--out) must be new or empty; NULL:
 * stormdrill-out/<time>-<name>, and `stormdrill-out/latest` points to it. */
int run_folder_create(struct run_folder *out, const char *wanted, const char *name,
                      struct error *err);
void run_folder_release(struct run_folder *folder);

/* E_BUSY while a suite still lives in the folder at `path`. */
int run_folder_check_idle(const char *path, struct error *err);

/* A file name from any text: a-z, 0-9 and single dashes, never empty, at most
 * SLUG_BYTES - 1; no two results are the same for one `taken` (an object that is used as
 * a set and grows). Gives `to` (SLUG_BYTES of it). */
char *slug_make(char *to, const char *text, json_t *taken);

/* "2026-11-22T09:53:12Z" of now. Gives `to` (32 bytes are enough). */
char *time_stamp(char *to, size_t size);

#endif
