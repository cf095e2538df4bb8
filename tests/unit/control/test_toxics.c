/* toxics: the table from toxics to faults, and back. */
#include "proxy/control/toxics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/memory/memory.h"

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);

    assert_non_null(json);
    return json;
}

static void expect_json(const json_t *json, const char *expected)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9));

    assert_string_equal(text, expected);
    free(text);
}

static void expect_fault(const char *body, const char *type, const char *params)
{
    json_t *json = parse(body);
    struct toxic toxic;
    struct error err;

    if (toxic_read(&toxic, json, &err) != 0)
        fail_msg("%s: %s", body, err.text);
    assert_string_equal(toxic.spec.type, type);
    expect_json(toxic.params, params);
    /* What the plane will be told is what the fault takes. */
    if (strcmp(type, "noop") != 0 && fault_check(type, toxic.params, &err) != 0)
        fail_msg("%s: %s", body, err.text);
    toxic_release(&toxic);
    json_decref(json);
}

static void test_toxics__each_type_has_its_fault(void **state)
{
    (void)state;
    expect_fault("{\"type\":\"latency\",\"attributes\":{\"latency\":100,\"jitter\":5}}",
                 "latency",
                 "{\"base\":\"100ms\",\"direction\":\"to_client\",\"jitter\":\"5ms\","
                 "\"probability\":1.0,\"spread\":\"around\"}");
    expect_fault("{\"type\":\"bandwidth\",\"stream\":\"upstream\"}", "throttle",
                 "{\"direction\":\"to_server\",\"probability\":1.0,\"rate\":\"0KB/s\"}");
    expect_fault(
        "{\"type\":\"slow_close\",\"attributes\":{\"delay\":1},\"toxicity\":0.5}",
        "slow_close",
        "{\"delay\":\"1ms\",\"direction\":\"to_client\",\"probability\":0.5}");
    expect_fault("{\"type\":\"timeout\",\"attributes\":{\"timeout\":1000}}", "blackhole",
                 "{\"direction\":\"to_client\",\"idle\":\"1000ms\",\"probability\":1.0}");
    expect_fault("{\"type\":\"reset_peer\",\"attributes\":{\"timeout\":2}}", "reset",
                 "{\"direction\":\"to_client\",\"probability\":1.0,\"trigger\":\"data\","
                 "\"wait\":\"2ms\"}");
    expect_fault("{\"type\":\"slicer\",\"attributes\":{\"average_size\":64,"
                 "\"size_variation\":32,\"delay\":10}}",
                 "slice",
                 "{\"delay\":\"10us\",\"direction\":\"to_client\",\"probability\":1.0,"
                 "\"size\":64,\"variation\":32}");
    expect_fault("{\"type\":\"limit_data\",\"attributes\":{\"bytes\":9}}", "limit",
                 "{\"bytes\":9,\"direction\":\"to_client\",\"probability\":1.0,\"with\":"
                 "\"close\"}");
    expect_fault("{\"type\":\"noop\"}", "noop", "{}");
}

/* A toxic as the book keeps it, once the plane has taken it. */
static struct book_fault kept(const struct toxic *toxic)
{
    struct book_fault fault = {.params = toxic->params, .toxic = toxic->memo};

    return fault;
}

static void test_toxics__every_attribute_comes_back_as_it_was(void **state)
{
    static const int values[] = {1,   2,    3,    7,     99,    100,
                                 999, 1000, 1001, 12345, 59999, 60000};
    static const char *const formats[] = {
        "{\"type\":\"latency\",\"attributes\":{\"jitter\":0,\"latency\":%d}}",
        "{\"type\":\"latency\",\"attributes\":{\"jitter\":%d,\"latency\":0}}",
        "{\"type\":\"bandwidth\",\"attributes\":{\"rate\":%d}}",
        "{\"type\":\"slow_close\",\"attributes\":{\"delay\":%d}}",
        "{\"type\":\"timeout\",\"attributes\":{\"timeout\":%d}}",
        "{\"type\":\"reset_peer\",\"attributes\":{\"timeout\":%d}}",
        "{\"type\":\"slicer\",\"attributes\":{\"average_size\":%d,\"delay\":0,"
        "\"size_variation\":0}}",
        "{\"type\":\"slicer\",\"attributes\":{\"average_size\":1,\"delay\":%d,"
        "\"size_variation\":0}}",
        "{\"type\":\"limit_data\",\"attributes\":{\"bytes\":%d}}",
    };
    char body[256];

    (void)state;
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++)
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            struct book_fault fault;
            struct toxic toxic;
            struct error err;
            json_t *json, *shown;

            snprintf(body, sizeof body, formats[f], values[v]);
            json = parse(body);
            assert_int_equal(toxic_read(&toxic, json, &err), 0);
            /* Only the parameters know now. */
            json_object_clear(json_object_get(toxic.memo, "attributes"));
            fault = kept(&toxic);
            shown = toxic_write(&fault);
            if (!json_equal(json_object_get(shown, "attributes"),
                            json_object_get(json, "attributes")))
                fail_msg("%s", body);
            json_decref(shown);
            toxic_release(&toxic);
            json_decref(json);
        }
}

