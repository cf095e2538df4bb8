/* http: the server as a client meets it, well- and ill-mannered. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/lib/control/server.h"

#define HOST "Host: localhost\r\n"

/* Send `request` on a connection of its own; the reply's status, 0 for none. */
static unsigned ask(const struct server *s, const char *request, struct heard *out)
{
    struct heard own;
    struct heard *heard = out != NULL ? out : &own;
    int fd = server_connect(s);
    unsigned status = 0;

    world_send(fd, request);
    if (server_receive(fd, heard)) {
        status = heard->status;
        if (out == NULL)
            heard_release(heard);
    }
    close(fd);
    return status;
}

static void test_http__keeps_a_connection_and_takes_requests_in_a_row(void **state)
{
    struct server *s = server_start();
    int fd = server_connect(s);
    struct heard heard;

    (void)state;
    world_send(fd, "GET /version HTTP/1.1\r\n" HOST "\r\nGET /proxies HTTP/1.1\r\n" HOST
                   "\r\nPOST /reset HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    assert_true(server_receive(fd, &heard));
    assert_string_equal(heard.body, "{\"version\": \"2.12.0\"}\n");
    heard_release(&heard);
    assert_true(server_receive(fd, &heard));
    assert_string_equal(heard.body, "{}");
    heard_release(&heard);
    assert_true(server_receive(fd, &heard));
    assert_int_equal(heard.status, 204);
    heard_release(&heard);
    close(fd);
    server_stop(s);
}

static void test_http__unknown_paths_are_404_and_other_methods_405(void **state)
{
    static const char *const missing[] = {"/",
                                          "/proxies/",
                                          "//proxies",
                                          "/foo",
                                          "/proxies//toxics",
                                          "/version/",
                                          "/proxies/a/toxics/b/c"};
    struct server *s = server_start();
    struct heard heard;
    char value[64];

    (void)state;
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        server_expect(s, "GET", missing[i], NULL, 404, "404 page not found\n");
    heard = server_call(s, "PUT", "/proxies", NULL);
    assert_int_equal(heard.status, 405);
    assert_int_equal(heard.size, 0);
    assert_false(heard_header(&heard, "Allow", value, sizeof value));
    assert_false(heard_header(&heard, "X-Toxiproxy-Request-Id", value, sizeof value));
    heard_release(&heard);
    heard = server_call(s, "PUT", "/v1/links/a", NULL);
    assert_int_equal(heard.status, 405);
    assert_true(heard_header(&heard, "Allow", value, sizeof value));
    assert_string_equal(value, "GET, PATCH, DELETE");
    heard_release(&heard);
    assert_int_equal(ask(s, "HEAD /version HTTP/1.1\r\n" HOST "\r\n", NULL), 405);
    server_stop(s);
}

static void test_http__browsers_are_turned_away_on_routed_paths(void **state)
{
    struct server *s = server_start();
    struct heard heard;

    (void)state;
    assert_int_equal(
        ask(s, "GET /version HTTP/1.1\r\n" HOST "User-Agent: Mozilla/5.0 (X11)\r\n\r\n",
            &heard),
        403);
    assert_string_equal(heard.body, "User agent not allowed\n");
    heard_release(&heard);
    assert_int_equal(
        ask(s, "GET /x HTTP/1.1\r\n" HOST "User-Agent: Mozilla/5.0\r\n\r\n", NULL), 404);
    assert_int_equal(
        ask(s, "PUT /version HTTP/1.1\r\n" HOST "User-Agent: Mozilla/5.0\r\n\r\n", NULL),
        405);
    server_stop(s);
}

static void test_http__hosts_that_are_not_loopback_are_turned_away(void **state)
{
    struct server *s = server_start();

    (void)state;
    assert_int_equal(ask(s, "GET /version HTTP/1.1\r\nHost: evil.com\r\n\r\n", NULL),
                     403);
    assert_int_equal(ask(s, "GET /x HTTP/1.1\r\nHost: evil.com:1\r\n\r\n", NULL), 403);
    assert_int_equal(ask(s, "GET /version HTTP/1.1\r\nHost: [::1]:1\r\n\r\n", NULL), 200);
    assert_int_equal(ask(s, "GET /version HTTP/1.0\r\n\r\n", NULL), 200);
    server_stop(s);
}

static void test_http__a_token_is_wanted_from_everybody_and_frees_the_host(void **state)
{
    struct server *s =
        server_start_with((struct api_options){.listen = "0.0.0.0:0", .token = "s3cret"});
    struct heard heard;
    char value[64];

    (void)state;
    assert_int_equal(ask(s, "GET /version HTTP/1.1\r\n" HOST "\r\n", &heard), 401);
    assert_true(heard_header(&heard, "WWW-Authenticate", value, sizeof value));
    assert_string_equal(value, "Bearer");
    assert_null(strstr(heard.body, "s3cret"));
    heard_release(&heard);
    assert_int_equal(
        ask(s, "GET /x HTTP/1.1\r\n" HOST "Authorization: Bearer wrong\r\n\r\n", NULL),
        401);
    assert_int_equal(ask(s,
                         "GET /version HTTP/1.1\r\nHost: build-7.example\r\n"
                         "Authorization: Bearer s3cret\r\n\r\n",
                         NULL),
                     200);
    server_stop(s);
}

static void test_http__another_address_than_loopback_needs_a_token(void **state)
{
    struct plane_options plane_options = {.seed = 1};
    struct api_options options = {.listen = "0.0.0.0:0"};
    struct plane *plane;
    struct api *api;
    struct error err;

    (void)state;
    assert_int_equal(plane_start(&plane, &plane_options, &err), 0);
    options.plane = plane;
    assert_int_equal(api_start(&api, &options, &err), E_PARAM);
    assert_string_equal(
        err.text, "the API on 0.0.0.0:0 could be reached from other machines by anybody");
    assert_string_equal(err.hint,
                        "give it a token, or let it listen on 127.0.0.1 or unix:/path");
    plane_stop(plane);
}

static void test_http__a_taken_port_is_an_error(void **state)
{
    struct server *s = server_start();
    char listen[64];
    struct api_options options = {.plane = s->plane, .listen = listen};
    struct error err;
    struct api *api;

    (void)state;
    snprintf(listen, sizeof listen, "127.0.0.1:%u", s->port);
    assert_int_equal(api_start(&api, &options, &err), E_BUSY);
    assert_non_null(strstr(err.text, listen));
    server_stop(s);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void test_http__a_unix_socket_is_its_owners_alone(void **state)
{
    char folder[] = "/tmp/stormdrill-http-XXXXXX";
    char path[64], listen[80];
    struct api_options options = {.listen = listen};
    struct heard heard;
    struct server *s;
    struct stat status;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/api.sock", folder);
    snprintf(listen, sizeof listen, "unix:%s", path);
    s = server_start_with(options);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    fd = connect_unix(path);
    world_send(fd, "GET /version HTTP/1.1\r\nHost: anything\r\n\r\n");
    assert_true(server_receive(fd, &heard));
    assert_int_equal(heard.status, 200);
    heard_release(&heard);
    close(fd);
    server_stop(s);
    assert_int_equal(stat(path, &status), -1);
    rmdir(folder);
}

/* Send a body of so many bytes, as much as is taken. */
static void send_bytes(int fd, size_t count)
{
    static const char piece[65536] = {' '};

    while (count > 0) {
        size_t part = count < sizeof piece ? count : sizeof piece;
        ssize_t sent = send(fd, piece, part, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        count -= (size_t)sent;
    }
}

static void test_http__a_giant_body_is_413_and_the_connection_survives(void **state)
{
    enum { GIANT = 8 << 20 };
    struct server *s = server_start();
    int fd = server_connect(s);
    struct heard heard;
    char head[128];

    (void)state;
    snprintf(head, sizeof head,
             "POST /proxies HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", GIANT);
    world_send(fd, head);
    send_bytes(fd, GIANT);
    assert_true(server_receive(fd, &heard));
    assert_int_equal(heard.status, 413);
    assert_string_equal(
        heard.body,
        "{\"error\":\"the body has more than 1048576 bytes\",\"status\":413}\n");
    heard_release(&heard);
    world_send(fd, "GET /version HTTP/1.1\r\n" HOST "\r\n");
    assert_true(server_receive(fd, &heard));
    assert_int_equal(heard.status, 200);
    heard_release(&heard);
    close(fd);
    server_stop(s);
}

static void test_http__who_asks_first_need_not_send_a_giant_body(void **state)
{
    struct server *s = server_start();

    (void)state;
    assert_int_equal(ask(s,
                         "POST /proxies HTTP/1.1\r\n" HOST
                         "Expect: 100-continue\r\nContent-Length: 9000000000\r\n\r\n",
                         NULL),
                     413);
    server_stop(s);
}

static void test_http__a_body_in_chunks_is_one_body(void **state)
{
    struct server *s = server_start();

    (void)state;
    assert_int_equal(ask(s,
                         "POST /proxies HTTP/1.1\r\n" HOST
                         "Transfer-Encoding: chunked\r\n\r\n"
                         "9\r\n{\"name\":\"\r\n16\r\na\",\"upstream\":\"[::1]:"
                         "9\r\n2\r\n\"}\r\n0\r\n\r\n",
                         NULL),
                     201);
    server_do(s, "GET", "/proxies/a", NULL, 200);
    server_stop(s);
}

static void test_http__half_a_body_ends_with_its_time(void **state)
{
    struct server *s = server_start_with((struct api_options){.read_timeout_s = 1});
    int fd = server_connect(s);
    char byte;

    (void)state;
    world_send(fd,
               "POST /proxies HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\n{\"name\"");
    /* Closed without a reply, whether cleanly or by a reset. */
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    assert_int_not_equal(errno, EAGAIN);
    close(fd);
    server_do(s, "GET", "/version", NULL, 200);
    server_stop(s);
}

static void test_http__a_client_that_goes_before_its_reply_hurts_nobody(void **state)
{
    struct server *s = server_start();

    (void)state;
    for (int i = 0; i < 200; i++) {
        int fd = server_connect(s);
        char request[256], body[128];

        snprintf(body, sizeof body, "{\"name\":\"p%d\",\"upstream\":\"127.0.0.1:9\"}", i);
        snprintf(request, sizeof request,
                 "POST /proxies HTTP/1.1\r\n" HOST "Content-Length: %zu\r\n\r\n%s",
                 strlen(body), body);
        world_send(fd, request);
        if (i % 2 == 0)
            world_abort(fd);
        else
            close(fd);
    }
    server_do(s, "POST", "/reset", NULL, 204);
    server_stop(s);
}

static void test_http__stops_with_clients_in_every_state(void **state)
{
    static const char *const halves[] = {
        "",
        "GET /ver",
        "POST /proxies HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\n{",
        "GET /proxies HTTP/1.1\r\n" HOST "\r\n",
        "POST /proxies HTTP/1.1\r\n" HOST "Content-Length: 40\r\n\r\n"
        "{\"name\":\"a\",\"upstream\":\"127.0.0.1:9\"}    ",
        "POST /reset HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"};
    enum { COUNT = sizeof halves / sizeof halves[0] };
    int fds[COUNT];
    int before = world_open_fds();

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct server *s = server_start();

        for (int i = 0; i < COUNT; i++) {
            fds[i] = server_connect(s);
            world_send(fds[i], halves[i]);
        }
        server_stop(s);
        for (int i = 0; i < COUNT; i++)
            close(fds[i]);
    }
    assert_int_equal(world_open_fds(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http__keeps_a_connection_and_takes_requests_in_a_row),
        cmocka_unit_test(test_http__unknown_paths_are_404_and_other_methods_405),
        cmocka_unit_test(test_http__browsers_are_turned_away_on_routed_paths),
        cmocka_unit_test(test_http__hosts_that_are_not_loopback_are_turned_away),
        cmocka_unit_test(test_http__a_token_is_wanted_from_everybody_and_frees_the_host),
        cmocka_unit_test(test_http__another_address_than_loopback_needs_a_token),
        cmocka_unit_test(test_http__a_taken_port_is_an_error),
        cmocka_unit_test(test_http__a_unix_socket_is_its_owners_alone),
        cmocka_unit_test(test_http__a_giant_body_is_413_and_the_connection_survives),
        cmocka_unit_test(test_http__who_asks_first_need_not_send_a_giant_body),
        cmocka_unit_test(test_http__a_body_in_chunks_is_one_body),
        cmocka_unit_test(test_http__half_a_body_ends_with_its_time),
        cmocka_unit_test(test_http__a_client_that_goes_before_its_reply_hurts_nobody),
        cmocka_unit_test(test_http__stops_with_clients_in_every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
