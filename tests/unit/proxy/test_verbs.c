/* verbs: what a fault asks of the chain beyond pass, hold and drop: release, close,
 * abandon; what the chain counts; and what both directions remember together. */
#include "tests/lib/proxy/rig.h"

#include <string.h>

static const struct param no_params[] = {PARAM_END};

/* Holds all; lets one go for each two milliseconds, as `throttle` will. */
static void dam_on_chunk(struct fault *f, struct chunk *c)
{
    if (fault_held(f) == 0)
        fault_wake_at(f, fault_now(f) + 2 * NS_PER_MS);
    fault_hold_until(f, c, FAULT_FOREVER);
}

static void dam_on_wake(struct fault *f)
{
    size_t held = fault_held(f);

    assert_int_equal(fault_release(f, 3), held < 3 ? held : 3);
    if (fault_held(f) > 0)
        fault_wake_at(f, fault_now(f) + 2 * NS_PER_MS);
}

static const struct fault_type dam = {
    .name = "dam",
    .params = no_params,
    .on_chunk = dam_on_chunk,
    .on_end = dam_on_chunk,
    .on_wake = dam_on_wake,
};

static void
test_verbs__release_lets_so_many_bytes_go_and_the_end_behind_them(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);
    int index = rig_add_type(rig, &dam, "");

    (void)state;
    rig_push(rig, "ab");
    rig_push(rig, "cdefg");
    rig_push_end(rig, CHUNK_FIN);
    assert_int_equal(rig_chain(rig)->held_count, 3);
    rig_advance_ms(rig, 2);
    assert_string_equal(rig_output(rig), "abc");
    assert_int_equal(rig_chain(rig)->held_bytes, 4);
    assert_int_equal(rig_chain(rig)->held_count, 2);
    rig_advance_ms(rig, 2);
    assert_string_equal(rig_output(rig), "abcdef");
    rig_advance_ms(rig, 2);
    assert_string_equal(rig_output(rig), "abcdefg<FIN>");
    assert_int_equal(rig_chain(rig)->held_count, 0);
    assert_int_equal(rig_touched(rig, index), 3);
    rig_destroy(rig);
}

static void test_verbs__a_dam_that_is_healed_lets_go_of_the_rest(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);
    int index = rig_add_type(rig, &dam, "");

    (void)state;
    rig_push(rig, "abcdefgh");
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 2);
    rig_heal(rig, index);
    assert_string_equal(rig_output(rig), "abcdefgh<FIN>");
    rig_destroy(rig);
}

static void test_verbs__what_is_released_reaches_the_next_fault_on_time(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_add_type(rig, &dam, "");
    rig_add(rig, "latency", "base=10ms");
    rig_push(rig, "abc");
    /* The loop comes 5 ms late to the wake; the delay behind it counts from the wake. */
    rig_advance_ms(rig, 7);
    rig_advance_us(rig, 4999);
    assert_string_equal(rig_output(rig), "");
    rig_advance_us(rig, 1);
    assert_string_equal(rig_output(rig), "abc");
    rig_destroy(rig);
}

/* The first chunk has a time, the others none until the second is let go in vain. */
struct mixed_state {
    int chunks;
};

static void mixed_on_chunk(struct fault *f, struct chunk *c)
{
    struct mixed_state *s = f->state;

    fault_hold_until(f, c, s->chunks++ == 0 ? fault_now(f) + NS_PER_MS : FAULT_FOREVER);
    if (s->chunks == 3)
        assert_int_equal(fault_release(f, 2), 2);
}

static const struct fault_type mixed = {
    .name = "mixed",
    .params = no_params,
    .state_size = sizeof(struct mixed_state),
    .on_chunk = mixed_on_chunk,
};

static void test_verbs__release_overtakes_nothing_that_has_a_time(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_add_type(rig, &mixed, "");
    rig_push(rig, "1");
    rig_push(rig, "23");
    rig_push(rig, "45");
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "123");
    rig_push_end(rig, CHUNK_FIN);
    rig_advance_ms(rig, 1000);
    assert_string_equal(rig_output(rig), "123");
    rig_heal(rig, 0);
    assert_string_equal(rig_output(rig), "12345<FIN>");
    rig_destroy(rig);
}

