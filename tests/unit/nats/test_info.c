/* info: no secret comes out, and what a link passes on leads back to links. */
#include "proxy/nats/info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/memory/memory.h"

static const char info_line[] =
    " {\"server_id\":\"NABC\",\"version\":\"2.9.10\",\"host\":\"0.0.0.0\",\"port\":14401,"
    "\"headers\":true,\"max_payload\":1048576,\"client_id\":5,\"nonce\":\"x1\","
    "\"connect_urls\":[\"10.0.0.1:4222\",\"10.0.0.2:4222\",\"10.0.0.9:4222\"],"
    "\"auth_required\":true,\"some_day\":{\"a\":[1,2]}} ";

static struct frame_text text(const char *bytes)
{
    return (struct frame_text){bytes, (uint32_t)strlen(bytes)};
}

static void expect_json(json_t *json, const char *wanted)
{
    char *dump = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);

    assert_string_equal(dump, wanted);
    free(dump);
    json_decref(json);
}

static void test_info__reads_what_is_known(void **state)
{
    json_t *info = info_read(text(info_line));

    (void)state;
    assert_string_equal(json_string_value(json_object_get(info, "server_id")), "NABC");
    assert_int_equal(json_array_size(json_object_get(info, "connect_urls")), 3);
    assert_null(json_object_get(info, "nonce"));
    assert_null(json_object_get(info, "some_day"));
    json_decref(info);
    assert_null(info_read(text("[1]")));
    assert_null(info_read(text("{\"port\":")));
    assert_null(info_read(text("")));
}

static void test_info__lets_no_secret_out_of_connect(void **state)
{
    (void)state;
    expect_json(
        connect_read(text("{\"verbose\":false,\"user\":\"joe\",\"pass\":\"s3cret\","
                          "\"auth_token\":\"t0ken\",\"jwt\":\"ey.x\",\"sig\":\"zz\","
                          "\"nkey\":\"UABC\",\"lang\":\"C\",\"version\":\"3.4.1\","
                          "\"name\":\"cc\",\"new_secret\":\"oops\"}")),
        "{\"lang\":\"C\",\"name\":\"cc\",\"nkey\":\"UABC\",\"secrets\":[\"pass\","
        "\"auth_token\",\"jwt\",\"sig\"],\"user\":\"joe\",\"verbose\":false,"
        "\"version\":\"3.4.1\"}");
    expect_json(connect_read(text("{\"pass\":\"\",\"jwt\":null}")), "{}");
    /* A secret hidden in a member that should be a text. */
    expect_json(connect_read(text("{\"name\":{\"pass\":\"s3cret\"}}")), "{}");
    assert_null(connect_read(text("true")));
}

static const char *map(void *arg, const char *url)
{
    (void)arg;
    if (strcmp(url, "10.0.0.1:4222") == 0)
        return "127.0.0.1:40001";
    return strcmp(url, "10.0.0.2:4222") == 0 ? "127.0.0.1:40002" : NULL;
}

static char *rewrite(const struct info_changes *changes, unsigned *left_out)
{
    size_t size = 0;
    char *line = info_rewrite(text(info_line), changes, &size, left_out);

    assert_non_null(line);
    assert_int_equal(size, strlen(line));
    return line;
}

static void test_info__leads_clients_back_to_links(void **state)
{
    struct info_changes changes = {.host = "127.0.0.1", .port = 40001, .map_url = map};
    unsigned left_out = 9;
    char *line = rewrite(&changes, &left_out);

    (void)state;
    assert_string_equal(
        line,
        "INFO {\"server_id\":\"NABC\",\"version\":\"2.9.10\",\"host\":\"127.0.0.1\","
        "\"port\":40001,\"headers\":true,\"max_payload\":1048576,\"client_id\":5,"
        "\"nonce\":\"x1\",\"connect_urls\":[\"127.0.0.1:40001\",\"127.0.0.1:40002\"],"
        "\"auth_required\":true,\"some_day\":{\"a\":[1,2]}} \r\n");
    assert_int_equal(left_out, 1);
    free(line);
}

static const char *map_none(void *arg, const char *url)
{
    (void)arg;
    (void)url;
    return NULL;
}

static void test_info__alters_what_it_is_asked_to(void **state)
{
    struct info_changes changes = {.map_url = map_none,
                                   .max_payload = 512,
                                   .ldm = INFO_TRUE,
                                   .auth_required = INFO_FALSE};
    unsigned left_out;
    char *line = rewrite(&changes, &left_out);

    (void)state;
    assert_non_null(strstr(line, "\"max_payload\":512,"));
    assert_non_null(strstr(line, "\"ldm\":true"));
    assert_null(strstr(line, "auth_required"));
    assert_null(strstr(line, "connect_urls"));
    assert_non_null(strstr(line, "\"host\":\"0.0.0.0\",\"port\":14401"));
    assert_int_equal(left_out, 3);
    free(line);
}

static void test_info__changes_nothing_unasked(void **state)
{
    struct info_changes changes = {.host = NULL};
    json_t *before = json_loads(info_line, 0, NULL);
    char *line = rewrite(&changes, NULL);
    json_t *after = json_loads(line + 5, JSON_DISABLE_EOF_CHECK, NULL);

    (void)state;
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    free(line);
}

static void test_info__is_whole_or_nothing_when_memory_is_short(void **state)
{
    struct info_changes changes = {.host = "h", .port = 1, .map_url = map};
    size_t size;
    bool failed = true;

    (void)state;
    for (unsigned n = 1; failed; n++) {
        char *line;
        json_t *read;

        memory_fail_at(n);
        line = info_rewrite(text(info_line), &changes, &size, NULL);
        failed = memory_failed();
        if (line != NULL)
            assert_non_null(strstr(line, "\"127.0.0.1:40002\"]"));
        free(line);
        memory_fail_at(n);
        read = connect_read(text("{\"pass\":\"x\",\"lang\":\"C\"}"));
        failed = memory_failed() || failed;
        if (read != NULL)
            assert_int_equal(json_object_size(read), 2);
        json_decref(read);
    }
    memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info__reads_what_is_known),
        cmocka_unit_test(test_info__lets_no_secret_out_of_connect),
        cmocka_unit_test(test_info__leads_clients_back_to_links),
        cmocka_unit_test(test_info__alters_what_it_is_asked_to),
        cmocka_unit_test(test_info__changes_nothing_unasked),
        cmocka_unit_test(test_info__is_whole_or_nothing_when_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
