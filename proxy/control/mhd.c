/* mhd: open the library, find its functions by name.
 *
 * All well:    dlopen -> dlsym for each -> the table is full.
 * Not there:   the words of the dynamic linker, and the package to install. */
#include "proxy/control/mhd.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

/* CMakeLists.txt finds both names beside the header that we are compiled with. */
static const char built_with[] = STORMDRILL_MHD_LIBRARY;
static const char package[] = STORMDRILL_MHD_PACKAGE;

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define X(name) {"MHD_" #name, offsetof(struct mhd, name)},
    MHD_FUNCTIONS(X)
#undef X
};

static int complain(struct error *err, const char *library, const char *what)
{
    error_set(err, E_ENVIRONMENT, "the HTTP API needs %s: %s", library, what);
    error_hint(err, "install it (Debian: apt-get install %s), or do without the HTTP API",
               package);
    return E_ENVIRONMENT;
}

static int find_all(struct mhd *out, void *handle, const char *library, struct error *err)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *found = dlsym(handle, functions[i].name);

        if (found == NULL)
            return complain(err, library, dlerror());
        /* POSIX wants a function to fit into what dlsym gives; C has no cast for it. */
        memcpy((char *)out + functions[i].offset, &found, sizeof found);
    }
    return 0;
}

int mhd_load(struct mhd *out, const char *library, struct error *err)
{
    const char *name = library != NULL ? library : built_with;
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    int rc;

    if (handle == NULL)
        return complain(err, name, dlerror());
    rc = find_all(out, handle, name, err);
    /* With RTLD_NODELETE this gives the handle back and leaves the library. */
    dlclose(handle);
    return rc;
}
