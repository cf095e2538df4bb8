/* spawn: start a guard with exactly the descriptors and the environment it shall have.
 * Private to this folder. Main thread only. */
#ifndef STORMDRILL_PROCESS_SPAWN_H
#define STORMDRILL_PROCESS_SPAWN_H

#include <sys/types.h>

#include "harness/process/child.h"

/* Gives the guard's pid and our end of the socket pair. */
int spawn_guard(const struct child_options *options, pid_t *pid, int *control,
                struct error *err);

#endif
