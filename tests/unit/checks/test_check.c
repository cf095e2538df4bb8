/* check: how one is asked for, written and read, and the rules that hold for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness/checks/check.h"
#include "tests/lib/checks/judge.h"
#include "tests/lib/checks/stories.h"
#include "tests/lib/evidence/build.h"

static int create(struct check **out, const char *name, const char *params,
                  struct error *err)
{
    json_t *object = params == NULL ? NULL : json(params);
    int rc = check_create(out, name, object, "x.lua:7", err);

    json_decref(object);
    return rc;
}

static void test_check__finds_every_check_of_the_list(void **state)
{
    int count = 0;

    (void)state;
    for (; check_type_at(count) != NULL; count++) {
        const struct check_type *type = check_type_at(count);

        assert_ptr_equal(check_type_find(type->name), type);
        assert_true(strlen(type->summary) > 0);
        assert_non_null(type->judge);
        assert_non_null(type->title);
        assert_non_null(type->reasons[0]);
        assert_non_null(type->doubts[0]);
    }
    assert_true(count >= 3);
    assert_null(check_type_at(-1));
    assert_null(check_type_find("nonsense"));
}

static void test_check__suggests_a_name(void **state)
{
    struct check *check;
    struct error err;

    (void)state;
    assert_int_equal(create(&check, "at_least_one", NULL, &err), E_SCRIPT);
    assert_null(check);
    assert_non_null(strstr(err.text, "at_least_one"));
    assert_non_null(strstr(err.hint, "at_least_once"));
    assert_string_equal(err.where, "x.lua:7");
}

static void test_check__names_what_is_wrong_with_a_parameter(void **state)
{
    static const struct {
        const char *check, *params, *word;
    } bad[] = {
        {"reconnects", NULL, "within"},
        {"reconnects", "{\"within\":5}", "within"},
        {"reconnects", "{\"within\":\"5s\",\"aftr\":\"x\"}", "aftr"},
        {"backoff", "{\"first\":\"1s\",\"cap\":\"1ms\"}", "cap"},
        {"backoff", "{\"first\":\"1s\",\"jitter\":\"some\"}", "jitter"},
        {"backoff", "{\"first\":\"1s\",\"jitter\":\"150%\"}", "jitter"},
        {"backoff", "{\"first\":\"1s\",\"factor\":0.5}", "factor"},
        {"at_least_once", "{\"upto\":\"delivred\"}", "upto"},
        {"at_least_once", "{\"allow\":[\"refusd\"]}", "refusd"},
        {"at_least_once", "{\"allow\":\"refused\"}", "allow"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct check *check;
        struct error err = {.code = 0};

        assert_true(create(&check, bad[i].check, bad[i].params, &err) < 0);
        assert_null(check);
        if (strstr(err.text, bad[i].word) == NULL)
            fail_msg("\"%s\" does not name %s", err.text, bad[i].word);
        assert_string_equal(err.where, "x.lua:7");
    }
}

static void test_check__reads_back_what_it_writes(void **state)
{
    static const char *const params[] = {
        "{\"first\":\"1s\",\"cap\":\"30s\",\"jitter\":\"10%\",\"of\":\"worker\"}",
        "{\"first\":\"50ms\",\"jitter\":\"full\",\"id\":\"second\",\"reset\":false}",
        "{\"first\":\"50ms\",\"after\":\"storm\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        struct check *check;
        struct check *again;
        char title[200];
        char title_again[200];
        json_t *written;
        json_t *rewritten;

        assert_int_equal(create(&check, "backoff", params[i], NULL), 0);
        written = check_write(check);
        assert_int_equal(check_read(&again, written, NULL), 0);
        rewritten = check_write(again);
        assert_true(json_equal(written, rewritten));
        check_title(check, title, sizeof title);
        check_title(again, title_again, sizeof title_again);
        assert_string_equal(title, title_again);
        assert_string_equal(check_id(check), check_id(again));
        json_decref(written);
        json_decref(rewritten);
        check_destroy(check);
        check_destroy(again);
    }
}

static void test_check__refuses_what_is_no_check(void **state)
{
    struct check *check;
    struct error err;
    json_t *object = json("{\"params\":{}}");

    (void)state;
    assert_int_equal(check_read(&check, object, &err), E_FORMAT);
    json_decref(object);
    object = json("{\"check\":\"reconnects\",\"params\":[1]}");
    assert_int_equal(check_read(&check, object, &err), E_FORMAT);
    assert_null(check);
    json_decref(object);
}

static void test_check__has_a_title_and_an_id(void **state)
{
    struct check *check;
    char title[200];

    (void)state;
    assert_int_equal(create(&check, "reconnects",
                            "{\"within\":\"5s\",\"of\":\"worker\",\"after\":\"healed\"}",
                            NULL),
                     0);
    check_title(check, title, sizeof title);
    assert_string_equal(title, "reconnects within 5s (of worker) after \"healed\"");
    assert_string_equal(check_id(check), "reconnects");
    check_title(check, title, 12); /* cut, never past the end */
    assert_string_equal(title, "reconnects ");
    check_destroy(check);
    assert_int_equal(
        create(&check, "reconnects", "{\"within\":\"5s\",\"id\":\"soon\"}", NULL), 0);
    assert_string_equal(check_id(check), "soon");
    check_destroy(check);
}

