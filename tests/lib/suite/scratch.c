/* scratch: a folder of its own for a test. */
#include "tests/lib/suite/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int scratch_enter(void **state)
{
    char *folder = strdup("/tmp/stormdrill-suite.XXXXXX");

    *state = mkdtemp(folder);
    return chdir(folder);
}

static int remove_one(const char *path, const struct stat *info, int kind,
                      struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

int scratch_leave(void **state)
{
    char *folder = *state;
    int rc = chdir("/");

    if (rc == 0)
        rc = nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
    return rc;
}

void scratch_write(const char *path, const char *text)
{
    char part[512];
    FILE *file;

    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(part, 0777);
        *slash = '/';
    }
    file = fopen(path, "w");
    if (file == NULL)
        abort();
    fputs(text, file);
    fclose(file);
}
