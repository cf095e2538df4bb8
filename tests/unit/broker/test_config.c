/* test_config: a table becomes nats-server's configuration, and nothing else. */
#include "harness/broker/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/broker/broker_rig.h"

static char *text_of(const char *json)
{
    json_t *config = json_loads(json, 0, NULL);
    char *text;

    assert_non_null(config);
    text = config_text(config);
    json_decref(config);
    assert_non_null(text);
    return text;
}

static void test_config__writes_tables_and_lists(void **state)
{
    char *text = text_of("{\"a\": 1, \"b\": {\"c\": [true, \"x\", {\"d\": -2.5}], "
                         "\"e\": {}}, \"f\": []}");

    (void)state;
    assert_string_equal(text, "\"a\": 1\n"
                              "\"b\": {\n"
                              "  \"c\": [\n"
                              "    true\n"
                              "    \"x\"\n"
                              "    {\n"
                              "      \"d\": -2.500000\n"
                              "    }\n"
                              "  ]\n"
                              "  \"e\": {\n"
                              "  }\n"
                              "}\n"
                              "\"f\": [\n"
                              "]\n");
    free(text);
}

static void test_config__quotes_whatever_a_string_holds(void **state)
{
    char *text = text_of("{\"k \\\"#\": \"a\\\"b\\\\c\\n\\u0001 $HOME # } \\u00e9\"}");

    (void)state;
    assert_string_equal(text,
                        "\"k \\\"#\": \"a\\\"b\\\\c\\x0A\\x01 $HOME # } \xc3\xa9\"\n");
    free(text);
}

/* The real judge: does nats-server read back what we wrote? */
static void test_config__is_read_by_the_broker_as_it_was_meant(void **state)
{
    char *text = text_of("{\"authorization\": {\"users\": [{\"user\": \"a\\\"b\", "
                         "\"password\": \"\\n\\t\\\\ $x \\u0001\"}, {\"user\": \"c\", "
                         "\"password\": \"include 'x'\"}]}, \"ping_interval\": \"2s\", "
                         "\"include\": \"/etc/passwd\"}");
    char *fine = text_of("{\"authorization\": {\"users\": [{\"user\": \"a\\\"b\", "
                         "\"password\": \"\\n\\t\\\\ $x \\u0001\"}]}, "
                         "\"ping_interval\": \"2s\"}");
    struct broker broker;
    struct error err;

    (void)state;
    assert_int_equal(broker_find(&broker, NULL, &err), 0);
    if (broker_accepts(&broker, fine, &err) != 1)
        fail_msg("%s", err.text);
    /* A quoted `include` is an unknown field, no inclusion. */
    assert_int_equal(broker_accepts(&broker, text, &err), 0);
    assert_non_null(strstr(err.text, "unknown field \"include\""));
    free(text);
    free(fine);
}

