/* seed: the one number from which all chance of a run comes. */
#ifndef STORMDRILL_CLI_SEED_H
#define STORMDRILL_CLI_SEED_H

#include <stdint.h>

#include "harness/cli/command.h"

/* Of --seed, else drawn from the system: short enough to be typed again. */
uint64_t seed_of(const struct invocation *invocation);

#endif
