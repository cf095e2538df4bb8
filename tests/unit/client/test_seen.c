/* test_seen: messages are new once, whatever their numbers claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/client/seen.h"
#include "proxy/base/rng.h"
#include "tests/lib/memory/memory.h"

static struct message_id id(uint32_t client, uint64_t number)
{
    return (struct message_id){.client = client, .number = number};
}

static void test_seen__a_message_is_new_once(void **state)
{
    struct seen *seen = seen_create();

    (void)state;
    for (uint64_t i = 0; i < 100000; i++)
        assert_int_equal(seen_add(seen, id(1, i)), SEEN_NEW);
    for (uint64_t i = 0; i < 100000; i++)
        assert_int_equal(seen_add(seen, id(1, i)), SEEN_AGAIN);
    seen_destroy(seen);
}

static void test_seen__clients_and_incarnations_have_numbers_of_their_own(void **state)
{
    struct seen *seen = seen_create();
    struct message_id second_life = {.client = 1, .incarnation = 1, .number = 7};

    (void)state;
    assert_int_equal(seen_add(seen, id(1, 7)), SEEN_NEW);
    assert_int_equal(seen_add(seen, id(2, 7)), SEEN_NEW);
    assert_int_equal(seen_add(seen, second_life), SEEN_NEW);
    assert_int_equal(seen_add(seen, id(1, 7)), SEEN_AGAIN);
    seen_destroy(seen);
}

static void test_seen__what_is_removed_is_new_again(void **state)
{
    struct seen *seen = seen_create();

    (void)state;
    seen_remove(seen, id(1, 7));
    assert_int_equal(seen_add(seen, id(1, 7)), SEEN_NEW);
    seen_remove(seen, id(1, 7));
    assert_int_equal(seen_add(seen, id(1, 7)), SEEN_NEW);
    assert_int_equal(seen_add(seen, id(1, 8)), SEEN_NEW);
    seen_destroy(seen);
}

static void test_seen__wild_numbers_are_bounded_in_memory(void **state)
{
    struct seen *seen = seen_create();
    int unknown = 0;

    (void)state;
    for (uint64_t i = 0; i < SEEN_PAGES_MAX + 100; i++)
        unknown += seen_add(seen, id(1, i << 40)) == SEEN_UNKNOWN;
    assert_int_equal(unknown, 100);
    /* What was remembered before stays so. */
    assert_int_equal(seen_add(seen, id(1, 0)), SEEN_AGAIN);
    seen_destroy(seen);
}

static void test_seen__without_memory_it_says_that_it_does_not_know(void **state)
{
    struct seen *seen = seen_create();

    (void)state;
    memory_fail_at(1);
    assert_int_equal(seen_add(seen, id(1, 1)), SEEN_UNKNOWN);
    memory_fail_at(0);
    assert_int_equal(seen_add(seen, id(1, 1)), SEEN_NEW);
    seen_destroy(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seen__a_message_is_new_once),
        cmocka_unit_test(test_seen__clients_and_incarnations_have_numbers_of_their_own),
        cmocka_unit_test(test_seen__what_is_removed_is_new_again),
        cmocka_unit_test(test_seen__wild_numbers_are_bounded_in_memory),
        cmocka_unit_test(test_seen__without_memory_it_says_that_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
