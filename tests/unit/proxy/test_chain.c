/* chain: order, ends, removal and change, with faults that do what they like. */
#include "tests/lib/proxy/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct param no_params[] = {PARAM_END};

/* The partner: splits every chunk at random and holds each part for a random time. */
static void scatter_on_chunk(struct fault *f, struct chunk *c)
{
    assert_true(fault_split(f, c, (uint32_t)rng_below(&f->rng, c->size + 1)));
    switch (rng_below(&f->rng, 3)) {
    case 0:
        fault_hold_until(f, c, fault_now(f) + rng_below(&f->rng, 5 * NS_PER_MS));
        break;
    case 1:
        fault_pass(f, c);
        break;
    default:
        break; /* silence means pass */
    }
}

static const struct fault_type scatter = {
    .name = "scatter",
    .params = no_params,
    .on_chunk = scatter_on_chunk,
};

/* Ends the stream behind `at` bytes, as `limit` will. */
struct limit_state {
    uint64_t passed;
};

static void limit_on_chunk(struct fault *f, struct chunk *c)
{
    struct limit_state *s = f->state;

    if (s->passed + c->size > 5)
        fault_split(f, c, (uint32_t)(5 - s->passed));
    s->passed += c->size;
    fault_pass(f, c);
    if (s->passed == 5)
        fault_end(f, CHUNK_FIN);
}

static const struct fault_type limit = {
    .name = "limit",
    .params = no_params,
    .state_size = sizeof(struct limit_state),
    .on_chunk = limit_on_chunk,
};

/* Swallows everything, and resets when it is healed, as `blackhole` will. */
static void swallow(struct fault *f, struct chunk *c)
{
    fault_drop(f, c);
}

static void reset_on_remove(struct fault *f)
{
    fault_end(f, CHUNK_RST);
}

static const struct fault_type hole = {
    .name = "hole",
    .params = no_params,
    .on_chunk = swallow,
    .on_end = swallow,
    .on_remove = reset_on_remove,
};

/* Turns every chunk into capitals, in a chunk of its own, as frame faults will. */
static void shout_on_chunk(struct fault *f, struct chunk *c)
{
    struct chunk *with = chunk_create(c->data, c->size);

    assert_non_null(with);
    for (uint32_t i = 0; i < with->size; i++)
        with->data[i] = (uint8_t)(with->data[i] & ~0x20);
    fault_replace(f, c, with);
}

static const struct fault_type shout = {
    .name = "shout",
    .params = no_params,
    .on_chunk = shout_on_chunk,
};

/* Ends the direction after a time, as `close_after` will. */
static void expire_on_begin(struct fault *f)
{
    fault_wake_at(f, fault_now(f) + 100ull * NS_PER_MS);
}

static void expire_on_wake(struct fault *f)
{
    fault_end(f, CHUNK_RST);
}

static const struct fault_type expire = {
    .name = "expire",
    .params = no_params,
    .on_begin = expire_on_begin,
    .on_wake = expire_on_wake,
};

static void test_chain__without_faults_passes_everything(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_push(rig, "a");
    rig_push(rig, "b");
    rig_push_end(rig, CHUNK_FIN);
    assert_string_equal(rig_output(rig), "ab<FIN>");
    rig_destroy(rig);
}

static void test_chain__a_healed_fault_lets_go_at_once_in_order_end_last(void **state)
{
    struct rig *rig = rig_create("latency", "base=50ms");

    (void)state;
    rig_push(rig, "a");
    rig_advance_ms(rig, 10);
    rig_push(rig, "b");
    rig_push_end(rig, CHUNK_FIN);
    rig_heal(rig, 0);
    assert_string_equal(rig_output(rig), "ab<FIN>");
    rig_destroy(rig);
}

static void test_chain__a_changed_fault_lets_go_and_then_acts_anew(void **state)
{
    struct rig *rig = rig_create("latency", "base=50ms");

    (void)state;
    rig_push(rig, "a");
    rig_change(rig, 0, "base=10ms");
    assert_string_equal(rig_output(rig), "a");
    rig_push(rig, "b");
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 9);
    assert_string_equal(rig_output(rig), "a");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "ab<FIN>");
    rig_destroy(rig);
}

static void test_chain__what_leaves_a_healed_fault_passes_the_later_ones(void **state)
{
    struct rig *rig = rig_create("latency", "base=10ms");
    int middle = rig_add(rig, "latency", "base=1s");

    (void)state;
    rig_add(rig, "latency", "base=20ms");
    rig_push(rig, "a");
    rig_advance_ms(rig, 10);
    rig_push(rig, "b");
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 5);
    /* "a" is held in the middle, "b" and the FIN still in the first. */
    rig_heal(rig, middle);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 19);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "a");
    rig_advance_ms(rig, 5);
    assert_string_equal(rig_output(rig), "ab<FIN>");
    rig_destroy(rig);
}

static void test_chain__delays_in_a_row_add_up_exactly(void **state)
{
    struct rig *rig = rig_create("latency", "base=10ms");

    (void)state;
    rig_add(rig, "latency", "base=20ms");
    rig_push(rig, "a");
    /* The loop comes late to the first: the second must not count from there. */
    rig_advance_ms(rig, 18);
    rig_advance_ms(rig, 11);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "a");
    rig_destroy(rig);
}

