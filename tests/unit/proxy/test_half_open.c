/* half_open: who is gone, and that the other hears nothing. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static void test_half_open__abandons_the_server_by_default(void **state)
{
    struct rig *rig = rig_create("half_open", "");

    (void)state;
    assert_string_equal(rig_output(rig), "<GONE server>");
    assert_true(rig_chain(rig)->stopping > 0);
    rig_destroy(rig);
}

static void test_half_open__abandons_the_client_when_told(void **state)
{
    struct rig *rig = rig_create("half_open", "gone=client");

    (void)state;
    assert_string_equal(rig_output(rig), "<GONE client>");
    rig_destroy(rig);
}

/* What an earlier fault still held when the side went. */
static void test_half_open__drops_what_was_on_its_way(void **state)
{
    struct rig *rig = rig_create_both("latency", "base=10ms");

    (void)state;
    rig_push_to(rig, TO_CLIENT, "last words");
    rig_push_end_to(rig, TO_CLIENT, CHUNK_FIN);
    rig_push_to(rig, TO_SERVER, "to nobody");
    rig_add(rig, "half_open", "");
    rig_advance_ms(rig, 100);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "<GONE server>");
    assert_string_equal(rig_output_to(rig, TO_SERVER), "<GONE server>");
    rig_destroy(rig);
}

static void test_half_open__keeps_ends_from_the_side_that_is_left(void **state)
{
    struct rig *rig = rig_create_both("half_open", "gone=server");

    (void)state;
    rig_push_end_to(rig, TO_CLIENT, CHUNK_FIN);
    rig_push_end_to(rig, TO_CLIENT, CHUNK_RST);
    rig_push_end_to(rig, TO_SERVER, CHUNK_FIN);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "<GONE server>");
    assert_string_equal(rig_output_to(rig, TO_SERVER), "<GONE server>");
    rig_destroy(rig);
}

/* It gave up: nobody is left to be kept in the dark. */
static void test_half_open__a_reset_of_the_side_that_is_left_ends_it(void **state)
{
    struct rig *server = rig_create_both("half_open", "gone=server");
    struct rig *client = rig_create_both("half_open", "gone=client");

    (void)state;
    rig_push_end_to(server, TO_SERVER, CHUNK_RST);
    assert_string_equal(rig_output_to(server, TO_SERVER), "<GONE server><RST>");
    rig_push_end_to(client, TO_CLIENT, CHUNK_RST);
    assert_string_equal(rig_output_to(client, TO_CLIENT), "<GONE client><RST>");
    rig_destroy(server);
    rig_destroy(client);
}

static void test_half_open__heal_resets_the_side_that_is_left(void **state)
{
    struct rig *rig = rig_create_both("half_open", "");

    (void)state;
    rig_advance_ms(rig, 3600 * 1000);
    rig_heal(rig, 0);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "<GONE server><RST>");
    rig_destroy(rig);
}

/* Who is gone stays gone; a change is for connections to come. */
static void test_half_open__a_change_takes_nobody_back(void **state)
{
    struct rig *rig = rig_create_both("half_open", "gone=server");

    (void)state;
    rig_change(rig, 0, "gone=client");
    rig_push_end_to(rig, TO_CLIENT, CHUNK_RST);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "<GONE server>");
    rig_push_end_to(rig, TO_SERVER, CHUNK_RST);
    assert_string_equal(rig_output_to(rig, TO_SERVER), "<GONE server><RST>");
    rig_destroy(rig);
}

static void test_half_open__takes_whole_connections(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(rig_check("half_open", "direction=to_client", &err), E_PARAM);
    assert_non_null(strstr(err.text, "direction"));
    assert_non_null(strstr(err.hint, "gone"));
    assert_int_equal(rig_check("half_open", "after=64KiB", &err), E_PARAM);
    assert_non_null(strstr(err.text, "after"));
    assert_non_null(strstr(err.hint, "time"));
    assert_int_equal(rig_check("half_open", "after=3s direction=both", &err), 0);
    assert_int_equal(rig_check("half_open", "gone=both", &err), E_PARAM);
    assert_non_null(strstr(err.text, "gone"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_open__abandons_the_server_by_default),
        cmocka_unit_test(test_half_open__abandons_the_client_when_told),
        cmocka_unit_test(test_half_open__drops_what_was_on_its_way),
        cmocka_unit_test(test_half_open__keeps_ends_from_the_side_that_is_left),
        cmocka_unit_test(test_half_open__a_reset_of_the_side_that_is_left_ends_it),
        cmocka_unit_test(test_half_open__heal_resets_the_side_that_is_left),
        cmocka_unit_test(test_half_open__a_change_takes_nobody_back),
        cmocka_unit_test(test_half_open__takes_whole_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
