/* shortage: the n-th allocation fails, for every n, on the way of a link, its faults and
 * its connections from open to close. Each failure is an error that says so, or a
 * connection that ends; what does pass is right, and nothing is left. */
#include "tests/lib/memory/memory.h"
#include "tests/lib/proxy/world.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A control on the test's own loop, asked one thing after the other. */
struct desk {
    struct world *w;
    uv_loop_t loop;
    struct control *control;
    bool answered;
    struct plane_reply reply; /* without what its pointers showed */
};

static void on_reply(void *arg, const struct plane_reply *reply)
{
    struct desk *desk = arg;

    desk->reply = *reply;
    desk->reply.detail = NULL;
    desk->reply.metrics = NULL;
    desk->answered = true;
}

/* It worked, or it says that memory is short. */
static bool answer(struct desk *desk)
{
    while (!desk->answered)
        uv_run(&desk->loop, UV_RUN_ONCE);
    desk->answered = false;
    if (desk->reply.rc != 0 && desk->reply.rc != E_NOMEM)
        fail_msg("%s: %s", error_name(desk->reply.rc), desk->reply.error.text);
    return desk->reply.rc == 0;
}

static void desk_init(struct desk *desk)
{
    *desk = (struct desk){.w = world_create_without_link(1, 0)};
    assert_int_equal(uv_loop_init(&desk->loop), 0);
    assert_int_equal(control_open(&desk->control, desk->w->plane, &desk->loop, NULL), 0);
}

static void desk_release(struct desk *desk)
{
    control_close(desk->control, NULL, NULL);
    uv_run(&desk->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&desk->loop), 0);
    world_destroy(desk->w);
}

static bool open_link(struct desk *desk)
{
    struct link_options options = {.name = "world"};

    snprintf(options.upstream, sizeof options.upstream, "127.0.0.1:%u",
             desk->w->upstream_port);
    control_link_open(desk->control, &options, on_reply, desk);
    if (!answer(desk))
        return false;
    desk->w->link = desk->reply.link;
    desk->w->link_port = desk->reply.port;
    return true;
}

static bool add_fault(struct desk *desk, const char *type, const json_t *params,
                      struct fault_id *fault)
{
    control_fault_add(desk->control, desk->w->link, type, params, on_reply, desk);
    *fault = answer(desk) ? desk->reply.fault : (struct fault_id){0};
    return fault->number != 0;
}

static void heal(struct desk *desk, struct fault_id fault)
{
    /* Whoever is told that memory is short asks again. */
    if (fault.number == 0)
        return;
    do
        control_fault_heal(desk->control, fault, on_reply, desk);
    while (!answer(desk));
}

/* The other end of `client`, or -1: its connection has ended. */
static int meet(struct desk *desk, int client)
{
    struct pollfd ends[] = {{.fd = desk->w->upstream_fd, .events = POLLIN},
                            {.fd = client, .events = POLLIN}};

    assert_true(poll(ends, 2, WORLD_PATIENCE_S * 1000) > 0);
    return ends[0].revents != 0 ? world_accept(desk->w) : -1;
}

/* All of `text` arrives, or the connection has ended; nothing wrong does. */
static bool arrives(int to, const char *text)
{
    char got[64] = "";
    size_t size = 0;

    while (size < strlen(text)) {
        ssize_t n = recv(to, got + size, strlen(text) - size, 0);

        if (n < 0 && errno == EAGAIN)
            fail_msg("'%s' neither arrived nor ended", text);
        if (n <= 0)
            return false;
        size += (size_t)n;
        assert_memory_equal(got, text, size);
    }
    return true;
}

static bool passes(int from, int to, const char *text)
{
    return send(from, text, strlen(text), MSG_NOSIGNAL) > 0 && arrives(to, text);
}

/* A connection that meets the faults as they stand, and one more on its way. */
static void relay(struct desk *desk)
{
    struct fault_id stall;
    int client = world_connect_port(desk->w->link_port);
    int server = client == -1 ? -1 : meet(desk, client);

    if (server != -1 && passes(client, server, "CONNECT") &&
        passes(server, client, "INFO")) {
        add_fault(desk, "stall", NULL, &stall);
        send(client, "held", 4, MSG_NOSIGNAL);
        heal(desk, stall);
        arrives(server, "held");
    }
    if (client != -1)
        close(client);
    if (server != -1)
        close(server);
}

