/* stall: stop reading one or both directions; heal lets the bytes go on.
 *
 * Sockets stay open, bytes wait in the kernel, the sender's window fills: what a pulled
 * cable looks like from above TCP. What was read before (by a fault in front of this
 * one, or out of a pipe) waits here; so does an RST, which is noticed all the same. */
#include "proxy/fault.h"

struct stall_conf {
    char none;
};

static const struct param params[] = {PARAM_END};

static void on_chunk(struct fault *f, struct chunk *c)
{
    fault_hold_until(f, c, FAULT_FOREVER);
}

const struct fault_type fault_stall = {
    .name = "stall",
    .summary = "stop reading: bytes wait, sockets stay open",
    .touches = "directions and chunks",
    .params = params,
    .conf_size = sizeof(struct stall_conf),
    .stops_reading = true,
    .on_chunk = on_chunk,
    .on_end = on_chunk,
};
