/* sections: what is compared with what. One table, one line for each respect. */
#include <stddef.h>

#include "tests/bench/proxy/bench.h"

#define OURS                                                                             \
    {                                                                                    \
        .name = "stormdrill", .kind = PEER_STORMDRILL                                    \
    }
#define DIRECT                                                                           \
    {                                                                                    \
        .name = "direct", .kind = PEER_DIRECT                                            \
    }
#define HAPROXY                                                                          \
    {                                                                                    \
        .name = "haproxy", .kind = PEER_HAPROXY                                          \
    }
#define TUNED                                                                            \
    {                                                                                    \
        .name = "haproxy tuned", .kind = PEER_HAPROXY_TUNED                              \
    }
#define NGINX                                                                            \
    {                                                                                    \
        .name = "nginx", .kind = PEER_NGINX, .not_quick = true                           \
    }
#define SOCAT                                                                            \
    {                                                                                    \
        .name = "socat", .kind = PEER_SOCAT, .not_quick = true                           \
    }
#define TOXIPROXY                                                                        \
    {                                                                                    \
        .name = "toxiproxy", .kind = PEER_TOXIPROXY                                      \
    }
#define FLOOR                                                                            \
    {                                                                                    \
        .name = "floor", .kind = PEER_FLOOR                                              \
    }

static const struct peer_setup passing[] = {
    OURS, DIRECT, HAPROXY, TUNED, NGINX, SOCAT, TOXIPROXY, FLOOR,
};

/* What is allocated is to be seen: no direct, and no floor to start anew each time. */
static const struct peer_setup idle[] = {OURS, HAPROXY, NGINX, SOCAT, TOXIPROXY, FLOOR};

/* Faults that change no byte, but must look at each, and one that does not see bytes at
 * all, which must not cost the splice. */
static const struct peer_setup copy[] = {
    {.name = "latency 0", .kind = PEER_STORMDRILL, .fault = "latency base=0"},
    {.name = "corrupt 0", .kind = PEER_STORMDRILL, .fault = "corrupt rate=0"},
    {.name = "limit far", .kind = PEER_STORMDRILL, .fault = "limit bytes=1TiB"},
    {.name = "refuse 0", .kind = PEER_STORMDRILL, .fault = "refuse probability=0"},
    {.name = "haproxy copy", .kind = PEER_HAPROXY_COPY},
    {.name = "haproxy", .kind = PEER_HAPROXY, .not_quick = true},
};

#define DELAYS(ms)                                                                       \
    {                                                                                    \
        {.name = "stormdrill",                                                           \
         .kind = PEER_STORMDRILL,                                                        \
         .fault = "latency direction=to_server base=" #ms "ms",                          \
         .delay_us = (ms)*1000},                                                         \
            {.name = "precise",                                                          \
             .kind = PEER_STORMDRILL,                                                    \
             .fault = "latency direction=to_server precise=true base=" #ms "ms",         \
             .delay_us = (ms)*1000},                                                     \
            DIRECT, {.name = "bare relay", .kind = PEER_RELAY, .delay_us = (ms)*1000},   \
            {.name = "toxiproxy", .kind = PEER_TOXIPROXY, .delay_us = (ms)*1000},        \
            {.name = "floor", .kind = PEER_FLOOR, .delay_us = (ms)*1000},                \
    }

static const struct peer_setup delay_1[] = DELAYS(1);
static const struct peer_setup delay_10[] = DELAYS(10);
static const struct peer_setup delay_100[] = DELAYS(100);

static const struct peer_setup through[] = {
    {.name = "stormdrill",
     .kind = PEER_STORMDRILL,
     .fault = "latency direction=to_server base=100ms",
     .delay_us = 100000},
    {.name = "buffer 512MiB",
     .kind = PEER_STORMDRILL,
     .fault = "latency direction=to_server base=100ms",
     .buffer = "512MiB",
     .delay_us = 100000},
    HAPROXY, /* without a delay: the yardstick where no Toxiproxy is */
    {.name = "toxiproxy", .kind = PEER_TOXIPROXY, .delay_us = 100000},
    {.name = "floor", .kind = PEER_FLOOR, .delay_us = 100000},
};

