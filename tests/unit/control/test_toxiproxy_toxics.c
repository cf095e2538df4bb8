/* toxiproxy_toxics: toxics over HTTP: made, shown, changed, removed, and what they do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/control/server.h"

#define ERROR(text, status) "{\"error\":\"" text "\",\"status\":" status "}\n"
#define TOXICS "/proxies/a/toxics"

static struct server *start_with_link(void)
{
    struct server *s = server_start();

    server_link(s, "a", 9);
    return s;
}

static void test_toxiproxy_toxics__shows_every_type_with_all_attributes(void **state)
{
    static const struct {
        const char *body, *shown;
    } cases[] = {
        {"{\"type\":\"latency\"}",
         "{\"attributes\":{\"latency\":0,\"jitter\":0},\"name\":\"latency_downstream\","
         "\"type\":\"latency\",\"stream\":\"downstream\",\"toxicity\":1}"},
        {"{\"type\":\"latency\",\"stream\":\"UPSTREAM\",\"toxicity\":0.3,\"attributes\":"
         "{\"latency\":100,\"JITTER\":250,\"other\":\"x\"}}",
         "{\"attributes\":{\"latency\":100,\"jitter\":250},\"name\":\"latency_UPSTREAM\","
         "\"type\":\"latency\",\"stream\":\"UPSTREAM\",\"toxicity\":0.3}"},
        {"{\"type\":\"bandwidth\",\"name\":\"\",\"attributes\":{\"rate\":1234}}",
         "{\"attributes\":{\"rate\":1234},\"name\":\"bandwidth_downstream\",\"type\":"
         "\"bandwidth\",\"stream\":\"downstream\",\"toxicity\":1}"},
        {"{\"type\":\"bandwidth\",\"name\":\"zero\",\"stream\":null,\"toxicity\":null}",
         "{\"attributes\":{\"rate\":0},\"name\":\"zero\",\"type\":\"bandwidth\","
         "\"stream\":\"downstream\",\"toxicity\":1}"},
        {"{\"type\":\"slow_close\",\"attributes\":{\"delay\":7}}",
         "{\"attributes\":{\"delay\":7},\"name\":\"slow_close_downstream\",\"type\":"
         "\"slow_close\",\"stream\":\"downstream\",\"toxicity\":1}"},
        {"{\"type\":\"timeout\",\"attributes\":{\"timeout\":1500},\"toxicity\":0}",
         "{\"attributes\":{\"timeout\":1500},\"name\":\"timeout_downstream\",\"type\":"
         "\"timeout\",\"stream\":\"downstream\",\"toxicity\":0}"},
        {"{\"type\":\"reset_peer\",\"attributes\":{\"timeout\":3}}",
         "{\"attributes\":{\"timeout\":3},\"name\":\"reset_peer_downstream\",\"type\":"
         "\"reset_peer\",\"stream\":\"downstream\",\"toxicity\":1}"},
        {"{\"type\":\"slicer\",\"attributes\":{\"average_size\":64,\"size_variation\":"
         "63,\"delay\":10}}",
         "{\"attributes\":{\"average_size\":64,\"size_variation\":63,\"delay\":10},"
         "\"name\":\"slicer_downstream\",\"type\":\"slicer\",\"stream\":\"downstream\","
         "\"toxicity\":1}"},
        {"{\"type\":\"limit_data\",\"attributes\":{\"bytes\":123456789}}",
         "{\"attributes\":{\"bytes\":123456789},\"name\":\"limit_data_downstream\","
         "\"type\":\"limit_data\",\"stream\":\"downstream\",\"toxicity\":1}"},
        {"{\"type\":\"noop\",\"stream\":\"upstream\",\"toxicity\":0.123456789}",
         "{\"attributes\":{},\"name\":\"noop_upstream\",\"type\":\"noop\",\"stream\":"
         "\"upstream\",\"toxicity\":0.12345679}"},
    };
    struct server *s = start_with_link();
    char path[128], name[64];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *at = strstr(cases[i].shown, "\"name\":\"") + strlen("\"name\":\"");

        server_expect(s, "POST", TOXICS, cases[i].body, 200, cases[i].shown);
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "\""), at);
        snprintf(path, sizeof path, TOXICS "/%s", name);
        server_expect(s, "GET", path, NULL, 200, cases[i].shown);
    }
    server_stop(s);
}

static void test_toxiproxy_toxics__lists_upstream_first_each_in_order(void **state)
{
    static const char *const bodies[] = {
        "{\"type\":\"noop\",\"name\":\"1\"}",
        "{\"type\":\"noop\",\"name\":\"2\",\"stream\":\"upstream\"}",
        "{\"type\":\"noop\",\"name\":\"3\"}",
        "{\"type\":\"noop\",\"name\":\"4\",\"stream\":\"Upstream\"}",
    };
    struct server *s = start_with_link();
    struct heard heard;
    char order[8] = "";

    (void)state;
    for (size_t i = 0; i < 4; i++)
        server_do(s, "POST", TOXICS, bodies[i], 200);
    heard = server_call(s, "GET", TOXICS, NULL);
    for (const char *at = heard.body; (at = strstr(at, "\"name\":\"")) != NULL; at++)
        strncat(order, at + strlen("\"name\":\""), 1);
    assert_string_equal(order, "2413");
    heard_release(&heard);
    server_stop(s);
}

static void test_toxiproxy_toxics__an_update_merges_attributes(void **state)
{
    static const char path[] = TOXICS "/t";
    struct server *s = start_with_link();

    (void)state;
    server_do(s, "POST", TOXICS,
              "{\"name\":\"t\",\"type\":\"latency\",\"attributes\":{\"latency\":5,"
              "\"jitter\":3},\"toxicity\":0.5}",
              200);
    server_expect(s, "POST", path, "{\"attributes\":{\"latency\":9}}", 200,
                  "{\"attributes\":{\"latency\":9,\"jitter\":3},\"name\":\"t\",\"type\":"
                  "\"latency\",\"stream\":\"downstream\",\"toxicity\":0.5}");
    server_expect(s, "PATCH", path,
                  "{\"Toxicity\":1,\"name\":\"u\",\"stream\":\"upstream\",\"attributes\":"
                  "null}",
                  200,
                  "{\"attributes\":{\"latency\":9,\"jitter\":3},\"name\":\"t\",\"type\":"
                  "\"latency\",\"stream\":\"downstream\",\"toxicity\":1}");
    server_expect(
        s, "PATCH", path, "{\"attributes\":{\"jitter\":-1}}", 400,
        ERROR("bad attribute: jitter of latency must be from 0 to 3600000, not -1",
              "400"));
    server_do(s, "GET", path, NULL, 200);
    server_stop(s);
}

static void test_toxiproxy_toxics__shows_what_our_own_paths_changed(void **state)
{
    struct server *s = start_with_link();

    (void)state;
    server_do(s, "POST", TOXICS,
              "{\"name\":\"t\",\"type\":\"bandwidth\",\"attributes\":{\"rate\":10}}",
              200);
    server_do(s, "PATCH", "/v1/links/a/faults/t",
              "{\"params\":{\"rate\":\"2MB/s\",\"probability\":0.25}}", 200);
    server_expect(s, "GET", TOXICS "/t", NULL, 200,
                  "{\"attributes\":{\"rate\":2000},\"name\":\"t\",\"type\":\"bandwidth\","
                  "\"stream\":\"downstream\",\"toxicity\":0.25}");
    server_stop(s);
}

static void test_toxiproxy_toxics__what_came_by_our_own_paths_is_none(void **state)
{
    struct server *s = start_with_link();

    (void)state;
    server_do(s, "POST", "/v1/links/a/faults", "{\"fault\":\"stall\",\"name\":\"t\"}",
              201);
    server_expect(s, "GET", TOXICS, NULL, 200, "[]");
    server_expect(s, "GET", TOXICS "/t", NULL, 404, ERROR("toxic not found", "404"));
    server_expect(s, "POST", TOXICS "/t", "{}", 404, ERROR("toxic not found", "404"));
    server_expect(s, "DELETE", TOXICS "/t", NULL, 404, ERROR("toxic not found", "404"));
    server_expect(s, "POST", TOXICS, "{\"type\":\"noop\",\"name\":\"t\"}", 409,
                  ERROR("toxic already exists", "409"));
    server_stop(s);
}

static void test_toxiproxy_toxics__refuses_as_toxiproxy_does(void **state)
{
    static const struct {
        const char *method, *path, *body;
        unsigned status;
        const char *words;
    } cases[] = {
        {"GET", "/proxies/b/toxics", NULL, 404, ERROR("proxy not found", "404")},
        {"POST", "/proxies/b/toxics", "{", 404, ERROR("proxy not found", "404")},
        {"POST", "/proxies/b/toxics/t", "{", 404, ERROR("proxy not found", "404")},
        {"DELETE", "/proxies/b/toxics/t", NULL, 404, ERROR("proxy not found", "404")},
        {"POST", TOXICS "/t", "{", 404, ERROR("toxic not found", "404")},
        {"DELETE", TOXICS "/t", NULL, 404, ERROR("toxic not found", "404")},
        {"POST", TOXICS, "{}", 400, ERROR("invalid toxic type", "400")},
        {"POST", TOXICS, "null", 400, ERROR("invalid toxic type", "400")},
        {"POST", TOXICS, "{\"type\":\"Latency\"}", 400,
         ERROR("invalid toxic type", "400")},
        {"POST", TOXICS, "{\"type\":\"down\"}", 400, ERROR("invalid toxic type", "400")},
        {"POST", TOXICS, "{\"type\":\"x\",\"stream\":\"\"}", 400,
         ERROR("stream was invalid, can be either upstream or downstream", "400")},
        {"POST", TOXICS, "{\"type\":\"noop\",\"name\":\"there\"}", 409,
         ERROR("toxic already exists", "409")},
        {"POST", TOXICS, "{\"type\":\"noop\",\"name\":\"there\",\"stream\":\"upstream\"}",
         409, ERROR("toxic already exists", "409")},
        {"POST", TOXICS "/there", "[", 400,
         ERROR("bad request body: unexpected EOF", "400")},
    };
    struct server *s = start_with_link();

    (void)state;
    server_do(s, "POST", TOXICS, "{\"type\":\"noop\",\"name\":\"there\"}", 200);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        server_expect(s, cases[i].method, cases[i].path, cases[i].body, cases[i].status,
                      cases[i].words);
    server_stop(s);
}

/* What they do: one way through real sockets for those that can be seen at once. */

