/* observe: what the proxy saw becomes evidence. */
#ifndef STORMDRILL_SUITE_OBSERVE_H
#define STORMDRILL_SUITE_OBSERVE_H

#include "harness/evidence/writer.h"
#include "proxy/observer.h"

/* An observer that appends to `writer` (borrowed; from then on the plane's thread's). */
struct observer observe_into(struct writer *writer);

#endif
