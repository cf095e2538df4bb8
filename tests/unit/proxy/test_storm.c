/* storm: many connections under faults that come, change and go at random. What is not
 * reset must arrive byte for byte; what is reset must leave nothing behind. */
#include "tests/lib/proxy/transfer.h"
#include "tests/lib/proxy/world.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/base/rng.h"

/* STORM_BYTES: little enough that directions also feel the bound of the process. */
enum { PAIRS = 12, FAULTS = 6, STEPS = 250, STORM_BYTES = 64 << 20 };

static const char *const directions[] = {"both", "to_server", "to_client"};

static void describe(struct rng *rng, bool is_latency, char *words, size_t size)
{
    static const char *const turns[] = {"", "on=2ms off=1ms", "on=1ms off=3ms times=5",
                                        "after=2ms", "after=20KB"};
    int used = 0;

    if (is_latency)
        used = snprintf(words, size, "base=%uus jitter=%uus ",
                        (unsigned)rng_below(rng, 3000), (unsigned)rng_below(rng, 2000));
    snprintf(words + used, size - (size_t)used, "probability=%.2f direction=%s %s",
             rng_unit(rng), directions[rng_below(rng, 3)], turns[rng_below(rng, 5)]);
}

/* One random step on one of the slots: begin, change or heal. */
static void step(struct world *w, struct rng *rng, struct fault_id *faults)
{
    int slot = (int)rng_below(rng, FAULTS);
    bool is_latency = slot % 3 != 0;
    char words[128];

    describe(rng, is_latency, words, sizeof words);
    if (faults[slot].number == 0) {
        faults[slot] = world_fault(w, is_latency ? "latency" : "stall", words);
    } else if (rng_below(rng, 2) == 0) {
        world_change(w, faults[slot], words);
    } else {
        world_heal(w, faults[slot]);
        faults[slot].number = 0;
    }
}

static void test_storm__what_is_not_reset_arrives_byte_for_byte(void **state)
{
    struct world *w = world_create_bounded(5, STORM_BYTES);
    struct transfer there[PAIRS];
    struct transfer back[PAIRS];
    struct fault_id faults[FAULTS] = {{0}};
    int pairs[PAIRS][2];
    struct rng rng;

    (void)state;
    rng_init(&rng, 99);
    for (int i = 0; i < PAIRS; i++) {
        world_pair(w, pairs[i]);
        transfer_start(&there[i], pairs[i][0], pairs[i][1], 12 << 20);
        transfer_start(&back[i], pairs[i][1], pairs[i][0], 12 << 20);
    }
    for (int i = 0; i < STEPS; i++)
        step(w, &rng, faults);
    for (int i = 0; i < FAULTS; i++)
        if (faults[i].number != 0)
            world_heal(w, faults[i]);
    for (int i = 0; i < PAIRS; i++) {
        transfer_finish(&there[i]);
        transfer_finish(&back[i]);
        world_close_pair(pairs[i]);
    }
    world_wait_for(w, PROXY_CLOSE, PAIRS);
    assert_int_equal(world_stats(w).held_bytes, 0);
    world_destroy(w);
}

static void test_storm__what_is_reset_leaves_nothing_behind(void **state)
{
    struct world *w = world_create_bounded(6, STORM_BYTES);
    struct fault_id faults[FAULTS] = {{0}};
    struct transfer sending[PAIRS];
    int pairs[PAIRS][2];
    int fds = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 100);
    for (int round = 0; round < 20; round++) {
        struct fault_id refuse;

        for (int i = 0; i < PAIRS; i++) {
            world_pair(w, pairs[i]);
            transfer_start_sender(&sending[i], pairs[i][i % 2], pairs[i][1 - i % 2],
                                  64 << 20);
        }
        for (int i = 0; i < 10; i++)
            step(w, &rng, faults);
        if (round % 2 == 0) {
            world_reset(w);
        } else {
            refuse = world_fault(w, "refuse", round % 4 == 1 ? "" : "with=fin");
            world_heal(w, refuse);
        }
        for (int i = 0; i < PAIRS; i++) {
            transfer_finish_sender(&sending[i]);
            world_close_pair(pairs[i]);
        }
        world_wait_for(w, PROXY_CLOSE, (round + 1) * PAIRS);
        if (round == 0)
            fds = world_open_fds();
    }
    assert_int_equal(world_stats(w).open, 0);
    assert_int_equal(world_stats(w).held_bytes, 0);
    assert_true(world_open_fds() <= fds + 2 * 32); /* pipes stay in their pool */
    world_destroy(w);
}

/* Clients and servers of one thread that come and go as they like. */
struct crowd {
    int clients[24];
    int servers[24];
};

static bool can_accept(struct world *w)
{
    struct pollfd wait = {.fd = w->upstream_fd, .events = POLLIN};

    return poll(&wait, 1, 0) == 1;
}

