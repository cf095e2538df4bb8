/* abandon: one side is reset, the other hears nothing, until it ends itself or the fault
 * goes. Through the fault half_open, on real sockets. */
#include "tests/lib/proxy/transfer.h"
#include "tests/lib/proxy/world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const gone_words[] = {"gone=client", "gone=server"};

/* A pair through which bytes have gone, and then one side [gone] is. */
static struct fault_id open_half(struct world *w, int pair[2], int gone)
{
    struct fault_id fault;

    world_pair(w, pair);
    world_pass(pair[0], pair[1], "x");
    fault = world_fault(w, "half_open", gone_words[gone]);
    world_expect_reset(pair[gone]);
    world_expect_silence(pair[1 - gone]);
    assert_int_equal(world_count(w, PROXY_CLOSE), 0);
    return fault;
}

static void test_abandon__resets_one_side_and_says_which(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        struct world *w = world_create(1);
        struct world_event event;
        int pair[2];

        world_fault(w, "latency", "base=0");
        open_half(w, pair, gone);
        event = world_find(w, PROXY_ABANDON, 0);
        assert_int_equal(event.event.a, 2);
        assert_int_equal(event.event.flags,
                         PROXY_BY_FAULT | PROXY_HOW_RST |
                             (gone == 0 ? PROXY_BY_CLIENT : PROXY_BY_SERVER));
        assert_int_equal(world_count(w, PROXY_ABANDON), 1);
        assert_int_equal(world_count(w, PROXY_HALF_CLOSED), 0);
        world_close_pair(pair);
        world_destroy(w);
    }
}

static void test_abandon__ends_when_the_other_side_does(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct world *w = world_create(1);
        int gone = way % 2;
        bool reset = way / 2 == 1;
        int pair[2];

        open_half(w, pair, gone);
        world_send(pair[1 - gone], "is anybody there?");
        if (reset)
            world_abort(pair[1 - gone]);
        else
            close(pair[1 - gone]);
        world_wait_for(w, PROXY_CLOSE, 1);
        assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                         (gone == 0 ? PROXY_BY_SERVER : PROXY_BY_CLIENT) |
                             (reset ? PROXY_HOW_RST : PROXY_HOW_FIN));
        close(pair[gone]);
        world_destroy(w);
    }
}

static void test_abandon__a_heal_and_a_rest_reset_the_other_side(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct world *w = world_create(1);
        int gone = way % 2;
        struct fault_id fault;
        int pair[2];

        fault = open_half(w, pair, gone);
        if (way / 2 == 0)
            world_heal(w, fault);
        else
            world_change(w, fault, "on=1ms off=60s");
        world_expect_reset(pair[1 - gone]);
        world_wait_for(w, PROXY_CLOSE, 1);
        assert_int_equal(world_find(w, PROXY_CLOSE, 0).event.flags,
                         PROXY_BY_FAULT | PROXY_HOW_RST);
        world_close_pair(pair);
        /* Those who come now find a whole connection. */
        world_pair(w, pair);
        world_pass(pair[0], pair[1], "whole");
        world_close_pair(pair);
        world_destroy(w);
    }
}

static void
test_abandon__new_connections_lose_their_side_once_they_are_through(void **state)
{
    struct world *w = world_create(1);
    int pair[2];

    (void)state;
    world_fault(w, "half_open", "gone=server");
    world_pair(w, pair);
    world_expect_reset(pair[1]);
    world_expect_silence(pair[0]);
    assert_int_equal(world_find(w, PROXY_DIALED, 0).event.a, 0);
    close(pair[0]);
    world_wait_for(w, PROXY_CLOSE, 1);
    close(pair[1]);
    world_destroy(w);
}

/* Bytes in bulk both ways, in pipes and in queues, at the moment at which a side goes. */
static void test_abandon__is_safe_in_the_middle_of_bulk(void **state)
{
    enum { PAIRS = 6 };
    int fds = world_open_fds();

    (void)state;
    for (int round = 0; round < 8; round++) {
        struct world *w = world_create((uint64_t)round + 1);
        struct transfer there[PAIRS];
        struct transfer back[PAIRS];
        struct fault_id fault;
        int pairs[PAIRS][2];

        if (round % 4 >= 2)
            world_fault(w, "latency", "base=1ms");
        for (int i = 0; i < PAIRS; i++) {
            world_pair(w, pairs[i]);
            transfer_start_sender(&there[i], pairs[i][0], pairs[i][1], 16 << 20);
            transfer_start_sender(&back[i], pairs[i][1], pairs[i][0], 16 << 20);
        }
        while (world_stats(w).bytes_to_client < 1 << 20)
            ;
        fault = world_fault(w, "half_open", gone_words[round % 2]);
        if (round >= 4)
            world_change(w, fault, gone_words[1 - round % 2]);
        world_heal(w, fault);
        for (int i = 0; i < PAIRS; i++) {
            transfer_finish_sender(&there[i]);
            transfer_finish_sender(&back[i]);
            world_close_pair(pairs[i]);
        }
        world_wait_for(w, PROXY_CLOSE, PAIRS);
        assert_int_equal(world_stats(w).held_bytes, 0);
        world_destroy(w);
    }
    assert_int_equal(world_open_fds(), fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_abandon__resets_one_side_and_says_which),
        cmocka_unit_test(test_abandon__ends_when_the_other_side_does),
        cmocka_unit_test(test_abandon__a_heal_and_a_rest_reset_the_other_side),
        cmocka_unit_test(
            test_abandon__new_connections_lose_their_side_once_they_are_through),
        cmocka_unit_test(test_abandon__is_safe_in_the_middle_of_bulk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
