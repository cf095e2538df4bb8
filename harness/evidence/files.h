/* files: the folders of a case's evidence, and moving files between them. Private. */
#ifndef STORMDRILL_EVIDENCE_FILES_H
#define STORMDRILL_EVIDENCE_FILES_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/error.h"

enum { FILE_NAME_BYTES = 128, SHM_PATH_BYTES = PATH_MAX };

/* In the shm folder: the absolute path of the evidence folder, then the host's name. */
#define SHM_HOME_NAME "home"
#define SHM_FOLDER_PREFIX "stormdrill-"

/* Make a folder for live segments below `root` and write its path to FOLDER/shm before
 * it exists, so that nobody has to search for it. An error leaves an empty FOLDER/shm:
 * there is none. */
int shm_folder_create(int folder_fd, const char *root, char *path, size_t path_size,
                      struct error *err);

/* Open the folder that FOLDER/shm names, or -1; the path is "" when it names none. A run
 * folder may come from anywhere, so the place must look like one of ours and belong to
 * us, else it is not touched. */
int shm_folder_open(int folder_fd, char *path, size_t path_size);

/* Is this an shm folder of ours by its name and owner? */
bool shm_folder_is_ours(int shm_fd, const char *name);

/* The evidence folder that this shm folder belongs to; false when that is not known, or
 * known only to another host (or container). */
bool shm_home_read(int shm_fd, char *home, size_t home_size);

/* Does FOLDER/shm name the shm folder called `name`? */
bool folder_names_shm(int folder_fd, const char *name);

/* The entries of a folder, or NULL with errno set; `dir_fd` stays open. */
DIR *folder_list(int dir_fd);

/* evidence_collect; E_BUSY at once when somebody else collects from the shm folder or
 * opens the evidence, unless `wait`. */
int collect_home(const char *folder, bool wait, struct error *err);

/* Copy the first `bytes` of FROM/from_name to TO/to_name by way of a temporary file. When
 * it fails (E_NOSPACE, ...) there is nothing new at TO. `mapping`: where they lie in
 * memory, which is twice as fast to copy from, or NULL. */
int file_copy_home(int from_fd, const char *from_name, const void *mapping, size_t bytes,
                   int to_fd, const char *to_name, struct error *err);

/* Write everything or fail with errno set. */
bool file_write_all(int fd, const void *bytes, size_t size);

/* Read up to the end or to `size`; how much it was. */
size_t file_read_all(int fd, void *bytes, size_t size);

/* A file that says "process PID writes here", locked for as long as that is true. Gives
 * the descriptor, -1 when it could not be made; its name into `name`. */
int alive_mark(int folder_fd, char *name, size_t name_size);

/* The process of a mark, when it still lives; 0 when it is dead, then its mark is
 * removed if `tidy`; -1: `name` is no mark. */
long alive_check(int folder_fd, const char *name, bool tidy);

#endif
