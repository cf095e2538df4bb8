/* lag: how late the data plane is, measured where it matters: on its own deadlines.
 *
 * Every 20 ms a deadline notes by how much it came late; a pause that swallowed several
 * counts for each of them. Once a second the observer hears the worst, so that checks
 * of timing can say "the harness itself was too slow". The same tick looks at wires
 * that nobody watches.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_LAG_H
#define STORMDRILL_PROXY_LAG_H

#include "proxy/engine.h"

struct lag {
    struct engine *engine;
    struct deadline tick;
    uint64_t due_ns; /* of the next sample */
    uint64_t worst_ns;
    unsigned samples;
    unsigned over[6]; /* 5, 10, 25, 50, 100, 250 ms */
    unsigned ticks;
    uint64_t fired; /* of its own deadline, so far */
};

/* E_NOMEM when memory is short. */
int lag_start(struct lag *lag, struct engine *engine);
void lag_stop(struct lag *lag);

#endif
