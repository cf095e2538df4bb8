/* turns: when a fault of a link begins, rests, and is on again (the part of link_faults.c
 * that deals with time).
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_TURNS_H
#define STORMDRILL_PROXY_TURNS_H

#include "proxy/link.h"

/* Does it act now? */
bool turns_acts(const struct link_fault *fault);

/* Has it times at which it does not act? Then evidence says whether it does. */
bool turns_has_rests(const struct link_fault *fault);

/* It has come: begin to count. false: memory is short. */
bool turns_start(struct link_fault *fault);

/* Its common parameters were `before`: what has changed is counted from now on. */
void turns_change(struct link_fault *fault, const struct fault_common *before);

/* No turn any more; twice is fine. Before the fault is freed. */
void turns_stop(struct link_fault *fault);

bool turns_is_same_after(const struct fault_common *a, const struct fault_common *b);

/* `ns` after `now_ns`, for ever where the clock cannot count so far. */
uint64_t turns_later(uint64_t now_ns, uint64_t ns);

#endif
