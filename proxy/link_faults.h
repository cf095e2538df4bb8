/* link_faults: the faults of a link (the part of link.c that deals with them).
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_LINK_FAULTS_H
#define STORMDRILL_PROXY_LINK_FAULTS_H

#include "proxy/link.h"

/* {fault, label, direction, params} of what is in force, and where the fault has times at
 * which it does not act, whether it is resting. Gives a new object. */
json_t *link_fault_describe(const struct link_fault *fault);

/* It has begun, or rests, or is on again: tell, and let the connections and the port
 * follow. */
void link_fault_turned(struct link_fault *fault);

/* The link closes: tell that its faults have ended. Connections are ended next, so that
 * nothing that was held may still leave. */
void link_faults_end(struct link *link);

/* A seat no longer points to it. */
void link_fault_unseat(struct link_fault *fault);

/* Free them. */
void link_faults_release(struct link *link);

#endif
