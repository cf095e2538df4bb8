/* test_http_client: what it sends, what it takes for an answer, and how long it waits. */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/cli/http_client.h"
#include "proxy/address.h"
#include "proxy/base/clock.h"

enum { REQUEST_BYTES = 4096 };

/* A server for one request: reads it until its end, says `answer`, and then either
 * closes or holds the connection open until it is released. */
struct server {
    int listen_fd;
    int stop[2];
    bool holds;
    const char *answer;
    size_t repeats; /* of the answer's last byte, for long ones */
    char address[ADDRESS_BYTES];
    char request[REQUEST_BYTES];
    pthread_t thread;
};

static bool is_whole_request(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strstr(request, "Content-Length: ");

    if (end == NULL)
        return false;
    return length == NULL ||
           strlen(end + 4) >= strtoul(length + strlen("Content-Length: "), NULL, 10);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    struct pollfd ready[2] = {{.fd = s->listen_fd, .events = POLLIN},
                              {.fd = s->stop[0], .events = POLLIN}};
    size_t size = 0;
    int fd;

    poll(ready, 2, -1);
    if (ready[0].revents == 0)
        return NULL;
    fd = accept(s->listen_fd, NULL, NULL);
    while (!is_whole_request(s->request) && size < REQUEST_BYTES - 1) {
        ssize_t got = read(fd, s->request + size, REQUEST_BYTES - 1 - size);

        if (got <= 0)
            break;
        size += (size_t)got;
        s->request[size] = '\0';
    }
    (void)send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
    for (size_t i = 0; i < s->repeats; i += REQUEST_BYTES) {
        static const char zeros[REQUEST_BYTES];

        if (send(fd, zeros, sizeof zeros, MSG_NOSIGNAL) < 0)
            break;
    }
    if (s->holds)
        poll(&ready[1], 1, -1);
    close(fd);
    return NULL;
}

static void server_start(struct server *s, const char *answer)
{
    struct sockaddr_in any = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint16_t port;

    s->answer = answer;
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(s->listen_fd, 4), 0);
    address_of_socket(s->listen_fd, s->address, &port);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
    close(s->stop[1]);
    pthread_join(s->thread, NULL);
    close(s->stop[0]);
    close(s->listen_fd);
}

static int get(const char *address, struct http_client_answer *answer, struct error *err)
{
    struct http_client_request request = {
        .address = address, .method = "GET", .path = "/v1/links"};

    return http_client_call(&request, answer, err);
}

/* One call to a server that says `text` and closes. */
static int ask(const char *text, struct http_client_answer *answer, struct error *err)
{
    struct server server = {.holds = false};
    int rc;

    server_start(&server, text);
    rc = get(server.address, answer, err);
    server_end(&server);
    return rc;
}

/* ---- the sentences ---- */

static void test_http_client__sends_a_request_that_says_everything(void **state)
{
    struct server server = {.holds = false};
    struct http_client_answer answer;
    struct http_client_request request = {
        .method = "POST", .path = "/v1/links", .body = "{\"a\":1}", .token = "secret"};
    struct error err;
    char wanted[512];

    (void)state;
    server_start(&server, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
    request.address = server.address;
    assert_int_equal(http_client_call(&request, &answer, &err), 0);
    server_end(&server);
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer.body, "{}");
    snprintf(wanted, sizeof wanted,
             "POST /v1/links HTTP/1.0\r\nHost: %s\r\nUser-Agent: stormdrill/%s\r\n"
             "Authorization: Bearer secret\r\nContent-Type: application/json\r\n"
             "Content-Length: 7\r\n\r\n{\"a\":1}",
             server.address, STORMDRILL_VERSION);
    assert_string_equal(server.request, wanted);
    http_client_release(&answer);
}

static void test_http_client__does_not_wait_for_the_end_when_it_knows_the_length(void **s)
{
    struct server server = {.holds = true};
    struct http_client_answer answer;
    struct error err;

    (void)s;
    server_start(&server, "HTTP/1.1 200 OK\r\ncontent-length:  4\r\n\r\nbody");
    assert_int_equal(get(server.address, &answer, &err), 0);
    assert_int_equal(answer.size, 4);
    assert_string_equal(answer.body, "body");
    http_client_release(&answer);
    server_end(&server);
}

static void test_http_client__reads_to_the_end_when_no_length_is_given(void **state)
{
    struct http_client_answer answer;
    struct error err;

    (void)state;
    assert_int_equal(ask("HTTP/1.0 200 OK\r\n\r\nall of it", &answer, &err), 0);
    assert_string_equal(answer.body, "all of it");
    http_client_release(&answer);
    assert_int_equal(ask("HTTP/1.1 204 No Content\r\n\r\n", &answer, &err), 0);
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.size, 0);
    http_client_release(&answer);
}

static void test_http_client__says_that_nobody_is_there(void **state)
{
    struct server server = {.holds = false};
    struct http_client_answer answer;
    struct error err;
    char wanted[ERROR_TEXT_BYTES];

    (void)state;
    server_start(&server, "");
    server_end(&server);
    assert_int_equal(get(server.address, &answer, &err), E_ENVIRONMENT);
    snprintf(wanted, sizeof wanted, "no proxy answers at %s: Connection refused",
             server.address);
    assert_string_equal(err.text, wanted);
    assert_string_equal(err.hint, "start one with: stormdrill proxy     or say where it "
                                  "is: --api ADDR");
    assert_int_equal(get("unix:/nowhere/at/all", &answer, &err), E_ENVIRONMENT);
    assert_string_equal(err.text, "no proxy answers at unix:/nowhere/at/all: No such "
                                  "file or directory");
}

