/* Unit tests of reading evidence: walking, merging, strings, details, made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/lib/evidence/build.h"

static void test_evidence__walks_a_writer_in_written_order(void **state)
{
    struct evidence *e = evidence_create();
    struct evidence_walk walk;
    const struct record *r;
    uint64_t count = 0;

    (void)state;
    for (uint64_t i = 0; i < 5000; i++)
        add_attempted(e, 1, i);
    evidence_walk(&walk, e, 0);
    while ((r = evidence_walk_next(&walk)) != NULL)
        assert_int_equal(r->message.number, count++);
    assert_int_equal(count, 5000);
    assert_int_equal(evidence_writer(e, 0)->records, 5000);
    assert_null(evidence_walk_next(&walk));
    evidence_close(e);
}

static void test_evidence__gives_a_record_to_the_writer_who_saw_it(void **state)
{
    struct evidence *e = evidence_create();

    (void)state;
    add_client(e, 1, "orders", "publisher", NULL);
    add_attempted(e, 1, 0);
    add_received(e, 2, 1, 0, 1);
    add_attempted_again(e, 1, 1, 0);
    assert_int_equal(evidence_writer_count(e), 4);
    assert_string_equal(evidence_writer(e, 0)->name, "main");
    assert_string_equal(evidence_writer(e, 1)->name, "c1.0");
    assert_string_equal(evidence_writer(e, 2)->name, "c2.0");
    assert_string_equal(evidence_writer(e, 3)->name, "c1.1");
    assert_int_equal(evidence_writer(e, 2)->client, 2);
    evidence_close(e);
}

static void test_evidence__is_empty_at_first(void **state)
{
    struct evidence *e = evidence_create();
    struct evidence_merge *merge = evidence_merge_create(e, NULL, 0);

    (void)state;
    assert_int_equal(evidence_writer_count(e), 0);
    assert_int_equal(evidence_start_ns(e), 0);
    assert_int_equal(evidence_end_ns(e), 0);
    assert_null(evidence_merge_next(merge, NULL));
    evidence_merge_destroy(merge);
    evidence_close(e);
}

static void test_evidence__merges_writers_by_time_then_by_writer(void **state)
{
    static const struct {
        uint32_t client;
        uint64_t time_ns;
    } added[] = {{1, 10}, {1, 30}, {1, 30}, {2, 20}, {2, 30}, {3, 5}, {3, 31}};
    static const uint64_t expected[][2] = {{2, 5},  {0, 10}, {1, 20}, {0, 30},
                                           {0, 30}, {1, 30}, {2, 31}};
    struct evidence *e = evidence_create();
    struct evidence_merge *merge;
    int writer;

    (void)state;
    for (size_t i = 0; i < sizeof added / sizeof added[0]; i++) {
        at_ns(e, added[i].time_ns);
        add_attempted(e, added[i].client, i);
    }
    merge = evidence_merge_create(e, NULL, 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct record *r = evidence_merge_next(merge, &writer);

        assert_non_null(r);
        assert_int_equal(writer, expected[i][0]);
        assert_int_equal(r->time_ns, expected[i][1]);
    }
    assert_null(evidence_merge_next(merge, &writer));
    evidence_merge_destroy(merge);
    evidence_close(e);
}

static void test_evidence__sorts_a_writer_that_wrote_out_of_order(void **state)
{
    static const uint64_t times[] = {50, 10, 40, 10, 30, 20};
    static const uint64_t numbers[] = {1, 3, 5, 4, 2, 0};
    struct evidence *e = evidence_create();
    struct evidence_merge *merge;

    (void)state;
    for (uint64_t i = 0; i < 6; i++) {
        at_ns(e, times[i]);
        add_attempted(e, 1, i);
    }
    merge = evidence_merge_create(e, NULL, 0);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(evidence_merge_next(merge, NULL)->message.number, numbers[i]);
    assert_null(evidence_merge_next(merge, NULL));
    evidence_merge_destroy(merge);
    assert_int_equal(evidence_start_ns(e), 10);
    assert_int_equal(evidence_end_ns(e), 50);
    evidence_close(e);
}

static void test_evidence__merges_only_the_kinds_asked_for(void **state)
{
    static const unsigned kinds[] = {RECORD_acknowledged, RECORD_phase};
    struct evidence *e = evidence_create();
    struct evidence_merge *merge;

    (void)state;
    add_phase(e, "calm");
    for (uint64_t i = 0; i < 100; i++) {
        add_attempted(e, 1, i);
        add_acknowledged(e, 1, i, i + 1);
    }
    merge = evidence_merge_create(e, kinds, 2);
    assert_int_equal(record_kind(evidence_merge_next(merge, NULL)), RECORD_phase);
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(evidence_merge_next(merge, NULL)->a, i + 1);
    assert_null(evidence_merge_next(merge, NULL));
    evidence_merge_destroy(merge);
    evidence_close(e);
}

static void test_evidence__by_hand_keeps_strings_details_and_time(void **state)
{
    struct evidence *e = evidence_create();
    struct evidence_walk walk;
    const struct record *r;
    json_t *detail;

    (void)state;
    at_ms(e, 5);
    add_phase(e, "storm");
    add_note(e, "hello");
    evidence_walk(&walk, e, 0);
    r = evidence_walk_next(&walk);
    assert_string_equal(evidence_string(e, 0, r->subject), "storm");
    assert_int_equal(r->time_ns, BUILD_ORIGIN_NS + 5 * NS_PER_MS);
    r = evidence_walk_next(&walk);
    assert_int_equal(r->time_ns, BUILD_ORIGIN_NS + 5 * NS_PER_MS + NS_PER_US);
    detail = evidence_detail(e, 0, r->detail);
    assert_string_equal(json_string_value(json_object_get(detail, "text")), "hello");
    json_decref(detail);
    assert_int_equal(evidence_add_string(e, 0, 0, "storm"), 1);
    assert_int_equal(evidence_add_string(e, 0, 0, "ORDERS"), 2);
    assert_null(evidence_detail(e, 0, 99));
    evidence_close(e);
}

static void test_evidence__by_hand_counts_losses(void **state)
{
    struct evidence *e = evidence_create();

    (void)state;
    add_evidence_lost(e, 1, 7);
    add_evidence_lost(e, 0, 2);
    assert_int_equal(evidence_damage(e).lost_records, 9);
    evidence_close(e);
}

static void test_evidence__knows_kinds_by_name_and_number(void **state)
{
    (void)state;
    assert_string_equal(record_kind_name(RECORD_acknowledged), "acknowledged");
    assert_int_equal(record_kind_find("acknowledged"), 102);
    assert_int_equal(record_kind_find("evidence_lost"), 200);
    assert_int_equal(record_kind_find("nonsense"), 0);
    assert_null(record_kind_name(0));
    assert_null(record_kind_name(65535));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evidence__walks_a_writer_in_written_order),
        cmocka_unit_test(test_evidence__gives_a_record_to_the_writer_who_saw_it),
        cmocka_unit_test(test_evidence__is_empty_at_first),
        cmocka_unit_test(test_evidence__merges_writers_by_time_then_by_writer),
        cmocka_unit_test(test_evidence__sorts_a_writer_that_wrote_out_of_order),
        cmocka_unit_test(test_evidence__merges_only_the_kinds_asked_for),
        cmocka_unit_test(test_evidence__by_hand_keeps_strings_details_and_time),
        cmocka_unit_test(test_evidence__by_hand_counts_losses),
        cmocka_unit_test(test_evidence__knows_kinds_by_name_and_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
