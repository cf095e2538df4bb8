/* world: a plane, a link, an upstream that the test plays itself, and an array of what
 * the observer heard. Real sockets on loopback; every blocking call of a test ends
 * after WORLD_PATIENCE_S, so that a failure is a failure and no hang. */
#ifndef STORMDRILL_TESTS_PROXY_WORLD_H
#define STORMDRILL_TESTS_PROXY_WORLD_H

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "proxy/plane.h"

enum { WORLD_PATIENCE_S = 60, WORLD_EVENTS_MAX = 65536 };

struct world_event {
    struct proxy_event event; /* detail is always NULL: see the text */
    char detail[1024];
};

struct world {
    struct plane *plane;
    struct link_id link;
    uint16_t link_port;
    char link_address[ADDRESS_BYTES];
    int upstream_fd; /* listens */
    uint16_t upstream_port;
    pthread_mutex_t lock; /* of the events */
    struct world_event *events;
    int event_count;
};

/* A plane with this seed and one link called "world". */
struct world *world_create(uint64_t seed);
void world_destroy(struct world *w);

/* The same, with a bound of all that the plane may hold. */
struct world *world_create_bounded(uint64_t seed, uint64_t memory_bytes_max);

/* A plane alone; then links by hand. */
struct world *world_create_without_link(uint64_t seed, uint64_t memory_bytes_max);
struct plane_reply world_open_link(struct world *w, const struct link_options *options);

/* Sockets that give up after WORLD_PATIENCE_S. */
int world_connect(struct world *w);            /* to the link */
int world_accept(struct world *w);             /* what the link dialled */
void world_pair(struct world *w, int pair[2]); /* [0] client, [1] upstream */
int world_connect_port(uint16_t port);         /* -1 and errno when refused */
int world_listen(uint16_t *port, int backlog);

/* A pair through which bytes have gone both ways. */
void world_talking_pair(struct world *w, int pair[2]);
void world_close_pair(const int pair[2]);

/* Send all of it; receive exactly so much, or until the end. */
void world_send(int fd, const char *text);
void world_expect(int fd, const char *text);
void world_pass(int from, int to, const char *text); /* sent here, expected there */
void world_expect_fin(int fd);
void world_expect_reset(int fd);
void world_abort(int fd); /* close with RST */

/* Commands; they must succeed. */
struct fault_id world_fault(struct world *w, const char *type, const char *words);
void world_change(struct world *w, struct fault_id fault, const char *words);
void world_heal(struct world *w, struct fault_id fault);
uint32_t world_reset(struct world *w);
struct link_stats world_stats(struct world *w);
void world_upstream(struct world *w, const char *upstream);

/* A command about the link that may fail; `text` is its new upstream or listen address,
 * or NULL. Gives reply->rc. */
int world_command(struct world *w, enum plane_command_kind kind, const char *text,
                  struct plane_reply *reply);

/* A fault that may fail. */
int world_try_fault(struct world *w, const char *type, const char *words,
                    struct plane_reply *reply);

/* What the observer heard. */
int world_count(struct world *w, enum proxy_event_kind kind);
struct world_event world_find(struct world *w, enum proxy_event_kind kind, int nth);
void world_wait_for(struct world *w, enum proxy_event_kind kind, int count);

/* Nothing comes on it for a moment, and it is not closed: 50 ms, which may be too short
 * to see a failure, but never fails without one. */
void world_expect_silence(int fd);

int world_open_fds(void); /* of this process */

#endif
