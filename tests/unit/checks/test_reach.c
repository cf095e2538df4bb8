/* reach: which faults excuse whom, seen through the check `reconnects`: one that spared a
 * client, one that rests, one that has not begun, and those that let nobody through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/checks/judge.h"
#include "tests/lib/checks/stories.h"
#include "tests/lib/evidence/build.h"

enum { CLIENT = 1, NODE = 1, LINK = 1 };

static const char *const within_1s = "{\"within\":\"1s\"}";

static void expect(struct evidence *e, const char *params, enum verdict_value value,
                   const char *reason)
{
    expect_verdict(e, "reconnects", params, value, reason);
    evidence_close(e);
}

/* A refusal of one connection in ten thousand that hits none is no excuse. */
static void test_reach__excuses_nobody_whom_the_fault_spared(void **state)
{
    struct record begin = {.kind = RECORD_fault_begin, .a = 5, .link = LINK};
    struct record draw = {.kind = RECORD_fault_draw, .a = 5, .link = LINK};
    struct evidence *e;
    int hit;

    (void)state;
    for (hit = 0; hit <= 1; hit++) {
        e = connected_story(CLIENT, NODE, LINK);
        at_ms(e, 1000);
        add(e, begin, NULL,
            json("{\"fault\":\"refuse\",\"params\":{\"probability\":0.0001}}"));
        add_disconnected(e, CLIENT);
        at_ms(e, 1500);
        draw.flags = hit ? EVIDENCE_HELD : 0;
        add(e, draw, NULL, NULL);
        at_ms(e, 4000);
        add_reconnected(e, CLIENT);
        at_ms(e, 8000);
        add_fault_heal(e, 5, LINK, hit ? 1 : 0);
        end_at(e, 9000);
        if (hit)
            expect(e, within_1s, VERDICT_PASSED, NULL);
        else
            expect(e, within_1s, VERDICT_FAILED, "late");
    }
}

static void rest(struct evidence *e, bool resting)
{
    struct record change = {.kind = RECORD_fault_change, .a = 5, .link = LINK};

    add(e, change, NULL,
        json(resting ? "{\"fault\":\"stall\",\"resting\":true}"
                     : "{\"fault\":\"stall\",\"resting\":false}"));
}

/* A fault that rests keeps nobody out: a rest is a chance, its end is none. */
static void test_reach__counts_from_when_a_fault_came_to_rest(void **state)
{
    static const uint64_t back_ms[] = {4700, 6500};
    struct evidence *e;
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        e = connected_story(CLIENT, NODE, LINK);
        at_ms(e, 1000);
        add_fault_begin(e, 5, LINK, "stall", "worker->n1");
        add_disconnected(e, CLIENT);
        at_ms(e, 4000);
        rest(e, true);
        if (i == 0) {
            at_ms(e, back_ms[i]);
            add_reconnected(e, CLIENT);
        }
        at_ms(e, 5500);
        rest(e, false);
        if (i == 1) {
            at_ms(e, back_ms[i]);
            add_reconnected(e, CLIENT);
        }
        at_ms(e, 8000);
        add_fault_heal(e, 5, LINK, 3);
        end_at(e, 9000);
        if (i == 0)
            expect(e, within_1s, VERDICT_PASSED, NULL);
        else
            expect(e, within_1s, VERDICT_FAILED, "late");
    }
}

/* A fault that was announced for later shuts nothing until it begins. */
static void test_reach__a_fault_that_has_not_begun_is_no_excuse(void **state)
{
    struct record begin = {.kind = RECORD_fault_begin, .a = 5, .link = LINK};
    struct evidence *e = connected_story(CLIENT, NODE, LINK);

    (void)state;
    at_ms(e, 1000);
    add(e, begin, NULL, json("{\"fault\":\"refuse\",\"resting\":true}"));
    add_disconnected(e, CLIENT);
    at_ms(e, 4000);
    add_reconnected(e, CLIENT);
    at_ms(e, 8000);
    add_fault_heal(e, 5, LINK, 0);
    end_at(e, 9000);
    expect(e, within_1s, VERDICT_FAILED, "late");
}

/* While one of these acts the client has no chance; while latency does it has. */
static void test_reach__knows_the_faults_that_let_nobody_through(void **state)
{
    static const struct {
        const char *fault;
        bool shuts;
    } faults[] = {{"refuse", true},      {"stall", true},       {"blackhole", true},
                  {"unreachable", true}, {"half_open", true},   {"latency", false},
                  {"throttle", false},   {"slow_accept", false}};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct evidence *e = connected_story(CLIENT, NODE, LINK);

        at_ms(e, 1000);
        add_fault_begin(e, 5, LINK, faults[i].fault, "worker->n1");
        add_disconnected(e, CLIENT);
        at_ms(e, 4000);
        add_fault_heal(e, 5, LINK, 3);
        at_ms(e, 4500);
        add_reconnected(e, CLIENT);
        end_at(e, 9000);
        if (faults[i].shuts)
            expect(e, within_1s, VERDICT_PASSED, NULL);
        else
            expect(e, within_1s, VERDICT_FAILED, "late");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reach__excuses_nobody_whom_the_fault_spared),
        cmocka_unit_test(test_reach__counts_from_when_a_fault_came_to_rest),
        cmocka_unit_test(test_reach__a_fault_that_has_not_begun_is_no_excuse),
        cmocka_unit_test(test_reach__knows_the_faults_that_let_nobody_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
