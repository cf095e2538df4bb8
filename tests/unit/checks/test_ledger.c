/* ledger and tally: random stories on many writers against a slow and obvious count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness/checks/audience.h"
#include "harness/checks/ledger.h"
#include "proxy/base/rng.h"
#include "tests/lib/checks/judge.h"
#include "tests/lib/evidence/build.h"

enum { PUBLISHERS = 3, CONSUMERS = 2, MESSAGES = 300, STORIES = 60, FIRST_CONSUMER = 10 };

/* What becomes of one message. */
enum outcome { ACKNOWLEDGED, UNKNOWN, REFUSED, SILENT };

struct count { /* the obvious way */
    long long attempted, acknowledged, recovered, unknown, refused, arrived;
    long long prefix, middle, postfix;
};

struct fate {
    enum outcome outcome;
    bool processed[CONSUMERS];
};

static struct fate draw_fate(struct rng *rng)
{
    struct fate fate = {.outcome = SILENT};
    double u = rng_unit(rng);

    if (u < 0.9)
        fate.outcome = ACKNOWLEDGED;
    else if (u < 0.94)
        fate.outcome = UNKNOWN;
    else if (u < 0.97)
        fate.outcome = REFUSED;
    for (int c = 0; c < CONSUMERS; c++)
        fate.processed[c] = rng_unit(rng) < (fate.outcome == ACKNOWLEDGED ? 0.97 : 0.5);
    return fate;
}

static void tell(struct evidence *e, uint32_t publisher, uint64_t number,
                 const struct fate *fate)
{
    add_attempted(e, publisher, number);
    if (fate->outcome == UNKNOWN)
        add_publish_failed(e, publisher, number, EVIDENCE_UNKNOWN);
    if (fate->outcome == REFUSED)
        add_publish_failed(e, publisher, number, 0);
    if (fate->outcome == ACKNOWLEDGED)
        add_acknowledged(e, publisher, number, number + 1);
    for (uint32_t c = 0; c < CONSUMERS; c++) {
        if (!fate->processed[c])
            continue;
        add_received(e, FIRST_CONSUMER + c, publisher, number, number + 1);
        add_processed(e, FIRST_CONSUMER + c, publisher, number, number + 1);
        add_acked(e, FIRST_CONSUMER + c, publisher, number, number + 1);
    }
}

static bool everywhere(const struct fate *fate)
{
    return fate->processed[0] && fate->processed[1];
}

static void count_run(struct count *count, const struct fate *fates)
{
    int first = MESSAGES;
    int last = -1;

    for (int i = 0; i < MESSAGES; i++)
        if (fates[i].outcome == ACKNOWLEDGED && everywhere(&fates[i])) {
            first = i < first ? i : first;
            last = i;
        }
    for (int i = 0; i < MESSAGES; i++) {
        const struct fate *fate = &fates[i];
        bool there = fate->processed[0] || fate->processed[1];

        count->attempted++;
        count->acknowledged += fate->outcome == ACKNOWLEDGED;
        count->recovered += fate->outcome != ACKNOWLEDGED && there;
        count->refused += fate->outcome == REFUSED && !there;
        count->unknown += (fate->outcome == UNKNOWN || fate->outcome == SILENT) && !there;
        count->arrived += fate->outcome == ACKNOWLEDGED && everywhere(fate);
        if (fate->outcome != ACKNOWLEDGED || everywhere(fate))
            continue;
        count->prefix += i < first;
        count->middle += i > first && i < last;
        count->postfix += last >= 0 && i > last;
    }
}

static struct evidence *story(uint64_t seed, struct count *count)
{
    static const char *const confs[CONSUMERS] = {"{\"stream\":\"S\",\"durable\":\"a\"}",
                                                 "{\"stream\":\"S\",\"durable\":\"b\"}"};
    struct evidence *e = evidence_create();
    struct fate fates[MESSAGES];
    struct rng rng;

