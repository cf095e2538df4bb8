/* faults: what a running scenario disturbs, by the handle it holds.
 *
 * A disturbance is a fault on links of clients, or a pause of a node or of clients. It
 * is on or off; handles of Lua are numbers. Healing never waits: the command is sent, the
 * run waits for its answer at its end. A heal that comes while the fault is still being
 * added is done when it is there. */
#ifndef STORMDRILL_SCRIPT_FAULTS_H
#define STORMDRILL_SCRIPT_FAULTS_H

#include "harness/script/run.h"
#include "harness/script/tasks.h"

enum disturbance_kind { DISTURB_LINKS, DISTURB_NODE, DISTURB_CLIENT };

struct disturbance {
    struct disturbance *next;
    struct run *run;
    uint32_t number;
    enum disturbance_kind kind;
    char name[FAULT_NAME_BYTES]; /* "latency", "pause" */
    char on[128];                /* whom, in words */
    json_t *params;              /* as the script gave them */
    bool is_on;
    bool heal_wanted; /* while commands are under way */
    int pending;      /* commands under way */

    int link_count;
    struct link_id *links;
    struct fault_id *faults; /* of each link; number 0: not there */
    struct slot *slots;

    int process_count;
    struct node *node;       /* the one, or */
    struct client **clients; /* so many */
    uint32_t *stopped;       /* the fault's number in evidence; 0: that one is not */

    struct wait *wait; /* told when nothing is pending */
    int rc;
    struct error error;
};

/* A new one, off. It belongs to the run and is freed with it. NULL: no memory. */
struct disturbance *disturbance_create(struct run *run, enum disturbance_kind kind,
                                       const char *name, const char *on);

/* Give it its links: `links` is copied. False: no memory. */
bool disturbance_set_links(struct disturbance *d, const struct link_id *links, int count);

/* Give it its processes, one of both: `clients` is copied. False: no memory. */
bool disturbance_set_node(struct disturbance *d, struct node *node);
bool disturbance_set_clients(struct disturbance *d, struct client *const *clients,
                             int count);

/* Switch it on; `wait` is told when it is in force everywhere, or why not (then it is
 * off again). */
void disturbance_begin(struct disturbance *d, struct wait *wait);

/* Change a link fault's parameters; on success they are merged into d->params. */
void disturbance_change(struct disturbance *d, const json_t *params, struct wait *wait);

/* Switch it off, whatever it is doing; twice is fine. */
void disturbance_heal(struct disturbance *d);

struct disturbance *disturbance_find(struct run *run, uint32_t number);
void disturbances_heal(struct run *run);
void disturbances_free(struct run *run);

/* "latency base=20ms on publisher-1" */
void disturbance_text(const struct disturbance *d, char *text, size_t size);

#endif
