/* How often is backoff wrong? Thousands of simulated clients, right and wrong, are
 * judged; the table says how often a right one was failed (false alarm) and a wrong one
 * passed (miss), and both are bounded. Everything is seeded: the table never changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/base/clock.h"
#include "tests/lib/checks/judge.h"
#include "tests/lib/checks/simulated.h"

enum { RUNS = 100 };

struct asked { /* a policy as a scenario asks for it, and a client that follows it */
    const char *name;
    const char *params;
    struct sim_policy policy;
    int clients, outages, attempts;
};

static const struct asked asked[] = {
    {"no jitter, 4 waits",
     "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"2s\"}",
     {.first_ms = 100, .factor = 2, .cap_ms = 2000},
     1,
     1,
     5},
    {"10%, 4 waits",
     "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"2s\",\"jitter\":\"10%\"}",
     {.first_ms = 100, .factor = 2, .cap_ms = 2000, .percent = 0.1},
     1,
     1,
     5},
    {"no jitter",
     "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\"}",
     {.first_ms = 100, .factor = 2, .cap_ms = 1000},
     1,
     2,
     8},
    {"10%",
     "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\",\"jitter\":\"10%\"}",
     {.first_ms = 100, .factor = 2, .cap_ms = 1000, .percent = 0.1},
     1,
     2,
     8},
    {"10%, short",
     "{\"first\":\"50ms\",\"factor\":2,\"cap\":\"400ms\",\"jitter\":\"10%\"}",
     {.first_ms = 50, .factor = 2, .cap_ms = 400, .percent = 0.1},
     2,
     2,
     7},
    {"25%, long",
     "{\"first\":\"1s\",\"factor\":2,\"cap\":\"30s\",\"jitter\":\"25%\"}",
     {.first_ms = 1000, .factor = 2, .cap_ms = 30000, .percent = 0.25},
     1,
     2,
     8},
    {"equal",
     "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\",\"jitter\":\"equal\"}",
     {.first_ms = 100, .factor = 2, .cap_ms = 1000, .jitter = SIM_EQUAL},
     5,
     2,
     7},
    {"full",
     "{\"first\":\"100ms\",\"factor\":2,\"cap\":\"1s\",\"jitter\":\"full\"}",
     {.first_ms = 100, .factor = 2, .cap_ms = 1000, .jitter = SIM_FULL},
     5,
     2,
     7},
    {"decorrelated",
     "{\"first\":\"100ms\",\"factor\":3,\"cap\":\"2s\",\"jitter\":\"decorrelated\"}",
     {.first_ms = 100, .factor = 3, .cap_ms = 2000, .jitter = SIM_DECORRELATED},
     5,
     2,
     7},
};

enum { ASKED = sizeof asked / sizeof asked[0] };

/* ---- the wrong ways ---- */

static void as_asked(struct sim_policy *p)
{
    (void)p;
}

static void at_once(struct sim_policy *p)
{
    p->tries_at_once = true;
}

static void first_doubled(struct sim_policy *p)
{
    p->first_ms *= 2;
}

static void first_halved(struct sim_policy *p)
{
    p->first_ms /= 2;
}

static void first_doubled_at_once(struct sim_policy *p)
{
    p->first_ms *= 2;
    p->tries_at_once = true;
}

static void factor_off(struct sim_policy *p)
{
    p->factor = p->factor > 2 ? 1.5 : 3;
}

static void no_cap(struct sim_policy *p)
{
    p->cap_ms = 1e9;
}

static void cap_halved(struct sim_policy *p)
{
    p->cap_ms /= 2;
}

static void fixed(struct sim_policy *p)
{
    p->series = SIM_FIXED;
    p->jitter = SIM_PERCENT;
    p->percent = 0;
}

static void fixed_jitter(struct sim_policy *p)
{
    p->series = SIM_FIXED;
    p->jitter = SIM_PERCENT;
    p->percent = 0.3;
}

static void fixed_tiny(struct sim_policy *p)
{
    fixed(p);
    p->first_ms = 10;
}

static void linear(struct sim_policy *p)
{
    p->series = SIM_LINEAR;
    if (p->jitter == SIM_DECORRELATED)
        p->jitter = SIM_PERCENT;
}

static void immediate(struct sim_policy *p)
{
    p->series = SIM_IMMEDIATE;
}

static void hot_loop(struct sim_policy *p)
{
    p->series = SIM_HOT_LOOP;
}

static void no_jitter(struct sim_policy *p)
{
    p->jitter = SIM_PERCENT;
    p->percent = 0;
}

static void too_much_jitter(struct sim_policy *p)
{
    p->jitter = SIM_PERCENT;
    p->percent = p->percent > 0.2 ? 0.6 : 0.35;
}

static void equal_jitter(struct sim_policy *p)
{
    p->jitter = SIM_EQUAL;
}

static void full_jitter(struct sim_policy *p)
{
    p->jitter = SIM_FULL;
}

static void decorrelated(struct sim_policy *p)
{
    p->jitter = SIM_DECORRELATED;
}

static void no_reset(struct sim_policy *p)
{
    p->no_reset = true;
}

struct way {
    const char *name;
    void (*make)(struct sim_policy *policy);
    const char *reason; /* the best one; NULL: right */
    unsigned applies;   /* to which of the asked, as bits; 0: all */
};

#define PERCENTS 0x3Fu
#define JITTERED 0x3Au /* a percentage above nothing */
#define SHORT 0x03u    /* four waits: one outage */
#define EQUAL 0x40u
#define FULL 0x80u
#define DECORRELATED 0x100u

