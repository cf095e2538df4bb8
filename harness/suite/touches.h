/* touches: what the `touched` of a disturbance counts. */
#ifndef STORMDRILL_SUITE_TOUCHES_H
#define STORMDRILL_SUITE_TOUCHES_H

#include "harness/evidence/cast.h"

/* "processes", "connections", "chunks", or "directions and chunks" (stall: each direction
 * of a connection that it stops reading, and what it held). A constant. */
const char *touches_of(const struct cast_fault *fault);

#endif
