/* removal: what may have taken a message away lawfully, as far as the scenario said.
 *
 * Limits of a stream (max_msgs, max_bytes, max_age, retention other than limits) remove
 * messages, max_deliver gives them up. Client evidence does not show either, so that a
 * missing message is no proof of a loss where one of these was set. A broker that ended
 * takes a memory store along, so that "stored" is no longer known from the PubAck. */
#ifndef STORMDRILL_CHECKS_REMOVAL_H
#define STORMDRILL_CHECKS_REMOVAL_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/evidence/cast.h"

/* May `stream` ("": any of the run) have removed messages, or a consumer have given some
 * up? true: says by what in `text`. */
bool removal_is_possible(const struct evidence *evidence, const struct cast *cast,
                         const char *stream, char *text, size_t size);

/* Did a broker end while run() went on? */
bool removal_broker_ended(const struct evidence *evidence);

#endif
