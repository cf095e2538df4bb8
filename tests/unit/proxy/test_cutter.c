/* cutter: every fault that acts on bytes gives the same bytes, and the same end, however
 * its input is cut; with `after` in bytes it begins at that byte in every run. */
#include "tests/lib/proxy/cutter.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/plane.h"

enum { SIZE = 40000, AFTER = 12345 };

/* What each is run with, and how much of SIZE comes out without `after`. */
struct run {
    const char *type;
    const char *words;
    enum cutter_same same;
    size_t comes_out;
    bool whole; /* acts on whole connections: no `after` in bytes */
};

/* slice draws sizes per read, latency its jitter: their times hang on the cuts. */
static const struct run runs[] = {
    {"blackhole", "", CUTTER_SAME_TIMES, 0, false},
    {"close_after", "time=1s", CUTTER_SAME_TIMES, SIZE, false},
    {"corrupt", "rate=2% bits=3", CUTTER_SAME_TIMES, SIZE, false},
    {"half_open", "", CUTTER_SAME_TIMES, 0, true},
    {"idle_kill", "idle=1s", CUTTER_SAME_TIMES, SIZE, true},
    {"latency", "base=20ms jitter=10ms", CUTTER_SAME_BYTES, SIZE, false},
    {"latency", "base=20ms", CUTTER_SAME_TIMES, SIZE, false},
    {"limit", "bytes=7777", CUTTER_SAME_TIMES, 7777, false},
    {"limit", "bytes=7777 with=rst", CUTTER_SAME_TIMES, 7777, false},
    {"limit", "bytes=0", CUTTER_SAME_TIMES, 0, false},
    {"reset", "trigger=data wait=1s", CUTTER_SAME_TIMES, 0, false},
    {"rto_stall", "loss=20% rto=50ms", CUTTER_SAME_TIMES, SIZE, false},
    {"slice", "size=50 variation=20", CUTTER_SAME_BYTES, SIZE, false},
    {"slow_close", "delay=1s", CUTTER_SAME_TIMES, SIZE, false},
    {"stall", "", CUTTER_SAME_TIMES, 0, false},
    {"throttle", "rate=100KB/s", CUTTER_SAME_TIMES, SIZE, false},
};

enum { RUNS = sizeof runs / sizeof runs[0] };

/* A fault that is added must be added here, too. */
static void test_cutter__knows_every_fault_that_acts_on_bytes(void **state)
{
    const struct fault_type *type;

    (void)state;
    for (int i = 0; (type = fault_type_at(i)) != NULL; i++) {
        bool known = !fault_has_bytes(type);

        for (size_t k = 0; k < RUNS; k++)
            known |= strcmp(runs[k].type, type->name) == 0;
        if (!known)
            fail_msg("%s is cut in no test", type->name);
    }
}

static void test_cutter__gets_the_same_bytes_from_every_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < RUNS; i++) {
        size_t size;

        free(cutter_compare(runs[i].type, runs[i].words, SIZE, runs[i].same, &size));
        if (size != runs[i].comes_out)
            fail_msg("%s %s: %zu bytes came out", runs[i].type, runs[i].words, size);
    }
}

/* Up to there nothing is touched, from there on everything is as without `after`. */
static void test_cutter__gets_the_same_bytes_when_faults_begin_behind_some(void **state)
{
    (void)state;
    for (size_t i = 0; i < RUNS; i++) {
        size_t expected = runs[i].comes_out < SIZE ? AFTER + runs[i].comes_out : SIZE;
        char words[128];
        uint8_t *bytes;
        size_t size;

        if (runs[i].whole)
            continue;
        snprintf(words, sizeof words, "after=%dB %s", AFTER, runs[i].words);
        bytes = cutter_compare(runs[i].type, words, SIZE, runs[i].same, &size);
        if (size != expected)
            fail_msg("%s %s: %zu bytes came out", runs[i].type, words, size);
        for (size_t k = 0; k < AFTER; k++)
            assert_int_equal(bytes[k], lanes_pattern(k));
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cutter__knows_every_fault_that_acts_on_bytes),
        cmocka_unit_test(test_cutter__gets_the_same_bytes_from_every_fault),
        cmocka_unit_test(test_cutter__gets_the_same_bytes_when_faults_begin_behind_some),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
