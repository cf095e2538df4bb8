/* test_v1: our own API over a real socket: links, faults, state; and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/control/api.h"
#include "tests/lib/control/caller.h"

struct world {
    struct plane *plane;
    struct api *api;
};

static void world_open(struct world *w, const char *token)
{
    struct plane_options plane = {.seed = 1};
    struct api_options api = {.listen = "127.0.0.1:0", .token = token};
    struct error err;

    assert_int_equal(plane_start(&w->plane, &plane, &err), 0);
    api.plane = w->plane;
    assert_int_equal(api_start(&w->api, &api, &err), 0);
}

static void world_close(struct world *w)
{
    api_stop(w->api);
    plane_stop(w->plane);
}

static struct answer ask(const struct world *w, const char *method, const char *path,
                         const char *body)
{
    return caller_ask(api_address(w->api), method, path, NULL, body);
}

/* An answer of this status that nobody looks into. */
static void expect(const struct world *w, int status, const char *method,
                   const char *path, const char *body)
{
    struct answer answer = ask(w, method, path, body);

    if (answer.status != status)
        fail_msg("%s %s: %d instead of %d: %s", method, path, answer.status, status,
                 answer.body);
    answer_release(&answer);
}

/* A refusal: its status, its code, its sentence. */
static void expect_refused(const struct world *w, int status, const char *code,
                           const char *message, const char *method, const char *path,
                           const char *body)
{
    struct answer answer = ask(w, method, path, body);

    assert_string_equal(answer.type, "application/json");
    if (answer.status != status ||
        strcmp(answer_text(&answer, "error.code"), code) != 0 ||
        strcmp(answer_text(&answer, "error.message"), message) != 0)
        fail_msg("%s %s: %d %s", method, path, answer.status, answer.body);
    answer_release(&answer);
}

static void add_orders(const struct world *w)
{
    expect(w, 201, "POST", "/v1/links",
           "{\"name\":\"orders\",\"upstream\":\"127.0.0.1:1\"}");
}

/* ---- links ---- */

static void test_v1__a_link_is_made_shown_listed_and_removed(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, NULL);
    answer =
        ask(&w, "POST", "/v1/links", "{\"name\":\"a/b é\",\"upstream\":\"127.0.0.1:1\"}");
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer_text(&answer, "name"), "a/b é");
    assert_int_equal(strncmp(answer_text(&answer, "listen"), "127.0.0.1:", 10), 0);
    assert_string_not_equal(answer_text(&answer, "listen"), "127.0.0.1:0");
    assert_true(json_is_true(answer_at(&answer, "enabled")));
    answer_release(&answer);

    answer = ask(&w, "GET", "/v1/links/a%2Fb%20%C3%A9", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_text(&answer, "upstream"), "127.0.0.1:1");
    assert_int_equal(json_integer_value(answer_at(&answer, "connections.open")), 0);
    answer_release(&answer);

    answer = ask(&w, "GET", "/v1/links", NULL);
    assert_string_equal(answer_text(&answer, "links.0.name"), "a/b é");
    assert_null(answer_at(&answer, "links.1"));
    answer_release(&answer);

    expect(&w, 204, "DELETE", "/v1/links/a%2Fb%20%C3%A9", NULL);
    answer = ask(&w, "GET", "/v1/links", NULL);
    assert_string_equal(answer.body, "{\"links\":[]}");
    answer_release(&answer);
    world_close(&w);
}

