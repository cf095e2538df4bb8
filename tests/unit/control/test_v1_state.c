/* test_v1_state: what a proxy gives out, another takes in; and what programs may ask:
 * tables, version, metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/control/api.h"
#include "proxy/control/metrics.h"
#include "tests/lib/control/caller.h"

struct world {
    struct plane *plane;
    struct api *api;
};

static void world_open(struct world *w, const char *listen)
{
    struct plane_options plane = {.seed = 1};
    struct api_options api = {.listen = listen};
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

static void expect(const struct world *w, int status, const char *method,
                   const char *path, const char *body)
{
    struct answer answer = ask(w, method, path, body);

    if (answer.status != status)
        fail_msg("%s %s: %d: %s", method, path, answer.status, answer.body);
    answer_release(&answer);
}

/* Two links; on one a fault, a toxic and a fault again, in this order. */
static void fill(const struct world *w)
{
    expect(w, 201, "POST", "/v1/links",
           "{\"name\":\"orders\",\"upstream\":\"127.0.0.1:1\",\"buffer\":\"2MiB\","
           "\"dial_timeout\":\"1500ms\"}");
    expect(w, 201, "POST", "/v1/links/orders/faults",
           "{\"fault\":\"latency\",\"params\":{\"base\":\"100ms\",\"probability\":0.25,"
           "\"after\":\"64KiB\"}}");
    expect(w, 200, "POST", "/proxies/orders/toxics",
           "{\"type\":\"latency\",\"stream\":\"upstream\",\"toxicity\":0.5,"
           "\"attributes\":{\"latency\":70}}");
    expect(w, 201, "POST", "/v1/links/orders/faults",
           "{\"fault\":\"stall\",\"name\":\"last\"}");
    expect(w, 201, "POST", "/v1/links",
           "{\"name\":\"bills\",\"upstream\":\"localhost:2\",\"enabled\":false}");
}

static void test_v1_state__comes_back_as_it_was(void **state)
{
    struct world w;
    struct answer before;
    struct answer after;

    (void)state;
    world_open(&w, "127.0.0.1:0");
    fill(&w);
    before = ask(&w, "GET", "/v1/state", NULL);
    assert_int_equal(before.status, 200);
    assert_string_equal(answer_text(&before, "1.faults.1.toxic.name"),
                        "latency_upstream");
    assert_null(answer_at(&before, "1.id"));
    assert_null(answer_at(&before, "1.faults.0.id"));
    world_close(&w); /* its ports are free for the next */

    world_open(&w, "127.0.0.1:0");
    expect(&w, 201, "POST", "/v1/state", before.body);
    after = ask(&w, "GET", "/v1/state", NULL);
    assert_string_equal(after.body, before.body);
    answer_release(&after);
    after = ask(&w, "GET", "/proxies/orders/toxics", NULL);
    assert_int_equal(json_array_size(after.json), 1);
    answer_release(&after);
    world_close(&w);
    answer_release(&before);
}

static void test_v1_state__is_what_a_configuration_may_be(void **state)
{
    struct world w;
    struct answer before;
    struct error err;
    json_t *links;

    (void)state;
    world_open(&w, "127.0.0.1:0");
    fill(&w);
    before = ask(&w, "GET", "/v1/state", NULL);
    world_close(&w);

    /* Without a server, as --api none. */
    world_open(&w, "none");
    assert_string_equal(api_address(w.api), "none");
    assert_int_equal(api_populate(w.api, before.json, &err), 0);
    links = api_links(w.api, &err);
    assert_int_equal(json_array_size(links), 2);
    for (size_t i = 0; i < json_array_size(links); i++) {
        json_t *link = json_array_get(links, i);
        json_t *fault;
        size_t f;

        json_object_del(link, "id");
        json_array_foreach(json_object_get(link, "faults"), f, fault)
            json_object_del(fault, "id");
    }
    assert_true(json_equal(links, before.json));
    json_decref(links);
    world_close(&w);
    answer_release(&before);
}

static void test_v1_state__leaves_a_link_that_is_there_as_it_is(void **state)
{
    struct world w;
    struct answer before;
    struct answer after;

    (void)state;
    world_open(&w, "127.0.0.1:0");
    fill(&w);
    before = ask(&w, "GET", "/v1/state", NULL);
    expect(&w, 200, "DELETE", "/v1/links/orders/faults/last", NULL);
    expect(&w, 201, "POST", "/v1/state", before.body);
    after = ask(&w, "GET", "/v1/links/orders/faults", NULL);
    assert_int_equal(json_array_size(answer_at(&after, "faults")), 2);
    answer_release(&after);
    answer_release(&before);
    world_close(&w);
}

