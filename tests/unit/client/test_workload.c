/* test_workload: a user's table for a client is read whole or refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "harness/client/publisher.h"
#include "harness/client/workload.h"
#include "tests/lib/memory/memory.h"

static int read_text(const char *workload, const char *text, struct error *err)
{
    const struct workload_type *type = workload_find(workload);
    struct connection_conf connection;
    json_t *object = json_loads(text, 0, NULL);
    void *conf = NULL;
    int rc;

    assert_non_null(type);
    assert_non_null(object);
    rc = workload_read(type, object, &connection, &conf, err);
    json_decref(object);
    if (rc == 0)
        workload_release(type, &connection, conf);
    return rc;
}

static void expect_fine(const char *workload, const char *text)
{
    struct error err = {0};

    if (read_text(workload, text, &err) != 0)
        fail_msg("%s %s: %s", workload, text, err.text);
}

static void expect_error(const char *workload, const char *text, const char *words)
{
    struct error err = {0};

    assert_int_equal(read_text(workload, text, &err), E_PARAM);
    if (strstr(err.text, words) == NULL)
        fail_msg("%s %s: '%s' does not say '%s'", workload, text, err.text, words);
}

static void test_workload__the_list_has_the_four_of_the_def(void **state)
{
    (void)state;
    assert_non_null(workload_find("publisher"));
    assert_non_null(workload_find("subscriber"));
    assert_non_null(workload_find("consumer"));
    assert_non_null(workload_find("connector"));
    assert_null(workload_find("admin"));
    assert_null(workload_find(NULL));
    assert_null(workload_at(-1));
    assert_null(workload_at(4));
    assert_true(workload_find("publisher")->publishes);
    assert_true(workload_find("connector")->is_connector);
}

static void test_workload__defaults_are_the_library_s(void **state)
{
    const struct workload_type *type = workload_find("publisher");
    struct connection_conf connection;
    json_t *object = json_pack("{s:s}", "subject", "a");
    void *conf;

    (void)state;
    assert_int_equal(workload_read(type, object, &connection, &conf, NULL), 0);
    json_decref(object);
    assert_int_equal(connection.timeout_ns, 2ull * NS_PER_S);
    assert_int_equal(connection.ping_ns, 120ull * NS_PER_S);
    assert_int_equal(connection.ping_max_out, 2);
    assert_int_equal(connection.buffer_bytes, 8 << 20);
    assert_int_equal(connection.write_deadline_ns, 2ull * NS_PER_S);
    assert_false(connection.discovered);
    assert_true(((struct publisher_conf *)conf)->msg_id);
    workload_release(type, &connection, conf);
}

static void test_workload__ping_is_an_interval_or_a_table(void **state)
{
    const struct workload_type *type = workload_find("connector");
    struct connection_conf connection;
    json_t *object =
        json_loads("{\"ping\": {\"interval\": \"1s\", \"max_out\": 1}}", 0, NULL);
    void *conf;

    (void)state;
    assert_int_equal(workload_read(type, object, &connection, &conf, NULL), 0);
    json_decref(object);
    assert_int_equal(connection.ping_ns, NS_PER_S);
    assert_int_equal(connection.ping_max_out, 1);
    workload_release(type, &connection, conf);
    expect_fine("connector", "{\"ping\": \"500ms\"}");
    expect_error("connector", "{\"ping\": 5}", "interval");
    expect_error("connector", "{\"ping\": {\"max_out\": 0}}", "max_out");
    expect_error("connector", "{\"ping\": {\"every\": \"1s\"}}", "every");
}

static void test_workload__connection_options_are_checked(void **state)
{
    (void)state;
    expect_error("connector", "{\"timeout\": 5}", "timeout");
    expect_error("connector", "{\"timeout\": \"5ms\"}", "timeout");
    expect_error("connector", "{\"reconnekt\": \"none\"}", "did you mean 'reconnect'?");
    expect_error("connector", "{\"reconnect\": {\"wait\": \"1s\", \"cap\": \"2s\"}}",
                 "both 'wait' and 'cap'");
    expect_error("connector", "{\"user\": \"a\"}", "'user' is given without 'password'");
    expect_error("connector", "{\"password\": \"a\"}",
                 "'password' is given without 'user'");
    expect_error("connector", "{\"user\": \"a\", \"password\": \"b\", \"token\": \"c\"}",
                 "both 'user' and 'token'");
    expect_error("connector", "{\"count\": 0}", "count");
    expect_error("connector", "{\"name\": \"\"}", "name is empty");
}

static void test_workload__a_publisher_needs_a_place_to_publish_to(void **state)
{
    (void)state;
    expect_fine("publisher", "{\"subject\": \"a.b\", \"rate\": \"500/s\"}");
    expect_fine("publisher", "{\"stream\": \"ORDERS\", \"wait_for_ack\": \"2s\"}");
    expect_fine("publisher", "{\"stream\": \"ORDERS\", \"subject\": \"orders.>\"}");
    expect_fine("publisher", "{\"subject\": \"a\", \"messages\": 25}");
    /* How many clients is for the scenario to say; here it is one. */
    expect_error("publisher", "{\"subject\": \"a\", \"count\": 25}", "count");
    expect_error("publisher", "{}", "needs a subject");
    expect_error("publisher", "{\"subject\": \"orders.>\"}", "wildcard");
    expect_error("publisher", "{\"subject\": \"a b\"}", "no subject");
    expect_error("publisher", "{\"subject\": \"a\", \"rate\": 500}", "rate");
    expect_error("publisher", "{\"subject\": \"a\", \"size\": 10}", "size");
    expect_error("publisher", "{\"subject\": \"a\", \"window\": 0}", "window");
    expect_error("publisher", "{\"subject\": \"a\", \"header\": \"x\"}", "header");
    expect_error("publisher", "{\"subject\": \"a\", \"header\": {\"a\": 1}}",
                 "header 'a'");
    expect_error("publisher", "{\"subject\": \"a\", \"header\": {\"a:b\": \"1\"}}",
                 "a:b");
}

