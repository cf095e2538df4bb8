/* link: a listener, an upstream, the faults, and the connections. See link.c.
 * Thread: the loop's. */
#ifndef STORMDRILL_PROXY_LINK_H
#define STORMDRILL_PROXY_LINK_H

#include "proxy/address.h"
#include "proxy/engine.h"
#include "proxy/fault.h"

struct connection;
struct port;

enum { FAULT_TYPES_MAX = 64 };

/* A fault of a link: it acts while it has begun and does not rest. */
struct link_fault {
    struct link_fault *next;
    struct link *link;
    struct fault_id id;
    const struct fault_type *type;
    void *conf;
    struct fault_common common;
    void *shared;
    uint32_t seats;   /* that point here: also those of connections that are closing */
    bool healed;      /* freed with the last seat */
    uint64_t touched; /* chunks and connections */
    struct histogram delays; /* that it drew */
    bool begun;              /* its `after` is over; true where connections count it */
    bool resting;            /* between two times of `on` */
    int64_t turns;           /* of `on` that have begun, this one included */
    uint64_t turn_ns;        /* when the next turn is due */
    struct deadline turn;    /* it begins, rests, or is on again: turns.c */
    char label[FAULT_LABEL_BYTES]; /* "latency#1": names its random streams */
};

struct link {
    struct engine *engine;
    struct link_id id;
    char name[LINK_NAME_BYTES];
    struct address listen;
    struct address upstream;
    enum link_mode mode;
    uint64_t dial_timeout_ns;
    uint64_t buffer_bytes;
    struct rng rng;
    struct link_fault *faults;              /* in the order in which they came */
    uint32_t fault_counts[FAULT_TYPES_MAX]; /* so far, by type, for labels */
    struct connection *connections;         /* open, newest first */
    struct connection *waiting;             /* not let in yet, oldest first */
    struct connection *waiting_last;
    struct deadline ask_again; /* a connection has closed: ask for the waiting ones */
    uint32_t alive;            /* connections that hold handles */
    struct link_stats stats;
    uint16_t port;
    char address[ADDRESS_BYTES];
    struct port *listener;        /* NULL: there is no socket */
    uint32_t listeners_open;      /* handles of this one and of those before */
    struct deadline accept_again; /* after we ran out of descriptors */
    bool enabled;                 /* by the user */
    bool port_closed; /* in fact: the user, a fault, or nobody could open it */
    bool closing;
};

/* Listen. Gives the link. */
int link_open(struct link **out, struct engine *engine, struct link_id id,
              const struct link_options *options, struct error *err);

/* Stop listening, end every connection with RST; frees itself when all is closed. */
void link_close(struct link *link);

int link_set_upstream(struct link *link, const char *upstream, struct error *err);

/* As PLANE_LINK_DISABLE, _ENABLE and _LISTEN in plane.h; the first and last give how
 * many connections ended. */
uint32_t link_disable(struct link *link);
int link_enable(struct link *link, struct error *err);
int link_listen(struct link *link, const char *listen, uint32_t *touched,
                struct error *err);

/* The action: RST on every connection, both sides. Gives how many. */
uint32_t link_reset(struct link *link);

void link_get_stats(const struct link *link, struct link_stats *stats);

/* Put a fault in force. Takes conf and common out of `command`, also on failure. */
int link_fault_add(struct link *link, struct fault_id id, struct plane_command *command,
                   struct link_fault **out, uint32_t *touched, struct error *err);

/* Change what `params` (borrowed) names. */
int link_fault_change(struct link_fault *fault, const json_t *params, uint32_t *touched,
                      struct error *err);

/* End it; frees `fault` also when the port could not be opened again (an error). */
int link_fault_heal(struct link_fault *fault, uint32_t *touched, struct error *err);

/* What the connections tell. */
void link_connection_closed(struct link *link, struct connection *c, unsigned flags);
void link_connection_freed(struct link *link);

/* A listener's handle has closed. */
void link_listener_closed(struct link *link);

#endif
