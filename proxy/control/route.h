/* route: which handler a method and a path belong to. Pure functions. */
#ifndef STORMDRILL_CONTROL_ROUTE_H
#define STORMDRILL_CONTROL_ROUTE_H

#include "proxy/control/call_internal.h"

/* Find the route of `call` in `tables`, and fill in its parts. 0, or the status that
 * says why not: 404, 405 (the path is there, the method is not), 400 (a bad escape),
 * 500 (memory). */
unsigned route_find(struct call *call, const struct route *const *tables);

/* The methods that the call's path has: "GET, POST". */
void route_methods(const struct call *call, const struct route *const *tables, char *text,
                   size_t size);

/* "a%20b" -> "a b". NULL: a bad escape, a NUL byte, no UTF-8 (`status` 400), or no memory
 * (500). Gives a string to free. */
char *route_decode(const char *text, size_t size, unsigned *status);

#endif
