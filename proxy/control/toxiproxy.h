/* toxiproxy: Toxiproxy's API at its paths, as its clients expect it.
 *
 * Shapes, status codes and words are Toxiproxy's (v2.12.0); what it crashes, hangs or
 * leaks on is 400 here and names the attribute. Thread: the loop's. */
#ifndef STORMDRILL_CONTROL_TOXIPROXY_H
#define STORMDRILL_CONTROL_TOXIPROXY_H

#include "proxy/control/book.h"
#include "proxy/control/http.h"

/* Their calls' context is the book. */
extern const struct route toxiproxy_routes[];

/* What /populate does, without HTTP: the array is borrowed for the call. `done` fires
 * once, later or before this returns, with 0 or what is wrong with which entry. */
void toxiproxy_populate(struct book *book, const json_t *array,
                        void (*done)(void *arg, int rc, const struct error *err),
                        void *arg);

#endif
