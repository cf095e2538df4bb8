/* selection: the flags that choose scenarios (PATH, -k, --case), shared by run, list and
 * validate, and how their errors are printed. */
#ifndef STORMDRILL_CLI_SELECTION_H
#define STORMDRILL_CLI_SELECTION_H

#include "harness/cli/command.h"
#include "harness/suite/plan.h"

#define SELECTION_FLAG_EXPRESSION                                                        \
    {                                                                                    \
        .name = "keyword", .letter = 'k', .kind = VALUE_TEXT, .value = "EXPR",           \
        .help = "only what matches: words of names and tags with and, or, not, ()"       \
    }
#define SELECTION_FLAG_CASE                                                              \
    {                                                                                    \
        .name = "case", .kind = VALUE_TEXT, .value = "CASE",                             \
        .help = "only this case: its name, or k=v,... of its values"                     \
    }

/* Make the plan; every script that does not load is printed on standard error, and so is
 * what plan_create says. Gives the exit code; 0: there is a plan. `options` comes with
 * what the command adds (seed, set, ...); paths and flags are filled in. */
int selection_plan(struct plan **out, struct plan_options *options,
                   const struct invocation *invocation);

#endif
