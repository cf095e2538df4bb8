/* fuzz_script: arbitrary text as a scenario file must load or be refused, never crash,
 * hang or leak; an error always has words. A function that gives the checks may refuse
 * the second time what it gave the first. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/script/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script *script = NULL;
    struct error err = {0};
    char path[64];
    int fd = memfd_create("scenario", MFD_CLOEXEC);

    assert(fd >= 0);
    if (write(fd, data, size) != (ssize_t)size) {
        close(fd);
        return 0;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (script_load(&script, path, &err) == 0) {
        assert(script_case_count(script) > 0);
        for (int i = 0; i < script_case_count(script); i++) {
            json_t *params = NULL;

            if (script_params(script_case_at(script, i), NULL, &params, &err) != 0)
                assert(err.text[0] != '\0' && script_case_at(script, i)->checks != NULL);
            json_decref(params);
        }
    } else {
        assert(err.text[0] != '\0');
        assert(err.code == E_SCRIPT || err.code == E_NOMEM);
    }
    script_destroy(script);
    close(fd);
    return 0;
}
