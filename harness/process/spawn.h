/* spawn: start a guard with exactly the descriptors and the environment it shall have.
 * Private to this folder. Main thread only. */
#ifndef STORMDRILL_PROCESS_SPAWN_H
#define STORMDRILL_PROCESS_SPAWN_H

#include <sys/types.h>

#include "harness/process/child.h"

/* In the environment of a guard until guard_main takes it out. Whoever still has it and
 * spawns is a program (a test's, say) that was started as a guard and is none: without
 * this it would start itself again and again. */
#define SPAWN_MARK "STORMDRILL_STARTED_AS_GUARD"

/* Gives the guard's pid and our end of the socket pair. */
int spawn_guard(const struct child_options *options, pid_t *pid, int *control,
                struct error *err);

#endif
