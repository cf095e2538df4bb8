/* tally: the sums of one publisher's incarnation, from its sheet and its receivers'.
 *
 *   attempted = entitled + recovered + unknown + refused
 *   entitled  = acknowledged, or for core publishers accepted (what a killed publisher
 *               had not flushed is unknown)
 *   entitled  = arrived + pending + lost + removed + given_up
 *   lost      = lost_prefix + lost_middle + lost_postfix
 *
 * The columns are counted one by one and the sums checked against each other. */
#ifndef STORMDRILL_CHECKS_TALLY_H
#define STORMDRILL_CHECKS_TALLY_H

#include "harness/checks/audience.h"
#include "harness/checks/ledger.h"

/* X(column) */
#define TALLY_COLUMNS(X)                                                                 \
    X(attempted)                                                                         \
    X(accepted)                                                                          \
    X(acknowledged)                                                                      \
    X(stored)                                                                            \
    X(delivered)                                                                         \
    X(acked)                                                                             \
    X(processed)                                                                         \
    X(entitled)                                                                          \
    X(arrived)                                                                           \
    X(pending) /* missing while more could come: the drain was not finished */           \
    X(lost)                                                                              \
    X(lost_prefix)                                                                       \
    X(lost_middle)                                                                       \
    X(lost_postfix)                                                                      \
    X(removed)  /* by policy: limits, age, discard old, no interest, purge */            \
    X(given_up) /* max_deliver, term */                                                  \
    X(recovered)                                                                         \
    X(unknown)                                                                           \
    X(refused)                                                                           \
    X(unexpected)                                                                        \
    X(unserved)   /* entitled, of a publisher whom nobody listens to */                  \
    X(impossible) /* records that contradict each other */

struct tally {
#define X(column) uint64_t column;
    TALLY_COLUMNS(X)
#undef X
};

struct lost_messages { /* neighbours that were lost in the same way */
    struct message_id id;
    uint64_t last; /* number; id.number is the first */
    int group;     /* the first that must have it and has it not; -1: not stored */
};

struct tally_sink { /* the first of them, in the order of their numbers */
    struct lost_messages *lost;
    int capacity;
    int count;
};

/* Of what the publisher's caller was entitled to believe in, the receivers' share. */
struct tally_share {
    uint64_t entitled; /* of publishers whom this group hears */
    uint64_t arrived;
};

struct tally_input {
    const struct ledger *ledger;
    const struct audience *audience;
    const struct audience_publisher *publisher;
    uint32_t incarnation;
    enum level level; /* not LEVEL_FURTHEST */
};

/* Count one incarnation. The sink may be NULL, as may `shares`: one per group of the
 * audience, added to. */
int tally_count(struct tally *out, const struct tally_input *input,
                struct tally_sink *sink, struct tally_share *shares, struct error *err);

void tally_add(struct tally *to, const struct tally *from);

/* NULL when every sum holds, else the one that does not, in words. */
const char *tally_contradiction(const struct tally *tally);

#endif