static void test_workload__a_subscriber_needs_a_subject_and_has_no_acks(void **state)
{
    (void)state;
    expect_fine("subscriber", "{\"subject\": \"orders.>\", \"queue\": \"workers\"}");
    expect_fine("subscriber",
                "{\"subject\": \"a\", \"pending_limits\": {\"messages\": 9}}");
    expect_error("subscriber", "{}", "subject");
    expect_error("subscriber", "{\"subject\": \"orders.>.x\"}", "no subject");
    expect_error("subscriber",
                 "{\"subject\": \"a\", \"handler\": {\"before_ack\": true}}", "no acks");
    expect_error("subscriber", "{\"subject\": \"a\", \"handler\": {\"tme\": \"1s\"}}",
                 "did you mean 'time'?");
    expect_error("subscriber", "{\"subject\": \"a\", \"pending_limits\": {\"bytes\": 0}}",
                 "bytes");
    expect_error("subscriber", "{\"subject\": \"a\", \"concurrency\": 99}",
                 "concurrency");
}

static void test_workload__a_consumer_needs_a_stream_and_a_durable(void **state)
{
    (void)state;
    expect_fine("consumer", "{\"stream\": \"S\", \"durable\": \"d\", \"ack\": \"all\"}");
    expect_error("consumer", "{\"durable\": \"d\"}", "stream");
    expect_error("consumer", "{\"stream\": \"S\"}", "durable");
    expect_error("consumer", "{\"stream\": \"S\", \"durable\": \"a.b\"}",
                 "durable 'a.b'");
    expect_error("consumer", "{\"stream\": \"S\", \"durable\": \"d\", \"ack\": \"some\"}",
                 "ack");
    expect_error("consumer",
                 "{\"stream\": \"S\", \"durable\": \"d\", \"max_ack_pending\": 0}",
                 "max_ack_pending");
    expect_error("consumer",
                 "{\"stream\": \"S\", \"durable\": \"d\", \"ack\": \"none\", "
                 "\"handler\": {\"before_ack\": true}}",
                 "before_ack");
}

static void test_workload__secrets_stay_out_of_the_public_table(void **state)
{
    json_t *object = json_loads(
        "{\"user\": \"u1\", \"password\": \"p1\", \"rate\": \"5/s\"}", 0, NULL);
    json_t *public_conf = workload_public_conf(object);
    char *text = json_dumps(public_conf, 0);

    (void)state;
    assert_null(strstr(text, "u1"));
    assert_null(strstr(text, "p1"));
    assert_non_null(strstr(text, "5/s"));
    assert_string_equal(json_string_value(json_object_get(object, "password")), "p1");
    free(text);
    json_decref(public_conf);
    json_decref(object);
}

static void test_workload__each_allocation_may_fail(void **state)
{
    const struct workload_type *type = workload_find("publisher");
    json_t *object =
        json_loads("{\"subject\": \"a\", \"name\": \"p\", \"header\": {\"a\": \"b\"}, "
                   "\"ping\": \"1s\", "
                   "\"reconnect\": {\"first\": \"1s\", \"jitter\": \"full\"}}",
                   0, NULL);
    struct connection_conf connection;
    struct error err;
    void *conf = NULL;

    (void)state;
    for (unsigned n = 1;; n++) {
        int rc;

        memory_fail_at(n);
        rc = workload_read(type, object, &connection, &conf, &err);
        if (!memory_failed()) {
            memory_fail_at(0);
            assert_int_equal(rc, 0);
            break;
        }
        memory_fail_at(0);
        assert_true(rc != 0 || conf != NULL);
        if (rc == 0)
            workload_release(type, &connection, conf);
        conf = NULL;
    }
    workload_release(type, &connection, conf);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workload__the_list_has_the_four_of_the_def),
        cmocka_unit_test(test_workload__defaults_are_the_library_s),
        cmocka_unit_test(test_workload__ping_is_an_interval_or_a_table),
        cmocka_unit_test(test_workload__connection_options_are_checked),
        cmocka_unit_test(test_workload__a_publisher_needs_a_place_to_publish_to),
        cmocka_unit_test(test_workload__a_subscriber_needs_a_subject_and_has_no_acks),
        cmocka_unit_test(test_workload__a_consumer_needs_a_stream_and_a_durable),
        cmocka_unit_test(test_workload__secrets_stay_out_of_the_public_table),
        cmocka_unit_test(test_workload__each_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
