/* cast: who is who in a run, read once from the evidence: clients, links, phases, faults.
 *
 * Checks and reports use it to speak of "worker" and "client 3 -> n1" instead of
 * numbers, and to cut time into phases. Everything is borrowed from the cast. */
#ifndef STORMDRILL_EVIDENCE_CAST_H
#define STORMDRILL_EVIDENCE_CAST_H

#include "harness/evidence/evidence.h"

struct cast_client {
    uint32_t number;
    char name[128];
    char workload[32]; /* "publisher", "consumer", ... ; "process" for foreign ones */
    json_t *conf;      /* as client_start told it; borrowed */
    uint32_t incarnations;
    uint64_t started_ns, exited_ns; /* of the last incarnation; 0 = never */
    bool killed;                    /* the harness killed it at least once */
};

struct cast_link {
    uint16_t number;
    char name[128];
    uint32_t client; /* owner, 0 = none */
    uint32_t node;   /* 0 = none */
};

struct cast_phase {
    char name[128];
    uint64_t begin_ns, end_ns;
};

struct cast_fault {  /* also actions, and broker and client faults: all disturbances */
    uint64_t number; /* 0 for actions */
    char name[32];   /* "latency", "reset", "kill" */
    char on[128];    /* link, node or client by name */
    uint16_t link;   /* 0 = none */
    uint64_t begin_ns, end_ns; /* end 0: never healed; actions: the same as begin */
    uint64_t touched;
    double probability; /* that a connection is hit; 1 where it does not say */
};

/* A time at which a fault did not act, though it was not healed: it had not begun yet
 * (`after`), or it comes and goes (`on`, `off`). */
struct cast_rest {
    int fault;                 /* index in cast.faults */
    uint64_t begin_ns, end_ns; /* end 0: it never acted again */
};

struct cast {
    struct cast_client *clients;
    int client_count;
    struct cast_link *links;
    int link_count;
    struct cast_phase *phases;
    int phase_count;
    struct cast_fault *faults;
    int fault_count;
    struct cast_rest *rests; /* of each fault in the order of time */
    int rest_count;
};

int cast_create(struct cast **out, const struct evidence *evidence, struct error *err);
void cast_destroy(struct cast *cast);

/* NULL when there is none. */
const struct cast_client *cast_client(const struct cast *cast, uint32_t number);
const struct cast_client *cast_client_named(const struct cast *cast, const char *name);

/* Is this client meant by `name`: its own name, or that of its group ("worker" means
 * worker-1, worker-2, …)? NULL means everybody. */
bool cast_means(const struct cast *cast, const char *name, uint32_t client);
const struct cast_link *cast_link(const struct cast *cast, uint16_t number);

/* The first time from `from_ns` on during which the fault with this index acted:
 * [begin_ns, end_ns), end 0: without an end that is known. false: it acted no more. */
bool cast_fault_period(const struct cast *cast, int index, uint64_t from_ns,
                       uint64_t *begin_ns, uint64_t *end_ns);

const struct cast_phase *cast_phase_named(const struct cast *cast, const char *name);

#endif
