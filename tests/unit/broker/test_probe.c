/* test_probe: one question, answered, refused, too long or too late. */
#include "harness/broker/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listener on loopback whose answer the test gives by hand. */
struct world {
    uv_loop_t loop;
    int listener;
    int port;
    int calls;
    int rc;
    char text[128];
};

static int setup(void **state)
{
    static struct world w;
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;

    w = (struct world){.calls = 0};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(w.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(w.listener, 4), 0);
    assert_int_equal(getsockname(w.listener, (struct sockaddr *)&at, &size), 0);
    w.port = ntohs(at.sin_port);
    uv_loop_init(&w.loop);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    close(w->listener);
    return 0;
}

static void on_done(void *arg, int rc, const char *text)
{
    struct world *w = arg;

    w->calls++;
    w->rc = rc;
    snprintf(w->text, sizeof w->text, "%s", text != NULL ? text : "(none)");
}

static struct probe *ask(struct world *w, const char *request, enum probe_until until,
                         uint64_t timeout_ms)
{
    const struct probe_options options = {.host = "127.0.0.1",
                                          .port = w->port,
                                          .request = request,
                                          .until = until,
                                          .timeout_ms = timeout_ms,
                                          .done = on_done,
                                          .arg = w};
    struct probe *probe;
    struct error err;

    assert_int_equal(probe_start(&probe, &w->loop, &options, &err), 0);
    assert_int_equal(w->calls, 0);
    return probe;
}

static int answer(struct world *w, const char *text)
{
    int fd = accept(w->listener, NULL, NULL);

    assert_true(fd != -1);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    return fd;
}

static void test_probe__hears_one_line(void **state)
{
    struct world *w = *state;
    int fd;

    ask(w, NULL, PROBE_LINE, 60000);
    fd = answer(w, "INFO {}\r\n");
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->calls, 1);
    assert_int_equal(w->rc, 0);
    assert_string_equal(w->text, "INFO {}\r\n");
    close(fd);
}

static void test_probe__sends_its_request_and_reads_to_the_end(void **state)
{
    struct world *w = *state;
    char heard[64] = "";
    int fd;

    ask(w, "GET / HTTP/1.0\r\n\r\n", PROBE_END, 60000);
    fd = accept(w->listener, NULL, NULL);
    while (recv(fd, heard, sizeof heard - 1, MSG_DONTWAIT) < 0)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    assert_string_equal(heard, "GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(send(fd, "HTTP/1.0 200 OK\r\n\r\nok", 21, 0), 21);
    close(fd);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->rc, 0);
    assert_string_equal(w->text, "HTTP/1.0 200 OK\r\n\r\nok");
}

static void test_probe__says_that_it_ended_before_the_line(void **state)
{
    struct world *w = *state;

    ask(w, NULL, PROBE_LINE, 60000);
    close(answer(w, "INF"));
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->rc, E_CLOSED);
    assert_string_equal(w->text, "(none)");
}

static void test_probe__says_that_nobody_is_there(void **state)
{
    struct world *w = *state;

    shutdown(w->listener, SHUT_RDWR);
    ask(w, NULL, PROBE_LINE, 60000);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->calls, 1);
    assert_int_equal(w->rc, E_CLOSED);
}

static void test_probe__gives_up_on_one_who_says_nothing(void **state)
{
    struct world *w = *state;

    ask(w, NULL, PROBE_LINE, 20);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->calls, 1);
    assert_int_equal(w->rc, E_TIMEOUT);
}

static void test_probe__gives_up_on_one_who_never_ends(void **state)
{
    static char much[70000];
    struct world *w = *state;
    int fd;

    memset(much, 'x', sizeof much - 1);
    ask(w, NULL, PROBE_LINE, 60000);
    fd = answer(w, much);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->rc, E_LIMIT);
    close(fd);
}

static void test_probe__that_is_cancelled_says_nothing(void **state)
{
    struct world *w = *state;

    probe_cancel(ask(w, NULL, PROBE_LINE, 60000));
    probe_cancel(NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->calls, 0);
}

static void test_probe__needs_a_number_for_an_address(void **state)
{
    const struct probe_options options = {
        .host = "localhost", .port = 1, .done = on_done};
    struct world *w = *state;
    struct probe *probe;
    struct error err;

    assert_int_equal(probe_start(&probe, &w->loop, &options, &err), E_PARAM);
    assert_string_equal(err.text, "localhost:1 is no address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_probe__hears_one_line),
        TEST(test_probe__sends_its_request_and_reads_to_the_end),
        TEST(test_probe__says_that_it_ended_before_the_line),
        TEST(test_probe__says_that_nobody_is_there),
        TEST(test_probe__gives_up_on_one_who_says_nothing),
        TEST(test_probe__gives_up_on_one_who_never_ends),
        TEST(test_probe__that_is_cancelled_says_nothing),
        TEST(test_probe__needs_a_number_for_an_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
