/* test_client_connector: many connections, each lost and found on its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/client/client.h"
#include "tests/lib/client/stage.h"

static void test_client_connector__all_connections_come_back_after_a_restart(void **state)
{
    struct stage stage;
    struct member *crowd;

    (void)state;
    stage_open(&stage);
    crowd = member_start(&stage, "connector",
                         "{\"count\": 30, \"spread\": \"100ms\", \"ping\": \"1s\", "
                         "\"reconnect\": {\"first\": \"50ms\", \"cap\": \"200ms\", "
                         "\"jitter\": \"full\", \"attempts\": 500}}");
    member_await_ready(crowd);
    assert_int_equal(crowd->status->connected, 30);
    stage_kill_broker(&stage);
    await_level(&crowd->status->connected, 0);
    stage_start_broker(&stage);
    await_level(&crowd->status->connected, 30);
    assert_int_equal(crowd->status->reconnects, 30);
    member_exit(crowd);
    assert_int_equal(stage_records(&stage, crowd, "connected"), 30);
    assert_int_equal(stage_records(&stage, crowd, "disconnected"), 30);
    assert_int_equal(stage_records(&stage, crowd, "reconnected"), 30);
    assert_int_equal(stage_records(&stage, crowd, "closed"), 0);
    stage_close(&stage);
}

static void test_client_connector__a_first_connect_is_tried_until_it_works(void **state)
{
    struct stage stage;
    struct member *client;

    (void)state;
    stage_open(&stage);
    stage_kill_broker(&stage);
    client = member_start(&stage, "connector", "{}");
    stage_await_records(&stage, client, "connect_failed", 3);
    stage_start_broker(&stage);
    member_await_ready(client);
    assert_int_equal(stage_records(&stage, client, "connected"), 1);
    member_exit(client);
    stage_close(&stage);
}

static void test_client_connector__a_first_connect_that_never_works_is_told(void **state)
{
    struct stage stage;
    struct member *client;
    json_t *line;

    (void)state;
    stage_open(&stage);
    stage_kill_broker(&stage);
    client = member_start(&stage, "connector", "{\"connect_within\": \"300ms\"}");
    line = member_line(client);
    assert_string_equal(json_string_value(json_object_get(line, "event")), "failed");
    assert_non_null(strstr(json_string_value(json_object_get(line, "text")),
                           "connection 0 of 1: not connected after"));
    json_decref(line);
    member_wait(client);
    stage_close(&stage);
}

static void test_client_connector__its_password_is_in_no_record(void **state)
{
    struct stage stage;
    struct member *client;
    char command[512];

    (void)state;
    stage_open(&stage);
    client = member_start(&stage, "connector",
                          "{\"user\": \"u\", \"password\": \"Gr33n-Parrot\", "
                          "\"connect_within\": \"300ms\"}");
    member_await_ready(client); /* a broker without users takes anybody */
    member_exit(client);
    snprintf(command, sizeof command, "grep -rqs Gr33n-Parrot %s", stage.evidence);
    assert_int_not_equal(system(command), 0);
    stage_close(&stage);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_client_connector__all_connections_come_back_after_a_restart),
        cmocka_unit_test(test_client_connector__a_first_connect_is_tried_until_it_works),
        cmocka_unit_test(test_client_connector__a_first_connect_that_never_works_is_told),
        cmocka_unit_test(test_client_connector__its_password_is_in_no_record),
    };

    if (stage_is_client(argc, argv))
        return client_main(argc - 1, argv + 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
