/* group_state: where a group of receivers stands at the end of the story. */
#ifndef STORMDRILL_CHECKS_GROUP_STATE_H
#define STORMDRILL_CHECKS_GROUP_STATE_H

#include "harness/checks/audience.h"

/* Nothing moved, and for long enough not through us: DESIGN 9, "after all faults are
 * healed". */
bool group_is_stuck(const struct evidence *evidence, const struct cast *cast,
                    const struct audience_group *group);

/* All its members ended while run() went on and were not started again. true: says so in
 * `text`: "b was killed at 1.050 s and not restarted". */
bool group_has_ended(const struct evidence *evidence, const struct cast *cast,
                     const struct audience_group *group, char *text, size_t size);

/* "caught up", "stuck", "its stream is gone", "not caught up", "not asked", or how it
 * ended. Gives `text`. */
const char *group_state(const struct evidence *evidence, const struct cast *cast,
                        const struct audience_group *group, char *text, size_t size);

#endif