static void test_v1__a_link_can_come_with_its_faults_or_not_at_all(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, NULL);
    expect_refused(&w, 400, "bad_parameter",
                   "latency has no option 'bsae'; did you mean 'base'?", "POST",
                   "/v1/links",
                   "{\"name\":\"o\",\"upstream\":\"127.0.0.1:1\",\"faults\":["
                   "{\"fault\":\"stall\"},"
                   "{\"fault\":\"latency\",\"params\":{\"bsae\":\"1s\"}}]}");
    expect(&w, 404, "GET", "/v1/links/o", NULL);
    answer = ask(&w, "POST", "/v1/links",
                 "{\"name\":\"o\",\"upstream\":\"127.0.0.1:1\",\"buffer\":\"1MiB\","
                 "\"dial_timeout\":\"2s\",\"faults\":[{\"fault\":\"stall\",\"name\":"
                 "\"first\"},{\"fault\":\"latency\",\"params\":{\"base\":\"1s\"}}]}");
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer_text(&answer, "faults.0.name"), "first");
    assert_string_equal(answer_text(&answer, "faults.1.name"), "latency-1");
    assert_string_equal(answer_text(&answer, "faults.1.params.base"), "1s");
    assert_string_equal(answer_text(&answer, "dial_timeout"), "2s");
    assert_string_equal(answer_text(&answer, "buffer"), "1MiB");
    answer_release(&answer);
    world_close(&w);
}

static void test_v1__counts_while_connections_are_open(void **state)
{
    struct world w;
    struct answer answer;
    json_int_t failed = 0;
    int fd;

    (void)state;
    world_open(&w, NULL);
    add_orders(&w);
    answer = ask(&w, "GET", "/v1/links/orders", NULL);
    fd = caller_connect(answer_text(&answer, "listen"));
    answer_release(&answer);
    while (failed == 0) { /* nobody listens on port 1 */
        answer = ask(&w, "GET", "/v1/links/orders", NULL);
        failed = json_integer_value(answer_at(&answer, "connections.dial_failed"));
        assert_true(json_integer_value(answer_at(&answer, "connections.accepted")) <= 1);
        answer_release(&answer);
    }
    assert_int_equal(failed, 1);
    close(fd);
    world_close(&w);
}

static void test_v1__a_link_is_disabled_enabled_and_led_elsewhere(void **state)
{
    struct world w;
    struct answer answer;
    char listen[64];

    (void)state;
    world_open(&w, NULL);
    add_orders(&w);
    answer = ask(&w, "PATCH", "/v1/links/orders", "{\"enabled\":false}");
    assert_int_equal(answer.status, 200);
    assert_true(json_is_false(answer_at(&answer, "enabled")));
    snprintf(listen, sizeof listen, "%s", answer_text(&answer, "listen"));
    answer_release(&answer);
    answer = ask(&w, "PATCH", "/v1/links/orders",
                 "{\"enabled\":true,\"upstream\":\"127.0.0.1:2\"}");
    assert_true(json_is_true(answer_at(&answer, "enabled")));
    assert_string_equal(answer_text(&answer, "upstream"), "127.0.0.1:2");
    assert_string_equal(answer_text(&answer, "listen"), listen);
    answer_release(&answer);
    expect_refused(&w, 400, "bad_parameter",
                   "'buffer' of a link is given when it is made", "PATCH",
                   "/v1/links/orders", "{\"buffer\":\"1MiB\"}");
    expect_refused(&w, 400, "bad_parameter",
                   "link has no option 'enabeld'; did you mean 'enabled'?", "PATCH",
                   "/v1/links/orders", "{\"enabeld\":true}");
    world_close(&w);
}

static void test_v1__a_name_or_port_that_is_taken_is_a_conflict(void **state)
{
    struct world w;
    struct answer answer;
    char body[256];

    (void)state;
    world_open(&w, NULL);
    add_orders(&w);
    expect_refused(&w, 409, "conflict", "there is a link 'orders' already", "POST",
                   "/v1/links", "{\"name\":\"orders\",\"upstream\":\"127.0.0.1:1\"}");
    snprintf(body, sizeof body,
             "{\"name\":\"two\",\"upstream\":\"127.0.0.1:1\",\"listen\":\"%s\"}",
             api_address(w.api));
    answer = ask(&w, "POST", "/v1/links", body);
    assert_int_equal(answer.status, 409);
    assert_non_null(strstr(answer_text(&answer, "error.message"), "taken"));
    answer_release(&answer);
    expect(&w, 404, "GET", "/v1/links/two", NULL);
    world_close(&w);
}