static const struct way ways[] = {
    {"as asked", as_asked, NULL, 0},
    {"as asked, first try at once", at_once, NULL, 0},
    {"first doubled", first_doubled, "first", PERCENTS | EQUAL | FULL},
    {"first halved", first_halved, "first", PERCENTS | EQUAL | FULL},
    {"doubled, first try at once", first_doubled_at_once, "first",
     PERCENTS | EQUAL | FULL},
    {"factor off", factor_off, "factor", PERCENTS | EQUAL | FULL},
    {"no cap", no_cap, "cap", (PERCENTS | EQUAL | FULL | DECORRELATED) & ~0x23u},
    {"cap halved", cap_halved, "cap", (PERCENTS | EQUAL | FULL) & ~0x23u},
    {"fixed", fixed, "fixed", 0},
    {"fixed, tiny", fixed_tiny, "fixed", 0},
    {"fixed with jitter", fixed_jitter, "fixed_with_jitter", 0},
    {"linear", linear, "linear", PERCENTS},
    {"immediate", immediate, "immediate", SHORT},
    {"hot loop", hot_loop, "hot_loop", EQUAL | FULL | DECORRELATED},
    {"no jitter", no_jitter, "jitter", JITTERED | EQUAL | FULL | DECORRELATED},
    {"too much jitter", too_much_jitter, "jitter", PERCENTS},
    {"equal jitter", equal_jitter, "jitter", PERCENTS | FULL},
    {"full jitter", full_jitter, "jitter", PERCENTS | EQUAL},
    {"decorrelated jitter", decorrelated, "jitter", EQUAL | FULL},
    {"no reset", no_reset, "reset", (PERCENTS | EQUAL | FULL | DECORRELATED) & ~SHORT},
};

enum { WAYS = sizeof ways / sizeof ways[0] };

struct rates {
    int passed, failed, inconclusive, right_reason;
    char other[64]; /* a reason that was given instead */
};

static struct rates measure(const struct asked *ask, const struct way *way, uint64_t seed)
{
    struct rates rates = {0};
    struct sim_policy policy = ask->policy;
    int i;

    way->make(&policy);
    for (i = 0; i < RUNS; i++) {
        struct evidence *e = simulate(seed + (uint64_t)i * 7919, &policy, ask->clients,
                                      ask->outages, ask->attempts);
        struct verdict verdict = judge(e, "backoff", ask->params);

        rates.passed += verdict.value == VERDICT_PASSED;
        rates.failed += verdict.value == VERDICT_FAILED;
        rates.inconclusive += verdict.value == VERDICT_INCONCLUSIVE;
        if (way->reason != NULL && strcmp(verdict.reason, way->reason) == 0)
            rates.right_reason++;
        else
            snprintf(rates.other, sizeof rates.other, "%s", verdict.reason);
        verdict_release(&verdict);
        evidence_close(e);
    }
    return rates;
}

static void print_line(const struct asked *ask, const struct way *way,
                       const struct rates *rates)
{
    printf("%-20s %-28s %6.1f%% %6.1f%% %6.1f%%", ask->name, way->name,
           100.0 * rates->passed / RUNS, 100.0 * rates->failed / RUNS,
           100.0 * rates->inconclusive / RUNS);
    if (way->reason != NULL)
        printf("  %s %.0f%%", way->reason, 100.0 * rates->right_reason / RUNS);
    printf("%s%s\n", rates->other[0] == '\0' ? "" : "  also ", rates->other);
}

static void test_backoff_rates__false_alarms_and_misses_are_rare(void **state)
{
    struct rates right = {0};
    struct rates wrong = {0};
    int rights = 0;
    int wrongs = 0;
    int a;
    int w;

    (void)state;
    printf("%-20s %-28s %7s %7s %7s\n", "asked", "the client is", "passed", "failed",
           "unsure");
    for (a = 0; a < ASKED; a++)
        for (w = 0; w < WAYS; w++) {
            struct rates rates;

            if (ways[w].applies != 0 && !(ways[w].applies & 1u << a))
                continue;
            rates = measure(&asked[a], &ways[w], (uint64_t)(a * 1000 + w));
            print_line(&asked[a], &ways[w], &rates);
            if (ways[w].reason == NULL) {
                rights += RUNS;
                right.failed += rates.failed;
                right.inconclusive += rates.inconclusive;
                assert_true(rates.failed <= RUNS / 25);
            } else {
                wrongs += RUNS;
                wrong.passed += rates.passed;
                wrong.inconclusive += rates.inconclusive;
                wrong.right_reason += rates.right_reason;
                assert_true(rates.passed <= RUNS / 10);
            }
        }
    printf("\nright clients %d: false alarms %.2f%%, unsure %.2f%%\n"
           "wrong clients %d: misses %.2f%%, unsure %.2f%%, right reason %.1f%%\n",
           rights, 100.0 * right.failed / rights, 100.0 * right.inconclusive / rights,
           wrongs, 100.0 * wrong.passed / wrongs, 100.0 * wrong.inconclusive / wrongs,
           100.0 * wrong.right_reason / wrongs);
    assert_true(right.failed * 200 <= rights); /* half a percent */
    assert_true(right.inconclusive * 50 <= rights);
    assert_true(wrong.passed * 200 <= wrongs);
    assert_true(wrong.inconclusive * 50 <= wrongs);
    assert_true(wrong.right_reason * 10 >= wrongs * 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_rates__false_alarms_and_misses_are_rare),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
