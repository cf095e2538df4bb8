/* complaint: how an error looks (ux.md 2.6): what is wrong, where, one way out.
 *
 *   error: cluster has no 'partiton'; did you mean 'partition'?
 *     --> scenarios/x.lua:3
 *       2 |   run = function(t)
 *       3 >     t.cluster:partiton { "n1" }
 *     it takes: ...                                                    [exit 3]
 */
#ifndef STORMDRILL_CLI_COMPLAINT_H
#define STORMDRILL_CLI_COMPLAINT_H

#include <stdio.h>

#include "harness/cli/terminal.h"
#include "proxy/base/error.h"

/* `exit_code` 0: not named (more is to come). */
void complaint_print(FILE *to, const struct terminal *terminal, const struct error *err,
                     int exit_code);

/* "warning: …", one line. */
void complaint_warn(FILE *to, const struct terminal *terminal, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Print what ends the program on standard error, and give its exit code. */
int complaint_end(const struct terminal *terminal, const struct error *err);

#endif