/* Random bytes through a stack of faults that come, change and go at random. */
static void scatter_until_done(struct rig *rig, const char *input, size_t size,
                               struct rng *rng)
{
    size_t at = 0;
    bool middle_is_there = true;

    while (at < size) {
        size_t part = 1 + rng_below(rng, 300);

        part = part > size - at ? size - at : part;
        rig_push_bytes(rig, input + at, part);
        at += part;
        rig_advance_us(rig, rng_below(rng, 2000));
        if (middle_is_there && at > size / 2) {
            rig_heal(rig, 1);
            middle_is_there = false;
        }
        if (rng_below(rng, 20) == 0)
            rig_change(rig, 0, "base=3ms");
    }
    rig_push_end(rig, CHUNK_FIN);
    /* Several turns: the partners count from when they see a chunk. */
    for (int i = 0; i < 100; i++)
        rig_advance_ms(rig, 1);
}

static void test_chain__never_loses_or_swaps_a_byte(void **state)
{
    enum { SIZE = 60000 };
    char *input = malloc(SIZE);

    (void)state;
    assert_non_null(input);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rig *rig = rig_create("latency", "base=2ms jitter=3ms");
        struct rng rng;

        rng_init(&rng, seed);
        for (size_t i = 0; i < SIZE; i++)
            input[i] = (char)('!' + rng_below(&rng, 90));
        rig_add_type(rig, &scatter, "");
        rig_add(rig, "latency", "base=1ms jitter=5ms");
        rig_add_type(rig, &scatter, "");
        scatter_until_done(rig, input, SIZE, &rng);
        assert_int_equal(rig_output_size(rig), SIZE + 5);
        assert_memory_equal(rig_output(rig), input, SIZE);
        assert_string_equal(rig_output(rig) + SIZE, "<FIN>");
        rig_destroy(rig);
    }
    free(input);
}

static void test_chain__an_end_made_by_a_fault_stands_behind_its_bytes(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_add_type(rig, &limit, "");
    rig_add(rig, "latency", "base=10ms");
    rig_push(rig, "abcdefgh");
    rig_push(rig, "more");
    rig_push_end(rig, CHUNK_FIN);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 10);
    assert_string_equal(rig_output(rig), "abcde<FIN>");
    rig_push_end(rig, CHUNK_RST);
    rig_advance_ms(rig, 10);
    assert_string_equal(rig_output(rig), "abcde<FIN><RST>");
    rig_destroy(rig);
}

static void test_chain__a_fault_may_reset_when_it_is_healed(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);
    int index = rig_add_type(rig, &hole, "");

    (void)state;
    rig_push(rig, "gone");
    rig_push_end(rig, CHUNK_RST);
    assert_string_equal(rig_output(rig), "");
    assert_int_equal(rig_touched(rig, index), 2);
    rig_heal(rig, index);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

static void test_chain__a_fault_may_replace_and_wake(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_add_type(rig, &shout, "");
    rig_add_type(rig, &expire, "");
    rig_push(rig, "ping");
    assert_string_equal(rig_output(rig), "PING");
    rig_advance_ms(rig, 99);
    assert_string_equal(rig_output(rig), "PING");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "PING<RST>");
    rig_push(rig, "too late");
    assert_string_equal(rig_output(rig), "PING<RST>");
    rig_destroy(rig);
}

static void test_chain__counts_what_it_holds(void **state)
{
    struct rig *rig = rig_create("latency", "base=10ms");

    (void)state;
    rig_push(rig, "12345");
    rig_push(rig, "678");
    rig_push_end(rig, CHUNK_FIN);
    assert_int_equal(rig_chain(rig)->held_bytes, 8);
    assert_int_equal(rig_chain(rig)->held_count, 3);
    rig_advance_ms(rig, 10);
    assert_int_equal(rig_chain(rig)->held_bytes, 0);
    assert_int_equal(rig_chain(rig)->held_count, 0);
    rig_push(rig, "released with the chain");
    rig_destroy(rig);
}

static void test_chain__a_fault_begins_behind_so_many_bytes(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);
    int index = rig_add_type(rig, &hole, "after=5B");

    (void)state;
    rig_push(rig, "abc");
    assert_int_equal(rig_touched(rig, index), 0);
    rig_push(rig, "defgh");
    assert_string_equal(rig_output(rig), "abcde");
    assert_int_equal(rig_touched(rig, index), 1);
    rig_push(rig, "ijk");
    rig_push_end(rig, CHUNK_FIN);
    assert_string_equal(rig_output(rig), "abcde");
    rig_heal(rig, index);
    assert_string_equal(rig_output(rig), "abcde<RST>");
    rig_destroy(rig);
}

