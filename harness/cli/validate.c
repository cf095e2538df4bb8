/* validate: load and check every script, start nothing. */
#include <string.h>

#include "harness/cli/command.h"
#include "harness/cli/selection.h"

static int run_validate(struct invocation *invocation)
{
    struct plan_options options = {.seed = 0};
    struct plan *plan = NULL;
    int code = selection_plan(&plan, &options, invocation);

    if (code != EXIT_PASSED)
        return code;
    if (!invocation_has(invocation, "quiet"))
        printf("%d case%s in %d file%s: no errors\n", plan->count,
               plan->count == 1 ? "" : "s", plan->file_count,
               plan->file_count == 1 ? "" : "s");
    plan_destroy(plan);
    return EXIT_PASSED;
}

static const struct flag flags[] = {
    {.name = "quiet", .letter = 'q', .help = "print errors only"},
    {.name = NULL},
};

extern const struct command command_validate;
const struct command command_validate = {
    .name = "validate",
    .summary = "load and check every script without starting anything",
    .arguments = "[PATH...]",
    .arguments_max = -1,
    .details = "All errors of all files are shown. Quick enough for a pre-commit hook.",
    .flags = flags,
    .run = run_validate,
};
