/* metrics: one snapshot holds what happened; replies give what they hold, once. */
#include "tests/lib/proxy/world.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct plane_metrics *take(struct world *w)
{
    struct plane_reply reply;

    assert_int_equal(world_command(w, PLANE_METRICS, NULL, &reply), 0);
    assert_non_null(reply.metrics);
    return reply.metrics;
}

static void test_metrics__an_empty_plane_has_a_snapshot_too(void **state)
{
    struct world *w = world_create_without_link(1, 123456);
    struct plane_metrics *metrics = take(w);

    (void)state;
    assert_int_equal(metrics->link_count, 0);
    assert_int_equal(metrics->fault_count, 0);
    assert_int_equal(metrics->memory_bytes, 0);
    assert_int_equal(metrics->memory_bytes_max, 123456);
    plane_metrics_destroy(metrics);
    world_destroy(w);
}

static void test_metrics__tells_each_link_and_fault(void **state)
{
    struct world *w = world_create(1);
    struct link_options second = {.name = "second", .disabled = true};
    struct fault_id fault;
    struct plane_metrics *metrics;
    int pair[2];

    (void)state;
    world_open_link(w, &second);
    world_pair(w, pair);
    world_pass(pair[0], pair[1], "hello");
    fault = world_fault(w, "latency", "base=60s direction=to_server");
    world_send(pair[0], "held");
    while (world_stats(w).held_bytes < 4)
        ;
    metrics = take(w);
    assert_int_equal(metrics->link_count, 2);
    assert_string_equal(metrics->links[0].name, "world");
    assert_string_equal(metrics->links[0].listen, w->link_address);
    assert_true(metrics->links[0].is_listening);
    assert_false(metrics->links[1].is_listening);
    assert_int_equal(metrics->links[0].stats.open, 1);
    assert_int_equal(metrics->links[0].stats.bytes_from_client, 9);
    assert_int_equal(metrics->links[0].stats.bytes_to_server, 5);
    assert_int_equal(metrics->links[0].stats.held_bytes, 4);
    assert_true(metrics->memory_bytes >= 4);
    assert_int_equal(metrics->fault_count, 1);
    assert_int_equal(metrics->faults[0].id.number, fault.number);
    assert_int_equal(metrics->faults[0].link.number, w->link.number);
    assert_string_equal(metrics->faults[0].type, "latency");
    assert_string_equal(metrics->faults[0].label, "latency#1");
    assert_int_equal(metrics->faults[0].touched, 1);
    plane_metrics_destroy(metrics);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_metrics__counts_closes_by_whom_and_how(void **state)
{
    struct world *w = world_create(1);
    struct link_stats stats;
    int pair[2];
    int fd;

    (void)state;
    for (int side = 0; side < 2; side++) {
        world_pair(w, pair);
        world_pass(pair[0], pair[1], "x");
        world_abort(pair[side]);
        world_expect_reset(pair[1 - side]);
        close(pair[1 - side]);
    }
    world_pair(w, pair);
    close(pair[1]);
    world_expect_fin(pair[0]);
    close(pair[0]);
    world_wait_for(w, PROXY_CLOSE, 3);
    world_pair(w, pair);
    world_wait_for(w, PROXY_DIALED, 4);
    world_reset(w);
    world_expect_reset(pair[0]);
    world_close_pair(pair);
    world_upstream(w, "");
    fd = world_connect(w);
    world_expect_reset(fd);
    close(fd);
    world_wait_for(w, PROXY_CLOSE, 5);
    stats = world_stats(w);
    assert_int_equal(stats.closed, 5);
    assert_int_equal(stats.closes[CLOSE_BY_CLIENT][CLOSE_RST], 1);
    assert_int_equal(stats.closes[CLOSE_BY_SERVER][CLOSE_RST], 1);
    assert_int_equal(stats.closes[CLOSE_BY_SERVER][CLOSE_FIN], 1);
    assert_int_equal(stats.closes[CLOSE_BY_FAULT][CLOSE_RST], 1);
    assert_int_equal(stats.closes[CLOSE_BY_PROXY][CLOSE_RST], 1);
    world_destroy(w);
}

static void test_metrics__delays_that_were_drawn_and_missed_are_histograms(void **state)
{
    struct world *w = world_create(1);
    struct fault_id fault;
    struct plane_metrics *metrics;
    int pair[2];

    (void)state;
    fault = world_fault(w, "latency", "base=2ms jitter=3ms direction=to_server");
    world_pair(w, pair);
    for (int i = 0; i < 10; i++)
        world_pass(pair[0], pair[1], "x");
    metrics = take(w);
    assert_int_equal(metrics->faults[0].delays.count, 10);
    assert_true(metrics->faults[0].delays.max_ns >= 2 * NS_PER_MS);
    assert_true(metrics->faults[0].delays.max_ns <= 5 * NS_PER_MS);
    assert_true(metrics->delay_errors.count >= 10);
    plane_metrics_destroy(metrics);
    world_heal(w, fault);
    assert_non_null(
        strstr(world_find(w, PROXY_FAULT_HEAL, 0).detail, "\"delays\":{\"at_most\":"));
    assert_non_null(strstr(world_find(w, PROXY_FAULT_HEAL, 0).detail, "\"count\":10"));
    world_wait_for(w, PROXY_LAG, 1);
    metrics = take(w);
    assert_true(metrics->lag.count >= 50);
    plane_metrics_destroy(metrics);
    world_close_pair(pair);
    world_destroy(w);
}

static void test_metrics__a_reply_tells_the_fault_that_is_in_force(void **state)
{
    struct world *w = world_create(1);
    struct plane_command command;
    struct plane_reply reply;
    json_t *params = json_pack("{s:s}", "base", "5ms");

    (void)state;
    assert_int_equal(
        plane_command_fault(&command, w->link, "latency", params, &reply.error), 0);
    json_decref(params);
    command.wants_detail = true;
    assert_int_equal(plane_call_wait(w->plane, &command, &reply), 0);
    assert_string_equal(json_string_value(json_object_get(reply.detail, "label")),
                        "latency#1");
    plane_reply_release(&reply);
    assert_null(reply.detail);
    command = (struct plane_command){.kind = PLANE_FAULT_CHANGE,
                                     .fault = {1, w->link.generation},
                                     .params = json_pack("{s:s}", "base", "7ms"),
                                     .wants_detail = true};
    assert_int_equal(plane_call_wait(w->plane, &command, &reply), 0);
    params = json_object_get(reply.detail, "params");
    assert_string_equal(json_string_value(json_object_get(params, "base")), "7ms");
    plane_reply_release(&reply);
    plane_reply_release(&reply);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics__an_empty_plane_has_a_snapshot_too),
        cmocka_unit_test(test_metrics__tells_each_link_and_fault),
        cmocka_unit_test(test_metrics__counts_closes_by_whom_and_how),
        cmocka_unit_test(test_metrics__delays_that_were_drawn_and_missed_are_histograms),
        cmocka_unit_test(test_metrics__a_reply_tells_the_fault_that_is_in_force),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
