/* peer: the proxies that are compared, each started with a configuration of its own on
 * a free port, with one upstream. */
#ifndef STORMDRILL_BENCH_PEER_H
#define STORMDRILL_BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum peer_kind {
    PEER_DIRECT, /* no proxy: what the machine can do */
    PEER_STORMDRILL,
    PEER_FLOOR,         /* where the user has one: --peer floor=PATH */
    PEER_RELAY,         /* relay.h */
    PEER_HAPROXY,       /* option splice-auto */
    PEER_HAPROXY_TUNED, /* pipes of 1 MiB, splice forced */
    PEER_HAPROXY_COPY,  /* no splice */
    PEER_NGINX,
    PEER_SOCAT,
    PEER_TOXIPROXY,
};

/* Where the programs are, and a folder for configurations and logs. */
struct peer_tools {
    const char *stormdrill;
    const char *floor;     /* NULL: not here */
    const char *toxiproxy; /* NULL: not here */
    const char *folder;
    long fd_limit; /* that each of them has */
};

struct peer_setup {
    const char *name; /* in tables and goals */
    enum peer_kind kind;
    const char *fault;  /* ours: as --fault takes it; the others know the next two */
    const char *buffer; /* ours: as --buffer takes it */
    uint64_t delay_us;  /* of what goes to the server */
    uint64_t rate_bytes_per_s;
    bool not_quick; /* left out of a quick run */
};

struct peer {
    const struct peer_setup *setup;
    uint16_t port; /* where it listens */
    uint16_t upstream;
    pid_t pid; /* 0: none (direct) */
    char why[256];
};

/* Start and wait until it accepts. false: `why` says what is missing. */
bool peer_start(struct peer *peer, const struct peer_setup *setup,
                const struct peer_tools *tools, uint16_t upstream);
void peer_stop(struct peer *peer);

/* Give a Toxiproxy that runs with its API at `api_port` a proxy and the toxic that
 * `peer->setup` asks for; sets peer->port. */
bool toxiproxy_populate(struct peer *peer, uint16_t api_port);

#endif
