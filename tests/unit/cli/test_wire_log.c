/* test_wire_log: what the proxy saw, in words; from another thread, and in bounds. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/cli/wire_log.h"

static void expect_words(struct proxy_event event, const char *wanted)
{
    char text[240];

    assert_true(wire_log_describe(text, sizeof text, &event));
    assert_string_equal(text, wanted);
}

static void test_wire_log__says_who_closed_and_how(void **state)
{
    (void)state;
    expect_words((struct proxy_event){.kind = PROXY_CLOSE,
                                      .connection = 3,
                                      .a = 100,
                                      .b = 7,
                                      .flags = PROXY_BY_CLIENT | PROXY_HOW_FIN},
                 "connection 3 closed by the client (FIN), 100 bytes to server, 7 to "
                 "client");
    expect_words((struct proxy_event){.kind = PROXY_CLOSE,
                                      .connection = 4,
                                      .flags = PROXY_BY_FAULT | PROXY_HOW_RST},
                 "connection 4 closed by a fault (RST), 0 bytes to server, 0 to client");
    expect_words(
        (struct proxy_event){
            .kind = PROXY_DIALED, .connection = 5, .a = ECONNREFUSED, .b = 1500000},
        "connection 5: dial failed after 1.5 ms: Connection refused");
}

static void test_wire_log__shows_a_fault_with_its_parameters(void **state)
{
    json_t *detail = json_pack("{s:s, s:{s:s, s:s}}", "fault", "latency", "params",
                               "base", "100ms", "jitter", "0");

    (void)state;
    expect_words(
        (struct proxy_event){.kind = PROXY_FAULT_BEGIN, .a = 1, .detail = detail},
        "fault 1 begins: latency base=100ms");
    expect_words(
        (struct proxy_event){
            .kind = PROXY_FAULT_DRAW, .connection = 9, .a = 1, .flags = PROXY_DRAW_HIT},
        "connection 9 is hit by fault 1");
    json_decref(detail);
}

static void
test_wire_log__tells_a_change_from_a_rest_and_from_being_on_again(void **state)
{
    static const char *const wanted[] = {"fault 2 rests: stall", "fault 2 is on: stall",
                                         "fault 2 changed: stall"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        json_t *detail = json_pack("{s:s, s:{}}", "fault", "stall", "params");

        if (i < 2)
            json_object_set_new(detail, "resting", json_boolean(i == 0));
        expect_words(
            (struct proxy_event){.kind = PROXY_FAULT_CHANGE, .a = 2, .detail = detail},
            wanted[i]);
        json_decref(detail);
    }
}

static void test_wire_log__says_which_side_was_abandoned(void **state)
{
    (void)state;
    expect_words((struct proxy_event){.kind = PROXY_ABANDON,
                                      .connection = 7,
                                      .flags = PROXY_BY_FAULT | PROXY_BY_SERVER},
                 "connection 7: the server was reset, the other side heard nothing");
}

static void test_wire_log__leaves_out_what_nobody_wants_to_read(void **state)
{
    char text[240];

    (void)state;
    assert_false(wire_log_describe(text, sizeof text,
                                   &(struct proxy_event){.kind = PROXY_FIRST_BYTE}));
    assert_false(wire_log_describe(text, sizeof text,
                                   &(struct proxy_event){.kind = PROXY_LAG, .a = 1000}));
    assert_true(wire_log_describe(
        text, sizeof text, &(struct proxy_event){.kind = PROXY_LAG, .a = 9000000}));
}

/* ---- the way from one thread to the other ---- */

struct rig {
    bool named;
    uv_loop_t loop;
    struct wire_log *log;
    struct observer observer;
    FILE *to;
    char *page;
    size_t size;
};

static void rig_init(struct rig *rig, bool verbose)
{
    struct wire_log_options options = {
        .loop = &rig->loop, .verbose = verbose, .utf8 = true, .named = rig->named};
    struct error err;

    rig->page = NULL;
    rig->to = open_memstream(&rig->page, &rig->size);
    options.to = rig->to;
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_int_equal(wire_log_open(&rig->log, &options, &err), 0);
    rig->observer = wire_log_observer(rig->log);
}

static void rig_close(struct rig *rig)
{
    wire_log_close(rig->log);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    fclose(rig->to);
}

static void send_event(struct rig *rig, enum proxy_event_kind kind, uint64_t a)
{
    struct proxy_event event = {
        .kind = kind, .time_ns = 1500000000, .link = 1, .connection = 1, .a = a};

    rig->observer.on_event(rig->observer.arg, &event);
}

static void open_link(struct rig *rig, uint32_t number, const char *name,
                      const char *upstream)
{
    json_t *detail = json_pack("{s:s, s:s, s:s}", "name", name, "listen", "127.0.0.1:2",
                               "upstream", upstream);
    struct proxy_event event = {
        .kind = PROXY_LINK_OPEN, .link = number, .detail = detail};

    rig->observer.on_event(rig->observer.arg, &event);
    json_decref(detail);
}

static int count(const char *page, const char *word)
{
    int found = 0;

    for (; (page = strstr(page, word)) != NULL; page++)
        found++;
    return found;
}

static void test_wire_log__warns_once_while_nobody_answers_upstream(void **state)
{
    struct rig rig = {.named = false};

    (void)state;
    rig_init(&rig, false);
    open_link(&rig, 1, "orders", "127.0.0.1:1");
    send_event(&rig, PROXY_ACCEPT, 5);
    send_event(&rig, PROXY_DIALED, ECONNREFUSED);
    send_event(&rig, PROXY_DIALED, ECONNREFUSED);
    send_event(&rig, PROXY_DIALED, 0);
    send_event(&rig, PROXY_DIALED, ECONNREFUSED);
    rig_close(&rig);
    assert_int_equal(count(rig.page, "nobody answers at 127.0.0.1:1"), 2);
    assert_int_equal(count(rig.page, "\n"), 2);
    assert_non_null(strstr(rig.page, "[    1.5s] warning"));
    free(rig.page);
}

