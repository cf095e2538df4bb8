/* touches: what the `touched` of a disturbance counts.
 *
 * Brokers and clients are processes, an action on a link is on its connections; a fault
 * counts what its chain counts: chunks where it sees bytes, else connections. */
#include "harness/suite/touches.h"

#include "proxy/fault.h"
#include "proxy/plane.h"

const char *touches_of(const struct cast_fault *fault)
{
    const struct fault_type *type = fault_type_find(fault->name);

    if (fault->link == 0)
        return "processes";
    if (type == NULL)
        return "connections";
    if (type->touches != NULL)
        return type->touches;
    return type->on_chunk != NULL ? "chunks" : "connections";
}
