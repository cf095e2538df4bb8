/* publish: a finished run's results on the terminal. */
#include "harness/cli/publish.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "harness/cli/complaint.h"
#include "reports/format.h"

const char *const publish_formats[] = {"terminal", "json", NULL};

static bool is_wanted(const struct invocation *invocation, const char *name)
{
    if (!invocation_has(invocation, "format"))
        return strcmp(name, "terminal") == 0;
    return invocation_chose(invocation, "format", name);
}

static int print_one(const json_t *results, const char *folder,
                     const struct invocation *invocation, const char *name, FILE *to)
{
    const struct format_type *format = format_type_find(name);
    const struct terminal *terminal = to == stdout ? &invocation->out : &invocation->err;
    struct format_options options = {
        .colour = terminal->colour,
        .utf8 = terminal->utf8,
        .width = terminal->width,
        .verbose = invocation_count(invocation, "verbose"),
        .folder = folder,
    };
    struct error err;

    assert(format != NULL);
    if (invocation_has(invocation, "quiet"))
        options.verbose = -1;
    errno = 0;
    if (format->print(results, &options, to, &err) == 0)
        return 0;
    /* A reader that has seen enough (`| head`) changes no verdict. */
    return errno == EPIPE ? 0 : complaint_end(&invocation->err, &err);
}

int publish_print(const json_t *results, const char *folder,
                  const struct invocation *invocation)
{
    bool json = is_wanted(invocation, "json");
    int code = 0;

    if (json)
        code = print_one(results, folder, invocation, "json", stdout);
    if (code == 0 && is_wanted(invocation, "terminal"))
        code = print_one(results, folder, invocation, "terminal", json ? stderr : stdout);
    return code;
}