static void test_v1_state__that_is_wrong_somewhere_makes_nothing(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, "127.0.0.1:0");
    answer = ask(&w, "POST", "/v1/state",
                 "[{\"name\":\"a\",\"upstream\":\"127.0.0.1:1\"},"
                 "{\"name\":\"b\",\"upstream\":\"127.0.0.1:1\",\"faults\":"
                 "[{\"fault\":\"stall\",\"parms\":{}}]}]");
    assert_int_equal(answer.status, 400);
    assert_string_equal(answer_text(&answer, "error.message"),
                        "links[1] 'b': faults[0]: a fault has no 'parms' of this kind");
    answer_release(&answer);
    answer = ask(&w, "POST", "/v1/state", "{\"name\":\"a\"}");
    assert_int_equal(answer.status, 400);
    assert_string_equal(answer_text(&answer, "error.message"),
                        "a state is a list of links");
    answer_release(&answer);
    answer = ask(&w, "GET", "/v1/links", NULL);
    assert_string_equal(answer.body, "{\"links\":[]}");
    answer_release(&answer);
    world_close(&w);
}

static void test_v1_state__shows_a_toxic_as_it_is_after_a_change(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, "127.0.0.1:0");
    fill(&w);
    answer = ask(&w, "PATCH", "/v1/links/orders/faults/latency_upstream",
                 "{\"params\":{\"base\":\"80ms\"}}");
    assert_int_equal(answer.status, 200);
    assert_int_equal(json_integer_value(answer_at(&answer, "toxic.attributes.latency")),
                     80);
    answer_release(&answer);
    world_close(&w);
}

/* ---- what programs may ask ---- */

static void test_v1_state__the_tables_hold_every_fault_and_its_parameters(void **state)
{
    struct world w;
    struct answer answer;
    const json_t *faults;
    int count = 0;

    (void)state;
    world_open(&w, "127.0.0.1:0");
    answer = ask(&w, "GET", "/v1/api", NULL);
    assert_int_equal(answer.status, 200);
    faults = answer_at(&answer, "faults");
    while (fault_type_at(count) != NULL) {
        const struct fault_type *type = fault_type_at(count);
        const json_t *fault = json_array_get(faults, (size_t)count);
        json_t *params = param_describe(fault_type_params(type));

        assert_string_equal(json_string_value(json_object_get(fault, "name")),
                            fault_type_name(type));
        assert_true(json_equal(json_object_get(fault, "params"), params));
        json_decref(params);
        count++;
    }
    assert_int_equal(json_array_size(faults), count);
    assert_string_equal(answer_text(&answer, "every_fault.0.name"), "probability");
    assert_string_equal(answer_text(&answer, "link.0.name"), "name");
    assert_true(json_is_true(answer_at(&answer, "link.0.required")));
    answer_release(&answer);
    world_close(&w);
}

static void test_v1_state__the_version_is_the_programs(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, "127.0.0.1:0");
    answer = ask(&w, "GET", "/v1/version", NULL);
    assert_string_equal(answer.body,
                        "{\"version\":\"" STORMDRILL_VERSION "\",\"api\":1}");
    answer_release(&answer);
    world_close(&w);
}

static void test_v1_state__metrics_call_faults_by_the_names_that_users_gave(void **state)
{
    struct world w;
    struct answer answer;

    (void)state;
    world_open(&w, "127.0.0.1:0");
    fill(&w);
    answer = ask(&w, "GET", "/metrics", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.type, METRICS_CONTENT_TYPE);
    assert_non_null(strstr(answer.body,
                           "stormdrill_fault_touched_total{link=\"orders\",fault="
                           "\"latency_upstream\",type=\"latency\"} 0\n"));
    assert_non_null(strstr(answer.body, "fault=\"last\",type=\"stall\"} 0\n"));
    assert_non_null(strstr(answer.body, "stormdrill_link_listening{link=\"bills\"} 0\n"));
    assert_non_null(
        strstr(answer.body, "stormdrill_link_listening{link=\"orders\"} 1\n"));
    answer_release(&answer);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1_state__comes_back_as_it_was),
        cmocka_unit_test(test_v1_state__is_what_a_configuration_may_be),
        cmocka_unit_test(test_v1_state__leaves_a_link_that_is_there_as_it_is),
        cmocka_unit_test(test_v1_state__that_is_wrong_somewhere_makes_nothing),
        cmocka_unit_test(test_v1_state__shows_a_toxic_as_it_is_after_a_change),
        cmocka_unit_test(test_v1_state__the_tables_hold_every_fault_and_its_parameters),
        cmocka_unit_test(test_v1_state__the_version_is_the_programs),
        cmocka_unit_test(test_v1_state__metrics_call_faults_by_the_names_that_users_gave),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
