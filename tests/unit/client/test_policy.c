/* test_policy: every spelling of `reconnect`, every mistake in it, and the delays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "harness/client/policy.h"
#include "proxy/base/clock.h"

static int read_text(struct reconnect_policy *out, const char *text, struct error *err)
{
    json_t *object = json_loads(text, JSON_DECODE_ANY, NULL);
    int rc;

    assert_non_null(object);
    rc = reconnect_policy_read(out, object, err);
    json_decref(object);
    return rc;
}

static struct reconnect_policy policy_of(const char *text)
{
    struct reconnect_policy policy;
    struct error err = {0};

    if (read_text(&policy, text, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return policy;
}

static void expect_error(const char *text, const char *words)
{
    struct reconnect_policy policy;
    struct error err = {0};

    assert_int_equal(read_text(&policy, text, &err), E_PARAM);
    if (strstr(err.text, words) == NULL)
        fail_msg("%s: '%s' does not say '%s'", text, err.text, words);
}

static struct reconnect_state state_of(uint64_t seed)
{
    struct reconnect_state state = {.previous_ns = 0};

    rng_init(&state.rng, seed);
    return state;
}

static void test_policy__words_and_absence_are_the_library_s_own(void **state)
{
    struct reconnect_policy policy = {.kind = RECONNECT_FIXED};

    (void)state;
    assert_int_equal(reconnect_policy_read(&policy, NULL, NULL), 0);
    assert_int_equal(policy.kind, RECONNECT_DEFAULT);
    assert_int_equal(policy_of("\"default\"").kind, RECONNECT_DEFAULT);
    assert_int_equal(policy_of("\"none\"").kind, RECONNECT_NONE);
}

static void test_policy__a_wait_is_fixed_and_has_no_jitter_unless_asked(void **state)
{
    struct reconnect_policy policy = policy_of("{\"wait\": \"100ms\"}");

    (void)state;
    assert_int_equal(policy.kind, RECONNECT_FIXED);
    assert_int_equal(policy.wait_ns, 100 * NS_PER_MS);
    assert_int_equal(policy.jitter_ns, 0);
    assert_int_equal(policy.attempts, 60);
    policy = policy_of("{\"wait\": \"1s\", \"jitter\": \"50ms\", \"attempts\": -1}");
    assert_int_equal(policy.jitter_ns, 50 * NS_PER_MS);
    assert_int_equal(policy.attempts, -1);
}

static void test_policy__a_first_delay_begins_a_backoff(void **state)
{
    struct reconnect_policy policy =
        policy_of("{\"first\": \"1s\", \"factor\": 3, \"cap\": \"30s\", "
                  "\"jitter\": \"20%\", \"attempts\": 5}");

    (void)state;
    assert_int_equal(policy.kind, RECONNECT_BACKOFF);
    assert_int_equal(policy.wait_ns, NS_PER_S);
    assert_true(policy.factor == 3.0);
    assert_true(policy.cap_ns == 30ull * NS_PER_S);
    assert_int_equal(policy.jitter_kind, JITTER_PERCENT);
    assert_true(policy.jitter_fraction > 0.19 && policy.jitter_fraction < 0.21);
    assert_int_equal(policy.attempts, 5);
}

static void test_policy__the_kinds_of_jitter_have_names(void **state)
{
    (void)state;
    assert_int_equal(policy_of("{\"first\": \"1s\", \"jitter\": \"equal\"}").jitter_kind,
                     JITTER_EQUAL);
    assert_int_equal(policy_of("{\"first\": \"1s\", \"jitter\": \"full\"}").jitter_kind,
                     JITTER_FULL);
    assert_int_equal(
        policy_of("{\"first\": \"1s\", \"jitter\": \"decorrelated\"}").jitter_kind,
        JITTER_DECORRELATED);
    assert_true(policy_of("{\"first\": \"1s\", \"jitter\": \"decorrelated\"}").factor ==
                3.0);
}

static void test_policy__every_mistake_is_named(void **state)
{
    (void)state;
    expect_error("\"defaultt\"", "did you mean \"default\"?");
    expect_error("\"sometimes\"", "no policy 'sometimes'");
    expect_error("5", "neither a word nor a table");
    expect_error("[1]", "neither a word nor a table");
    expect_error("{}", "neither 'wait' nor 'first'");
    expect_error("{\"attempts\": 5}", "neither 'wait' nor 'first'");
    expect_error("{\"wait\": \"1s\", \"first\": \"1s\"}", "both 'wait' and 'first'");
    expect_error("{\"wait\": \"1s\", \"factor\": 2}", "both 'wait' and 'factor'");
    expect_error("{\"wait\": \"1s\", \"cap\": \"2s\"}", "both 'wait' and 'cap'");
    expect_error("{\"wait\": 100}", "wait");
    expect_error("{\"wait\": \"-1s\"}", "wait");
    expect_error("{\"wait\": \"1s\", \"jitter\": \"20%\"}", "jitter");
    expect_error("{\"wait\": \"1s\", \"attempts\": 0}", "attempts = 0");
    expect_error("{\"wait\": \"1s\", \"attempts\": -2}", "attempts");
    expect_error("{\"wait\": \"1s\", \"attempt\": 3}", "did you mean 'attempts'?");
    expect_error("{\"first\": \"1s\", \"jitter\": \"50ms\"}", "jitter");
    expect_error("{\"first\": \"1s\", \"jitter\": \"some\"}", "jitter");
    expect_error("{\"first\": \"1s\", \"jitter\": \"120%\"}", "jitter");
    expect_error("{\"first\": \"1s\", \"factor\": 0.5}", "factor");
    expect_error("{\"first\": \"5s\", \"cap\": \"1s\"}", "cap is shorter");
    expect_error("{\"first\": \"0\"}", "first");
    expect_error("{\"first\": \"1s\", \"attempts\": 0}", "attempts = 0");
}

static void test_policy__without_jitter_delays_grow_to_the_cap(void **state)
{
    struct reconnect_policy policy =
        policy_of("{\"first\": \"100ms\", \"factor\": 2, \"cap\": \"1s\"}");
    struct reconnect_state delays = state_of(1);
    const uint64_t want_ms[] = {100, 200, 400, 800, 1000, 1000};

    (void)state;
    for (int i = 0; i < 6; i++)
        assert_int_equal(reconnect_delay_ns(&policy, &delays, i + 1),
                         want_ms[i] * NS_PER_MS);
    /* A new outage begins anew, and a late sweep does not overflow. */
    assert_int_equal(reconnect_delay_ns(&policy, &delays, 1), 100 * NS_PER_MS);
    assert_int_equal(reconnect_delay_ns(&policy, &delays, 1 << 30), 1000 * NS_PER_MS);
}