/* Closes the connection behind the first chunk. */
static void closer_on_chunk(struct fault *f, struct chunk *c)
{
    fault_pass(f, c);
    fault_end(f, CHUNK_CLOSE);
}

static const struct fault_type closer = {
    .name = "closer",
    .params = no_params,
    .on_chunk = closer_on_chunk,
};

static void test_verbs__a_close_travels_like_a_fin(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_add_type(rig, &closer, "");
    rig_add(rig, "latency", "base=10ms");
    rig_push(rig, "bye");
    rig_push(rig, "too late");
    rig_advance_ms(rig, 9);
    assert_string_equal(rig_output(rig), "");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output(rig), "bye<CLOSE>");
    rig_destroy(rig);
}

static void test_verbs__a_reset_discards_a_close(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);

    (void)state;
    rig_add_type(rig, &closer, "");
    rig_add(rig, "latency", "base=10ms");
    rig_push(rig, "bye");
    rig_push_end(rig, CHUNK_RST);
    rig_advance_ms(rig, 10);
    assert_string_equal(rig_output(rig), "<RST>");
    rig_destroy(rig);
}

/* Lets the server vanish at the first chunk that it would have got. */
static void vanish_on_chunk(struct fault *f, struct chunk *c)
{
    fault_abandon(f, SIDE_SERVER);
    fault_drop(f, c);
}

static const struct fault_type vanish = {
    .name = "vanish",
    .params = no_params,
    .on_chunk = vanish_on_chunk,
};

static void test_verbs__who_was_left_alone_is_reset_by_the_heal(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);
    int index = rig_add_type(rig, &vanish, "");

    (void)state;
    rig_push(rig, "hello");
    assert_string_equal(rig_output(rig), "<GONE server>");
    assert_int_equal(rig_touched(rig, index), 2);
    rig_heal(rig, index);
    assert_string_equal(rig_output(rig), "<GONE server><RST>");
    rig_destroy(rig);
}

static void test_verbs__a_heal_before_anybody_vanished_resets_nobody(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);
    int index = rig_add_type(rig, &vanish, "");

    (void)state;
    rig_heal(rig, index);
    assert_string_equal(rig_output(rig), "");
    rig_destroy(rig);
}

/* Ends both directions when neither has moved for 10 ms, as `idle_kill` will: what it
 * knows is the connection's. */
struct idle {
    uint64_t moved_ns;
};

static void idle_on_begin(struct fault *f)
{
    struct idle *idle = f->connection;

    idle->moved_ns = fault_now(f);
    fault_wake_at(f, idle->moved_ns + 10 * NS_PER_MS);
}

static void idle_on_chunk(struct fault *f, struct chunk *c)
{
    struct idle *idle = f->connection;

    idle->moved_ns = fault_now(f);
    fault_pass(f, c);
}

static void idle_on_wake(struct fault *f)
{
    const struct idle *idle = f->connection;

    if (fault_now(f) - idle->moved_ns >= 10ull * NS_PER_MS)
        fault_end(f, CHUNK_RST);
    else
        fault_wake_at(f, idle->moved_ns + 10 * NS_PER_MS);
}

/* Lets in every second, and asks again after a second. */
static enum fault_answer idle_on_accept(struct fault *f)
{
    unsigned *count = f->shared;

    if (++*count % 2 == 1)
        return FAULT_LET;
    fault_ask_at(f, fault_now(f) + NS_PER_S);
    return FAULT_WAIT;
}

static enum fault_answer idle_on_dial(struct fault *f)
{
    const struct idle *idle = f->connection;

    return idle->moved_ns > 0 ? FAULT_LET : FAULT_WAIT;
}

static void idle_on_close(struct fault *f)
{
    unsigned *count = f->shared;

    --*count;
}

static const struct fault_type idle_type = {
    .name = "idle",
    .params = no_params,
    .connection_size = sizeof(struct idle),
    .shared_size = sizeof(unsigned),
    .on_begin = idle_on_begin,
    .on_chunk = idle_on_chunk,
    .on_wake = idle_on_wake,
    .on_accept = idle_on_accept,
    .on_dial = idle_on_dial,
    .on_close = idle_on_close,
};

