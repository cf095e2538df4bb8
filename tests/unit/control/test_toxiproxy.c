/* toxiproxy: every path, status and body of Toxiproxy's API about proxies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/control/server.h"

#define PROXY(name, listen, enabled)                                                     \
    "{\"name\":\"" name "\",\"listen\":\"" listen                                        \
    "\",\"upstream\":\"127.0.0.1:9\",\"enabled\":" enabled                               \
    ",\"Logger\":{},\"toxics\":[]}"

#define ERROR(text, status) "{\"error\":\"" text "\",\"status\":" status "}\n"

static void expect_header(const struct heard *answer, const char *name,
                          const char *expected)
{
    char value[256] = "(none)";

    heard_header(answer, name, value, sizeof value);
    assert_string_equal(value, expected);
}

static void test_toxiproxy__says_its_version(void **state)
{
    struct server *s = server_start();
    struct heard answer = server_call(s, "GET", "/version", NULL);

    (void)state;
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "{\"version\": \"2.12.0\"}\n");
    expect_header(&answer, "Content-Type", "application/json;charset=utf-8");
    heard_release(&answer);
    server_stop(s);
}

static void test_toxiproxy__makes_shows_and_removes_a_proxy(void **state)
{
    struct server *s = server_start();

    (void)state;
    server_expect(s, "GET", "/proxies", NULL, 200, "{}");
    server_link(s, "a", 9);
    server_expect(s, "GET", "/proxies/a", NULL, 200, PROXY("a", "$L", "true"));
    server_expect(s, "GET", "/proxies", NULL, 200,
                  "{\"a\":" PROXY("a", "$L", "true") "}");
    server_expect(s, "DELETE", "/proxies/a", NULL, 204, "");
    server_expect(s, "GET", "/proxies/a", NULL, 404, ERROR("proxy not found", "404"));
    server_expect(s, "GET", "/proxies", NULL, 200, "{}");
    server_stop(s);
}

static void test_toxiproxy__lists_by_name(void **state)
{
    struct server *s = server_start();
    struct heard answer;

    (void)state;
    server_link(s, "b", 9);
    server_link(s, "a b/c?\\u00e4", 9);
    server_link(s, "B", 9);
    answer = server_call(s, "GET", "/proxies", NULL);
    assert_true(strstr(answer.body, "{\"B\":") == answer.body);
    assert_true(strstr(answer.body, "\"a b/c?\xc3\xa4\":{") <
                strstr(answer.body, "\"b\":{"));
    heard_release(&answer);
    server_do(s, "GET", "/proxies/a%20b%2Fc%3F%c3%a4", NULL, 200);
    server_stop(s);
}

static void test_toxiproxy__types_and_headers_are_as_toxiproxy_has_them(void **state)
{
    struct server *s = server_start();
    struct heard answer = server_call(s, "GET", "/proxies", NULL);
    char id[64];

    (void)state;
    expect_header(&answer, "Content-Type", "application/json");
    assert_true(heard_header(&answer, "X-Toxiproxy-Request-Id", id, sizeof id));
    assert_int_equal(strlen(id), 20);
    assert_int_equal(strspn(id, "0123456789abcdefghijklmnopqrstuv"), 20);
    heard_release(&answer);
    answer = server_call(s, "GET", "/proxies/nobody", NULL);
    expect_header(&answer, "Content-Type", "text/plain; charset=utf-8");
    expect_header(&answer, "X-Content-Type-Options", "nosniff");
    heard_release(&answer);
    server_stop(s);
}

static void test_toxiproxy__refuses_what_is_missing_or_taken(void **state)
{
    struct server *s = server_start();

    (void)state;
    server_link(s, "a", 9);
    server_expect(s, "POST", "/proxies", "{}", 400,
                  ERROR("missing required field: name", "400"));
    server_expect(s, "POST", "/proxies", "null", 400,
                  ERROR("missing required field: name", "400"));
    server_expect(s, "POST", "/proxies", "{\"name\":\"b\"}", 400,
                  ERROR("missing required field: upstream", "400"));
    server_expect(s, "POST", "/proxies", "{\"name\":\"a\",\"upstream\":\"127.0.0.1:9\"}",
                  409, ERROR("proxy already exists", "409"));
    server_expect(s, "DELETE", "/proxies/b", NULL, 404, ERROR("proxy not found", "404"));
    server_expect(s, "PATCH", "/proxies/b", "{}", 404, ERROR("proxy not found", "404"));
    server_expect(s, "POST", "/proxies/b", "{", 404, ERROR("proxy not found", "404"));
    server_expect(s, "POST", "/proxies/a", "{", 400,
                  ERROR("bad request body: unexpected EOF", "400"));
    server_stop(s);
}

static void test_toxiproxy__reads_keys_in_any_case_and_ignores_the_rest(void **state)
{
    struct server *s = server_start();

    (void)state;
    server_expect(s, "POST", "/proxies",
                  "{\"NAME\":\"a\",\"Upstream\":\"127.0.0.1:9\",\"LISTEN\":"
                  "\"localhost:0\",\"enabled\":false,\"color\":3,\"toxics\":7} trailing",
                  201, PROXY("a", "localhost:0", "false"));
    server_do(s, "POST", "/proxies",
              "{\"name\":\"b\",\"upstream\":\"127.0.0.1:9\",\"enabled\":null,"
              "\"listen\":null}",
              201);
    server_stop(s);
}

static void test_toxiproxy__an_empty_listen_is_loopback_unless_allowed(void **state)
{
    static const char body[] = "{\"name\":\"a\",\"upstream\":\"127.0.0.1:9\"}";
    struct server *s = server_start();
    struct heard answer = server_call(s, "POST", "/proxies", body);
    char listen[ADDRESS_BYTES];

    (void)state;
    heard_text(&answer, "listen", listen, sizeof listen);
    assert_memory_equal(listen, "127.0.0.1:", 10);
    heard_release(&answer);
    server_stop(s);

    s = server_start_with((struct api_options){.allow_any_listen = true});
    answer = server_call(s, "POST", "/proxies", body);
    heard_text(&answer, "listen", listen, sizeof listen);
    assert_memory_equal(listen, "[::]:", 5);
    heard_release(&answer);
    server_stop(s);
}

static void test_toxiproxy__says_why_it_cannot_listen(void **state)
{
    struct server *s = server_start();
    uint16_t port;
    int taken = world_listen(&port, 1);
    char body[256], words[256];

    (void)state;
    snprintf(body, sizeof body,
             "{\"name\":\"a\",\"upstream\":\"127.0.0.1:9\",\"listen\":\"localhost:%u\"}",
             port);
    snprintf(words, sizeof words,
             ERROR("listen tcp 127.0.0.1:%u: bind: address already in use", "500"), port);
    server_expect(s, "POST", "/proxies", body, 500, words);
    server_expect(s, "POST", "/proxies",
                  "{\"name\":\"a\",\"upstream\":\"127.0.0.1:9\",\"listen\":\"nope\"}",
                  500, ERROR("listen tcp: address nope: missing port in address", "500"));
    server_expect(
        s, "POST", "/proxies",
        "{\"name\":\"a\",\"upstream\":\"127.0.0.1:9\",\"listen\":\"127.0.0.1:99999\"}",
        500, ERROR("listen tcp: address 99999: invalid port", "500"));
    server_expect(s, "GET", "/proxies", NULL, 200, "{}");
    close(taken);
    server_stop(s);
}

static void test_toxiproxy__toggles(void **state)
{
    struct server *s = server_start();
    uint16_t upstream;
    int listener = world_listen(&upstream, 8);
    uint16_t port = server_link(s, "a", upstream);
    int client = world_connect_port(port);
    int server = accept(listener, NULL, NULL);

    (void)state;
    server_do(s, "POST", "/proxies/a", "{\"enabled\":false}", 200);
    world_expect_fin(client);
    world_expect_fin(server);
    assert_int_equal(world_connect_port(port), -1);
    server_do(s, "POST", "/proxies/a", "{\"enabled\":false}", 200);
    server_do(s, "PATCH", "/proxies/a", "{\"enabled\":true}", 200);
    close(client);
    client = world_connect_port(port);
    assert_int_not_equal(client, -1);
    close(client);
    close(server);
    close(listener);
    server_stop(s);
}

static void test_toxiproxy__the_same_values_leave_connections_alone(void **state)
{
    struct server *s = server_start();
    uint16_t upstream;
    int listener = world_listen(&upstream, 8);
    uint16_t port = server_link(s, "a", upstream);
    int client = world_connect_port(port);
    int server = accept(listener, NULL, NULL);
    char body[256];

    (void)state;
    snprintf(body, sizeof body,
             "{\"name\":\"other\",\"listen\":\"localhost:%u\",\"upstream\":"
             "\"127.0.0.1:%u\",\"enabled\":true}",
             port, upstream);
    server_do(s, "POST", "/proxies/a", body, 200);
    world_send(client, "still here");
    world_expect(server, "still here");
    close(client);
    close(server);
    close(listener);
    server_stop(s);
}

static void test_toxiproxy__a_new_upstream_ends_connections_and_keeps_toxics(void **state)
{
    struct server *s = server_start();
    uint16_t upstream, other;
    int listener = world_listen(&upstream, 8);
    int second = world_listen(&other, 8);
    uint16_t port = server_link(s, "a", upstream);
    int client = world_connect_port(port);
    int server = accept(listener, NULL, NULL);
    char body[256];

    (void)state;
    server_do(s, "POST", "/proxies/a/toxics", "{\"type\":\"latency\"}", 200);
    snprintf(body, sizeof body, "{\"upstream\":\"127.0.0.1:%u\"}", other);
    server_do(s, "PATCH", "/proxies/a", body, 200);
    world_expect_fin(client);
    close(client);
    close(server);
    client = world_connect_port(port);
    server = accept(second, NULL, NULL);
    world_send(client, "hello");
    world_expect(server, "hello");
    server_do(s, "GET", "/proxies/a/toxics/latency_downstream", NULL, 200);
    close(client);
    close(server);
    close(listener);
    close(second);
    server_stop(s);
}

static void test_toxiproxy__a_taken_listen_leaves_it_disabled_with_it(void **state)
{
    struct server *s = server_start();
    uint16_t port;
    int taken = world_listen(&port, 1);
    char body[256], words[512];

    (void)state;
    server_link(s, "a", 9);
    snprintf(body, sizeof body, "{\"listen\":\"127.0.0.1:%u\"}", port);
    snprintf(words, sizeof words,
             ERROR("listen tcp 127.0.0.1:%u: bind: address already in use", "500"), port);
    server_expect(s, "PATCH", "/proxies/a", body, 500, words);
    snprintf(words, sizeof words,
             "{\"name\":\"a\",\"listen\":\"127.0.0.1:%u\",\"upstream\":\"127.0.0.1:9\","
             "\"enabled\":false,\"Logger\":{},\"toxics\":[]}",
             port);
    server_expect(s, "GET", "/proxies/a", NULL, 200, words);
    server_expect(s, "PATCH", "/proxies/a", "{\"listen\":\"bad\"}", 500,
                  ERROR("address bad: missing port in address", "500"));
    close(taken);
    server_do(s, "PATCH", "/proxies/a", "{\"enabled\":true}", 200);
    server_stop(s);
}

static void test_toxiproxy__reset_starts_and_heals_everything(void **state)
{
    struct server *s = server_start();

    (void)state;
    server_link(s, "b", 9);
    server_do(s, "POST", "/proxies/b", "{\"enabled\":false}", 200);
    server_link(s, "a", 9);
    server_do(s, "POST", "/proxies/a/toxics", "{\"type\":\"latency\"}", 200);
    server_do(s, "POST", "/proxies/a/toxics", "{\"type\":\"noop\"}", 200);
    server_do(s, "POST", "/v1/links/b/faults", "{\"fault\":\"stall\"}", 201);
    server_expect(s, "POST", "/reset", "not even JSON", 204, "");
    server_expect(s, "GET", "/proxies/a", NULL, 200, PROXY("a", "$L", "true"));
    server_do(s, "POST", "/v1/links/b/faults", "{\"fault\":\"stall\"}", 201);
    server_expect(s, "GET", "/proxies/b/toxics", NULL, 200, "[]");
    server_stop(s);
}

static void test_toxiproxy__reset_stops_at_a_port_that_is_taken(void **state)
{
    struct server *s = server_start();
    uint16_t port;
    int taken = world_listen(&port, 1);
    char body[256];

    (void)state;
    snprintf(body, sizeof body,
             "{\"name\":\"a\",\"upstream\":\"127.0.0.1:9\",\"listen\":\"127.0.0.1:%u\","
             "\"enabled\":false}",
             port);
    server_do(s, "POST", "/proxies", body, 201);
    server_do(s, "POST", "/reset", NULL, 500);
    close(taken);
    server_do(s, "POST", "/reset", NULL, 204);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toxiproxy__says_its_version),
        cmocka_unit_test(test_toxiproxy__makes_shows_and_removes_a_proxy),
        cmocka_unit_test(test_toxiproxy__lists_by_name),
        cmocka_unit_test(test_toxiproxy__types_and_headers_are_as_toxiproxy_has_them),
        cmocka_unit_test(test_toxiproxy__refuses_what_is_missing_or_taken),
        cmocka_unit_test(test_toxiproxy__reads_keys_in_any_case_and_ignores_the_rest),
        cmocka_unit_test(test_toxiproxy__an_empty_listen_is_loopback_unless_allowed),
        cmocka_unit_test(test_toxiproxy__says_why_it_cannot_listen),
        cmocka_unit_test(test_toxiproxy__toggles),
        cmocka_unit_test(test_toxiproxy__the_same_values_leave_connections_alone),
        cmocka_unit_test(
            test_toxiproxy__a_new_upstream_ends_connections_and_keeps_toxics),
        cmocka_unit_test(test_toxiproxy__a_taken_listen_leaves_it_disabled_with_it),
        cmocka_unit_test(test_toxiproxy__reset_starts_and_heals_everything),
        cmocka_unit_test(test_toxiproxy__reset_stops_at_a_port_that_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