static void test_v1__reset_says_how_many_connections_it_touched(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, NULL);
    add_orders(&w);
    answer = ask(&w, "POST", "/v1/links/orders/reset", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"touched\":0}");
    answer_release(&answer);
    world_close(&w);
}

/* ---- faults ---- */

static void test_v1__a_fault_is_added_found_changed_and_healed(void **state)
{
    struct world w;
    struct answer answer;
    char path[128];

    (void)state;
    world_open(&w, NULL);
    add_orders(&w);
    answer = ask(&w, "POST", "/v1/links/orders/faults",
                 "{\"fault\":\"latency\",\"name\":\"slow\",\"params\":"
                 "{\"base\":\"100ms\",\"probability\":0.5}}");
    assert_int_equal(answer.status, 201);
    assert_string_equal(answer_text(&answer, "name"), "slow");
    assert_string_equal(answer_text(&answer, "params.base"), "100ms");
    snprintf(path, sizeof path, "/v1/links/orders/faults/%lld",
             (long long)json_integer_value(answer_at(&answer, "id")));
    answer_release(&answer);

    answer = ask(&w, "PATCH", path, "{\"params\":{\"jitter\":\"5ms\"}}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_text(&answer, "params.base"), "100ms");
    assert_string_equal(answer_text(&answer, "params.jitter"), "5ms");
    answer_release(&answer);

    answer = ask(&w, "GET", "/v1/links/orders/faults/slow", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer_text(&answer, "fault"), "latency");
    assert_int_equal(json_integer_value(answer_at(&answer, "touched")), 0);
    answer_release(&answer);

    answer = ask(&w, "DELETE", "/v1/links/orders/faults/slow", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"healed\":1}");
    answer_release(&answer);
    expect(&w, 404, "DELETE", path, NULL);
    world_close(&w);
}

static void test_v1__all_faults_of_a_link_are_healed_and_no_other(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, NULL);
    add_orders(&w);
    expect(&w, 201, "POST", "/v1/links",
           "{\"name\":\"bills\",\"upstream\":\"127.0.0.1:1\",\"faults\":[{\"fault\":"
           "\"stall\"}]}");
    for (int i = 0; i < 3; i++)
        expect(&w, 201, "POST", "/v1/links/orders/faults", "{\"fault\":\"stall\"}");
    answer = ask(&w, "GET", "/v1/faults", NULL);
    assert_int_equal(json_array_size(answer_at(&answer, "faults")), 4);
    assert_string_equal(answer_text(&answer, "faults.0.link"), "bills");
    assert_string_equal(answer_text(&answer, "faults.3.name"), "stall-3");
    answer_release(&answer);
    answer = ask(&w, "DELETE", "/v1/links/orders/faults", NULL);
    assert_string_equal(answer.body, "{\"healed\":3}");
    answer_release(&answer);
    answer = ask(&w, "GET", "/v1/faults", NULL);
    assert_int_equal(json_array_size(answer_at(&answer, "faults")), 1);
    answer_release(&answer);
    world_close(&w);
}

static void test_v1__a_bad_change_leaves_the_fault_as_it_was(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, NULL);
    add_orders(&w);
    expect(&w, 201, "POST", "/v1/links/orders/faults",
           "{\"fault\":\"latency\",\"params\":{\"base\":\"100ms\"}}");
    expect_refused(&w, 400, "bad_parameter",
                   "latency: base needs a unit: write \"7s\" or \"7ms\", not 7", "PATCH",
                   "/v1/links/orders/faults/latency-1",
                   "{\"params\":{\"jitter\":\"1ms\",\"base\":7}}");
    expect_refused(&w, 400, "bad_parameter",
                   "of a fault only its params can change, not 'name'", "PATCH",
                   "/v1/links/orders/faults/latency-1", "{\"name\":\"x\"}");
    answer = ask(&w, "GET", "/v1/links/orders/faults/latency-1", NULL);
    assert_string_equal(answer_text(&answer, "params.base"), "100ms");
    assert_string_equal(answer_text(&answer, "params.jitter"), "0");
    answer_release(&answer);
    world_close(&w);
}

