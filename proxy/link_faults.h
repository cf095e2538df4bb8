/* link_faults: the faults of a link (the part of link.c that deals with them).
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_LINK_FAULTS_H
#define STORMDRILL_PROXY_LINK_FAULTS_H

#include "proxy/link.h"

/* Open or close the port as the faults in force want it. */
int link_update_port(struct link *link, struct error *err);

int link_parse_upstream(struct address *out, const char *text, struct error *err);

/* The link closes: tell that its faults have ended. Connections are ended next, so that
 * nothing that was held may still leave. */
void link_faults_end(struct link *link);

/* Free them. */
void link_faults_release(struct link *link);

#endif
