/* test_rng: streams repeat, do not depend on each other, and are fair.
 *
 * The statistical tests have fixed seeds, so they either always pass or always fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/rng.h"

static void test_rng__the_generator_gives_the_published_sequence(void **state)
{
    /* xoshiro256** from the state 1, 2, 3, 4: the reference implementation's output. */
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
    struct rng rng = {.state = {1, 2, 3, 4}};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_true(rng_next(&rng) == expected[i]);
}

static void test_rng__the_seed_goes_through_splitmix64(void **state)
{
    /* The first output of splitmix64 for the seed 0, as published. */
    struct rng rng;

    (void)state;
    rng_init(&rng, 0);
    assert_true(rng.state[0] == 0xE220A8397B1DCDAFu);
}

static void
test_rng__the_same_seed_gives_the_same_draws_and_another_does_not(void **state)
{
    struct rng a, b, c;

    (void)state;
    rng_init(&a, 7);
    rng_init(&b, 7);
    rng_init(&c, 8);
    for (int i = 0; i < 1000; i++) {
        uint64_t drawn = rng_next(&a);

        assert_true(drawn == rng_next(&b));
        assert_true(drawn != rng_next(&c));
    }
}

static void test_rng__a_child_does_not_depend_on_draws_or_order(void **state)
{
    struct rng root, early, late, sibling;

    (void)state;
    rng_init(&root, 42);
    rng_child(&early, &root, "link=%s fault=%s#%d", "n1", "latency", 1);
    for (int i = 0; i < 100; i++)
        rng_next(&root);
    rng_child(&sibling, &root, "link=n1 fault=latency#2");
    rng_child(&late, &root, "link=n1 fault=latency#1");
    assert_memory_equal(&early, &late, sizeof early);
    assert_true(sibling.key != late.key);
    assert_true(rng_next(&sibling) != rng_next(&late));
}

static void test_rng__children_differ_by_parent_and_by_depth(void **state)
{
    struct rng a, b, child_a, child_b, grandchild, flat;

    (void)state;
    rng_init(&a, 1);
    rng_init(&b, 2);
    rng_child(&child_a, &a, "x");
    rng_child(&child_b, &b, "x");
    rng_child(&grandchild, &child_a, "y");
    rng_child(&flat, &a, "xy");
    assert_true(child_a.key != child_b.key);
    assert_true(grandchild.key != flat.key);
    assert_true(child_a.key != a.key);
}

static void test_rng__many_names_give_many_streams(void **state)
{
    enum { COUNT = 2000 };
    static uint64_t first[COUNT];
    struct rng root, child;

    (void)state;
    rng_init(&root, 9);
    for (int i = 0; i < COUNT; i++) {
        rng_child(&child, &root, "connection=%d", i);
        first[i] = rng_next(&child);
        for (int j = 0; j < i; j++)
            assert_true(first[j] != first[i]);
    }
}

static void test_rng__a_name_may_be_of_any_length(void **state)
{
    struct rng root, a, b, again;
    char endless[5000];

    (void)state;
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    rng_init(&root, 1);
    rng_child(&a, &root, "client=%s", endless);
    rng_child(&b, &root, "client=%s", endless + 1);
    rng_child(&again, &root, "client=%s", endless);
    assert_true(a.key != b.key);
    assert_true(a.key == again.key);
}

static void test_rng__below_stays_below(void **state)
{
    static const uint64_t bounds[] = {1, 2, 3, 1000, (1ull << 63) + 1, UINT64_MAX};
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    assert_true(rng_below(&rng, 0) == 0);
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        for (int j = 0; j < 2000; j++)
            assert_true(rng_below(&rng, bounds[i]) < bounds[i]);
}

static void test_rng__below_favours_no_result(void **state)
{
    /* 3 * 2^62: reduced without rejection, the lower third would come twice as often. */
    const uint64_t bound = 3ull << 62;
    enum { DRAWS = 30000 };
    int thirds[3] = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 11);
    for (int i = 0; i < DRAWS; i++)
        thirds[rng_below(&rng, bound) >> 62]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(thirds[i], DRAWS / 3 - 400, DRAWS / 3 + 400); /* 5 sigma: 408 */
}

