/* bad requests: wrong types, ranges, names, streams, giant and half bodies, no UTF-8.
 * Each has its status and its words; afterwards the proxy works and nothing is left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/control/server.h"

#define TOXICS "/proxies/a/toxics"
#define GO "bad request body: json: cannot unmarshal "
#define TYPE(type, attributes) "{\"type\":\"" type "\",\"attributes\":{" attributes "}}"

static const struct {
    const char *method, *path, *body;
    unsigned status;
    const char *words;
} bad[] = {
    /* no JSON */
    {"POST", "/proxies", "", 400, "bad request body: EOF"},
    {"POST", "/proxies", "{\"name\":", 400, "bad request body: unexpected EOF"},
    {"POST", "/proxies", "hello", 400,
     "bad request body: invalid character 'h' looking for beginning of value"},
    {"POST", "/proxies", "{'name':1}", 400,
     "bad request body: invalid character '\\'' looking for beginning of object key "
     "string"},
    /* wrong types */
    {"POST", "/proxies", "[]", 400, GO "array into Go value of type toxiproxy.Proxy"},
    {"POST", "/proxies", "{\"name\":7}", 400,
     GO "number into Go struct field Proxy.name of type string"},
    {"POST", "/proxies", "{\"name\":\"b\",\"upstream\":{}}", 400,
     GO "object into Go struct field Proxy.upstream of type string"},
    {"POST", "/proxies", "{\"name\":\"b\",\"upstream\":\"x:1\",\"enabled\":\"yes\"}", 400,
     GO "string into Go struct field Proxy.enabled of type bool"},
    {"POST", "/proxies/a", "{\"listen\":true}", 400,
     GO "bool into Go struct field Proxy.listen of type string"},
    {"POST", TOXICS, "{\"type\":[]}", 400,
     GO "array into Go struct field ToxicWrapper.type of type string"},
    {"POST", TOXICS, "{\"type\":\"noop\",\"toxicity\":\"1\"}", 400,
     GO "string into Go struct field ToxicWrapper.toxicity of type float32"},
    {"POST", TOXICS, TYPE("latency", "\"latency\":\"100\""), 400,
     GO "string into Go struct field LatencyToxic.attributes.latency of type int64"},
    {"POST", TOXICS, TYPE("latency", "\"jitter\":1.5"), 400,
     GO "number 1.5 into Go struct field LatencyToxic.attributes.jitter of type int64"},
    {"POST", TOXICS, TYPE("bandwidth", "\"rate\":1e3"), 400,
     GO "number 1000 into Go struct field BandwidthToxic.attributes.rate of type int64"},
    /* ranges: where Toxiproxy dies, hangs or guesses */
    {"POST", TOXICS, TYPE("bandwidth", "\"rate\":-1"), 400,
     "bad attribute: rate of bandwidth must be from 0 to 1000000000, not -1"},
    {"POST", TOXICS, TYPE("slicer", ""), 400,
     "bad attribute: average_size of slicer must be from 1 to 1073741824, not 0"},
    {"POST", TOXICS, TYPE("slicer", "\"average_size\":10,\"size_variation\":10"), 400,
     "bad attribute: size_variation of slicer must be less than average_size (10), not "
     "10"},
    {"POST", TOXICS, TYPE("latency", "\"jitter\":4611686018427387905"), 400,
     "bad attribute: jitter of latency must be from 0 to 3600000, not "
     "4611686018427387905"},
    {"POST", TOXICS, TYPE("latency", "\"latency\":9223372036854775807"), 400,
     "bad attribute: latency of latency must be from 0 to 3600000, not "
     "9223372036854775807"},
    {"POST", TOXICS, "{\"type\":\"noop\",\"toxicity\":2.5}", 400,
     "bad toxicity: it must be from 0 to 1, not 2.5"},
    {"POST", TOXICS, "{\"type\":\"noop\",\"toxicity\":-1}", 400,
     "bad toxicity: it must be from 0 to 1, not -1"},
    /* names and streams */
    {"POST", TOXICS, "{\"type\":\"noop\",\"stream\":\"sideways\"}", 400,
     "stream was invalid, can be either upstream or downstream"},
    {"POST", TOXICS, "{\"type\":\"latencyy\"}", 400, "invalid toxic type"},
    {"GET", "/proxies/%zz", NULL, 400,
     "the path '/proxies/%zz' is no escaped UTF-8 text"},
    {"GET", "/proxies/%ff", NULL, 400,
     "the path '/proxies/%ff' is no escaped UTF-8 text"},
    {"GET", "/proxies/\xff", NULL, 400, "the path '/proxies/?' is no escaped UTF-8 text"},
    {"GET", "/proxies/a%00b", NULL, 400,
     "the path '/proxies/a%00b' is no escaped UTF-8 text"},
    {"POST", "/proxies", "{\"name\":\"b\",\"upstream\":\"no port\"}", 400,
     "upstream 'no port': that is no host and port"},
    /* text that is none */
    {"POST", "/proxies", "{\"name\":\"\xff\xfe\",\"upstream\":\"x:1\"}", 400,
     "bad request body: line 1, column 9: unable to decode byte 0xff near '\"'"},
    {"POST", "/proxies", "{\"name\":\"\\ud800\",\"upstream\":\"x:1\"}", 400,
     "bad request body: line 1, column 16: invalid Unicode '\\uD800' near '\"\\ud800\"'"},
    {"POST", "/proxies", "{\"name\":\"a\\u0000\",\"upstream\":\"x:1\"}", 400,
     "bad request body: line 1, column 17: \\u0000 is not allowed in text"},
};