static void test_v1__a_name_that_is_not_there_gets_the_nearest(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, NULL);
    expect_refused(&w, 404, "not_found", "there is no link 'ordres'", "GET",
                   "/v1/links/ordres", NULL);
    add_orders(&w);
    expect(&w, 201, "POST", "/v1/links/orders/faults", "{\"fault\":\"stall\"}");
    expect_refused(&w, 404, "not_found",
                   "there is no link 'ordres'; did you mean 'orders'?", "DELETE",
                   "/v1/links/ordres", NULL);
    expect_refused(&w, 404, "not_found",
                   "there is no link 'ordres'; did you mean 'orders'?", "POST",
                   "/v1/links/ordres/faults", "{\"fault\":\"stall\"}");
    expect_refused(&w, 404, "not_found",
                   "link 'orders' has no fault 'stal-1'; did you mean 'stall-1'?",
                   "DELETE", "/v1/links/orders/faults/stal-1", NULL);
    answer = ask(&w, "GET", "/v1/links/nothing-like-it", NULL);
    assert_string_equal(answer_text(&answer, "error.hint"), "there is: orders");
    answer_release(&answer);
    world_close(&w);
}

/* ---- what comes before a handler ---- */

static void test_v1__says_what_is_wrong_with_a_body(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, NULL);
    add_orders(&w);
    expect_refused(&w, 400, "bad_request", "the body is empty", "POST", "/v1/links",
                   NULL);
    expect_refused(&w, 400, "bad_request", "the body is no JSON object", "POST",
                   "/v1/links", "[1]");
    expect_refused(&w, 400, "bad_request",
                   "the body is no JSON: line 2, column 1: '}' expected near ']'", "POST",
                   "/v1/links", "{\"name\":\"x\"\n]");
    expect(&w, 400, "POST", "/v1/links", "{\"name\":\"\xff\"}");
    expect(&w, 400, "POST", "/v1/links", "{\"name\":\"x\",\"name\":\"y\"}");
    expect_refused(&w, 400, "bad_parameter", "link needs the option 'upstream'", "POST",
                   "/v1/links", "{\"name\":\"x\"}");
    expect_refused(&w, 400, "bad_parameter", "a link needs a name", "POST", "/v1/links",
                   "{\"name\":\"\",\"upstream\":\"127.0.0.1:1\"}");
    expect_refused(&w, 400, "bad_parameter", "upstream '4222': that is no host and port",
                   "POST", "/v1/links", "{\"name\":\"x\",\"upstream\":\"4222\"}");
    expect_refused(&w, 400, "bad_parameter",
                   "there is no fault 'latnecy'; did you mean 'latency'?", "POST",
                   "/v1/links/orders/faults", "{\"fault\":\"latnecy\"}");
    expect_refused(&w, 400, "bad_parameter",
                   "there is no fault 'bandwidth'; Toxiproxy calls it so, here it is: "
                   "throttle rate=1MB/s",
                   "POST", "/v1/links/orders/faults", "{\"fault\":\"bandwidth\"}");
    expect_refused(&w, 400, "bad_parameter",
                   "'base' is a parameter: it belongs into \"params\"", "POST",
                   "/v1/links/orders/faults", "{\"base\":\"1s\",\"fault\":\"latency\"}");
    expect(&w, 400, "POST", "/v1/links/orders/faults", "{\"params\":{}}");
    expect(&w, 400, "PATCH", "/v1/links/orders", "{\"enabled\":\"perhaps\"}");
    world_close(&w);
}