static void test_rng__small_bounds_are_uniform(void **state)
{
    enum { SIDES = 10, DRAWS = 100000 };
    int seen[SIDES] = {0};
    double chi_square = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 5);
    for (int i = 0; i < DRAWS; i++)
        seen[rng_below(&rng, SIDES)]++;
    for (int i = 0; i < SIDES; i++) {
        double off = seen[i] - (double)DRAWS / SIDES;

        chi_square += off * off / ((double)DRAWS / SIDES);
    }
    assert_true(chi_square < 27.9); /* 9 degrees of freedom, p = 0.001 */
}

static void test_rng__unit_covers_zero_to_one_evenly(void **state)
{
    enum { DRAWS = 100000 };
    double sum = 0, lowest = 1, highest = 0;
    struct rng rng;

    (void)state;
    rng_init(&rng, 6);
    for (int i = 0; i < DRAWS; i++) {
        double u = rng_unit(&rng);

        assert_true(u >= 0);
        assert_true(u < 1);
        sum += u;
        lowest = u < lowest ? u : lowest;
        highest = u > highest ? u : highest;
    }
    assert_true(sum / DRAWS > 0.495);
    assert_true(sum / DRAWS < 0.505);
    assert_true(lowest < 0.001);
    assert_true(highest > 0.999);
}

static void test_rng__unit_reaches_its_ends_and_not_one(void **state)
{
    /* result = rotl(s[1] * 5, 7) * 9: an s[1] of 0 draws zero. */
    struct rng low = {.state = {1, 0, 0, 0}};
    double u = rng_unit(&low);

    (void)state;
    assert_true(u == 0.0);
    assert_true((double)(UINT64_MAX >> 11) * 0x1.0p-53 < 1.0);
}

static void test_rng__hash_depends_on_every_byte_the_length_and_the_seed(void **state)
{
    unsigned char bytes[40] = {0};

    (void)state;
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint64_t hash = rng_hash(bytes, size, 1);

        assert_true(hash == rng_hash(bytes, size, 1));
        assert_true(hash != rng_hash(bytes, size, 2));
        if (size > 0)
            assert_true(hash != rng_hash(bytes, size - 1, 1)); /* zeros count too */
        for (size_t i = 0; i < size; i++) {
            bytes[i] = 1;
            assert_true(hash != rng_hash(bytes, size, 1));
            bytes[i] = 0;
        }
    }
}

static void test_rng__hash_does_not_depend_on_alignment(void **state)
{
    char text[64];
    uint64_t hash = rng_hash("orders.created.12345", 20, 0);

    (void)state;
    for (size_t at = 0; at < 8; at++) {
        memcpy(text + at, "orders.created.12345", 20);
        assert_true(rng_hash(text + at, 20, 0) == hash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rng__the_generator_gives_the_published_sequence),
        cmocka_unit_test(test_rng__the_seed_goes_through_splitmix64),
        cmocka_unit_test(
            test_rng__the_same_seed_gives_the_same_draws_and_another_does_not),
        cmocka_unit_test(test_rng__a_child_does_not_depend_on_draws_or_order),
        cmocka_unit_test(test_rng__children_differ_by_parent_and_by_depth),
        cmocka_unit_test(test_rng__many_names_give_many_streams),
        cmocka_unit_test(test_rng__a_name_may_be_of_any_length),
        cmocka_unit_test(test_rng__below_stays_below),
        cmocka_unit_test(test_rng__below_favours_no_result),
        cmocka_unit_test(test_rng__small_bounds_are_uniform),
        cmocka_unit_test(test_rng__unit_covers_zero_to_one_evenly),
        cmocka_unit_test(test_rng__unit_reaches_its_ends_and_not_one),
        cmocka_unit_test(test_rng__hash_depends_on_every_byte_the_length_and_the_seed),
        cmocka_unit_test(test_rng__hash_does_not_depend_on_alignment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
