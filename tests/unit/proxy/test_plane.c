/* plane: commands, ids, answers in order, seeds, and what bad input is told. */
#include "tests/lib/proxy/world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_plane__stale_ids_are_answered_and_harm_nothing(void **state)
{
    struct world *w = world_create(1);
    struct world *other = world_create(1);
    struct fault_id fault = world_fault(w, "latency", "base=1ms");
    struct plane_command heal = {.kind = PLANE_FAULT_HEAL, .fault = fault};
    struct plane_command stats = {.kind = PLANE_LINK_STATS};
    struct plane_reply reply;

    (void)state;
    assert_int_equal(plane_call_wait(other->plane, &heal, &reply), E_STALE);
    assert_int_equal(plane_call_wait(w->plane, &heal, &reply), 0);
    assert_int_equal(plane_call_wait(w->plane, &heal, &reply), E_STALE);
    assert_non_null(strstr(reply.error.text, "fault 1"));
    assert_int_equal(plane_call_wait(w->plane, &stats, &reply), E_STALE);
    stats.link = w->link;
    assert_int_equal(plane_call_wait(w->plane, &stats, &reply), 0);
    stats.kind = PLANE_LINK_CLOSE;
    assert_int_equal(plane_call_wait(w->plane, &stats, &reply), 0);
    stats.kind = PLANE_LINK_STATS;
    assert_int_equal(plane_call_wait(w->plane, &stats, &reply), E_STALE);
    world_destroy(other);
    world_destroy(w);
}

static void test_plane__a_closed_link_takes_its_faults_along(void **state)
{
    struct world *w = world_create(1);
    struct fault_id fault = world_fault(w, "latency", "base=1ms");
    struct plane_command command = {.kind = PLANE_LINK_CLOSE, .link = w->link};
    struct plane_reply reply;

    (void)state;
    assert_int_equal(plane_call_wait(w->plane, &command, &reply), 0);
    command = (struct plane_command){.kind = PLANE_FAULT_CHANGE, .fault = fault};
    assert_int_equal(plane_call_wait(w->plane, &command, &reply), E_STALE);
    world_destroy(w);
}

static void test_plane__a_port_that_is_taken_is_named(void **state)
{
    struct world *w = world_create(1);
    struct link_options options = {.name = "second"};
    struct plane_reply reply;
    char port[8];

    (void)state;
    snprintf(port, sizeof port, "%u", w->link_port);
    snprintf(options.listen, sizeof options.listen, "127.0.0.1:%s", port);
    reply = world_open_link(w, &options);
    assert_int_equal(reply.rc, E_BUSY);
    assert_non_null(strstr(reply.error.text, port));
    assert_true(strlen(reply.error.hint) > 0);
    world_destroy(w);
}

static void test_plane__bad_addresses_are_named(void **state)
{
    static const char *const bad[] = {
        "4222",           "localhost",        "localhost:",   "localhost:x",
        "127.0.0.1:0",    "127.0.0.1:65536",  "::1:4222",     "[::1]4222",
        "[127.0.0.1]:42", "host name:4222",   "unix:",        ":4222",
        "[]:1",           "127.0.0.1:999999", "127.0.0.1:-1",
    };
    struct world *w = world_create(1);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct link_options options = {.name = "bad"};
        struct plane_reply reply;

        snprintf(options.upstream, sizeof options.upstream, "%s", bad[i]);
        reply = world_open_link(w, &options);
        if (reply.rc != E_PARAM)
            fail_msg("'%s' was taken as an upstream", bad[i]);
        assert_non_null(strstr(reply.error.text, bad[i]));
        assert_non_null(strstr(reply.error.text, "upstream"));
    }
    world_destroy(w);
}