struct pair {
    struct server *server;
    int listener, client, upstream;
};

static struct pair open_pair(void)
{
    struct pair p = {.server = server_start()};
    uint16_t upstream, port;

    p.listener = world_listen(&upstream, 8);
    port = server_link(p.server, "a", upstream);
    p.client = world_connect_port(port);
    p.upstream = accept(p.listener, NULL, NULL);
    return p;
}

static void close_pair(struct pair *p)
{
    close(p->client);
    close(p->upstream);
    close(p->listener);
    server_stop(p->server);
}

static void
test_toxiproxy_toxics__bandwidth_0_lets_nothing_pass_until_it_is_removed(void **state)
{
    struct pair p = open_pair();
    char byte;

    (void)state;
    server_do(p.server, "POST", TOXICS, "{\"type\":\"bandwidth\"}", 200);
    world_send(p.upstream, "held");
    /* The other direction still moves: by its echo the bytes above have arrived. */
    world_send(p.client, "ping");
    world_expect(p.upstream, "ping");
    assert_int_equal(recv(p.client, &byte, 1, MSG_DONTWAIT), -1);
    server_do(p.server, "DELETE", TOXICS "/bandwidth_downstream", NULL, 204);
    world_expect(p.client, "held");
    close_pair(&p);
}

static void
test_toxiproxy_toxics__reset_peer_resets_connections_that_were_open(void **state)
{
    struct pair p = open_pair();

    (void)state;
    server_do(p.server, "POST", TOXICS,
              "{\"type\":\"reset_peer\",\"stream\":\"upstream\"}", 200);
    world_send(p.client, "x");
    world_expect_reset(p.client);
    close_pair(&p);
}

