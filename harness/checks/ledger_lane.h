/* ledger_lane: one reading thread of the ledger and what it has gathered. Private to
 * ledger*.c. A lane makes sheets and lives of its own; nothing is shared but the job. */
#ifndef STORMDRILL_CHECKS_LEDGER_LANE_H
#define STORMDRILL_CHECKS_LEDGER_LANE_H

#include "harness/checks/ledger.h"

/* A thousand publishers behind one subscriber still find their sheet at once. */
enum { LANE_CACHE_SLOTS = 1024, LANE_SHEETS_MAX = 65536 };

struct ledger_job { /* what the lanes share */
    const struct evidence *evidence;
    uint64_t from_ns, to_ns;
    const int *writers; /* by size, largest first */
    int writer_count;
    _Atomic int next;
    _Atomic int pages; /* in memory, of all lanes */
};

struct lane {
    struct ledger_job *job;
    struct ledger ledger;
    int sheet_capacity;
    int life_capacity;
    int cache[LANE_CACHE_SLOTS]; /* of the writer at hand: sheet + 1; 0 = none */
    uint32_t receiver;           /* whose eyes the writer at hand is */
    int writer;
    bool no_memory;
};

/* Take writers until there are none left. A thread's function; `arg` is the lane. */
void *lane_run(void *arg);

/* Lay what `from` holds over `to`; false without memory. */
bool lane_lay_over(struct lane *to, struct lane *from);

#endif