static void test_plane__listens_on_v6_and_unix_sockets(void **state)
{
    struct world *w = world_create_without_link(1, 0);
    char path[64];
    struct link_options inner = {.name = "inner"};
    struct link_options outer = {.name = "outer", .listen = "[::1]:0"};
    struct plane_reply reply;
    int pair[2];

    (void)state;
    snprintf(path, sizeof path, "unix:/tmp/stormdrill-test-%d.sock", (int)getpid());
    snprintf(inner.listen, sizeof inner.listen, "%s", path);
    snprintf(inner.upstream, sizeof inner.upstream, "127.0.0.1:%u", w->upstream_port);
    reply = world_open_link(w, &inner);
    assert_int_equal(reply.rc, 0);
    assert_string_equal(reply.address, path);
    assert_int_equal(world_open_link(w, &inner).rc, E_BUSY);
    /* A chain of links: v6 or v4, then the Unix socket, then the upstream. */
    reply = world_open_link(w, &outer);
    if (reply.rc == 0)
        assert_int_equal(strncmp(reply.address, "[::1]:", 6), 0);
    outer = (struct link_options){.name = "outer4"};
    snprintf(outer.upstream, sizeof outer.upstream, "%s", path);
    reply = world_open_link(w, &outer);
    w->link = reply.link;
    w->link_port = reply.port;
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "through two links");
    shutdown(pair[1], SHUT_WR);
    world_expect_fin(pair[0]);
    close(pair[0]);
    world_expect_fin(pair[1]);
    close(pair[1]);
    world_destroy(w);
    assert_int_equal(access(path + strlen("unix:"), F_OK), -1);
}

static void test_plane__a_change_that_does_not_fit_changes_nothing(void **state)
{
    struct world *w = world_create(1);
    struct fault_id fault = world_fault(w, "refuse", "with=fin");
    struct plane_command command = {.kind = PLANE_FAULT_CHANGE, .fault = fault};
    struct plane_reply reply;
    int fd;

    (void)state;
    command.params = json_pack("{s:s, s:f}", "port", "closed", "probability", 0.5);
    assert_int_equal(plane_call_wait(w->plane, &command, &reply), E_PARAM);
    assert_non_null(strstr(reply.error.text, "probability"));
    assert_int_equal(world_count(w, PROXY_FAULT_CHANGE), 0);
    fd = world_connect(w);
    world_expect_fin(fd);
    close(fd);
    world_destroy(w);
}

/* Which of 40 connections a fault with probability 0.5 hits, as bits. */
static uint64_t draw(uint64_t seed, const char *before, int *hits)
{
    struct world *w = world_create(seed);
    uint64_t hit = 0;

    if (before != NULL)
        world_fault(w, before, "");
    world_fault(w, "refuse", "probability=0.5");
    for (int i = 0; i < 40; i++) {
        int fd = world_connect(w);

        /* Their order of accept is what they are known by: one after the other. */
        world_wait_for(w, PROXY_ACCEPT, i + 1);
        close(fd);
    }
    world_wait_for(w, PROXY_FAULT_DRAW, before != NULL ? 80 : 40);
    *hits = 0;
    for (int i = 0, order = 0; order < 40; i++) {
        struct world_event e = world_find(w, PROXY_FAULT_DRAW, i);

        if (e.event.a != (before != NULL ? 2u : 1u))
            continue;
        if (e.event.flags & PROXY_DRAW_HIT) {
            hit |= 1ull << order;
            ++*hits;
        }
        order++;
    }
    world_destroy(w);
    return hit;
}

static void test_plane__a_seed_repeats_its_draws_and_another_differs(void **state)
{
    int hits;
    uint64_t first = draw(7, NULL, &hits);

    (void)state;
    assert_in_range(hits, 8, 32);
    assert_true(draw(7, NULL, &hits) == first);
    assert_true(draw(8, NULL, &hits) != first);
    /* Another fault on the link does not change this one's draws. */
    assert_true(draw(7, "latency", &hits) == first);
}

