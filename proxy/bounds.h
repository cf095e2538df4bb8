/* bounds: how much a direction may hold, and whether it is full (the part of flow.c that
 * deals with memory).
 *
 * Full means that it reads no more: the sender feels it, nothing is lost. A bound is
 * exceeded by what one read brings, and by what the bytes that are held cost more when
 * they are cut: 160 bytes for each of at most 65,536 pieces behind a stage (stage.h).
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_BOUNDS_H
#define STORMDRILL_PROXY_BOUNDS_H

#include "proxy/flow.h"

/* Read in one turn; new memory for it takes the kernel 0.3 ms a MiB. */
enum { TURN_BYTES = 1 << 20 };

/* After anything that may have changed what it holds. */
void bounds_account(struct flow *flow);

/* Set or clear `full`; the first time in a while that the bound is reached is told. */
void bounds_update(struct flow *flow);

/* What it may still hold. */
uint64_t bounds_room(const struct flow *flow);

/* How much one read may bring: READ_BYTES, and less when the process is short of memory,
 * so that thousands of directions do not each exceed their bound by a whole read. */
size_t bounds_read_bytes(const struct flow *flow);

#endif
