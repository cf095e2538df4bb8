/* Subjects and patterns: what NATS delivers where. */
#include "proxy/nats/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_subject__a_plain_subject_selects_only_itself(void **state)
{
    (void)state;
    assert_true(subject_matches("orders.new", "orders.new"));
    assert_false(subject_matches("orders.new", "orders.old"));
    assert_false(subject_matches("orders.new", "orders"));
    assert_false(subject_matches("orders", "orders.new"));
    assert_false(subject_matches("orders.new", "orders.newer"));
}

static void test_subject__a_star_is_exactly_one_token(void **state)
{
    (void)state;
    assert_true(subject_matches("orders.*", "orders.new"));
    assert_true(subject_matches("*.new", "orders.new"));
    assert_false(subject_matches("orders.*", "orders"));
    assert_false(subject_matches("orders.*", "orders.eu.new"));
    assert_false(subject_matches("orders.n*", "orders.new"));
}

static void test_subject__a_greater_sign_is_one_token_or_more(void **state)
{
    (void)state;
    assert_true(subject_matches("orders.>", "orders.new"));
    assert_true(subject_matches("orders.>", "orders.eu.new"));
    assert_false(subject_matches("orders.>", "orders"));
    assert_true(subject_matches(">", "orders"));
    /* Only at the end is it a wildcard. */
    assert_false(subject_matches("orders.>.new", "orders.eu.new"));
}

static void test_subject__a_hash_is_literal(void **state)
{
    (void)state;
    assert_false(subject_matches("order.#", "order.new"));
    assert_true(subject_matches("order.#", "order.#"));
}

static void test_subject__a_pattern_selects_patterns_that_are_no_wider(void **state)
{
    (void)state;
    assert_true(subject_matches("orders.>", "orders.*"));
    assert_true(subject_matches("orders.*", "orders.*"));
    assert_false(subject_matches("orders.*", "orders.>"));
    assert_false(subject_matches("orders.new", "orders.*"));
    assert_true(subject_matches(">", "orders.>"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subject__a_plain_subject_selects_only_itself),
        cmocka_unit_test(test_subject__a_star_is_exactly_one_token),
        cmocka_unit_test(test_subject__a_greater_sign_is_one_token_or_more),
        cmocka_unit_test(test_subject__a_hash_is_literal),
        cmocka_unit_test(test_subject__a_pattern_selects_patterns_that_are_no_wider),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