static void test_toxiproxy_toxics__limit_data_closes_after_so_many_bytes(void **state)
{
    struct pair p = open_pair();

    (void)state;
    server_do(p.server, "POST", TOXICS,
              "{\"type\":\"limit_data\",\"attributes\":{\"bytes\":4}}", 200);
    world_send(p.upstream, "1234567");
    world_expect(p.client, "1234");
    world_expect_fin(p.client);
    close_pair(&p);
}

static void test_toxiproxy_toxics__timeout_spares_what_toxicity_spares(void **state)
{
    struct pair p = open_pair();

    (void)state;
    server_do(p.server, "POST", TOXICS, "{\"type\":\"timeout\",\"toxicity\":0}", 200);
    world_send(p.upstream, "through");
    world_expect(p.client, "through");
    server_do(p.server, "DELETE", TOXICS "/timeout_downstream", NULL, 204);
    world_send(p.upstream, "still");
    world_expect(p.client, "still");
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toxiproxy_toxics__shows_every_type_with_all_attributes),
        cmocka_unit_test(test_toxiproxy_toxics__lists_upstream_first_each_in_order),
        cmocka_unit_test(test_toxiproxy_toxics__an_update_merges_attributes),
        cmocka_unit_test(test_toxiproxy_toxics__shows_what_our_own_paths_changed),
        cmocka_unit_test(test_toxiproxy_toxics__what_came_by_our_own_paths_is_none),
        cmocka_unit_test(test_toxiproxy_toxics__refuses_as_toxiproxy_does),
        cmocka_unit_test(
            test_toxiproxy_toxics__bandwidth_0_lets_nothing_pass_until_it_is_removed),
        cmocka_unit_test(
            test_toxiproxy_toxics__reset_peer_resets_connections_that_were_open),
        cmocka_unit_test(test_toxiproxy_toxics__limit_data_closes_after_so_many_bytes),
        cmocka_unit_test(test_toxiproxy_toxics__timeout_spares_what_toxicity_spares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
