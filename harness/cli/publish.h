/* publish: a finished run's results as files and on the terminal. */
#ifndef STORMDRILL_CLI_PUBLISH_H
#define STORMDRILL_CLI_PUBLISH_H

#include <jansson.h>

#include "harness/cli/command.h"

/* The flags --format, -q, -v as run and analyze have them. */
extern const char *const publish_formats[];

#define PUBLISH_FLAG_FORMAT                                                              \
    {                                                                                    \
        .name = "format", .kind = VALUE_CHOICES, .value = "LIST",                        \
        .choices = publish_formats,                                                      \
        .help =                                                                          \
            "print terminal (the default), json or both, with a comma; results.json "    \
            "is written in any case"                                                     \
    }

/* Print the results in the formats asked for. json goes to standard output; the summary
 * too, but to standard error when json has it. Gives 0 or an exit code. */
int publish_print(const json_t *results, const char *folder,
                  const struct invocation *invocation);

#endif
