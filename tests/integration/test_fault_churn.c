/* fault_churn: random connections through random stacks of faults that come, change and
 * go in the middle of everything. Whatever happened: when the faults are healed and the
 * peers are gone, no connection and no descriptor is left. */
#include "tests/lib/proxy/world.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/rng.h"

enum { ROUNDS = 40, CLIENTS = 12, STEPS = 60, FAULTS = 3, SERVERS_MAX = CLIENTS };

static const char *const stacks[][2] = {
    {"blackhole", ""},
    {"blackhole", "idle=2ms direction=to_client"},
    {"blackhole", "on=3ms off=2ms after=10B"},
    {"limit", "bytes=40"},
    {"limit", "bytes=7 with=fin direction=to_server"},
    {"limit", "bytes=0 with=rst direction=to_client"},
    {"reset", "after=30B"},
    {"reset", "trigger=data wait=2ms"},
    {"reset", "wait=3ms probability=0.5"},
    {"reset", "on=1ms off=4ms"},
    {"close_after", "time=3ms"},
    {"close_after", "time=0 with=rst probability=0.3"},
    {"half_open", "gone=client"},
    {"half_open", "gone=server after=2ms"},
    {"half_open", "on=2ms off=2ms"},
    {"idle_kill", "idle=1ms"},
    {"idle_kill", "idle=1ms how=silent"},
    {"idle_kill", "idle=1ms how=rst_on_data"},
    {"idle_kill", "idle=2ms how=close"},
    {"slow_close", "delay=2ms"},
    {"slow_close", "delay=1h rst=true"},
    {"slow_accept", "delay=2ms"},
    {"slow_accept", "delay=1h probability=0.5"},
    {"max_connections", "max=3 over=wait"},
    {"max_connections", "max=2 over=fin"},
    {"unreachable", "probability=0.5"},
    {"unreachable", "on=1ms off=2ms"},
    {"latency", "base=2ms"},
    {"throttle", "rate=20KB/s"},
    {"throttle", "rate=0B/s per=link"},
    {"slice", "size=3 delay=100us"},
    {"corrupt", "rate=10%"},
    {"rto_stall", "loss=50% rto=1ms"},
    {"stall", "direction=to_server"},
    {"refuse", "probability=0.2"},
};

/* Something in a fault's own words that may be changed while it is on. */
static const char *const changes[] = {
    "probability=0",  "probability=1", "probability=0.5", "direction=to_client",
    "direction=both", "after=5B",      "on=1ms off=1ms",  "on=0 off=0",
};

struct churn {
    struct world *w;
    struct rng rng;
    int clients[CLIENTS];
    int servers[SERVERS_MAX];
    int server_count;
    struct fault_id faults[FAULTS];
    const char *types[FAULTS];
};

static int pick(struct churn *churn, int count)
{
    return (int)rng_below(&churn->rng, (uint64_t)count);
}

static void drop(int *fd, bool abort)
{
    if (*fd == -1)
        return;
    if (abort)
        world_abort(*fd);
    else
        close(*fd);
    *fd = -1;
}

/* Take whom the link has dialled; nobody is fine. */
static void accept_all(struct churn *churn)
{
    struct pollfd wait = {.fd = churn->w->upstream_fd, .events = POLLIN};

    while (churn->server_count < SERVERS_MAX && poll(&wait, 1, 0) == 1)
        churn->servers[churn->server_count++] = world_accept(churn->w);
}

static void act_on_socket(struct churn *churn, int *fd)
{
    char bytes[64];

    if (*fd == -1)
        return;
    memset(bytes, 'x', sizeof bytes);
    switch (pick(churn, 8)) {
    case 0:
        drop(fd, true);
        break;
    case 1:
        drop(fd, false);
        break;
    case 2:
        shutdown(*fd, SHUT_WR);
        break;
    case 3:
        while (recv(*fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            continue;
        break;
    default:
        send(*fd, bytes, 1 + (size_t)pick(churn, sizeof bytes),
             MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

static void add_fault(struct churn *churn, int at)
{
    int which = pick(churn, (int)(sizeof stacks / sizeof stacks[0]));

    churn->types[at] = stacks[which][0];
    churn->faults[at] = world_fault(churn->w, stacks[which][0], stacks[which][1]);
}

/* A change that does not fit its fault is refused, and has changed nothing. */
static void change_fault(struct churn *churn, int at)
{
    struct plane_command command = {.kind = PLANE_FAULT_CHANGE,
                                    .fault = churn->faults[at]};
    const char *words = changes[pick(churn, (int)(sizeof changes / sizeof changes[0]))];
    struct plane_reply reply;

    assert_int_equal(param_words(words, NULL, 0, &command.params, NULL), 0);
    if (plane_call_wait(churn->w->plane, &command, &reply) != 0)
        assert_int_equal(reply.rc, E_PARAM);
}

static void act_on_fault(struct churn *churn)
{
    int at = pick(churn, FAULTS);

    if (pick(churn, 2) == 0) {
        change_fault(churn, at);
        return;
    }
    world_heal(churn->w, churn->faults[at]);
    add_fault(churn, at);
}

static void step(struct churn *churn)
{
    int client = pick(churn, CLIENTS);

    accept_all(churn);
    if (churn->clients[client] == -1 && pick(churn, 2) == 0)
        churn->clients[client] = world_connect(churn->w);
    act_on_socket(churn, &churn->clients[client]);
    if (churn->server_count > 0)
        act_on_socket(churn, &churn->servers[pick(churn, churn->server_count)]);
    if (pick(churn, 5) == 0)
        act_on_fault(churn);
    if (pick(churn, 10) == 0) {
        world_reset(churn->w);
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    }
}

/* All faults and peers gone: so are the connections. */
static void wait_until_empty(struct churn *churn)
{
    for (int i = 0; i < WORLD_PATIENCE_S * 500; i++) {
        for (int k = 0; k < churn->server_count; k++)
            drop(&churn->servers[k], false);
        churn->server_count = 0;
        accept_all(churn);
        if (world_stats(churn->w).open == 0)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 2 * 1000 * 1000}, NULL);
    }
    fail_msg("%u connections are still open", world_stats(churn->w).open);
}

static void play_round(struct world *w, uint64_t seed)
{
    struct churn churn = {.w = w};

    rng_init(&churn.rng, seed);
    for (int i = 0; i < CLIENTS; i++)
        churn.clients[i] = -1;
    for (int i = 0; i < FAULTS; i++)
        add_fault(&churn, i);
    for (int i = 0; i < STEPS; i++)
        step(&churn);
    for (int i = 0; i < FAULTS; i++)
        world_heal(w, churn.faults[i]);
    for (int i = 0; i < CLIENTS; i++)
        drop(&churn.clients[i], false);
    wait_until_empty(&churn);
    for (int i = 0; i < churn.server_count; i++)
        drop(&churn.servers[i], false);
}

static void test_fault_churn__leaves_no_connection_and_no_descriptor(void **state)
{
    struct world *w = world_create(1);
    int fds = world_open_fds();

    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        play_round(w, seed);
        assert_int_equal(world_stats(w).held_bytes, 0);
    }
    assert_int_equal(world_open_fds(), fds);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fault_churn__leaves_no_connection_and_no_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
