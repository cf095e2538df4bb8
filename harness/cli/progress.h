/* progress: what happens during a run, one line per event, on standard error. */
#ifndef STORMDRILL_CLI_PROGRESS_H
#define STORMDRILL_CLI_PROGRESS_H

#include "harness/cli/terminal.h"
#include "harness/suite/suite.h"

struct progress {
    FILE *to;
    const struct terminal *terminal;
    bool repeats; /* cases run several times: say which time */
    bool silent;
};

/* The on_event of a suite; `arg` is a struct progress. */
void progress_on_event(void *arg, const struct suite_event *event);

#endif