static void test_chain__a_beginning_does_not_depend_on_how_input_is_cut(void **state)
{
    static const char text[] = "the quick brown fox jumps over the lazy dog";
    struct rng rng;

    (void)state;
    rng_init(&rng, 11);
    for (int round = 0; round < 200; round++) {
        uint64_t after = 1 + rng_below(&rng, sizeof text - 2);
        struct rig *rig = rig_create(NULL, NULL);
        char words[32];
        char expected[sizeof text];

        snprintf(words, sizeof words, "after=%lluB", (unsigned long long)after);
        rig_add_type(rig, &shout, words);
        for (size_t at = 0; at < sizeof text - 1;) {
            size_t part = 1 + rng_below(&rng, sizeof text - 1 - at);

            rig_push_bytes(rig, text + at, part);
            at += part;
        }
        for (size_t i = 0; i < sizeof text; i++)
            expected[i] = (char)(i < after ? text[i] : text[i] & ~0x20);
        assert_string_equal(rig_output(rig), expected);
        rig_destroy(rig);
    }
}

static void test_chain__an_end_before_the_beginning_passes(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);
    int index = rig_add_type(rig, &hole, "after=5B");

    (void)state;
    rig_push(rig, "abc");
    rig_push_end(rig, CHUNK_FIN);
    rig_push_end(rig, CHUNK_RST);
    assert_string_equal(rig_output(rig), "abc<FIN><RST>");
    assert_int_equal(rig_touched(rig, index), 0);
    rig_heal(rig, index);
    assert_string_equal(rig_output(rig), "abc<FIN><RST>");
    rig_destroy(rig);
}

static void test_chain__what_a_direction_does_for_a_fault_begins_with_it(void **state)
{
    struct rig *rig = rig_create("stall", "after=3B");
    int slow = rig_add(rig, "latency", "base=10ms after=3B");

    (void)state;
    rig_push(rig, "ab");
    assert_int_equal(rig_chain(rig)->stopping, 0);
    assert_int_equal(rig_chain(rig)->arrivals, 0);
    assert_int_equal(rig_chain(rig)->buffer_bytes, 0);
    rig_change(rig, slow, "base=20ms");
    rig_push(rig, "cd");
    assert_int_equal(rig_chain(rig)->stopping, 1);
    assert_int_equal(rig_chain(rig)->arrivals, 1);
    assert_int_equal(rig_chain(rig)->buffer_bytes, 64 << 20);
    assert_string_equal(rig_output(rig), "abc");
    rig_heal(rig, 0);
    assert_int_equal(rig_chain(rig)->stopping, 0);
    /* It has begun with what it was changed to meanwhile. */
    rig_advance_ms(rig, 19);
    assert_string_equal(rig_output(rig), "abc");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "abcd");
    rig_destroy(rig);
}

/* Begins by ending: what had come with the byte behind which it began is not passed. */
static void cut_on_begin(struct fault *f)
{
    fault_end(f, CHUNK_FIN);
}

static const struct fault_type cut = {
    .name = "cut",
    .params = no_params,
    .on_begin = cut_on_begin,
};

static void test_chain__a_fault_may_end_the_stream_as_it_begins(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_add_type(rig, &cut, "after=3B");
    rig_push(rig, "abcdef");
    rig_push(rig, "more");
    assert_string_equal(rig_output(rig), "abc<FIN>");
    rig_destroy(rig);
}

/* As latency, but a change leaves what it holds. */
static void keeper_on_chunk(struct fault *f, struct chunk *c)
{
    fault_hold_until(f, c, fault_now(f) + 10 * NS_PER_MS);
}

static const struct fault_type keeper = {
    .name = "keeper",
    .params = no_params,
    .keeps_held = true,
    .on_chunk = keeper_on_chunk,
};

static void test_chain__a_change_may_leave_what_is_held(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_add_type(rig, &keeper, "");
    rig_push(rig, "a");
    rig_change(rig, 0, "probability=0.5");
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 10);
    assert_string_equal(rig_output(rig), "a");
    rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain__without_faults_passes_everything),
        cmocka_unit_test(test_chain__a_healed_fault_lets_go_at_once_in_order_end_last),
        cmocka_unit_test(test_chain__a_changed_fault_lets_go_and_then_acts_anew),
        cmocka_unit_test(test_chain__what_leaves_a_healed_fault_passes_the_later_ones),
        cmocka_unit_test(test_chain__delays_in_a_row_add_up_exactly),
        cmocka_unit_test(test_chain__never_loses_or_swaps_a_byte),
        cmocka_unit_test(test_chain__an_end_made_by_a_fault_stands_behind_its_bytes),
        cmocka_unit_test(test_chain__a_fault_may_reset_when_it_is_healed),
        cmocka_unit_test(test_chain__a_fault_may_replace_and_wake),
        cmocka_unit_test(test_chain__counts_what_it_holds),
        cmocka_unit_test(test_chain__a_fault_begins_behind_so_many_bytes),
        cmocka_unit_test(test_chain__a_beginning_does_not_depend_on_how_input_is_cut),
        cmocka_unit_test(test_chain__an_end_before_the_beginning_passes),
        cmocka_unit_test(test_chain__what_a_direction_does_for_a_fault_begins_with_it),
        cmocka_unit_test(test_chain__a_fault_may_end_the_stream_as_it_begins),
        cmocka_unit_test(test_chain__a_change_may_leave_what_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
