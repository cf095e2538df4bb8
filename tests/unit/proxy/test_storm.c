/* storm: many connections under faults that come, change and go at random. What is not
 * reset must arrive byte for byte; what is reset must leave nothing behind. */
#include "tests/lib/proxy/transfer.h"
#include "tests/lib/proxy/world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/rng.h"

/* STORM_BYTES: little enough that directions also feel the bound of the process. */
enum { PAIRS = 12, FAULTS = 6, STEPS = 250, STORM_BYTES = 64 << 20 };

static const char *const directions[] = {"both", "to_server", "to_client"};

static void describe(struct rng *rng, bool is_latency, char *words, size_t size)
{
    int used = 0;

    if (is_latency)
        used = snprintf(words, size, "base=%uus jitter=%uus ",
                        (unsigned)rng_below(rng, 3000), (unsigned)rng_below(rng, 2000));
    snprintf(words + used, size - (size_t)used, "probability=%.2f direction=%s",
             rng_unit(rng), directions[rng_below(rng, 3)]);
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
        close(pairs[i][0]);
        close(pairs[i][1]);
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
            close(pairs[i][0]);
            close(pairs[i][1]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storm__what_is_not_reset_arrives_byte_for_byte),
        cmocka_unit_test(test_storm__what_is_reset_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
