/* farewell: closes a socket with FIN, and sees to it that its bytes arrive. See
 * farewell.c. Thread: the loop's. */
#ifndef STORMDRILL_PROXY_FAREWELL_H
#define STORMDRILL_PROXY_FAREWELL_H

struct engine;
struct farewell;

/* FIN behind what was written. Takes `fd`, which no handle watches any more. */
void farewell_close(struct engine *engine, int fd);

/* Close those whose peer has everything, or has had its time. Now and then. */
void farewells_check(struct engine *engine);

/* Close all that are left. */
void farewells_release(struct engine *engine);

#endif
