/* stamp: an arrival is never later than now and never earlier than it was, whatever the
 * wall clock does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "proxy/base/clock.h"
#include "proxy/stamp.h"

/* The wall clock is so much ahead of ours. */
static const uint64_t AHEAD_NS = 1000ull * NS_PER_S;
static const uint64_t NOW_NS = 50ull * NS_PER_S;

static uint64_t arrival(struct stamps *stamps, uint64_t ago_ns, uint64_t now_ns)
{
    return stamp_arrival_ns(stamps, now_ns + AHEAD_NS - ago_ns, now_ns + AHEAD_NS,
                            now_ns);
}

static void test_stamp__tells_when_it_arrived_on_our_clock(void **state)
{
    struct stamps stamps = {0};

    (void)state;
    assert_int_equal(arrival(&stamps, 30 * NS_PER_US, NOW_NS), NOW_NS - 30 * NS_PER_US);
    assert_int_equal(arrival(&stamps, 0, NOW_NS), NOW_NS);
}

static void test_stamp__without_one_it_is_now(void **state)
{
    struct stamps stamps = {0};

    (void)state;
    assert_int_equal(stamp_arrival_ns(&stamps, 0, NOW_NS + AHEAD_NS, NOW_NS), NOW_NS);
}

static void test_stamp__is_never_in_the_future_and_at_most_a_second_old(void **state)
{
    struct stamps stamps = {0};

    (void)state;
    assert_int_equal(
        stamp_arrival_ns(&stamps, NOW_NS + AHEAD_NS + 5, NOW_NS + AHEAD_NS, NOW_NS),
        NOW_NS);
    assert_int_equal(arrival(&stamps, 3ull * NS_PER_S, NOW_NS), NOW_NS - NS_PER_S);
}

static void test_stamp__a_pause_between_the_clocks_makes_it_later(void **state)
{
    struct stamps stamps = {0};
    uint64_t pause_ns = 300 * NS_PER_US;
    uint64_t stamp_ns = NOW_NS + AHEAD_NS - 40 * NS_PER_US;

    (void)state;
    assert_int_equal(
        stamp_arrival_ns(&stamps, stamp_ns, NOW_NS + AHEAD_NS, NOW_NS + pause_ns),
        NOW_NS - 40 * NS_PER_US + pause_ns);
    /* The better measurement that follows does not reach back. */
    assert_int_equal(stamp_arrival_ns(&stamps, stamp_ns, NOW_NS + AHEAD_NS + NS_PER_MS,
                                      NOW_NS + NS_PER_MS),
                     NOW_NS + NS_PER_MS);
    assert_int_equal(arrival(&stamps, 7, NOW_NS + 2 * NS_PER_MS),
                     NOW_NS + 2 * NS_PER_MS - 7);
}

static void test_stamp__one_from_before_a_step_forward_is_not_believed(void **state)
{
    struct stamps stamps = {0};
    uint64_t step_ns = 500ull * NS_PER_MS;
    uint64_t wall_ns = NOW_NS + AHEAD_NS;

    (void)state;
    arrival(&stamps, 0, NOW_NS);
    /* Stamped at wall_ns, read 1 ms later by our clock, 501 ms later by the other. */
    assert_int_equal(stamp_arrival_ns(&stamps, wall_ns, wall_ns + step_ns + NS_PER_MS,
                                      NOW_NS + NS_PER_MS),
                     NOW_NS + NS_PER_MS);
    /* One from after the step counts again. */
    assert_int_equal(stamp_arrival_ns(&stamps, wall_ns + step_ns + 2 * NS_PER_MS,
                                      wall_ns + step_ns + 3 * NS_PER_MS,
                                      NOW_NS + 3 * NS_PER_MS),
                     NOW_NS + 2 * NS_PER_MS);
}

static void test_stamp__a_step_back_makes_nothing_early(void **state)
{
    struct stamps stamps = {0};
    uint64_t step_ns = 500ull * NS_PER_MS;
    uint64_t wall_ns = NOW_NS + AHEAD_NS;

    (void)state;
    arrival(&stamps, 0, NOW_NS);
    assert_int_equal(stamp_arrival_ns(&stamps, wall_ns, wall_ns - step_ns + NS_PER_MS,
                                      NOW_NS + NS_PER_MS),
                     NOW_NS + NS_PER_MS);
    assert_int_equal(stamp_arrival_ns(&stamps, wall_ns - step_ns + NS_PER_MS,
                                      wall_ns - step_ns + 2 * NS_PER_MS,
                                      NOW_NS + 2 * NS_PER_MS),
                     NOW_NS + NS_PER_MS);
}

static void test_stamp__is_found_among_what_comes_with_a_message(void **state)
{
    _Alignas(struct cmsghdr) char control[STAMP_CONTROL_BYTES] = {0};
    struct msghdr message = {.msg_control = control,
                             .msg_controllen = CMSG_SPACE(sizeof(struct timespec))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    struct timespec at = {.tv_sec = 3, .tv_nsec = 7};

    (void)state;
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_TIMESTAMPNS;
    c->cmsg_len = CMSG_LEN(sizeof at);
    memcpy(CMSG_DATA(c), &at, sizeof at);
    assert_int_equal(stamp_of_message(&message), 3ull * NS_PER_S + 7);
    c->cmsg_type = SCM_RIGHTS;
    assert_int_equal(stamp_of_message(&message), 0);
    message.msg_controllen = 0;
    assert_int_equal(stamp_of_message(&message), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stamp__tells_when_it_arrived_on_our_clock),
        cmocka_unit_test(test_stamp__without_one_it_is_now),
        cmocka_unit_test(test_stamp__is_never_in_the_future_and_at_most_a_second_old),
        cmocka_unit_test(test_stamp__a_pause_between_the_clocks_makes_it_later),
        cmocka_unit_test(test_stamp__one_from_before_a_step_forward_is_not_believed),
        cmocka_unit_test(test_stamp__a_step_back_makes_nothing_early),
        cmocka_unit_test(test_stamp__is_found_among_what_comes_with_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
