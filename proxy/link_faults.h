/* link_faults: the faults of a link (the part of link.c that deals with them).
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_LINK_FAULTS_H
#define STORMDRILL_PROXY_LINK_FAULTS_H

#include "proxy/link.h"

/* Open or close the port as the faults in force want it. */
int link_update_port(struct link *link, struct error *err);

int link_parse_upstream(struct address *out, const char *text, struct error *err);

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
