/* api: the scenario API at the terminal, from the tables that the program works with. */
#include "harness/cli/command.h"
#include "harness/cli/complaint.h"
#include "harness/cli/reference.h"

static int print(const struct reference *reference, const struct invocation *invocation)
{
    struct error err;
    const char *name;

    if (invocation_has(invocation, "markdown")) {
        reference_print_markdown(reference, stdout);
        return EXIT_PASSED;
    }
    if (invocation->argument_count == 0) {
        reference_print_list(reference, stdout);
        return EXIT_PASSED;
    }
    name = invocation->arguments[0];
    if (reference_print_one(reference, name, stdout))
        return EXIT_PASSED;
    reference_unknown(reference, name, &err);
    return complaint_end(&invocation->err, &err);
}

static int run_api(struct invocation *invocation)
{
    struct reference *reference = reference_create();
    struct error err;
    int code;

    if (reference == NULL) {
        error_set(&err, E_NOMEM, "the scenario API");
        return complaint_end(&invocation->err, &err);
    }
    code = print(reference, invocation);
    reference_destroy(reference);
    return code;
}

static const struct flag flags[] = {
    {.name = "markdown", .help = "all of it, as docs/reference.md holds it"},
    {.name = NULL},
};

extern const struct command command_api;
const struct command command_api = {
    .name = "api",
    .summary = "show what scenarios can say: words, faults, checks, parameters",
    .arguments = "[NAME]",
    .arguments_max = 1,
    .details =
        "Without NAME: everything, a line each. NAME is a word, a method, a fault, "
        "a check, a\nclient or whose methods are meant: its parameters with their "
        "defaults and ranges.",
    .examples = "  stormdrill api link:latency\n"
                "  stormdrill api check.backoff\n"
                "  stormdrill api publisher",
    .flags = flags,
    .run = run_api,
};
