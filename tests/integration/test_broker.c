/* test_broker: a real nats-server under the real guard, with a real client: JetStream
 * keeps what it acknowledged through every way to end and begin again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/broker/cluster.h"

enum { MESSAGES = 50 };

struct world {
    uv_loop_t loop;
    uv_timer_t tick;
    char folder[64];
    struct context context;
    struct cluster *cluster;
    int calls;
    int rc;
    struct error error;
};

static void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

static void on_done(void *arg, int rc, const struct error *err)
{
    struct world *w = arg;

    w->calls++;
    w->rc = rc;
    if (err != NULL)
        w->error = *err;
}

/* Run the loop until the verb that was begun is done; it must succeed. */
static void finish(struct world *w)
{
    uint64_t end_ns = clock_now(clock_real()) + 60ull * NS_PER_S;

    while (w->calls == 0) {
        uv_run(&w->loop, UV_RUN_ONCE);
        if (clock_now(clock_real()) > end_ns)
            fail_msg("a verb is not done after 60 s");
    }
    if (w->rc != 0)
        fail_msg("%s", w->error.text);
    w->calls = 0;
}

static int setup(void **state)
{
    static struct world w;
    struct cluster_conf conf;
    struct error err;
    json_t *object = json_pack("{s:b}", "jetstream", 1);

    w = (struct world){.folder = "/tmp/stormdrill-broker-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    uv_loop_init(&w.loop);
    uv_timer_init(&w.loop, &w.tick);
    uv_timer_start(&w.tick, on_tick, 5, 5);
    w.context = (struct context){.loop = &w.loop,
                                 .clock = clock_real(),
                                 .folder = w.folder,
                                 .self = STORMDRILL_BINARY,
                                 .broker_path = "nats-server"};
    /* Found along $PATH, as the guard's exec does; Debian has it in /usr/sbin. */
    if (access("/usr/sbin/nats-server", X_OK) == 0)
        w.context.broker_path = "/usr/sbin/nats-server";
    assert_int_equal(param_read(cluster_params, &conf, object, "cluster", &err), 0);
    json_decref(object);
    if (cluster_create(&w.cluster, &w.context, &conf, &err) != 0)
        fail_msg("%s", err.text);
    cluster_start(w.cluster, on_done, &w);
    finish(&w);
    *state = &w;
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type,
                        struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    struct world *w = *state;

    cluster_stop(w->cluster, on_done, w);
    finish(w);
    cluster_destroy(w->cluster);
    uv_close((uv_handle_t *)&w->tick, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    nftw(w->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static natsConnection *connect_to(struct node *node)
{
    natsConnection *connection = NULL;
    natsOptions *options = NULL;
    char url[128];

    snprintf(url, sizeof url, "nats://%s", node_address(node));
    assert_int_equal(natsOptions_Create(&options), NATS_OK);
    natsOptions_SetURL(options, url);
    natsOptions_SetAllowReconnect(options, false);
    natsOptions_SetTimeout(options, 5000);
    assert_int_equal(natsConnection_Connect(&connection, options), NATS_OK);
    natsOptions_Destroy(options);
    return connection;
}

/* Store messages, each acknowledged; gives nothing but the certainty. */
static void store(struct node *node, bool create)
{
    natsConnection *connection = connect_to(node);
    jsCtx *js = NULL;
    jsStreamConfig stream;
    const char *subjects[] = {"orders.>"};

    assert_int_equal(natsConnection_JetStream(&js, connection, NULL), NATS_OK);
    jsStreamConfig_Init(&stream);
    stream.Name = "ORDERS";
    stream.Subjects = subjects;
    stream.SubjectsLen = 1;
    if (create)
        assert_int_equal(js_AddStream(NULL, js, &stream, NULL, NULL), NATS_OK);
    for (int i = 0; i < MESSAGES; i++)
        assert_int_equal(js_Publish(NULL, js, "orders.new", "x", 1, NULL, NULL), NATS_OK);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
}

static uint64_t count_stored(struct node *node)
{
    natsConnection *connection = connect_to(node);
    jsStreamInfo *info = NULL;
    jsCtx *js = NULL;
    uint64_t count;

    assert_int_equal(natsConnection_JetStream(&js, connection, NULL), NATS_OK);
    assert_int_equal(js_GetStreamInfo(&info, js, "ORDERS", NULL, NULL), NATS_OK);
    count = info->State.Msgs;
    jsStreamInfo_Destroy(info);
    jsCtx_Destroy(js);
    natsConnection_Destroy(connection);
    return count;
}

static void test_broker__keeps_what_it_acknowledged_through_every_end(void **state)
{
    void (*const ends[])(struct node *, node_done_fn *, void *) = {node_kill, node_stop};
    struct world *w = *state;
    struct node *node = cluster_node(w->cluster, 0);
    uint64_t stored = 0;

    for (int round = 0; round < 2; round++) {
        store(node, round == 0);
        stored += MESSAGES;
        ends[round](node, on_done, w);
        finish(w);
        node_start(node, on_done, w);
        finish(w);
        assert_int_equal(count_stored(node), stored);
    }
    node_restart(node, on_done, w);
    finish(w);
    assert_int_equal(count_stored(node), stored);
    node_pause(node, on_done, w);
    finish(w);
    node_resume(node, on_done, w);
    finish(w);
    assert_int_equal(count_stored(node), stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_broker__keeps_what_it_acknowledged_through_every_end, setup, teardown),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);

    nats_Close();
    return rc;
}