static void test_plane__raising_the_probability_only_adds_connections(void **state)
{
    struct world *w = world_create(3);
    struct fault_id fault = world_fault(w, "latency", "base=0 probability=0.3");
    int pairs[30][2];
    int hits = 0;
    int flips;

    (void)state;
    for (int i = 0; i < 30; i++) {
        world_pair(w, pairs[i]);
        hits += (world_find(w, PROXY_FAULT_DRAW, i).event.flags & PROXY_DRAW_HIT) != 0;
    }
    assert_in_range(hits, 1, 29);
    world_change(w, fault, "probability=1");
    flips = world_count(w, PROXY_FAULT_DRAW) - 30;
    assert_int_equal(flips, 30 - hits);
    for (int i = 30; i < 30 + flips; i++)
        assert_true(world_find(w, PROXY_FAULT_DRAW, i).event.flags & PROXY_DRAW_HIT);
    for (int i = 0; i < 30; i++) {
        world_close_pair(pairs[i]);
    }
    world_destroy(w);
}

/* A control on a loop of its own. */

struct calls {
    struct control *control;
    struct link_id link;
    struct fault_id fault;
    int order[64];
    int rcs[64];
    int count;
    bool inside_call;
    bool closed;
};

struct call {
    struct calls *calls;
    int number;
};

static void on_reply(void *arg, const struct plane_reply *reply)
{
    struct call *call = arg;
    struct calls *calls = call->calls;

    assert_false(calls->inside_call);
    calls->order[calls->count] = call->number;
    calls->rcs[calls->count++] = reply->rc;
}

static void on_closed(void *arg)
{
    ((struct calls *)arg)->closed = true;
}

static void test_plane__answers_come_later_and_in_the_order_of_the_calls(void **state)
{
    struct world *w = world_create(1);
    struct calls calls = {.count = 0};
    struct call numbers[50];
    json_t *bad = json_pack("{s:s}", "base", "100");
    uv_loop_t loop;
    struct error err;

    (void)state;
    uv_loop_init(&loop);
    assert_int_equal(control_open(&calls.control, w->plane, &loop, &err), 0);
    calls.inside_call = true;
    for (int i = 0; i < 50; i++) {
        numbers[i] = (struct call){&calls, i};
        if (i % 2 == 0)
            control_link_stats(calls.control, w->link, on_reply, &numbers[i]);
        else
            control_fault_add(calls.control, w->link, "latency", bad, on_reply,
                              &numbers[i]);
    }
    json_decref(bad);
    calls.inside_call = false;
    control_close(calls.control, on_closed, &calls);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(calls.closed);
    assert_int_equal(calls.count, 50);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(calls.order[i], i);
        assert_int_equal(calls.rcs[i], i % 2 == 0 ? 0 : E_PARAM);
    }
    uv_loop_close(&loop);
    world_destroy(w);
}

static void test_plane__tells_its_lag_every_second(void **state)
{
    struct world *w = world_create(1);

    (void)state;
    world_wait_for(w, PROXY_LAG, 1);
    assert_true(world_find(w, PROXY_LAG, 0).event.b >= 50);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plane__stale_ids_are_answered_and_harm_nothing),
        cmocka_unit_test(test_plane__a_closed_link_takes_its_faults_along),
        cmocka_unit_test(test_plane__a_port_that_is_taken_is_named),
        cmocka_unit_test(test_plane__bad_addresses_are_named),
        cmocka_unit_test(test_plane__listens_on_v6_and_unix_sockets),
        cmocka_unit_test(test_plane__a_change_that_does_not_fit_changes_nothing),
        cmocka_unit_test(test_plane__a_seed_repeats_its_draws_and_another_differs),
        cmocka_unit_test(test_plane__raising_the_probability_only_adds_connections),
        cmocka_unit_test(test_plane__answers_come_later_and_in_the_order_of_the_calls),
        cmocka_unit_test(test_plane__tells_its_lag_every_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
