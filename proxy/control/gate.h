/* gate: what stands between a request and its handler, in this order: token or Host,
 * size, route, browser, Origin, body. Each gives false when the call was turned away,
 * and then it has replied. */
#ifndef STORMDRILL_CONTROL_GATE_H
#define STORMDRILL_CONTROL_GATE_H

#include "proxy/control/call_internal.h"

struct gate {
    const struct route *const *tables; /* borrowed */
    char *token;                       /* NULL: none */
    bool checks_host;                  /* not on a Unix socket */
};

/* With the headers alone. */
bool gate_headers(const struct gate *gate, struct call *call);

/* The route; the call has it afterwards. */
bool gate_route(const struct gate *gate, struct call *call);

/* With the whole body. */
bool gate_body(struct call *call);

#endif
