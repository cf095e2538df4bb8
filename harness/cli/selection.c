/* selection: from PATH, -k and --case to a plan, with every error printed. */
#include "harness/cli/selection.h"

#include <assert.h>
#include <string.h>

#include "harness/cli/complaint.h"

static void on_script_error(void *arg, const struct error *err)
{
    const struct invocation *invocation = arg;

    complaint_print(stderr, &invocation->err, err, 0);
    fputc('\n', stderr);
}

/* validate has neither -k nor --case. */
static const char *flag_text(const struct invocation *invocation, const char *name)
{
    for (const struct flag *f = invocation->command->flags; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0)
            return invocation_text(invocation, name);
    }
    return NULL;
}

int selection_plan(struct plan **out, struct plan_options *options,
                   const struct invocation *invocation)
{
    struct error err;

    assert(out != NULL);
    options->paths = invocation->arguments;
    options->path_count = invocation->argument_count;
    options->expression = flag_text(invocation, "keyword");
    options->case_name = flag_text(invocation, "case");
    options->on_error = on_script_error;
    options->arg = (void *)invocation;
    if (plan_create(out, options, &err) != 0)
        return complaint_end(&invocation->err, &err);
    return EXIT_PASSED;
}
