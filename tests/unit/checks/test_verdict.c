/* verdict: nothing is green by default, and what is written can be read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/checks/verdict.h"
#include "tests/lib/checks/judge.h"
#include "tests/lib/evidence/build.h"

static void test_verdict__begins_as_not_judged(void **state)
{
    struct verdict verdict;

    (void)state;
    verdict_init(&verdict);
    assert_verdict(&verdict, VERDICT_INCONCLUSIVE, "not_judged");
    verdict_release(&verdict);
    verdict_release(&verdict); /* twice is harmless */
}

static void test_verdict__keeps_the_last_word(void **state)
{
    struct verdict verdict;

    (void)state;
    verdict_init(&verdict);
    verdict_fail(&verdict, "lost", "%d lost", 3);
    assert_verdict(&verdict, VERDICT_FAILED, "lost");
    assert_string_equal(verdict.text, "3 lost");
    verdict_inconclusive(&verdict, "not_drained", "more to come");
    assert_verdict(&verdict, VERDICT_INCONCLUSIVE, "not_drained");
    verdict_pass(&verdict, "all there");
    assert_verdict(&verdict, VERDICT_PASSED, NULL);
    verdict_release(&verdict);
}

static void test_verdict__reads_back_what_it_writes(void **state)
{
    struct evidence *e = evidence_create();
    struct evidence_walk walk;
    struct verdict verdict;
    struct verdict again;
    json_t *written;
    json_t *rewritten;

    (void)state;
    add_run_begin(e, "x", "");
    at_ms(e, 1500);
    add_phase(e, "storm");
    evidence_walk(&walk, e, 0);
    evidence_walk_next(&walk);
    verdict_init(&verdict);
    verdict_fail(&verdict, "lost", "3 lost");
    verdict_expected(&verdict, "0 lost");
    verdict_measured(&verdict, "3 lost");
    verdict_count(&verdict, "lost", 3);
    verdict_number(&verdict, "share", 0.25);
    verdict_witness(&verdict, e, evidence_walk_next(&walk), "message %d", 7);
    written = verdict_write(&verdict);
    assert_int_equal(verdict_read(&again, written), 0);
    rewritten = verdict_write(&again);
    assert_true(json_equal(written, rewritten));
    assert_string_equal(verdict_witness_text(&again, 0), "message 7");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(again.witnesses, 0), "writer")),
        "main");
    json_decref(written);
    json_decref(rewritten);
    verdict_release(&verdict);
    verdict_release(&again);
    evidence_close(e);
}

static void test_verdict__reads_nothing_green_from_nonsense(void **state)
{
    static const char *const bad[] = {"{}", "[]", "{\"verdict\":\"green\"}",
                                      "{\"verdict\":1}"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *object = json(bad[i]);
        struct verdict verdict;

        assert_true(verdict_read(&verdict, object) < 0);
        assert_verdict(&verdict, VERDICT_INCONCLUSIVE, "not_judged");
        verdict_release(&verdict);
        json_decref(object);
    }
}

static void test_verdict__cuts_long_words_between_characters(void **state)
{
    char word[3 * VERDICT_TEXT_BYTES + 1] = "";
    struct verdict verdict;
    json_t *written;

    (void)state;
    for (size_t i = 0; i < VERDICT_TEXT_BYTES; i++)
        memcpy(word + 3 * i, "\xe2\x82\xac", 4); /* a euro has three bytes */
    verdict_init(&verdict);
    verdict_pass(&verdict, "%s", word);
    assert_int_equal(strlen(verdict.text) % 3, 0);
    verdict_fail(&verdict, "x", "bytes of a stranger: \xff\xfe");
    written = verdict_write(&verdict);
    assert_non_null(json_object_get(written, "text"));
    json_decref(written);
    verdict_release(&verdict);
}

static void test_verdict__keeps_twenty_witnesses(void **state)
{
    struct evidence *e = evidence_create();
    struct evidence_walk walk;
    const struct record *record;
    struct verdict verdict;

    (void)state;
    add_run_begin(e, "x", "");
    evidence_walk(&walk, e, 0);
    record = evidence_walk_next(&walk);
    verdict_init(&verdict);
    for (int i = 0; i < 50; i++)
        verdict_witness(&verdict, e, record, "%d", i);
    assert_int_equal(json_array_size(verdict.witnesses), VERDICT_WITNESSES_MAX);
    assert_string_equal(verdict_witness_text(&verdict, 19), "19");
    verdict_release(&verdict);
    evidence_close(e);
}

static void test_verdict__knows_its_words(void **state)
{
    (void)state;
    for (int i = VERDICT_PASSED; i <= VERDICT_INCONCLUSIVE; i++)
        assert_int_equal(verdict_value_find(verdict_value_name((enum verdict_value)i)),
                         i);
    assert_int_equal(verdict_value_find("green"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdict__begins_as_not_judged),
        cmocka_unit_test(test_verdict__keeps_the_last_word),
        cmocka_unit_test(test_verdict__reads_back_what_it_writes),
        cmocka_unit_test(test_verdict__reads_nothing_green_from_nonsense),
        cmocka_unit_test(test_verdict__cuts_long_words_between_characters),
        cmocka_unit_test(test_verdict__keeps_twenty_witnesses),
        cmocka_unit_test(test_verdict__knows_its_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