    rng_init(&rng, seed);
    *count = (struct count){0};
    for (uint32_t c = 0; c < CONSUMERS; c++)
        add_client(e, FIRST_CONSUMER + c, c == 0 ? "a" : "b", "consumer", json(confs[c]));
    for (uint32_t p = 1; p <= PUBLISHERS; p++) {
        char name[] = "p0";

        name[1] = (char)('0' + p);
        add_client(e, p, name, "publisher",
                   json("{\"stream\":\"S\",\"wait_for_ack\":\"1s\"}"));
        for (int i = 0; i < MESSAGES; i++) {
            fates[i] = draw_fate(&rng);
            tell(e, p, (uint64_t)i, &fates[i]);
        }
        count_run(count, fates);
        add_drained(e, p, true);
    }
    add_caught_up(e, FIRST_CONSUMER, EVIDENCE_HELD);
    add_caught_up(e, FIRST_CONSUMER + 1, EVIDENCE_HELD);
    return e;
}

static void test_ledger__agrees_with_a_slow_and_obvious_count(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= STORIES; seed++) {
        struct count count;
        struct evidence *e = story(seed, &count);
        struct verdict v = judge(e, "at_least_once", NULL);

        assert_verdict(&v, VERDICT_FAILED, "lost");
        assert_int_equal(verdict_integer(&v, "attempted"), count.attempted);
        assert_int_equal(verdict_integer(&v, "acknowledged"), count.acknowledged);
        assert_int_equal(verdict_integer(&v, "recovered"), count.recovered);
        assert_int_equal(verdict_integer(&v, "unknown"), count.unknown);
        assert_int_equal(verdict_integer(&v, "refused"), count.refused);
        assert_int_equal(verdict_integer(&v, "arrived"), count.arrived);
        assert_int_equal(verdict_integer(&v, "lost_prefix"), count.prefix);
        assert_int_equal(verdict_integer(&v, "lost_middle"), count.middle);
        assert_int_equal(verdict_integer(&v, "lost_postfix"), count.postfix);
        verdict_release(&v);
        evidence_close(e);
    }
}

static void test_ledger__keeps_one_page_for_a_number_far_out(void **state)
{
    struct evidence *e = evidence_create();
    struct ledger *ledger;
    const struct ledger_sheet *sheet;
    uint64_t far = (UINT64_C(1) << 36) - 1;
    int pages = 0;

    (void)state;
    add_attempted(e, 1, 5);
    add_attempted(e, 1, far);
    add_attempted(e, 1, far + 1); /* out of reach */
    assert_int_equal(ledger_create(&ledger, e, 0, UINT64_MAX, NULL), 0);
    sheet = ledger_sheet(ledger, 0, 1, 0);
    assert_non_null(sheet);
    for (uint32_t p = 0; p < sheet->page_count; p++)
        pages += sheet->pages[p] != NULL;
    assert_int_equal(pages, 2);
    assert_int_equal(ledger->out_of_reach, 1);
    assert_null(ledger_sheet(ledger, 1, 1, 0));
    assert_null(ledger_page(sheet, UINT32_MAX));
    ledger_destroy(ledger);
    evidence_close(e);
}

static void test_ledger__bounds_what_strangers_can_make_it_keep(void **state)
{
    struct evidence *e = evidence_create();
    struct ledger *ledger;

    (void)state;
    for (uint32_t i = 0; i < 3000; i++) /* every message from another client */
        add_received(e, 1, 1000 + i * 7919, UINT64_C(1) << 35, 0);
    assert_int_equal(ledger_create(&ledger, e, 0, UINT64_MAX, NULL), 0);
    assert_true(ledger->out_of_reach > 0);
    ledger_destroy(ledger);
    evidence_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger__agrees_with_a_slow_and_obvious_count),
        cmocka_unit_test(test_ledger__keeps_one_page_for_a_number_far_out),
        cmocka_unit_test(test_ledger__bounds_what_strangers_can_make_it_keep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