static void test_toxics__a_memo_of_a_state_must_be_one(void **state)
{
    static const char good[] =
        "{\"type\":\"latency\",\"name\":\"x\",\"stream\":\"Upstream\","
        "\"toxicity\":1,\"attributes\":{}}";
    static const char *const bad[] = {
        "{}",
        "{\"type\":\"latency\",\"name\":\"x\",\"stream\":\"up\",\"toxicity\":1,"
        "\"attributes\":{}}",
        "{\"type\":\"bandwidth\",\"name\":\"x\",\"stream\":\"upstream\",\"toxicity\":1,"
        "\"attributes\":{}}",
        "{\"type\":\"latency\",\"name\":\"x\",\"stream\":\"upstream\",\"toxicity\":\"1\","
        "\"attributes\":{}}",
        "{\"type\":\"latency\",\"name\":\"x\",\"stream\":\"upstream\",\"toxicity\":1}",
    };
    json_t *memo = parse(good);

    (void)state;
    assert_true(toxic_is_memo(memo, "latency"));
    assert_false(toxic_is_memo(memo, "stall"));
    json_decref(memo);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memo = parse(bad[i]);
        assert_false(toxic_is_memo(memo, "latency"));
        json_decref(memo);
    }
}

/* Short of memory is an error, never a toxic with half of its attributes. */
static void test_toxics__short_of_memory_nothing_is_half(void **state)
{
    json_t *body =
        parse("{\"type\":\"latency\",\"attributes\":{\"latency\":100,\"jitter\":"
              "5},\"stream\":\"upstream\",\"toxicity\":0.5}");
    json_t *change = parse("{\"attributes\":{\"latency\":7}}");
    struct toxic toxic;
    struct error err;
    unsigned failures = 0;

    (void)state;
    for (unsigned n = 1;; n++) {
        json_t *params, *memo;
        struct book_fault fault;
        int rc;

        memory_fail_at(n);
        rc = toxic_read(&toxic, body, &err);
        if (rc == 0) {
            fault = kept(&toxic);
            rc = toxic_update(&fault, change, &params, &memo, &err);
        }
        if (!memory_failed()) {
            memory_fail_at(0);
            assert_int_equal(rc, 0);
            expect_json(params,
                        "{\"base\":\"7ms\",\"direction\":\"to_server\",\"jitter\":"
                        "\"5ms\",\"probability\":0.5,\"spread\":\"around\"}");
            json_decref(params);
            json_decref(memo);
            toxic_release(&toxic);
            break;
        }
        memory_fail_at(0);
        if (rc == 0) {
            /* What failed was not needed. */
            expect_json(params,
                        "{\"base\":\"7ms\",\"direction\":\"to_server\",\"jitter\":"
                        "\"5ms\",\"probability\":0.5,\"spread\":\"around\"}");
            json_decref(params);
            json_decref(memo);
        } else {
            assert_int_equal(rc, E_NOMEM);
        }
        failures++;
        toxic_release(&toxic);
    }
    assert_true(failures > 10);
    json_decref(body);
    json_decref(change);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_toxics__each_type_has_its_fault),
        cmocka_unit_test(test_toxics__every_attribute_comes_back_as_it_was),
        cmocka_unit_test(test_toxics__a_memo_of_a_state_must_be_one),
        cmocka_unit_test(test_toxics__short_of_memory_nothing_is_half),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
