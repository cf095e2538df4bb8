/* Unit tests of the cast: who is who, from few records, also incomplete ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>

#include "harness/evidence/cast.h"
#include "tests/lib/evidence/build.h"

static struct cast *cast_of(const struct evidence *e)
{
    struct cast *cast = NULL;

    assert_int_equal(cast_create(&cast, e, NULL), 0);
    return cast;
}

static void test_cast__knows_clients_and_their_lives(void **state)
{
    struct evidence *e = evidence_create();
    const struct cast_client *client;
    struct cast *cast;

    (void)state;
    add_client(e, 1, "orders", "publisher", json_pack("{s:i}", "rate", 500));
    at_ms(e, 10);
    add_client_signal(e, 1, SIGKILL);
    add_client_exit(e, 1, SIGKILL);
    at_ms(e, 20);
    add_client_again(e, 1, 1, "orders", "publisher", NULL);
    add_client(e, 2, "worker", "consumer", NULL);
    add_client_signal(e, 2, SIGTERM);
    at_ms(e, 30);
    add_client_exit(e, 2, 0);
    cast = cast_of(e);
    assert_int_equal(cast->client_count, 2);
    client = cast_client_named(cast, "orders");
    assert_ptr_equal(client, cast_client(cast, 1));
    assert_int_equal(client->incarnations, 2);
    assert_int_equal(client->started_ns, BUILD_ORIGIN_NS + 20 * NS_PER_MS);
    assert_int_equal(client->exited_ns, 0);
    assert_true(client->killed);
    assert_string_equal(client->workload, "publisher");
    client = cast_client(cast, 2);
    assert_false(client->killed);
    assert_int_equal(client->exited_ns, BUILD_ORIGIN_NS + 30 * NS_PER_MS);
    assert_null(cast_client(cast, 3));
    assert_null(cast_client_named(cast, "nobody"));
    cast_destroy(cast);
    evidence_close(e);
}

static void test_cast__means_a_group_by_the_name_its_members_bear(void **state)
{
    struct evidence *e = evidence_create();
    struct cast *cast;

    (void)state;
    add_client(e, 1, "worker-1", "consumer", NULL);
    add_client(e, 2, "worker-12", "consumer", NULL);
    add_client(e, 3, "worker-late", "consumer", NULL);
    add_client(e, 4, "work", "consumer", NULL);
    add_client(e, 5, "worker-", "consumer", NULL);
    cast = cast_of(e);
    assert_true(cast_means(cast, "worker", 1));
    assert_true(cast_means(cast, "worker", 2));
    assert_false(cast_means(cast, "worker", 3));
    assert_false(cast_means(cast, "worker", 4));
    assert_false(cast_means(cast, "worker", 5));
    assert_true(cast_means(cast, "worker-1", 1));
    assert_false(cast_means(cast, "worker-1", 2));
    assert_true(cast_means(cast, NULL, 3));
    assert_false(cast_means(cast, "worker", 99));
    cast_destroy(cast);
    evidence_close(e);
}

static void test_cast__keeps_a_clients_configuration(void **state)
{
    struct evidence *e = evidence_create();
    struct cast *cast;

    (void)state;
    add_client(e, 1, "orders", "publisher", json_pack("{s:i}", "rate", 500));
    cast = cast_of(e);
    assert_int_equal(
        json_integer_value(json_object_get(cast_client(cast, 1)->conf, "rate")), 500);
    cast_destroy(cast);
    evidence_close(e);
}

static void test_cast__knows_whose_link_it_is(void **state)
{
    struct evidence *e = evidence_create();
    struct cast *cast;

    (void)state;
    add_link(e, 4, "orders -> n2", 1, 2);
    evidence_add(e, (struct record){.kind = RECORD_link_owner, .link = 9, .a = 3}, NULL,
                 NULL);
    cast = cast_of(e);
    assert_string_equal(cast_link(cast, 4)->name, "orders -> n2");
    assert_int_equal(cast_link(cast, 4)->client, 1);
    assert_int_equal(cast_link(cast, 4)->node, 2);
    assert_string_equal(cast_link(cast, 9)->name, "link 9");
    assert_int_equal(cast_link(cast, 9)->client, 3);
    assert_null(cast_link(cast, 5));
    cast_destroy(cast);
    evidence_close(e);
}

static void test_cast__cuts_time_into_phases(void **state)
{
    struct evidence *e = evidence_create();
    struct cast *cast;

    (void)state;
    at_ms(e, 1);
    add_phase(e, "calm");
    at_ms(e, 5);
    add_phase(e, "storm");
    at_ms(e, 9);
    add_run_end(e, 0);
    cast = cast_of(e);
    assert_int_equal(cast->phase_count, 2);
    assert_int_equal(cast_phase_named(cast, "calm")->end_ns,
                     BUILD_ORIGIN_NS + 5 * NS_PER_MS);
    assert_int_equal(cast_phase_named(cast, "storm")->begin_ns,
                     BUILD_ORIGIN_NS + 5 * NS_PER_MS);
    assert_int_equal(cast_phase_named(cast, "storm")->end_ns,
                     BUILD_ORIGIN_NS + 9 * NS_PER_MS);
    assert_null(cast_phase_named(cast, "drain"));
    cast_destroy(cast);
    evidence_close(e);
}

static void test_cast__lists_faults_and_actions_alike(void **state)
{
    struct evidence *e = evidence_create();
    struct cast *cast;

    (void)state;
    add_link(e, 1, "orders -> n1", 1, 1);
    at_ms(e, 1);
    add_fault_begin(e, 7, 1, "latency", "");
    at_ms(e, 2);
    add_action(e, "kill", "n1", 0, 1);
    at_ms(e, 3);
    add_fault_heal(e, 7, 1, 42);
    at_ms(e, 4);
    add_fault_begin(e, 8, 1, "stall", "orders -> n1");
    cast = cast_of(e);
    assert_int_equal(cast->fault_count, 3);
    assert_string_equal(cast->faults[0].name, "latency");
    assert_string_equal(cast->faults[0].on, "orders -> n1");
    assert_int_equal(cast->faults[0].end_ns, BUILD_ORIGIN_NS + 3 * NS_PER_MS);
    assert_int_equal(cast->faults[0].touched, 42);
    assert_string_equal(cast->faults[1].name, "kill");
    assert_string_equal(cast->faults[1].on, "n1");
    assert_int_equal(cast->faults[1].begin_ns, cast->faults[1].end_ns);
    assert_int_equal(cast->faults[2].end_ns, 0);
    cast_destroy(cast);
    evidence_close(e);
}

static void test_cast__names_what_was_never_named_by_its_number(void **state)
{
    struct evidence *e = evidence_create();
    struct cast *cast;

    (void)state;
    add_client_exit(e, 12, 0);
    cast = cast_of(e);
    assert_string_equal(cast_client(cast, 12)->name, "client 12");
    assert_int_equal(cast_client(cast, 12)->incarnations, 0);
    cast_destroy(cast);
    evidence_close(e);
}

static void turn(struct evidence *e, bool resting)
{
    struct record change = {.kind = RECORD_fault_change, .a = 7, .link = 1};

    add(e, change, NULL, json_pack("{s:s, s:b}", "fault", "stall", "resting", resting));
}

static void expect_period(const struct cast *cast, uint64_t from_ms, uint64_t begin_ms,
                          uint64_t end_ms)
{
    uint64_t begin_ns;
    uint64_t end_ns;

    assert_true(cast_fault_period(cast, 0, BUILD_ORIGIN_NS + from_ms * NS_PER_MS,
                                  &begin_ns, &end_ns));
    assert_int_equal(begin_ns, BUILD_ORIGIN_NS + begin_ms * NS_PER_MS);
    assert_int_equal(end_ns, BUILD_ORIGIN_NS + end_ms * NS_PER_MS);
}

static void test_cast__knows_when_a_fault_acted_between_its_rests(void **state)
{
    struct record begin = {.kind = RECORD_fault_begin, .a = 7, .link = 1};
    struct evidence *e = evidence_create();
    struct cast *cast;
    uint64_t ns;

    (void)state;
    at_ms(e, 10);
    add(e, begin, NULL, json_pack("{s:s, s:b}", "fault", "stall", "resting", true));
    for (uint64_t ms = 20; ms <= 60; ms += 10) {
        at_ms(e, ms);
        turn(e, ms % 20 != 0);
    }
    at_ms(e, 65); /* a user's change while it acts is no turn */
    turn(e, false);
    at_ms(e, 70);
    turn(e, true);
    at_ms(e, 90);
    add_fault_heal(e, 7, 1, 3);
    cast = cast_of(e);
    assert_int_equal(cast->fault_count, 1);
    assert_int_equal(cast->rest_count, 4);
    expect_period(cast, 0, 20, 30);
    expect_period(cast, 25, 25, 30);
    expect_period(cast, 30, 40, 50);
    expect_period(cast, 55, 60, 70);
    assert_false(cast_fault_period(cast, 0, BUILD_ORIGIN_NS + 70 * NS_PER_MS, &ns, &ns));
    cast_destroy(cast);
    evidence_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cast__knows_clients_and_their_lives),
        cmocka_unit_test(test_cast__means_a_group_by_the_name_its_members_bear),
        cmocka_unit_test(test_cast__keeps_a_clients_configuration),
        cmocka_unit_test(test_cast__knows_whose_link_it_is),
        cmocka_unit_test(test_cast__cuts_time_into_phases),
        cmocka_unit_test(test_cast__lists_faults_and_actions_alike),
        cmocka_unit_test(test_cast__knows_when_a_fault_acted_between_its_rests),
        cmocka_unit_test(test_cast__names_what_was_never_named_by_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