static void expect_bounds(const char *text, int sweep, uint64_t low_ms, uint64_t high_ms)
{
    struct reconnect_policy policy = policy_of(text);
    struct reconnect_state delays = state_of(7);
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;

    for (int i = 0; i < 2000; i++) {
        uint64_t ns = reconnect_delay_ns(&policy, &delays, sweep);

        least = ns < least ? ns : least;
        most = ns > most ? ns : most;
    }
    assert_true(least >= low_ms * NS_PER_MS);
    assert_true(most <= high_ms * NS_PER_MS);
    /* It uses nearly all of its room. */
    assert_true(most - least > (high_ms - low_ms) * NS_PER_MS * 95 / 100);
}

static void test_policy__each_jitter_stays_in_its_bounds_and_uses_them(void **state)
{
    (void)state;
    expect_bounds("{\"first\": \"100ms\", \"jitter\": \"20%\"}", 2, 160, 240);
    expect_bounds("{\"first\": \"100ms\", \"jitter\": \"equal\"}", 2, 100, 200);
    expect_bounds("{\"first\": \"100ms\", \"jitter\": \"full\"}", 3, 0, 400);
    expect_bounds("{\"wait\": \"100ms\", \"jitter\": \"50ms\"}", 1, 100, 150);
}

static void
test_policy__decorrelated_draws_between_first_and_thrice_the_last(void **state)
{
    struct reconnect_policy policy = policy_of(
        "{\"first\": \"100ms\", \"cap\": \"5s\", \"jitter\": \"decorrelated\"}");
    struct reconnect_state delays = state_of(3);
    uint64_t last = 100 * NS_PER_MS;

    (void)state;
    for (int i = 1; i < 2000; i++) {
        uint64_t ns = reconnect_delay_ns(&policy, &delays, i);

        assert_true(ns >= 100 * NS_PER_MS);
        assert_true(ns <= 5ull * NS_PER_S);
        assert_true(ns <= last * 3);
        last = ns;
    }
    assert_true(reconnect_delay_ns(&policy, &delays, 1) <= 300 * NS_PER_MS);
}

static void test_policy__the_same_seed_draws_the_same_delays(void **state)
{
    struct reconnect_policy policy =
        policy_of("{\"first\": \"1s\", \"jitter\": \"full\"}");
    struct reconnect_state one = state_of(42), two = state_of(42), other = state_of(43);
    int differ = 0;

    (void)state;
    for (int i = 1; i < 20; i++) {
        uint64_t ns = reconnect_delay_ns(&policy, &one, i);

        assert_int_equal(ns, reconnect_delay_ns(&policy, &two, i));
        differ += ns != reconnect_delay_ns(&policy, &other, i);
    }
    assert_true(differ > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy__words_and_absence_are_the_library_s_own),
        cmocka_unit_test(test_policy__a_wait_is_fixed_and_has_no_jitter_unless_asked),
        cmocka_unit_test(test_policy__a_first_delay_begins_a_backoff),
        cmocka_unit_test(test_policy__the_kinds_of_jitter_have_names),
        cmocka_unit_test(test_policy__every_mistake_is_named),
        cmocka_unit_test(test_policy__without_jitter_delays_grow_to_the_cap),
        cmocka_unit_test(test_policy__each_jitter_stays_in_its_bounds_and_uses_them),
        cmocka_unit_test(
            test_policy__decorrelated_draws_between_first_and_thrice_the_last),
        cmocka_unit_test(test_policy__the_same_seed_draws_the_same_delays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
