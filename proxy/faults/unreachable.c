/* unreachable: the dial of the upstream hangs.
 *
 * What a route that swallows SYNs does. New connections only: the client is accepted,
 * may send, and hears nothing, until the fault is healed (then it is dialled for) or
 * the link's dial time-out resets it. Connections that are through stay. */
#include "proxy/fault.h"

struct unreachable_conf {
    char none;
};

static const struct param params[] = {PARAM_END};

static enum fault_answer on_dial(struct fault *f)
{
    (void)f;
    return FAULT_WAIT;
}

const struct fault_type fault_unreachable = {
    .name = "unreachable",
    .summary =
        "the dial of the upstream hangs: the client is accepted, hears nothing, and "
        "is reset by the link's dial time-out",
    .params = params,
    .conf_size = sizeof(struct unreachable_conf),
    .on_dial = on_dial,
};