/* A request whose body may hold anything. */
static int send_bytes(const char *address, const char *body, size_t size)
{
    char head[256];
    int fd = caller_connect(address);
    int used = snprintf(head, sizeof head,
                        "POST /v1/links HTTP/1.1\r\nHost: localhost\r\nConnection: "
                        "close\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        size);

    assert_int_equal(write(fd, head, (size_t)used), used);
    assert_int_equal(write(fd, body, size), size);
    return fd;
}

static void test_v1__refuses_a_nul_wherever_it_stands(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bodies[] = {
        {"{\"name\":\"x\",\"buffer\":1\0}", 24},
        {"{\"name\":\"x\"}\n\0", 14},
        {"12\0", 3},
        {"\0", 1},
    };
    struct world w;

    (void)state;
    world_open(&w, NULL);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        int fd = send_bytes(api_address(w.api), bodies[i].bytes, bodies[i].size);
        char answer[4096] = "";
        size_t size = 0;
        ssize_t got;

        while ((got = read(fd, answer + size, sizeof answer - 1 - size)) > 0)
            size += (size_t)got;
        close(fd);
        assert_non_null(strstr(answer, "HTTP/1.1 400 "));
        assert_non_null(strstr(answer, "there is a NUL byte"));
    }
    world_close(&w);
}

static void test_v1__refuses_paths_methods_types_and_web_pages(void **state)
{
    struct world w;
    struct answer answer;
    const char *address;

    (void)state;
    world_open(&w, NULL);
    address = api_address(w.api);
    add_orders(&w);
    expect_refused(&w, 404, "not_found", "there is no path '/v1/linkz'", "GET",
                   "/v1/linkz", NULL);
    expect_refused(&w, 405, "no_such_method", "the path '/v1/links' has no method PUT",
                   "PUT", "/v1/links", "{}");
    answer = caller_ask(address, "POST", "/v1/links", "Content-Type: text/plain\r\n",
                        "{\"name\":\"x\",\"upstream\":\"127.0.0.1:1\"}");
    assert_int_equal(answer.status, 415);
    assert_string_equal(answer_text(&answer, "error.code"), "not_json");
    answer_release(&answer);
    /* A page can send this without asking anybody: no body, no unusual header. */
    answer = caller_ask(address, "POST", "/v1/links/orders/reset",
                        "Origin: https://evil.example\r\n", NULL);
    assert_int_equal(answer.status, 403);
    answer_release(&answer);
    world_close(&w);
}

static void test_v1__wants_its_token(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, "s3cret");
    expect_refused(&w, 401, "no_token",
                   "this API wants its token: Authorization: Bearer TOKEN", "GET",
                   "/v1/links", NULL);
    answer = caller_ask(api_address(w.api), "GET", "/v1/links",
                        "Authorization: Bearer s3cret\r\n", NULL);
    assert_int_equal(answer.status, 200);
    answer_release(&answer);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1__a_link_is_made_shown_listed_and_removed),
        cmocka_unit_test(test_v1__a_link_can_come_with_its_faults_or_not_at_all),
        cmocka_unit_test(test_v1__counts_while_connections_are_open),
        cmocka_unit_test(test_v1__a_link_is_disabled_enabled_and_led_elsewhere),
        cmocka_unit_test(test_v1__a_name_or_port_that_is_taken_is_a_conflict),
        cmocka_unit_test(test_v1__reset_says_how_many_connections_it_touched),
        cmocka_unit_test(test_v1__a_fault_is_added_found_changed_and_healed),
        cmocka_unit_test(test_v1__all_faults_of_a_link_are_healed_and_no_other),
        cmocka_unit_test(test_v1__a_bad_change_leaves_the_fault_as_it_was),
        cmocka_unit_test(test_v1__a_name_that_is_not_there_gets_the_nearest),
        cmocka_unit_test(test_v1__says_what_is_wrong_with_a_body),
        cmocka_unit_test(test_v1__refuses_a_nul_wherever_it_stands),
        cmocka_unit_test(test_v1__refuses_paths_methods_types_and_web_pages),
        cmocka_unit_test(test_v1__wants_its_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
