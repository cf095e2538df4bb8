/* warnings: what the harness said in passing, which no verdict speaks of. */
#ifndef STORMDRILL_SUITE_WARNINGS_H
#define STORMDRILL_SUITE_WARNINGS_H

#include "harness/evidence/evidence.h"

/* [{t, text, where}], in the order of time; the last one counts the rest when there are
 * many. `t`: seconds since the case began. Gives a new array. */
json_t *warnings_of(const struct evidence *evidence);

#endif