static void test_config__leaves_the_quotes_off_sizes_only(void **state)
{
    static const char *const values[][2] = {
        {"1MB", "1MB"},       {"64k", "64k"},         {"2GiB", "2GiB"},
        {"10Mi", "10Mi"},     {"7E", "7E"},           {"5m", "\"5m\""},
        {"5M", "5M"},         {"2s", "\"2s\""},       {"10", "\"10\""},
        {"1B", "\"1B\""},     {"1.5MB", "\"1.5MB\""}, {"-1KB", "\"-1KB\""},
        {"1 MB", "\"1 MB\""}, {"MB", "\"MB\""},       {"1MBx", "\"1MBx\""},
        {"9E", "\"9E\""},     {"", "\"\""},           {"9000000000G", "\"9000000000G\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_t *config = json_pack("{s:s}", "max_pending", values[i][0]);
        char expected[64];
        char *text = config_text(config);

        snprintf(expected, sizeof expected, "\"max_pending\": %s\n", values[i][1]);
        assert_string_equal(text, expected);
        free(text);
        json_decref(config);
    }
}

static void test_config__keeps_texts_that_look_like_sizes(void **state)
{
    char *text = text_of("{\"password\": \"12e\", \"server_tags\": [\"1k\"]}");

    (void)state;
    assert_string_equal(text, "\"password\": \"12e\"\n"
                              "\"server_tags\": [\n  \"1k\"\n]\n");
    free(text);
}

/* "64M" is 64 MiB to JetStream as a text, and 64,000,000 without quotes. */
static void test_config__keeps_what_jetstream_reads_as_a_text(void **state)
{
    char *text =
        text_of("{\"JetStream\": {\"max_file\": \"64M\", \"max_mem\": \"64MB\"}, "
                "\"accounts\": {\"A\": {\"jetstream\": {\"max_mem\": \"1M\"}}}}");

    (void)state;
    assert_non_null(strstr(text, "\"max_file\": \"64M\"\n"));
    assert_non_null(strstr(text, "\"max_mem\": 64MB\n"));
    assert_non_null(strstr(text, "\"max_mem\": 1M\n"));
    free(text);
}

/* Real keys with values as a scenario writes them, each accepted by the broker. */
static void test_config__says_sizes_so_that_the_broker_takes_them(void **state)
{
    static const char *const fine[] = {
        "{\"max_payload\": \"1MB\"}",
        "{\"max_payload\": \"512KiB\", \"max_pending\": \"64mb\"}",
        "{\"max_payload\": 4096, \"max_control_line\": \"8k\"}",
        "{\"write_deadline\": \"2s\", \"ping_interval\": \"5m\", \"ping_max\": 3}",
        "{\"server_tags\": [\"1k\", \"eu:west\", \"10gb\"]}",
        "{\"logfile_size_limit\": \"10MB\", \"max_connections\": 100}",
        "{\"jetstream\": {\"store_dir\": \"/nowhere\", \"max_mem\": \"64MB\", "
        "\"max_file_store\": \"1GiB\"}}",
        "{\"jetstream\": {\"store_dir\": \"/nowhere\", \"max_file\": \"64M\"}}",
        "{\"jetstream\": {\"store_dir\": \"/nowhere\"}, \"accounts\": {\"A\": "
        "{\"users\": [{\"user\": \"1k\", \"password\": \"12e\"}], \"jetstream\": "
        "{\"max_mem\": \"1M\", \"max_file\": \"1GB\"}}}}",
    };
    struct broker broker;
    struct error err;

    (void)state;
    assert_int_equal(broker_find(&broker, NULL, &err), 0);
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        char *text = text_of(fine[i]);

        if (broker_accepts(&broker, text, &err) != 1)
            fail_msg("%s\n%s", text, err.text);
        free(text);
    }
}

static void test_config__puts_the_users_table_over_ours(void **state)
{
    const int ports[] = {1001, 1002, 1003};
    const struct config_node node = {.server_name = "s",
                                     .cluster_name = "c",
                                     .folder = "/run/n2",
                                     .jetstream = true,
                                     .node_count = 3,
                                     .at = 1,
                                     .route_ports = ports};
    json_t *user = json_loads("{\"JetStream\": {\"max_file\": 9}, \"max_payload\": 7, "
                              "\"cluster\": {\"name\": \"mine\"}}",
                              0, NULL);
    json_t *config = config_build(&node, user);
    json_t *expected = json_loads(
        "{\"server_name\": \"s\", \"host\": \"127.0.0.1\", \"port\": -1, \"http_port\": "
        "-1, \"ports_file_dir\": \"/run/n2\", \"jetstream\": {\"store_dir\": "
        "\"/run/n2/store\", \"max_file\": 9}, \"cluster\": {\"name\": \"mine\", "
        "\"host\": \"127.0.0.1\", \"port\": 1002, \"no_advertise\": true, \"routes\": "
        "[\"nats-route://127.0.0.1:1001\", \"nats-route://127.0.0.1:1003\"]}, "
        "\"max_payload\": 7}",
        0, NULL);

    (void)state;
    assert_true(json_equal(config, expected));
    json_decref(expected);
    json_decref(config);
    json_decref(user);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config__writes_tables_and_lists),
        cmocka_unit_test(test_config__quotes_whatever_a_string_holds),
        cmocka_unit_test(test_config__is_read_by_the_broker_as_it_was_meant),
        cmocka_unit_test(test_config__leaves_the_quotes_off_sizes_only),
        cmocka_unit_test(test_config__keeps_texts_that_look_like_sizes),
        cmocka_unit_test(test_config__keeps_what_jetstream_reads_as_a_text),
        cmocka_unit_test(test_config__says_sizes_so_that_the_broker_takes_them),
        cmocka_unit_test(test_config__puts_the_users_table_over_ours),
    };
    int code;

    if (broker_rig_role(argc, argv, &code))
        return code;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