static void test_wire_log__blames_the_limit_that_is_ours_and_the_fault(void **state)
{
    static const struct {
        uint64_t error;
        unsigned flags;
        const char *words;
    } cases[] = {
        {EMFILE, 0, "cannot dial 127.0.0.1:1: this process has no file descriptor left"},
        {ECONNREFUSED, 0, "nobody answers at 127.0.0.1:1: Connection refused"},
        {ENFILE, 0, "fs.file-max"},
        {ETIMEDOUT, PROXY_BY_FAULT, "a fault (unreachable) let the dial"},
        {EADDRNOTAVAIL, 0, "ip_local_port_range"},
        {ETIMEDOUT, 0, "nobody answers at 127.0.0.1:1: Connection timed out"},
    };
    struct rig rig = {.named = false};

    (void)state;
    rig_init(&rig, false);
    open_link(&rig, 1, "orders", "127.0.0.1:1");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct proxy_event event = {.kind = PROXY_DIALED,
                                    .link = 1,
                                    .connection = 1,
                                    .a = cases[i].error,
                                    .flags = cases[i].flags};

        rig.observer.on_event(rig.observer.arg, &event);
        rig.observer.on_event(rig.observer.arg, &event);
    }
    rig_close(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(count(rig.page, cases[i].words), 1);
    assert_int_equal(count(rig.page, "ulimit -n"), 1);
    assert_int_equal(count(rig.page, "\n"), sizeof cases / sizeof *cases);
    free(rig.page);
}

static void test_wire_log__names_the_link_where_there_may_be_several(void **state)
{
    struct rig rig = {.named = true};
    struct proxy_event failed = {
        .kind = PROXY_DIALED, .link = 2, .connection = 7, .a = ECONNREFUSED};
    struct proxy_event closed = {.kind = PROXY_LINK_CLOSE, .link = 2};

    (void)state;
    rig_init(&rig, true);
    open_link(&rig, 1, "orders", "127.0.0.1:1");
    open_link(&rig, 2, "bills", "127.0.0.1:9");
    rig.observer.on_event(rig.observer.arg, &failed);
    rig.observer.on_event(rig.observer.arg, &closed);
    send_event(&rig, PROXY_ACCEPT, 5);
    rig_close(&rig);
    assert_non_null(
        strstr(rig.page, "orders: link opened on 127.0.0.1:2, upstream 127.0.0.1:1\n"));
    assert_non_null(strstr(rig.page, "bills: warning: nobody answers at 127.0.0.1:9: "));
    assert_non_null(strstr(rig.page, "bills: link closed\n"));
    assert_non_null(strstr(rig.page, "orders: connection 1 accepted from port 5\n"));
    free(rig.page);
}

static void test_wire_log__warns_again_when_the_new_upstream_is_nobody_too(void **state)
{
    struct rig rig = {.named = false};
    json_t *detail = json_pack("{s:s}", "upstream", "127.0.0.1:3");
    struct proxy_event moved = {.kind = PROXY_LINK_UPSTREAM, .link = 1, .detail = detail};

    (void)state;
    rig_init(&rig, false);
    open_link(&rig, 1, "orders", "127.0.0.1:1");
    send_event(&rig, PROXY_DIALED, ECONNREFUSED);
    rig.observer.on_event(rig.observer.arg, &moved);
    send_event(&rig, PROXY_DIALED, ECONNREFUSED);
    rig_close(&rig);
    assert_int_equal(count(rig.page, "nobody answers at 127.0.0.1:1"), 1);
    assert_int_equal(count(rig.page, "nobody answers at 127.0.0.1:3"), 1);
    json_decref(detail);
    free(rig.page);
}

static void *flood(void *arg)
{
    for (int i = 0; i < 6000; i++)
        send_event(arg, PROXY_ACCEPT, 1);
    return NULL;
}

static void test_wire_log__counts_what_came_faster_than_it_could_be_printed(void **state)
{
    struct rig rig = {.named = false};
    pthread_t plane;

    (void)state;
    rig_init(&rig, true);
    /* The loop does not run meanwhile: all must wait or be counted. */
    assert_int_equal(pthread_create(&plane, NULL, flood, &rig), 0);
    pthread_join(plane, NULL);
    rig_close(&rig);
    assert_int_equal(count(rig.page, "accepted from port"), 4096);
    assert_non_null(strstr(rig.page, "(1904 events were not printed"));
    free(rig.page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wire_log__says_who_closed_and_how),
        cmocka_unit_test(test_wire_log__shows_a_fault_with_its_parameters),
        cmocka_unit_test(
            test_wire_log__tells_a_change_from_a_rest_and_from_being_on_again),
        cmocka_unit_test(test_wire_log__says_which_side_was_abandoned),
        cmocka_unit_test(test_wire_log__leaves_out_what_nobody_wants_to_read),
        cmocka_unit_test(test_wire_log__warns_once_while_nobody_answers_upstream),
        cmocka_unit_test(test_wire_log__blames_the_limit_that_is_ours_and_the_fault),
        cmocka_unit_test(test_wire_log__names_the_link_where_there_may_be_several),
        cmocka_unit_test(test_wire_log__warns_again_when_the_new_upstream_is_nobody_too),
        cmocka_unit_test(test_wire_log__counts_what_came_faster_than_it_could_be_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
