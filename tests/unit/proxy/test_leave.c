/* leave: much that is let go leaves in turns, in order, and a movement asks the clock
 * once. What would be wall time elsewhere is counted here: readings and chunks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/chain.h"
#include "proxy/stage.h"

enum { MANY = 5000, AT_ONCE_MAX = 256, TURN_MAX = 2048 };

/* Counts how often it is read; each reading can cost time. */
struct counting_clock {
    struct clock clock; /* first */
    uint64_t ns;
    uint64_t step_ns;
    size_t readings;
};

static uint64_t read_counting(const struct clock *clock)
{
    struct counting_clock *counting = (struct counting_clock *)clock;

    counting->readings++;
    counting->ns += counting->step_ns;
    return counting->ns;
}

/* A chain whose chunks carry numbers: bytes 0, 1, 2 ... of 256. */
struct bench {
    struct counting_clock clock;
    struct deadlines deadlines;
    struct chain chain;
    uint64_t touched;
    uint64_t orders;
    size_t pushed;
    size_t delivered;
    size_t ends;
};

static void on_deliver(void *arg, struct chunk *chunk)
{
    struct bench *b = arg;

    assert_non_null(chunk);
    b->ends += chunk->end != CHUNK_DATA;
    for (uint32_t i = 0; i < chunk->size; i++)
        assert_int_equal(chunk->data[i], (uint8_t)b->delivered++);
    chunk_destroy(chunk);
}

static void begin(struct bench *b)
{
    *b = (struct bench){.clock = {.clock = {.now_ns = read_counting}, .ns = NS_PER_S}};
    deadlines_init(&b->deadlines, &b->clock.clock);
    chain_init(&b->chain, &b->deadlines, on_deliver, b);
}

static void end(struct bench *b)
{
    chain_release(&b->chain);
    assert_int_equal(b->chain.held_count, 0);
    assert_int_equal(b->chain.held_bytes, 0);
    deadlines_release(&b->deadlines);
}

static struct stage *add(struct bench *b, const struct fault_type *type)
{
    struct stage_options options = {
        .type = type, .order = ++b->orders, .touched = &b->touched};
    struct stage *stage = chain_add(&b->chain, &options);

    assert_non_null(stage);
    return stage;
}

static void push(struct bench *b, size_t count, uint32_t size)
{
    uint8_t bytes[1024];

    assert_true(size <= sizeof bytes);
    for (size_t i = 0; i < count; i++) {
        struct chunk *chunk;

        for (uint32_t k = 0; k < size; k++)
            bytes[k] = (uint8_t)b->pushed++;
        chunk = chunk_create(bytes, size);
        assert_non_null(chunk);
        chunk->arrived_ns = b->clock.ns;
        chain_push(&b->chain, chunk);
    }
}

static void push_end(struct bench *b, enum chunk_end how)
{
    struct chunk *chunk = chunk_create_end(how);

    assert_non_null(chunk);
    chain_push(&b->chain, chunk);
}

/* Run until nothing is due; gives in how many runs, and the most that left in one. */
static size_t run_all(struct bench *b, size_t *most)
{
    size_t runs = 0;

    *most = 0;
    while (deadlines_next_ns(&b->deadlines) <= b->clock.ns) {
        size_t before = b->delivered;

        deadlines_run(&b->deadlines);
        if (b->delivered - before > *most)
            *most = b->delivered - before;
        runs++;
    }
    return runs;
}

/* Faults */

static const struct param no_params[] = {PARAM_END};

static void wait_a_second(struct fault *f, struct chunk *c)
{
    fault_hold_until(f, c, fault_now(f) + NS_PER_S);
}

static const struct fault_type second = {
    .name = "second", .params = no_params, .on_chunk = wait_a_second};

static void wait_for_ever(struct fault *f, struct chunk *c)
{
    fault_hold_until(f, c, FAULT_FOREVER);
}

static const struct fault_type for_ever = {
    .name = "for_ever", .params = no_params, .on_chunk = wait_for_ever};

/* Cuts everything into bytes. */
static void cut(struct fault *f, struct chunk *c)
{
    assert_true(fault_split(f, c, 1));
    (void)fault_now(f);
    fault_pass(f, c);
}