static void test_verbs__both_directions_share_what_is_known_of_a_connection(void **state)
{
    struct rig *rig = rig_create_both(NULL, NULL);

    (void)state;
    rig_add_type(rig, &idle_type, "");
    rig_advance_ms(rig, 6);
    rig_push_to(rig, TO_CLIENT, "data");
    rig_advance_ms(rig, 6);
    rig_push_to(rig, TO_SERVER, "ack");
    rig_advance_ms(rig, 9);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "data");
    assert_string_equal(rig_output_to(rig, TO_SERVER), "ack");
    rig_advance_ms(rig, 1);
    assert_string_equal(rig_output_to(rig, TO_CLIENT), "data<RST>");
    assert_string_equal(rig_output_to(rig, TO_SERVER), "ack<RST>");
    rig_destroy(rig);
}

static void test_verbs__events_know_the_connection_and_the_link(void **state)
{
    struct rig *rig = rig_create_both(NULL, NULL);
    int index = rig_add_type(rig, &idle_type, "");

    (void)state;
    assert_int_equal(rig_dial(rig, index), FAULT_LET); /* on_begin has set it */
    assert_int_equal(rig_accept(rig, index), FAULT_LET);
    assert_true(rig_asked_in_ns(rig, index) == FAULT_FOREVER);
    rig_use_connection(rig, 1);
    assert_int_equal(rig_dial(rig, index), FAULT_WAIT);
    assert_int_equal(rig_accept(rig, index), FAULT_WAIT);
    assert_int_equal(rig_asked_in_ns(rig, index), NS_PER_S);
    rig_advance_ms(rig, 400);
    assert_int_equal(rig_asked_in_ns(rig, index), 600ull * NS_PER_MS);
    rig_use_connection(rig, 0);
    rig_close_connection(rig, index);
    rig_close_connection(rig, index);
    assert_int_equal(rig_accept(rig, index), FAULT_LET);
    rig_destroy(rig);
}

static void test_verbs__draws_and_how_late_they_ended_are_counted(void **state)
{
    struct rig *rig = rig_create("latency", "base=10ms");

    (void)state;
    rig_push(rig, "a");
    rig_push(rig, "b");
    rig_advance_ms(rig, 10);
    rig_push(rig, "c");
    rig_advance_us(rig, 10100);
    rig_push(rig, "healed: no error of ours");
    rig_heal(rig, 0);
    assert_int_equal(rig_delays(rig, 0)->count, 4);
    assert_int_equal(rig_delays(rig, 0)->max_ns, 10 * NS_PER_MS);
    assert_int_equal(rig_delay_errors(rig)->count, 3);
    assert_int_equal(rig_delay_errors(rig)->max_ns, 100 * NS_PER_US);
    rig_destroy(rig);
}

static void test_verbs__what_is_held_for_ever_has_no_delay_to_count(void **state)
{
    struct rig *rig = rig_create(NULL, NULL);
    int index = rig_add_type(rig, &dam, "");

    (void)state;
    rig_push(rig, "abc");
    rig_advance_ms(rig, 10);
    assert_string_equal(rig_output(rig), "abc");
    assert_int_equal(rig_delays(rig, index)->count, 0);
    assert_int_equal(rig_delay_errors(rig)->count, 0);
    rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_verbs__release_lets_so_many_bytes_go_and_the_end_behind_them),
        cmocka_unit_test(test_verbs__a_dam_that_is_healed_lets_go_of_the_rest),
        cmocka_unit_test(test_verbs__what_is_released_reaches_the_next_fault_on_time),
        cmocka_unit_test(test_verbs__release_overtakes_nothing_that_has_a_time),
        cmocka_unit_test(test_verbs__a_close_travels_like_a_fin),
        cmocka_unit_test(test_verbs__a_reset_discards_a_close),
        cmocka_unit_test(test_verbs__who_was_left_alone_is_reset_by_the_heal),
        cmocka_unit_test(test_verbs__a_heal_before_anybody_vanished_resets_nobody),
        cmocka_unit_test(test_verbs__both_directions_share_what_is_known_of_a_connection),
        cmocka_unit_test(test_verbs__events_know_the_connection_and_the_link),
        cmocka_unit_test(test_verbs__draws_and_how_late_they_ended_are_counted),
        cmocka_unit_test(test_verbs__what_is_held_for_ever_has_no_delay_to_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