static void test_http_client__refuses_what_is_no_address(void **state)
{
    struct http_client_answer answer;
    struct error err;

    (void)state;
    assert_int_equal(get("8474", &answer, &err), E_USAGE);
    assert_string_equal(err.text, "API address '8474': that is no host and port");
    assert_int_equal(get("", &answer, &err), E_USAGE);
    assert_string_equal(err.text, "the API's address is empty");
}

static void test_http_client__finds_a_proxy_by_name_and_by_path(void **state)
{
    struct server server = {.holds = false};
    struct http_client_answer answer;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct error err;
    char address[ADDRESS_BYTES];

    (void)state;
    server_start(&server, "HTTP/1.1 200 OK\r\n\r\nby name");
    snprintf(address, sizeof address, "localhost%s", strrchr(server.address, ':'));
    assert_int_equal(get(address, &answer, &err), 0);
    assert_string_equal(answer.body, "by name");
    http_client_release(&answer);
    server_end(&server);

    memset(&server, 0, sizeof server);
    snprintf(un.sun_path, sizeof un.sun_path, "/tmp/test_http_client.%d", (int)getpid());
    server.listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.listen_fd, (struct sockaddr *)&un, sizeof un), 0);
    assert_int_equal(listen(server.listen_fd, 1), 0);
    assert_int_equal(pipe(server.stop), 0);
    server.answer = "HTTP/1.1 200 OK\r\n\r\nby path";
    assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
    snprintf(address, sizeof address, "unix:%s", un.sun_path);
    assert_int_equal(get(address, &answer, &err), 0);
    assert_string_equal(answer.body, "by path");
    assert_non_null(strstr(server.request, "Host: localhost\r\n"));
    http_client_release(&answer);
    server_end(&server);
    unlink(un.sun_path);
}

static void test_http_client__does_not_take_half_an_answer(void **state)
{
    struct http_client_answer answer;
    struct error err;

    (void)state;
    assert_int_equal(
        ask("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", &answer, &err),
        E_FORMAT);
    assert_non_null(strstr(err.text, "broke off after 4 of 10 bytes of its answer"));
    assert_int_equal(ask("", &answer, &err), E_ENVIRONMENT);
    assert_non_null(strstr(err.text, "closed the connection without an answer"));
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-", &answer, &err), E_FORMAT);
}

static void test_http_client__knows_when_it_talks_to_something_else(void **state)
{
    struct http_client_answer answer;
    struct error err;

    (void)state;
    assert_int_equal(ask("INFO {\"server_id\":\"N\"}\r\n\r\n", &answer, &err), E_FORMAT);
    assert_non_null(strstr(err.text, "does not speak HTTP"));
    assert_int_equal(ask("HTTP/2 200\r\n\r\n", &answer, &err), E_FORMAT);
    assert_int_equal(ask("HTTP/1.1 abc\r\n\r\n", &answer, &err), E_FORMAT);
}

static void test_http_client__gives_up_on_a_server_that_says_nothing(void **state)
{
    struct server server = {.holds = true};
    struct http_client_answer answer;
    struct http_client_request request = {
        .method = "GET", .path = "/", .timeout_ns = 50 * NS_PER_MS};
    struct error err;

    (void)state;
    server_start(&server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1234");
    request.address = server.address;
    assert_int_equal(http_client_call(&request, &answer, &err), E_ENVIRONMENT);
    assert_non_null(strstr(err.text, "does not answer in time"));
    server_end(&server);
}

static void test_http_client__bounds_what_it_takes(void **state)
{
    struct server server = {.repeats = HTTP_CLIENT_ANSWER_BYTES_MAX + (1u << 20)};
    struct http_client_answer answer;
    struct error err;

    (void)state;
    server_start(&server, "HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(get(server.address, &answer, &err), E_LIMIT);
    assert_non_null(strstr(err.text, "answers with more than 16 MiB"));
    server_end(&server);

    /* A head without an end is no HTTP, long before that. */
    memset(&server, 0, sizeof server);
    server.repeats = 1u << 20;
    server_start(&server, "HTTP/1.1 200 OK\r\nX: ");
    assert_int_equal(get(server.address, &answer, &err), E_FORMAT);
    server_end(&server);
}

static void test_http_client__escapes_the_parts_of_a_path(void **state)
{
    char path[HTTP_CLIENT_PATH_BYTES] = "/v1/links";
    char longest[HTTP_CLIENT_PATH_BYTES];

    (void)state;
    assert_true(http_client_append(path, "a/b c?\xc3\xa9#1"));
    assert_true(http_client_append(path, "faults"));
    assert_string_equal(path, "/v1/links/a%2Fb%20c%3F%C3%A9%231/faults");
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_false(http_client_append(path, longest));
    assert_string_equal(path, "/v1/links/a%2Fb%20c%3F%C3%A9%231/faults");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_client__sends_a_request_that_says_everything),
        cmocka_unit_test(
            test_http_client__does_not_wait_for_the_end_when_it_knows_the_length),
        cmocka_unit_test(test_http_client__reads_to_the_end_when_no_length_is_given),
        cmocka_unit_test(test_http_client__says_that_nobody_is_there),
        cmocka_unit_test(test_http_client__refuses_what_is_no_address),
        cmocka_unit_test(test_http_client__finds_a_proxy_by_name_and_by_path),
        cmocka_unit_test(test_http_client__does_not_take_half_an_answer),
        cmocka_unit_test(test_http_client__knows_when_it_talks_to_something_else),
        cmocka_unit_test(test_http_client__gives_up_on_a_server_that_says_nothing),
        cmocka_unit_test(test_http_client__bounds_what_it_takes),
        cmocka_unit_test(test_http_client__escapes_the_parts_of_a_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