static void test_check__cannot_say_for_a_phase_or_client_that_never_was(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 1);
    consume(e, 0, 1);
    expect_verdict(e, "at_least_once", "{\"phase\":\"storm\"}", VERDICT_INCONCLUSIVE,
                   "no_phase");
    expect_verdict(e, "at_least_once", "{\"after\":\"storm\"}", VERDICT_INCONCLUSIVE,
                   "no_phase");
    expect_verdict(e, "at_least_once", "{\"of\":\"nobody\"}", VERDICT_INCONCLUSIVE,
                   "no_client");
    evidence_close(e);
}

static void test_check__cannot_say_when_evidence_was_lost(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 1);
    consume(e, 0, 1);
    drain(e);
    add_evidence_lost(e, PRODUCER, 3);
    expect_verdict(e, "at_least_once", NULL, VERDICT_INCONCLUSIVE, "evidence_incomplete");
    expect_verdict(e, "reconnects", "{\"within\":\"1s\"}", VERDICT_INCONCLUSIVE,
                   "evidence_incomplete");
    evidence_close(e);
}

/* One lost and returned connection, and seconds of lag. */
static struct evidence *lagging(uint64_t worst_ns, json_int_t over_5ms)
{
    struct evidence *e = evidence_create();

    add_client(e, 1, "worker", "consumer", NULL);
    add_connected(e, 1);
    at_ms(e, 1000);
    add_disconnected(e, 1);
    at_ms(e, 1010);
    add_reconnected(e, 1);
    for (int i = 0; i < 10; i++) {
        at_ms(e, 2000 + (uint64_t)i * 1000);
        add(e,
            (struct record){.kind = RECORD_lag, .a = i == 0 ? worst_ns : 1000, .b = 100},
            NULL,
            i == 0 ? json_pack("{s:I, s:i, s:i}", "over_5ms", over_5ms, "over_50ms", 2,
                               "over_250ms", 0)
                   : NULL);
    }
    return e;
}

static void test_check__forgives_a_little_lag_and_no_more(void **state)
{
    static const struct {
        uint64_t worst_ms;
        json_int_t over;
        const char *params;
        enum verdict_value value;
    } cases[] = {
        {4, 0, "{\"within\":\"20ms\"}", VERDICT_PASSED},
        {20, 9, "{\"within\":\"20ms\"}", VERDICT_PASSED}, /* 9 of 1,000 */
        {20, 10, "{\"within\":\"20ms\"}", VERDICT_INCONCLUSIVE},
        {20, 500, "{\"within\":\"1s\"}", VERDICT_PASSED}, /* below a tenth */
        {249, 1, "{\"within\":\"1s\"}", VERDICT_PASSED},
        {250, 1, "{\"within\":\"1m\"}", VERDICT_INCONCLUSIVE}, /* once is enough */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct evidence *e = lagging(cases[i].worst_ms * NS_PER_MS, cases[i].over);

        expect_verdict(e, "reconnects", cases[i].params, cases[i].value,
                       cases[i].value == VERDICT_PASSED ? NULL : "harness_overloaded");
        evidence_close(e);
    }
}

static void test_check__does_not_hold_lag_against_a_check_without_times(void **state)
{
    struct evidence *e = stream_story();

    (void)state;
    publish(e, 0, 2);
    consume(e, 0, 2);
    add_lag(e, 900ull * NS_PER_MS, 10);
    expect_verdict(e, "at_least_once", NULL, VERDICT_PASSED, NULL);
    evidence_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check__finds_every_check_of_the_list),
        cmocka_unit_test(test_check__suggests_a_name),
        cmocka_unit_test(test_check__names_what_is_wrong_with_a_parameter),
        cmocka_unit_test(test_check__reads_back_what_it_writes),
        cmocka_unit_test(test_check__refuses_what_is_no_check),
        cmocka_unit_test(test_check__has_a_title_and_an_id),
        cmocka_unit_test(test_check__cannot_say_for_a_phase_or_client_that_never_was),
        cmocka_unit_test(test_check__cannot_say_when_evidence_was_lost),
        cmocka_unit_test(test_check__forgives_a_little_lag_and_no_more),
        cmocka_unit_test(test_check__does_not_hold_lag_against_a_check_without_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
