/* toxiproxy_populate: many proxies at once, by HTTP and from a configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/control/server.h"

#define P "{\"name\":\"p\",\"listen\":\"127.0.0.1:0\",\"upstream\":\"127.0.0.1:9\""

static void test_toxiproxy_populate__nothing_makes_nothing(void **state)
{
    struct server *s = server_start();

    (void)state;
    server_expect(s, "POST", "/populate", "[]", 201, "{\"proxies\":null}");
    server_expect(s, "POST", "/populate", "null", 201, "{\"proxies\":null}");
    server_stop(s);
}

static void test_toxiproxy_populate__makes_all_with_their_toxics_and_faults(void **state)
{
    static const char body[] =
        "[" P ",\"toxics\":[{\"type\":\"latency\",\"attributes\":{\"latency\":7}}],"
        "\"faults\":[{\"fault\":\"throttle\",\"params\":{\"rate\":\"1MB/s\"}}]},"
        "{\"name\":\"q\",\"upstream\":\"127.0.0.1:9\",\"listen\":\"127.0.0.1:0\","
        "\"enabled\":false}]";
    struct server *s = server_start();
    struct heard heard = server_call(s, "POST", "/populate", body);
    char type[64];

    (void)state;
    assert_int_equal(heard.status, 201);
    assert_true(heard_header(&heard, "Content-Type", type, sizeof type));
    assert_string_equal(type, "application/json");
    assert_non_null(strstr(heard.body, "\"latency\":7"));
    assert_non_null(strstr(heard.body, "{\"name\":\"q\",\"listen\":\"127.0.0.1:0\","));
    heard_release(&heard);
    server_do(s, "PATCH", "/v1/links/p/faults/throttle-1",
              "{\"params\":{\"rate\":\"2MB/s\"}}", 200);
    server_do(s, "GET", "/proxies/p/toxics/latency_downstream", NULL, 200);
    server_stop(s);
}

static void test_toxiproxy_populate__leaves_what_is_the_same_wholly_as_it_is(void **state)
{
    struct server *s = server_start();
    uint16_t port = server_link(s, "a", 9);
    char body[512];

    (void)state;
    server_do(s, "POST", "/proxies/a/toxics", "{\"type\":\"noop\"}", 200);
    snprintf(body, sizeof body,
             "[{\"name\":\"a\",\"listen\":\"localhost:%u\",\"upstream\":\"127.0.0.1:9\","
             "\"enabled\":false,\"toxics\":[{\"type\":\"latency\"}]}]",
             port);
    server_expect(s, "POST", "/populate", body, 201,
                  "{\"proxies\":[{\"name\":\"a\",\"listen\":\"$L\",\"upstream\":"
                  "\"127.0.0.1:9\",\"enabled\":true,\"Logger\":{},\"toxics\":[{"
                  "\"attributes\":{},\"name\":\"noop_downstream\",\"type\":\"noop\","
                  "\"stream\":\"downstream\",\"toxicity\":1}]}]}");
    server_stop(s);
}

static void
test_toxiproxy_populate__replaces_what_differs_and_leaves_the_others(void **state)
{
    struct server *s = server_start();
    uint16_t port;
    char body[512];

    (void)state;
    server_link(s, "other", 9);
    port = server_link(s, "a", 9);
    server_do(s, "POST", "/proxies/a/toxics", "{\"type\":\"noop\"}", 200);
    snprintf(body, sizeof body,
             "[{\"name\":\"a\",\"listen\":\"127.0.0.1:%u\",\"upstream\":"
             "\"127.0.0.1:10\"}]",
             port);
    server_expect(s, "POST", "/populate", body, 201,
                  "{\"proxies\":[{\"name\":\"a\",\"listen\":\"$L\",\"upstream\":"
                  "\"127.0.0.1:10\",\"enabled\":true,\"Logger\":{},\"toxics\":[]}]}");
    server_do(s, "GET", "/proxies/other", NULL, 200);
    server_stop(s);
}

static void test_toxiproxy_populate__of_a_name_given_twice_the_last_counts(void **state)
{
    struct server *s = server_start();
    struct heard heard = server_call(s, "POST", "/populate", "[" P "}," P "}]");

    (void)state;
    assert_int_equal(heard.status, 201);
    assert_null(strstr(strstr(heard.body, "\"name\"") + 1, "\"name\""));
    heard_release(&heard);
    server_stop(s);
}

static void
test_toxiproxy_populate__checks_everything_before_it_makes_anything(void **state)
{
#define BAD(text) "{\"error\":\"" text "\",\"status\":400,\"proxies\":null}"
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"", BAD("bad request body: EOF")},
        {"{}",
         BAD("bad request body: json: cannot unmarshal object into Go value of type "
             "[]toxiproxy.Proxy")},
        {"[" P "},{\"upstream\":\"x:1\"}]",
         BAD("missing required field: name at proxy 2")},
        {"[" P "},{\"name\":\"x\"}]", BAD("missing required field: upstream at proxy 2")},
        {"[" P "},7]",
         BAD("bad request body: json: cannot unmarshal number into Go value "
             "of type toxiproxy.Proxy")},
        {"[" P ",\"toxics\":[{\"type\":\"noop\"},{\"type\":\"x\"}]}]",
         BAD("proxy 1 ('p'): toxic 2: invalid toxic type")},
        {"[" P ",\"toxics\":[{\"type\":\"slicer\"}]}]",
         BAD("proxy 1 ('p'): toxic 1: bad attribute: average_size of slicer must be from "
             "1 to "
             "1073741824, not 0")},
        {"[" P ",\"toxics\":3}]",
         BAD("proxy 1 ('p'): bad request body: toxics and faults are arrays")},
        {"[" P ",\"faults\":[{}]}]",
         BAD("proxy 1 ('p'): fault 1: a fault needs 'fault': which one")},
        {"[" P ",\"buffer\":\"5\"}]",
         BAD("proxy 1 ('p'): buffer must be between 4KiB and 1GiB, not 5")},
        {"[" P ",\"buffer\":\"2GiB\"}]",
         BAD("proxy 1 ('p'): buffer must be between 4KiB and 1GiB, not 2GiB")},
        {"[" P ",\"buffer\":7}]",
         BAD("proxy 1 ('p'): buffer must be between 4KiB and 1GiB, not 7")},
        {"[" P ",\"dial_timeout\":\"5\"}]",
         BAD("proxy 1 ('p'): dial_timeout needs a unit: write \\\"5s\\\" or \\\"5ms\\\", "
             "not 5")},
        {"[" P ",\"dial_timeout\":\"1h\"}]",
         BAD("proxy 1 ('p'): dial_timeout must be between 1ms and 10m, not 1h")},
    };
    struct server *s = server_start();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        server_expect(s, "POST", "/populate", cases[i].body, 400, cases[i].words);
    server_expect(s, "GET", "/proxies", NULL, 200, "{}");
    server_stop(s);
}

static void
test_toxiproxy_populate__stops_at_the_first_failure_and_says_what_it_made(void **state)
{
    struct server *s = server_start();
    struct heard heard;

    (void)state;
    heard =
        server_call(s, "POST", "/populate",
                    "[" P "},{\"name\":\"x\",\"listen\":\"nope\",\"upstream\":"
                    "\"127.0.0.1:9\"},{\"name\":\"y\",\"upstream\":\"127.0.0.1:9\"}]");
    assert_int_equal(heard.status, 500);
    assert_memory_equal(heard.body,
                        "{\"error\":\"address nope: missing port in address\","
                        "\"status\":500,\"proxies\":[{\"name\":\"p\"",
                        strlen("{\"error\":\"address nope: missing port in address\","
                               "\"status\":500,\"proxies\":[{\"name\":\"p\""));
    heard_release(&heard);
    server_do(s, "GET", "/proxies/p", NULL, 200);
    server_do(s, "GET", "/proxies/x", NULL, 404);
    server_do(s, "GET", "/proxies/y", NULL, 404);
    server_stop(s);
}

static void test_toxiproxy_populate__a_bad_fault_takes_its_proxy_along(void **state)
{
    struct server *s = server_start();

    (void)state;
    server_do(s, "POST", "/populate",
              "[" P
              ",\"faults\":[{\"fault\":\"stall\"},{\"fault\":\"latency\",\"params\":"
              "{\"base\":\"-1s\"}}]}]",
              400);
    server_expect(s, "GET", "/proxies", NULL, 200, "{}");
    server_stop(s);
}

/* A thousand steps that end inside themselves are no recursion. */
static void test_toxiproxy_populate__thousands_of_noops_need_no_stack(void **state)
{
    enum { NOOPS = 5000 };
    struct server *s = server_start();
    char *body = calloc(1, 1 << 20);
    size_t at;

    (void)state;
    assert_non_null(body);
    at = (size_t)snprintf(body, 1 << 20, "[" P ",\"toxics\":[");
    for (int i = 0; i < NOOPS; i++)
        at += (size_t)snprintf(body + at, (1 << 20) - at,
                               "%s{\"type\":\"noop\",\"name\":\"%d\"}", i > 0 ? "," : "",
                               i);
    snprintf(body + at, (1 << 20) - at, "]}]");
    server_do(s, "POST", "/populate", body, 201);
    server_do(s, "POST", "/reset", NULL, 204);
    server_expect(s, "GET", "/proxies/p/toxics", NULL, 200, "[]");
    free(body);
    server_stop(s);
}