#define RATES(words, bytes)                                                              \
    {                                                                                    \
        {.name = "stormdrill",                                                           \
         .kind = PEER_STORMDRILL,                                                        \
         .fault = "throttle direction=to_server rate=" words,                            \
         .rate_bytes_per_s = (bytes)},                                                   \
            {.name = "nginx",                                                            \
             .kind = PEER_NGINX,                                                         \
             .rate_bytes_per_s = (bytes),                                                \
             .not_quick = true},                                                         \
            {.name = "toxiproxy", .kind = PEER_TOXIPROXY, .rate_bytes_per_s = (bytes)},  \
    }

static const struct peer_setup rate_1m[] = RATES("1MB/s", 1000000);
static const struct peer_setup rate_100k[] = RATES("100KB/s", 100000);

static const struct peer_setup nats[] = {
    OURS, DIRECT, HAPROXY, NGINX, SOCAT, TOXIPROXY, FLOOR,
};

#define SETUPS(list) .setups = (list), .setup_count = sizeof(list) / sizeof((list)[0])

static const struct section sections[] = {
    {.name = "bulk",
     .what = "as many bytes as go through, on 1 and on 32 connections",
     SETUPS(passing),
     .rounds = 5,
     .rounds_quick = 3,
     .on_readable = origin_sink,
     .take = take_bulk},
    {.name = "pingpong",
     .what = "64 bytes there and back, on 1 and on 64 connections at a time",
     SETUPS(passing),
     .rounds = 5,
     .rounds_quick = 3,
     .on_readable = origin_echo,
     .take = take_pingpong},
    {.name = "connect",
     .what = "new connections, 32 at a time, a byte there and back on each",
     SETUPS(passing),
     .rounds = 5,
     .rounds_quick = 3,
     .on_readable = origin_echo,
     .take = take_connect},
    {.name = "idle",
     .what = "memory for a connection that says nothing (9,000 of them; socat 200)",
     SETUPS(idle),
     .rounds = 2,
     .rounds_quick = 1,
     .fresh = true,
     .on_readable = origin_echo,
     .take = take_idle},
    {.name = "copy",
     .what = "bulk on 1 connection with a fault in the way that changes nothing",
     SETUPS(copy),
     .rounds = 5,
     .rounds_quick = 3,
     .on_readable = origin_sink,
     .take = take_bulk_once},
    {.name = "delay-1ms",
     .what = "error of a delay of 1 ms: 8 connections, a message every 5 ms on each",
     SETUPS(delay_1),
     .rounds = 4,
     .rounds_quick = 2,
     .on_readable = delay_on_readable,
     .take = take_delay},
    {.name = "delay-10ms",
     .what = "error of a delay of 10 ms",
     SETUPS(delay_10),
     .rounds = 4,
     .rounds_quick = 2,
     .on_readable = delay_on_readable,
     .take = take_delay},
    {.name = "delay-100ms",
     .what = "error of a delay of 100 ms",
     SETUPS(delay_100),
     .rounds = 4,
     .rounds_quick = 2,
     .on_readable = delay_on_readable,
     .take = take_delay},
    {.name = "through",
     .what = "bulk on 1 connection through a delay of 100 ms (haproxy: without one)",
     SETUPS(through),
     .rounds = 3,
     .rounds_quick = 2,
     .on_readable = origin_sink,
     .take = take_bulk_delayed},
    {.name = "rate-1MB",
     .what = "how 1 MB/s is kept, for 5 s and in each 100 ms of them",
     SETUPS(rate_1m),
     .rounds = 2,
     .rounds_quick = 1,
     .on_readable = rate_on_readable,
     .take = take_rate},
    {.name = "rate-100KB",
     .what = "how 100 KB/s are kept",
     SETUPS(rate_100k),
     .rounds = 2,
     .rounds_quick = 1,
     .on_readable = rate_on_readable,
     .take = take_rate},
    {.name = "nats",
     .what =
         "messages of 128 B and of 1 KiB: publisher, proxy, server, proxy, subscriber",
     SETUPS(nats),
     .rounds = 4,
     .rounds_quick = 2,
     .start_upstream = nats_start,
     .stop_upstream = nats_stop,
     .take = take_nats},
};

const struct section *section_at(int index)
{
    int count = sizeof sections / sizeof sections[0];

    return index < count ? &sections[index] : NULL;
}