static void end_one(struct rng *rng, int *fd)
{
    if (*fd == -1)
        return;
    if (rng_below(rng, 2) == 0)
        world_abort(*fd);
    else
        close(*fd);
    *fd = -1;
}

/* One client comes, speaks or goes; one server too. Whether anybody is let in, and
 * whether bytes arrive, is the weather's business. */
static void mingle(struct world *w, struct rng *rng, struct crowd *crowd)
{
    int *client = &crowd->clients[rng_below(rng, 24)];
    int *server = &crowd->servers[rng_below(rng, 24)];

    if (*client == -1)
        *client = world_connect_port(w->link_port);
    else if (rng_below(rng, 2) == 0)
        send(*client, "PING", 4, MSG_NOSIGNAL | MSG_DONTWAIT);
    else
        end_one(rng, client);
    if (*server != -1 && rng_below(rng, 2) == 0)
        send(*server, "PONG", 4, MSG_NOSIGNAL | MSG_DONTWAIT);
    else
        end_one(rng, server);
    if (*server == -1 && can_accept(w))
        *server = world_accept(w);
}

/* Faults of whole connections come, change and go; the link is switched and moved. */
static void upset(struct world *w, struct rng *rng, struct fault_id *faults)
{
    static const char *const kinds[][2] = {
        {"slow_accept", "delay=3ms"},      {"max_connections", "max=5 over=wait"},
        {"unreachable", "on=3ms off=2ms"}, {"refuse", "probability=0.3 keep_old=true"},
        {"half_open", "probability=0.3"},  {"refuse", "port=closed on=2ms off=2ms"},
    };
    static const enum plane_command_kind commands[] = {
        PLANE_LINK_DISABLE, PLANE_LINK_ENABLE, PLANE_LINK_ENABLE, PLANE_LINK_LISTEN};
    int slot = (int)rng_below(rng, FAULTS);
    struct plane_reply reply;

    if (faults[slot].number == 0) {
        faults[slot] = world_fault(w, kinds[slot][0], kinds[slot][1]);
    } else if (rng_below(rng, 3) == 0) {
        world_change(w, faults[slot], slot == 5 ? "on=1ms" : "probability=0.9");
    } else {
        world_heal(w, faults[slot]);
        faults[slot].number = 0;
    }
    if (rng_below(rng, 4) > 0)
        return;
    assert_int_equal(world_command(w, commands[rng_below(rng, 4)], "127.0.0.1:0", &reply),
                     0);
    w->link_port = reply.port;
}

static void expect_the_sums(struct world *w)
{
    struct link_stats stats;
    uint64_t closes = 0;

    do
        stats = world_stats(w);
    while (stats.open > 0);
    for (int who = 0; who < CLOSE_WHO_COUNT; who++)
        for (int how = 0; how < CLOSE_HOW_COUNT; how++)
            closes += stats.closes[who][how];
    assert_int_equal(stats.accepted, stats.closed);
    assert_int_equal(closes, stats.closed);
    assert_int_equal(stats.held_bytes, 0);
    assert_int_equal(world_count(w, PROXY_ACCEPT), stats.accepted);
    assert_int_equal(world_count(w, PROXY_CLOSE), stats.closed);
}

static void test_storm__those_who_wait_and_those_who_go_leave_nothing_behind(void **state)
{
    struct world *w = world_create(7);
    struct fault_id faults[FAULTS] = {{0}};
    struct plane_reply reply;
    struct crowd crowd;
    struct rng rng;
    int pair[2];

    (void)state;
    memset(&crowd, -1, sizeof crowd);
    rng_init(&rng, 101);
    for (int i = 0; i < 1500; i++) {
        mingle(w, &rng, &crowd);
        if (i % 5 == 0)
            upset(w, &rng, faults);
    }
    for (int i = 0; i < FAULTS; i++)
        if (faults[i].number != 0)
            world_heal(w, faults[i]);
    for (int i = 0; i < 24; i++) {
        end_one(&rng, &crowd.clients[i]);
        end_one(&rng, &crowd.servers[i]);
    }
    while (can_accept(w))
        close(world_accept(w));
    world_command(w, PLANE_LINK_DISABLE, NULL, &reply);
    while (can_accept(w))
        close(world_accept(w));
    expect_the_sums(w);
    assert_int_equal(world_command(w, PLANE_LINK_ENABLE, NULL, &reply), 0);
    w->link_port = reply.port;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "calm");
    world_close_pair(pair);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storm__what_is_not_reset_arrives_byte_for_byte),
        cmocka_unit_test(test_storm__what_is_reset_leaves_nothing_behind),
        cmocka_unit_test(
            test_storm__those_who_wait_and_those_who_go_leave_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