static void
test_toxiproxy_populate__a_configuration_says_which_entry_is_wrong(void **state)
{
    struct server *s = server_start();
    json_t *good = json_loads("[" P "}]", 0, NULL);
    json_t *bad = json_loads("[" P "},{\"name\":\"x\",\"listen\":\"1.2.3.4.5:1\","
                             "\"upstream\":\"127.0.0.1:9\"}]",
                             0, NULL);
    struct error err;

    (void)state;
    assert_int_equal(api_populate(s->api, good, &err), 0);
    server_do(s, "GET", "/proxies/p", NULL, 200);
    assert_int_equal(api_populate(s->api, bad, &err), E_NOT_FOUND);
    assert_string_equal(err.text,
                        "proxy 2 ('x'): listen '1.2.3.4.5:1': nobody knows this host");
    json_decref(good);
    json_decref(bad);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toxiproxy_populate__nothing_makes_nothing),
        cmocka_unit_test(test_toxiproxy_populate__makes_all_with_their_toxics_and_faults),
        cmocka_unit_test(
            test_toxiproxy_populate__leaves_what_is_the_same_wholly_as_it_is),
        cmocka_unit_test(
            test_toxiproxy_populate__replaces_what_differs_and_leaves_the_others),
        cmocka_unit_test(test_toxiproxy_populate__of_a_name_given_twice_the_last_counts),
        cmocka_unit_test(
            test_toxiproxy_populate__checks_everything_before_it_makes_anything),
        cmocka_unit_test(
            test_toxiproxy_populate__stops_at_the_first_failure_and_says_what_it_made),
        cmocka_unit_test(test_toxiproxy_populate__a_bad_fault_takes_its_proxy_along),
        cmocka_unit_test(test_toxiproxy_populate__thousands_of_noops_need_no_stack),
        cmocka_unit_test(
            test_toxiproxy_populate__a_configuration_says_which_entry_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
