/* audience: who publishes, and who must have received what they published.
 *
 * Receivers that share their work (one durable, one queue group) are one group: a
 * message that any of them has seen has arrived there. Every group whose stream or
 * subject a publisher serves must have seen its messages. Made from the clients' own
 * configuration in the cast; where that does not say, from what they received. */
#ifndef STORMDRILL_CHECKS_AUDIENCE_H
#define STORMDRILL_CHECKS_AUDIENCE_H

#include "harness/checks/ledger.h"
#include "harness/evidence/cast.h"

enum level {
    LEVEL_FURTHEST, /* what the scenario can see */
    LEVEL_STORED,
    LEVEL_DELIVERED,
    LEVEL_ACKED,
    LEVEL_PROCESSED,
};

struct audience_publisher {
    uint32_t client;
    char name[128];
    const char *subject; /* NULL: not told */
    char stream[256];    /* "": not told, or none */
    bool by_ack;         /* entitled by PubAck; else by what the library accepted */
};

struct audience_group {
    char name[160]; /* "worker", "durable worker (2 clients)" */
    uint32_t *members;
    int member_count;
    bool is_consumer;
    const char *stream, *durable, *subject, *queue; /* of its first member's conf */
    bool acks;  /* acknowledges, so that `acked` can be told from `delivered` */
    bool works; /* says `processed` */
    uint64_t held_ns, stuck_ns, gone_ns,
        undrained_ns; /* as in struct ledger_life, latest */
};

struct audience {
    struct audience_publisher *publishers;
    int publisher_count;
    struct audience_group *groups;
    int group_count;
};

/* `of`: only this client or group (NULL: all), be it publishers or receivers. `stream`:
 * only this stream (NULL: all). Borrows evidence, cast and ledger. */
int audience_create(struct audience **out, const struct evidence *evidence,
                    const struct cast *cast, const struct ledger *ledger, const char *of,
                    const char *stream, struct error *err);
void audience_destroy(struct audience *audience);

/* Must this group have received what this publisher sent? */
bool audience_hears(const struct audience_group *group,
                    const struct audience_publisher *publisher,
                    const struct ledger *ledger);

/* The furthest level that anybody here can see; LEVEL_DELIVERED without receivers. */
enum level audience_furthest(const struct audience *audience);

/* The flag that shows this level for this group, or the nearest below that it has. */
unsigned audience_flag(const struct audience_group *group, enum level level);

/* "processed" */
const char *level_name(enum level level);

#endif
