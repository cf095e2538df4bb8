/* splice: a flow in bulk moves through a pipe (the part of flow.c that deals with it).
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_SPLICE_H
#define STORMDRILL_PROXY_SPLICE_H

#include "proxy/flow.h"

enum {
    /* A loopback segment is 65,483 bytes: a reader that keeps up never sees a read that
     * fills all of the buffer. */
    BULK_BYTES = READ_BYTES / 4 * 3,
};

/* Move what there is; the flow has a pipe. It may be gone afterwards. */
void splice_turn(struct flow *flow);

/* Give the pipe back, with whatever is in it; nothing happens without one. */
void splice_give_back(struct flow *flow);

#endif