static const struct fault_type cutter = {
    .name = "cutter", .params = no_params, .on_chunk = cut};

/* Tests */

static void test_leave__a_movement_reads_the_clock_once(void **state)
{
    struct bench b;
    struct stage *held;

    (void)state;
    begin(&b);
    add(&b, &cutter);
    held = add(&b, &second);
    for (int i = 0; i < 20; i++)
        add(&b, &cutter);
    push(&b, 1, 1000);
    assert_int_equal(b.chain.held_count, 1000);
    assert_in_range(b.clock.readings, 1, 2);

    b.clock.ns += NS_PER_S;
    b.clock.readings = 0;
    deadlines_run(&b.deadlines);
    assert_int_equal(b.delivered, 1000);
    /* A batch is a movement: one reading, and what deadlines_run asks around it. */
    assert_in_range(b.clock.readings, 1, 4 * (1 + 1000 / AT_ONCE_MAX));
    chain_remove(&b.chain, held);
    end(&b);
}

static void test_leave__what_is_due_is_let_go_by_a_true_time(void **state)
{
    struct bench b;

    (void)state;
    begin(&b);
    add(&b, &second);
    push(&b, 1, 10);
    b.clock.ns += NS_PER_S - 1;
    deadlines_run(&b.deadlines);
    assert_int_equal(b.delivered, 0);
    b.clock.ns++;
    deadlines_run(&b.deadlines);
    assert_int_equal(b.delivered, 10);
    end(&b);
}

static void test_leave__who_writes_lets_time_pass(void **state)
{
    struct bench b;
    uint64_t before_ns;

    (void)state;
    begin(&b);
    b.clock.step_ns = 1000;
    chain_begin_moving(&b.chain);
    before_ns = chain_now(&b.chain);
    assert_int_equal(chain_now(&b.chain), before_ns);
    chain_time_passes(&b.chain);
    assert_int_equal(chain_now(&b.chain), before_ns + 1000);
    chain_end_moving(&b.chain);
    assert_int_equal(chain_now(&b.chain), before_ns + 2000);
    end(&b);
}

static void test_leave__a_heal_of_much_takes_several_turns_and_keeps_order(void **state)
{
    struct bench b;
    struct stage *healed;
    size_t most;

    (void)state;
    begin(&b);
    add(&b, &cutter);
    healed = add(&b, &for_ever);
    add(&b, &cutter);
    push(&b, MANY, 3);
    chain_remove(&b.chain, healed);
    assert_in_range(b.delivered, 1, AT_ONCE_MAX);

    /* What comes now stays behind it, a FIN too. */
    push(&b, 10, 3);
    push_end(&b, CHUNK_FIN);
    assert_in_range(b.delivered, 1, AT_ONCE_MAX);
    b.clock.step_ns = NS_PER_MS;
    assert_true(run_all(&b, &most) > 3);
    assert_in_range(most, 1, TURN_MAX);
    assert_int_equal(b.delivered, b.pushed);
    assert_int_equal(b.ends, 1);
    assert_int_equal(b.chain.held_count, 0);
    assert_ptr_equal(b.chain.first->next->next, NULL); /* two cutters are left */
    end(&b);
}

/* A command that has already taken its time leaves the rest to the next turns. */
static void
test_leave__a_late_part_of_a_long_command_lets_go_in_the_next_turn(void **state)
{
    struct bench b;
    struct stage *stage;
    size_t most;

    (void)state;
    begin(&b);
    stage = add(&b, &for_ever);
    push(&b, 10, 3);
    b.deadlines.command_ns = b.clock.ns;
    b.clock.ns += 3 * NS_PER_MS;
    chain_remove(&b.chain, stage);
    assert_int_equal(b.delivered, 0);
    push(&b, 5, 3);
    assert_int_equal(b.delivered, 0);
    assert_int_equal(run_all(&b, &most), 1);
    assert_int_equal(b.delivered, 45);
    end(&b);
}

