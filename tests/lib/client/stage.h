/* stage: a real nats-server, built-in clients as real processes, and their evidence.
 *
 *   stage_open -> stage_add_stream -> member_start ... -> stage_close
 *
 * The test program itself is the client: its main() begins with
 *   if (stage_is_client(argc, argv)) return client_main(argc - 1, argv + 1);
 * Everything waits for states, at most STAGE_WAIT_MS, and fails the test otherwise. */
#ifndef STORMDRILL_TESTS_STAGE_H
#define STORMDRILL_TESTS_STAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/client/status.h"
#include "tests/lib/client/relay.h"

enum { STAGE_WAIT_MS = 30000, STAGE_MEMBERS_MAX = 16 };

struct member {
    pid_t pid; /* 0: not running */
    int fd;    /* our end of its control socket */
    uint32_t number;
    uint32_t incarnation;
    int64_t last_id;
    struct client_status *status;
    char line[65536];
    size_t line_size;
};

struct evidence_home;

struct stage {
    char folder[256];
    char evidence[300];
    struct evidence_home *home;
    pid_t broker;
    uint16_t broker_port;
    struct relay *relay;
    struct member members[STAGE_MEMBERS_MAX];
    uint32_t count;
    struct member *admin; /* of members; NULL: not asked for yet */
};

bool stage_is_client(int argc, char **argv);

void stage_open(struct stage *stage);
void stage_close(struct stage *stage); /* kills what still runs, removes the folder */

/* The broker, behind the relay; a restarted one has a new port and its old store. */
void stage_kill_broker(struct stage *stage);
void stage_start_broker(struct stage *stage);

/* Start a client whose options are this JSON text, connected through the relay. */
struct member *member_start(struct stage *stage, const char *workload, const char *conf);
void member_restart(struct stage *stage, struct member *member, const char *workload,
                    const char *conf);
void member_await_ready(struct member *member);

/* The next line it says; fails the test when none comes. Gives. */
json_t *member_line(struct member *member);

/* Give an order with these members (JSON text, NULL: none). Gives the answer. */
json_t *member_order(struct member *member, const char *op, const char *members);

/* Give an order that must work. */
void member_obeys(struct member *member, const char *op, const char *members);

int member_wait(struct member *member); /* until it exits; its wait status */
void member_kill(struct member *member);
void member_exit(struct member *member); /* politely; must be exit code 0 */

/* Wait until a number of its page has reached `at_least`. */
void await_count(const _Atomic uint64_t *counter, uint64_t at_least);
void await_level(const _Atomic uint32_t *level, uint32_t wanted);

/* Through an admin client that the stage keeps: an order that must work. Gives. */
json_t *stage_admin(struct stage *stage, const char *op, const char *members);

/* Until the consumer of this stream has nothing left: num_pending, num_ack_pending. */
void stage_await_caught_up(struct stage *stage, const char *stream, const char *consumer);

/* Until the client has written so many records of this kind. */
void stage_await_records(const struct stage *stage, const struct member *member,
                         const char *kind, uint64_t at_least);

/* How many records of this kind (harness/evidence/kinds.def) the client has written. */
uint64_t stage_records(const struct stage *stage, const struct member *member,
                       const char *kind);

/* Of those, how many have this flag. */
uint64_t stage_flagged(const struct stage *stage, const struct member *member,
                       const char *kind, uint16_t flag);

/* The first detail of this kind of record as text; "" when there is none. */
void stage_detail(const struct stage *stage, const struct member *member,
                  const char *kind, char *text, size_t size);

/* Messages that were acknowledged to `publisher` and that `reader` has not written down
 * as `kind`. */
uint64_t stage_lost(const struct stage *stage, const struct member *publisher,
                    const struct member *reader, const char *kind);

#endif
