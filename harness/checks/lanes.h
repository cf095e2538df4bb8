/* lanes: every connection of every client through the run, as the proxy saw it and as
 * the client told it.
 *
 * A lane is one connection that a client means to keep: its links (one per node), the
 * attempts that arrived there, what the client said of it, and when the client itself
 * was ended or paused by us. Built-in clients have one lane; a connector has one per
 * connection. An attempt is established when upstream's first byte reached the client
 * and, where the client speaks of its connections, when it said so; one that lived a
 * second needs no word. Loss and return are found here once for all checks, seen by the
 * proxy and told by the client; whoever judges only one of the two says what it lacks. */
#ifndef STORMDRILL_CHECKS_LANES_H
#define STORMDRILL_CHECKS_LANES_H

#include "harness/evidence/cast.h"

struct attempt {
    uint16_t link;
    uint32_t connection;
    uint64_t accept_ns;
    uint64_t first_byte_ns; /* 0: never */
    uint64_t end_ns;        /* when the client could know that it was over; 0: open */
    unsigned end_flags;     /* proxy_event_flags of its close */
    bool is_established;
    const struct record *accept, *close; /* close: NULL while open */
};

struct word { /* connected, disconnected, reconnected, closed: of the client */
    uint64_t time_ns;
    unsigned kind;
    uint32_t incarnation;
    const struct record *record;
};

struct span {
    uint64_t begin_ns, end_ns;
};

struct lane_links {
    uint16_t *numbers;
    int count;
};

struct connection_lane {
    uint32_t client;
    uint32_t index; /* connector: which of its connections, from 0 */
    char name[160]; /* "worker", "crowd#3" */
    struct lane_links links;
    struct attempt *attempts; /* by accept */
    int attempt_count, attempt_capacity;
    struct word *words; /* by time */
    int word_count, word_capacity;
    uint64_t *ends; /* SIGTERM, SIGKILL and exits of the process, by time */
    int end_count, end_capacity;
    struct span *pauses; /* SIGSTOP .. SIGCONT */
    int pause_count, pause_capacity;
    bool speaks; /* the client tells of its connections */
};

struct lanes {
    struct connection_lane *lanes;
    int count;
    uint64_t over_ns; /* run() has ended: what follows is the clearing up */
};

/* One loss of an established connection, until the next is established. */
struct outage {
    const struct connection_lane *lane;
    uint64_t lost_ns;
    const struct record *loss; /* close or disconnected */
    uint64_t back_ns;          /* 0: never */
    uint64_t closed_ns;        /* the client gave up for good; 0: it did not say so */
    const struct record *closed;
    uint64_t
        until_ns; /* where the story stops: back, closed, the client's or run's end */
    bool client_ended; /* it was ended by us, or left, before it was back */
    int first_attempt; /* of lane->attempts, the first after the loss */
    int attempt_count; /* up to and with the one that succeeded */
};

/* `only`: a client's or a group's name, NULL for all. */
int lanes_create(struct lanes **out, const struct evidence *evidence,
                 const struct cast *cast, const char *only, struct error *err);
void lanes_destroy(struct lanes *lanes);

/* All outages of a lane in [from_ns, to_ns) by their loss, as the proxy saw them. Gives
 * an array to free; negative: no memory. */
int lane_outages_seen(const struct lanes *lanes, const struct connection_lane *lane,
                      uint64_t from_ns, uint64_t to_ns, struct outage **out);

/* The same as the client told them; clients that say nothing, and losses of which a
 * client said nothing, as the proxy saw them. */
int lane_outages_told(const struct lanes *lanes, const struct connection_lane *lane,
                      uint64_t from_ns, uint64_t to_ns, struct outage **out);

/* The first of `told` that is none of `seen` (each is one of the other at most), and how
 * many there are. */
int outages_missing(const struct outage *told, int told_count, const struct outage *seen,
                    int seen_count, const struct outage **first);

#endif