static void test_leave__a_change_of_much_lets_the_new_wait_behind_the_old(void **state)
{
    struct bench b;
    struct stage *changed;
    size_t most;
    size_t before;

    (void)state;
    begin(&b);
    changed = add(&b, &second);
    push(&b, MANY, 1);
    b.clock.ns += 1000;
    chain_change(&b.chain, changed);
    assert_in_range(b.delivered, 1, AT_ONCE_MAX);
    push(&b, 10, 1);
    before = b.pushed - 10;
    run_all(&b, &most);
    assert_int_equal(b.delivered, before);
    b.clock.ns += NS_PER_S - 1;
    run_all(&b, &most);
    assert_int_equal(b.delivered, before);
    b.clock.ns++;
    run_all(&b, &most);
    assert_int_equal(b.delivered, b.pushed);
    end(&b);
}

/* A wait that was drawn before the change does not lengthen one that is drawn after. */
static void test_leave__what_is_going_does_not_hold_up_the_new(void **state)
{
    struct bench b;
    struct stage *changed;
    size_t most;

    (void)state;
    begin(&b);
    changed = add(&b, &for_ever);
    push(&b, MANY, 1);
    changed->fault.type = &second;
    chain_change(&b.chain, changed);
    push(&b, 1, 1);
    run_all(&b, &most);
    assert_int_equal(b.delivered, MANY);
    b.clock.ns += NS_PER_S;
    run_all(&b, &most);
    assert_int_equal(b.delivered, MANY + 1);
    end(&b);
}

static void test_leave__a_reset_discards_what_is_going(void **state)
{
    struct bench b;
    struct stage *healed;
    size_t most;
    size_t delivered;

    (void)state;
    begin(&b);
    healed = add(&b, &for_ever);
    push(&b, MANY, 1);
    chain_remove(&b.chain, healed);
    delivered = b.delivered;
    push_end(&b, CHUNK_RST);
    assert_int_equal(b.ends, 1);
    run_all(&b, &most);
    assert_int_equal(b.delivered, delivered);
    assert_null(b.chain.first);
    end(&b);
}

static void test_leave__a_chain_that_closes_meanwhile_loses_nothing(void **state)
{
    struct bench b;
    struct stage *healed;
    size_t most;
    size_t delivered;

    (void)state;
    begin(&b);
    healed = add(&b, &for_ever);
    push(&b, MANY, 1);
    chain_remove(&b.chain, healed);
    delivered = b.delivered;
    chain_close(&b.chain);
    run_all(&b, &most);
    assert_int_equal(b.delivered, delivered);
    end(&b);
}

/* A million pieces of a byte would count as a megabyte and take eighty. */
static void test_leave__no_more_pieces_are_cut_than_may_wait_behind(void **state)
{
    struct bench b;
    struct stage *source;
    size_t released = 0;
    size_t most;

    (void)state;
    begin(&b);
    source = add(&b, &for_ever);
    add(&b, &second);
    push(&b, 100, 1000);
    while (fault_release(&source->fault, 1) == 1)
        released++;
    assert_in_range(released, STAGE_PIECES_MAX, STAGE_PIECES_MAX + 1000);
    assert_int_equal(fault_release(&source->fault, 1), 0);

    /* Room again: on. */
    b.clock.ns += NS_PER_S;
    run_all(&b, &most);
    assert_int_equal(b.delivered, released);
    assert_int_equal(fault_release(&source->fault, 1), 1);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leave__a_movement_reads_the_clock_once),
        cmocka_unit_test(test_leave__what_is_due_is_let_go_by_a_true_time),
        cmocka_unit_test(test_leave__who_writes_lets_time_pass),
        cmocka_unit_test(test_leave__a_heal_of_much_takes_several_turns_and_keeps_order),
        cmocka_unit_test(
            test_leave__a_late_part_of_a_long_command_lets_go_in_the_next_turn),
        cmocka_unit_test(test_leave__a_change_of_much_lets_the_new_wait_behind_the_old),
        cmocka_unit_test(test_leave__what_is_going_does_not_hold_up_the_new),
        cmocka_unit_test(test_leave__a_reset_discards_what_is_going),
        cmocka_unit_test(test_leave__a_chain_that_closes_meanwhile_loses_nothing),
        cmocka_unit_test(test_leave__no_more_pieces_are_cut_than_may_wait_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
