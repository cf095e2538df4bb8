/* flights: the messages of an asynchronous publisher whose PubAck is outstanding.
 *
 * At most `window` of them. The load thread adds, the library's PubAck thread finishes;
 * a lock of its own. */
#ifndef STORMDRILL_CLIENT_FLIGHTS_H
#define STORMDRILL_CLIENT_FLIGHTS_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stdint.h>

struct flight {
    uint64_t number;
    uint64_t intended_ns;
    uint64_t first_ns; /* first tried */
    uint64_t sent_ns;  /* last tried */
    uint32_t tries;
    natsMsg *again; /* came back refused for the moment: to be sent again; owned */
    bool used;
    int32_t next; /* in its bucket, or in the free list; -1: the last */
};

struct flights;

struct flights *flights_create(uint32_t window); /* NULL: no memory */
void flights_destroy(struct flights *flights);   /* destroys messages that wait */

uint32_t flights_count(struct flights *flights);

/* Wait at most `ns` until one finishes or fewer than `below` are left. */
void flights_wait(struct flights *flights, uint32_t below, uint64_t ns);

/* false: the window is full. */
bool flights_add(struct flights *flights, uint64_t number, uint64_t intended_ns,
                 uint64_t now_ns);

/* Take it out; false: it is not there (answered before). `out` may be NULL. */
bool flights_finish(struct flights *flights, uint64_t number, struct flight *out);

/* A copy; false: not there. */
bool flights_find(struct flights *flights, uint64_t number, struct flight *out);

/* It was sent once more, now. Gives how often it has been sent again so far. */
uint32_t flights_touch(struct flights *flights, uint64_t number, uint64_t now_ns);

/* Keep `msg` (taken when it gives true) until flights_take_again. */
bool flights_keep(struct flights *flights, uint64_t number, natsMsg *msg);

/* A message that has waited since before `before_ns`, or NULL. Gives. */
natsMsg *flights_take_again(struct flights *flights, uint64_t before_ns);

/* When the oldest that waits for its PubAck was last sent; UINT64_MAX: none does. */
uint64_t flights_oldest_ns(struct flights *flights);

/* Any one that is left, for giving up; false: none. */
bool flights_pop(struct flights *flights, struct flight *out);

#endif