/* What tests, scripts and HTTP ask of a link, once each. */
static void story(struct desk *desk, const json_t *wait, const json_t *turns)
{
    struct fault_id slow;
    struct fault_id door;

    if (!open_link(desk))
        return;
    add_fault(desk, "slow_accept", wait, &door);
    if (add_fault(desk, "latency", NULL, &slow)) {
        control_fault_change(desk->control, slow, turns, on_reply, desk);
        answer(desk);
    }
    relay(desk);
    control_metrics(desk->control, on_reply, desk);
    answer(desk);
    control_link_listen(desk->control, desk->w->link, "127.0.0.1:0", on_reply, desk);
    answer(desk);
    control_link_enable(desk->control, desk->w->link, on_reply, desk);
    answer(desk);
    heal(desk, door);
    heal(desk, slow);
    control_link_close(desk->control, desk->w->link, on_reply, desk);
    answer(desk);
}

static void test_shortage__every_failure_is_an_error_or_an_end(void **state)
{
    json_t *wait = json_pack("{s:s}", "delay", "1ms");
    json_t *turns = json_pack("{s:s, s:s, s:s, s:s}", "base", "1ms", "after", "0", "on",
                              "20s", "off", "1s");
    int fds = 0;
    bool reached = true;
    unsigned n;

    (void)state;
    for (n = 1; reached; n++) {
        struct desk desk;

        desk_init(&desk);
        memory_fail_at(n);
        story(&desk, wait, turns);
        reached = memory_failed();
        memory_fail_at(0);
        desk_release(&desk);
        /* libuv keeps what it opens with the first loop. */
        if (n == 1)
            fds = world_open_fds();
        assert_int_equal(world_open_fds(), fds);
    }
    /* The last run got through; there was much before it that could fail. */
    assert_true(n > 60);
    json_decref(wait);
    json_decref(turns);
}

static void test_shortage__a_plane_that_cannot_start_leaves_nothing(void **state)
{
    struct plane_options options = {.seed = 1};
    bool reached = true;
    unsigned n;

    (void)state;
    for (n = 1; reached; n++) {
        struct plane *plane = NULL;
        struct control *control = NULL;
        uv_loop_t loop;
        struct error err;
        int rc;

        assert_int_equal(uv_loop_init(&loop), 0);
        memory_fail_at(n);
        rc = plane_start(&plane, &options, &err);
        if (rc == 0)
            rc = control_open(&control, plane, &loop, &err);
        reached = memory_failed();
        memory_fail_at(0);
        assert_int_equal(rc, reached ? E_NOMEM : 0);
        if (control != NULL)
            control_close(control, NULL, NULL);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
        if (plane != NULL)
            plane_stop(plane);
    }
    assert_true(n > 4);
}

/* Calls that were made while nothing was answered yet, and their answers. */
enum { CALLS = 300 };

struct calls {
    unsigned answered;
    unsigned refused;
};

struct numbered {
    struct calls *calls;
    unsigned number;
};

static void on_numbered(void *arg, const struct plane_reply *reply)
{
    const struct numbered *call = arg;

    assert_int_equal(call->calls->answered, call->number); /* none has overtaken */
    call->calls->answered++;
    call->calls->refused += reply->rc == E_NOMEM;
    if (reply->rc != 0) {
        assert_int_equal(reply->rc, E_NOMEM);
        assert_int_not_equal(reply->error.text[0], 0);
    }
}

static void test_shortage__any_number_of_calls_is_answered_in_their_order(void **state)
{
    struct calls calls = {.answered = 0};
    struct numbered numbered[CALLS];
    struct desk desk;

    (void)state;
    desk_init(&desk);
    assert_true(open_link(&desk));
    for (unsigned i = 0; i < CALLS; i++) {
        numbered[i] = (struct numbered){&calls, i};
        /* One in ten finds memory. */
        memory_fail_at(i % 10 == 9 ? 0 : 1);
        control_link_stats(desk.control, desk.w->link, on_numbered, &numbered[i]);
    }
    memory_fail_at(0);
    assert_int_equal(calls.answered, 0);
    while (calls.answered < CALLS)
        uv_run(&desk.loop, UV_RUN_ONCE);
    /* The plane's own thread may have met a failure that was meant for a call. */
    assert_in_range(calls.refused, CALLS / 2, CALLS / 10 * 9);
    desk_release(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shortage__every_failure_is_an_error_or_an_end),
        cmocka_unit_test(test_shortage__a_plane_that_cannot_start_leaves_nothing),
        cmocka_unit_test(test_shortage__any_number_of_calls_is_answered_in_their_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