static void expect_words(const struct heard *heard, size_t at)
{
    json_t *json = json_loads(heard->body, 0, NULL);
    const char *words = json_string_value(json_object_get(json, "error"));

    if (heard->status != bad[at].status || words == NULL ||
        (bad[at].words != NULL && strcmp(words, bad[at].words) != 0))
        fail_msg("%s %s %s\n  got %u %s", bad[at].method, bad[at].path,
                 bad[at].body != NULL ? bad[at].body : "", heard->status, heard->body);
    assert_int_equal(json_integer_value(json_object_get(json, "status")), heard->status);
    json_decref(json);
}

static void test_bad_requests__have_their_status_and_their_words(void **state)
{
    struct server *s = server_start();
    uint16_t upstream;
    int listener = world_listen(&upstream, 8);
    uint16_t port = server_link(s, "a", upstream);
    int client = world_connect_port(port);
    int server = accept(listener, NULL, NULL);
    int before = world_open_fds();

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct heard heard = server_call(s, bad[i].method, bad[i].path, bad[i].body);

        expect_words(&heard, i);
        heard_release(&heard);
    }
    server_expect(s, "GET", TOXICS, NULL, 200, "[]");
    world_send(client, "alive");
    world_expect(server, "alive");
    /* One more than before: the connection to the API, at both ends. */
    assert_int_equal(world_open_fds(), before);
    close(client);
    close(server);
    close(listener);
    server_stop(s);
}

static void test_bad_requests__a_name_has_its_bound(void **state)
{
    struct server *s = server_start();
    char body[512], name[256], words[512];

    (void)state;
    memset(name, 'n', sizeof name);
    name[LINK_NAME_BYTES] = '\0';
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"upstream\":\"127.0.0.1:9\"}", name);
    snprintf(words, sizeof words,
             "{\"error\":\"name '%.40s...' is longer than %d bytes\",\"status\":400}\n",
             name, LINK_NAME_BYTES - 1);
    server_expect(s, "POST", "/proxies", body, 400, words);
    name[LINK_NAME_BYTES - 1] = '\0';
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"upstream\":\"127.0.0.1:9\"}", name);
    server_do(s, "POST", "/proxies", body, 201);
    snprintf(body, sizeof body, "/proxies/%s/toxics", name);
    server_do(s, "POST", body, "{\"type\":\"noop\"}", 200);
    server_stop(s);
}

/* A page of nothing but brackets is 400, and no stack runs out. */
static void test_bad_requests__a_megabyte_of_brackets_is_400(void **state)
{
    enum { COUNT = 1 << 20 };
    struct server *s = server_start();
    char *body = malloc(COUNT + 1);

    (void)state;
    assert_non_null(body);
    memset(body, '[', COUNT);
    body[COUNT] = '\0';
    server_expect(
        s, "POST", "/proxies", body, 400,
        "{\"error\":\"bad request body: exceeded max depth\",\"status\":400}\n");
    server_do(s, "POST", "/populate", body, 400);
    free(body);
    server_stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_requests__have_their_status_and_their_words),
        cmocka_unit_test(test_bad_requests__a_name_has_its_bound),
        cmocka_unit_test(test_bad_requests__a_megabyte_of_brackets_is_400),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
