/* crew: the inside of client.h, shared by the files of the case's side.
 *
 *   crew.c         all clients of a case, node watching, stopping everybody
 *   client.c       one client's life: links, process, ready, exit
 *   verbs.c        what a script can ask of it
 *   links.c        its links, one per node (per connection for connectors)
 *   crew_orders.c  orders to the process and their answers, one JSON object per line
 *   crew_admin.c   the admin client and the questions to the broker's API
 *   await.c        connected, caught up */
#ifndef STORMDRILL_CLIENT_CREW_H
#define STORMDRILL_CLIENT_CREW_H

#include "harness/client/client.h"
#include "harness/client/status.h"
#include "harness/client/workload.h"
#include "harness/evidence/record.h"
#include "harness/process/child.h"

enum {
    CLIENT_LINKED_CONNECTIONS_MAX = 256, /* connectors share the last link beyond that */
    CLIENT_READY_MS = 20000,
    CLIENT_STOP_MS = 45000,
    CLIENT_NOTICE_MS = 500, /* a reset that nobody notices for so long hit nobody */
    CLIENT_ORDER_LINE_BYTES_MAX = 1 << 20,
};

enum client_state {
    CLIENT_LINKING,  /* its links are being opened */
    CLIENT_STARTING, /* the process runs, its workload is not ready */
    CLIENT_READY,
    CLIENT_EXITED,
    CLIENT_STATE_COUNT,
};

struct client_path { /* one link of the client */
    struct link_id id;
    struct node *node;
    int connection; /* of a connector, else 0 */
    char name[LINK_NAME_BYTES];
    char address[ADDRESS_BYTES];
};

/* An order whose answer is awaited, or a wait for ready or exit. Answered exactly once.
 */
struct order {
    struct order *next;
    struct client *client;
    struct crew *crew; /* outlives the client */
    int64_t id;
    uv_timer_t timer; /* its deadline */
    const char *what; /* for the error: "stop" */
    bool sent;
    void (*answered)(void *arg, int rc, const struct error *err, const json_t *answer);
    void *arg;
};

struct channel { /* our end of the process's control socket */
    uv_pipe_t pipe;
    struct crew *crew; /* outlives the client */
    char *line;
    size_t line_size, line_capacity;
};

struct waiter { /* somebody who waits for ready or for the exit */
    struct waiter *next;
    client_done_fn *done;
    void *arg;
};

struct client {
    struct crew *crew;
    uint32_t number; /* 0: the admin */
    uint32_t incarnation;
    char name[128];
    const struct workload_type *type; /* NULL: the admin */
    json_t *conf;                     /* as the user wrote it */
    char *subject;          /* what it publishes to or listens on; may be NULL */
    char *stream, *durable; /* consumers and JetStream publishers; may be NULL */
    uint64_t ack_wait_ns;
    enum client_state state;
    uint64_t cut_ns;      /* when a connection of it was last reset by us; 0: never */
    uint64_t cut_noticed; /* losses on the page when it has noticed all resets */
    bool stopped;         /* its load was ended on purpose */
    bool killed;          /* by us: its exit is no surprise */

    struct client_path *paths;
    int path_count;
    int paths_opening;
    int rc; /* first failure while linking */
    struct error failure;

    struct child *child;
    struct channel *channel; /* frees itself when it is closed */
    struct client_status *status;
    struct order *orders;
    int64_t order_ids;
    uv_timer_t ready_timer;
    struct waiter *ready_waiters;
    struct waiter *exit_waiters;
    uint64_t attempted, acknowledged, accepted, received,
        distinct; /* of past incarnations */
};

struct crew {
    struct context *context;
    struct cluster *cluster;
    struct client **clients;
    int count;
    int capacity;
    struct client *admin;
    struct node_watch watch;
    bool watching;
    bool stopping;
    bool destroying;
    int handles; /* open ones of the crew and its clients; the last one frees the crew */
};

/* Call `fn` on the loop's next turn: `done` must not fire before a verb returns. */
void crew_defer(struct crew *crew, client_done_fn *done, void *arg, int rc,
                const struct error *err);

/* A handle of the crew is closed. May free the crew: touch nothing after this. */
void crew_drop_handle(struct crew *crew);

/* client.c */
struct client *client_new(struct crew *crew, const char *name);
void client_launch(struct client *client); /* links are open: start the process */
void client_on_line(struct client *client, const json_t *line);
void client_free(struct client *client);
void client_add_waiter(struct waiter **list, client_done_fn *done, void *arg);
void client_fire_waiters(struct waiter **list, int rc, const struct error *err);
void client_record(const struct client *client, struct record record,
                   const json_t *detail);

/* verbs.c: like client_stop, with another bound on the drain */
void client_stop_within(struct client *client, uint64_t within_ns, client_done_fn *done,
                        void *arg);

/* links.c */
int links_open(struct client *client, int connections, struct error *err);
void links_close(struct client *client);
char *links_urls(const struct client *client); /* NATS_URL; gives */

/* crew_orders.c */
int channel_open(struct client *client, int fd, struct error *err); /* takes fd */
void channel_close(struct client *client); /* orders are answered E_CLOSED */

/* Send {"op": op, …members of `body` (borrowed, may be NULL)}. */
void client_order(struct client *client, const char *op, const json_t *body,
                  uint64_t within_ns,
                  void (*answered)(void *arg, int rc, const struct error *err,
                                   const json_t *answer),
                  void *arg);

/* crew_admin.c */
void crew_admin_servers(struct crew *crew); /* tell it the nodes' addresses of now */

#endif
