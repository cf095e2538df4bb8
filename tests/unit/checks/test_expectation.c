/* expectation: a case passes only if exactly those checks fail that must, for that
 * reason, exactly those are inconclusive that must, and the rest passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/checks/expectation.h"
#include "tests/lib/evidence/build.h"

enum { CHECKS = 3 };

/* at_least_once, reconnects, and a second reconnects called "soon". */
struct bench {
    struct check *checks[CHECKS];
    struct verdict verdicts[CHECKS];
    char why[1024];
};

static void set(struct verdict *verdict, enum verdict_value value, const char *reason)
{
    if (value == VERDICT_PASSED)
        verdict_pass(verdict, "well");
    else if (value == VERDICT_FAILED)
        verdict_fail(verdict, reason, "not well");
    else
        verdict_inconclusive(verdict, reason, "who knows");
}

static struct bench bench(void)
{
    static const char *const params[CHECKS] = {NULL, "{\"within\":\"5s\"}",
                                               "{\"within\":\"1s\",\"id\":\"soon\"}"};
    struct bench b = {.why = ""};

    for (int i = 0; i < CHECKS; i++) {
        json_t *object = params[i] == NULL ? NULL : json(params[i]);

        assert_int_equal(check_create(&b.checks[i],
                                      i == 0 ? "at_least_once" : "reconnects", object,
                                      "x.lua:1", NULL),
                         0);
        json_decref(object);
        verdict_init(&b.verdicts[i]);
        set(&b.verdicts[i], VERDICT_PASSED, NULL);
    }
    return b;
}

static void done(struct bench *b)
{
    for (int i = 0; i < CHECKS; i++) {
        check_destroy(b->checks[i]);
        verdict_release(&b->verdicts[i]);
    }
}

static enum verdict_value outcome(struct bench *b, const char *expect)
{
    json_t *object = expect == NULL ? NULL : json(expect);
    enum verdict_value value = expectation_outcome(object, b->checks, b->verdicts, CHECKS,
                                                   b->why, sizeof b->why);

    json_decref(object);
    return value;
}

static int validate(struct bench *b, const char *expect, struct error *err)
{
    json_t *object = json(expect);
    int rc = expectation_validate(object, b->checks, CHECKS, err);

    json_decref(object);
    return rc;
}

/* ---- outcomes ---- */

static void test_expectation__without_one_all_must_pass(void **state)
{
    struct bench b = bench();

    (void)state;
    assert_int_equal(outcome(&b, NULL), VERDICT_PASSED);
    assert_string_equal(b.why, "");
    set(&b.verdicts[1], VERDICT_INCONCLUSIVE, "no_disconnect");
    assert_int_equal(outcome(&b, NULL), VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(b.why, "reconnects is inconclusive: no_disconnect"));
    set(&b.verdicts[2], VERDICT_FAILED, "late");
    assert_int_equal(outcome(&b, NULL), VERDICT_FAILED);
    assert_non_null(strstr(b.why, "soon failed: late"));
    set(&b.verdicts[0], VERDICT_FAILED, "lost");
    assert_int_equal(outcome(&b, NULL), VERDICT_FAILED);
    assert_non_null(strstr(b.why, "(and 1 more)"));
    done(&b);
}

static void test_expectation__passes_when_exactly_the_named_fail(void **state)
{
    struct bench b = bench();

    (void)state;
    set(&b.verdicts[0], VERDICT_FAILED, "lost");
    assert_int_equal(outcome(&b, "{\"fails\":{\"at_least_once\":\"lost\"}}"),
                     VERDICT_PASSED);
    assert_int_equal(outcome(&b, "{\"fails\":[\"at_least_once\"]}"), VERDICT_PASSED);
    set(&b.verdicts[2], VERDICT_FAILED, "late");
    assert_int_equal(outcome(&b, "{\"fails\":{\"at_least_once\":\"lost\"}}"),
                     VERDICT_FAILED);
    assert_int_equal(
        outcome(&b, "{\"fails\":{\"at_least_once\":\"lost\",\"soon\":\"late\"}}"),
        VERDICT_PASSED);
    done(&b);
}

static void test_expectation__fails_for_another_reason(void **state)
{
    struct bench b = bench();

    (void)state;
    set(&b.verdicts[0], VERDICT_FAILED, "refused");
    assert_int_equal(outcome(&b, "{\"fails\":{\"at_least_once\":\"lost\"}}"),
                     VERDICT_FAILED);
    assert_non_null(strstr(b.why, "another reason than \"lost\": refused"));
    assert_int_equal(outcome(&b, "{\"fails\":[\"at_least_once\"]}"), VERDICT_PASSED);
    done(&b);
}

static void test_expectation__fails_when_a_trap_does_not_snap(void **state)
{
    struct bench b = bench();

    (void)state;
    assert_int_equal(outcome(&b, "{\"fails\":[\"at_least_once\"]}"), VERDICT_FAILED);
    assert_non_null(strstr(b.why, "passed though it must fail"));
    assert_int_equal(outcome(&b, "{\"inconclusive\":[\"at_least_once\"]}"),
                     VERDICT_FAILED);
    assert_non_null(strstr(b.why, "passed though it must be inconclusive"));
    done(&b);
}

static void test_expectation__tells_inconclusive_from_failed(void **state)
{
    struct bench b = bench();

    (void)state;
    set(&b.verdicts[0], VERDICT_INCONCLUSIVE, "not_drained");
    assert_int_equal(outcome(&b, "{\"inconclusive\":[\"at_least_once\"]}"),
                     VERDICT_PASSED);
    assert_int_equal(outcome(&b, "{\"fails\":[\"at_least_once\"]}"),
                     VERDICT_INCONCLUSIVE);
    assert_non_null(strstr(b.why, "inconclusive though it must fail"));
    assert_int_equal(outcome(&b, "{}"), VERDICT_INCONCLUSIVE);
    set(&b.verdicts[0], VERDICT_FAILED, "lost");
    assert_int_equal(outcome(&b, "{\"inconclusive\":[\"at_least_once\"]}"),
                     VERDICT_FAILED);
    assert_non_null(strstr(b.why, "failed though it must be inconclusive"));
    done(&b);
}

static void test_expectation__holds_all_verdicts_against_all_words(void **state)
{
    static const char *const expects[] = {
        NULL, "{\"fails\":{\"at_least_once\":\"lost\"}}",
        "{\"fails\":[\"at_least_once\"]}", "{\"inconclusive\":[\"at_least_once\"]}"};
    static const struct {
        enum verdict_value value;
        const char *reason;
        enum verdict_value outcomes[4];
    } rows[] = {
        {VERDICT_PASSED,
         NULL,
         {VERDICT_PASSED, VERDICT_FAILED, VERDICT_FAILED, VERDICT_FAILED}},
        {VERDICT_FAILED,
         "lost",
         {VERDICT_FAILED, VERDICT_PASSED, VERDICT_PASSED, VERDICT_FAILED}},
        {VERDICT_FAILED,
         "stuck",
         {VERDICT_FAILED, VERDICT_FAILED, VERDICT_PASSED, VERDICT_FAILED}},
        {VERDICT_INCONCLUSIVE,
         "lost",
         {VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE, VERDICT_INCONCLUSIVE,
          VERDICT_PASSED}},
    };
    struct bench b = bench();

    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (size_t i = 0; i < 4; i++) {
            json_t *expect = expects[i] == NULL ? NULL : json(expects[i]);

            set(&b.verdicts[0], rows[r].value, rows[r].reason);
            assert_int_equal(outcome(&b, expects[i]), rows[r].outcomes[i]);
            assert_int_equal(expectation_is_met(expect, b.checks[0], &b.verdicts[0]),
                             rows[r].outcomes[i] == VERDICT_PASSED);
            json_decref(expect);
        }
    done(&b);
}

static void test_expectation__fails_a_case_that_names_no_check(void **state)
{
    struct bench b = bench();

    (void)state;
    assert_int_equal(outcome(&b, "{\"fails\":[\"order\"]}"), VERDICT_FAILED);
    assert_non_null(strstr(b.why, "order"));
    done(&b);
}

/* ---- validation ---- */

static void test_expectation__accepts_what_is_well_formed(void **state)
{
    static const char *const good[] = {
        "{}", "[]", "{\"fails\":{},\"inconclusive\":{}}",
        "{\"fails\":{\"at_least_once\":\"lost\"},\"inconclusive\":[\"soon\"]}",
        "{\"fails\":[\"soon\",\"at_least_once\"]}"};
    struct bench b = bench();
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (validate(&b, good[i], &err) != 0)
            fail_msg("%s: %s", good[i], err.text);
    assert_int_equal(expectation_validate(NULL, b.checks, CHECKS, &err), 0);
    done(&b);
}

static void test_expectation__names_what_is_not(void **state)
{
    static const struct {
        const char *expect, *text, *hint;
    } bad[] = {
        {"{\"fail\":[]}", "'fail'", "fails"},
        {"{\"fails\":\"lost\"}", "fails is no table", "fails = {"},
        {"{\"fails\":{\"at_least_once\":true}}", "no reason", "lost"},
        {"{\"fails\":[\"at_last_once\"]}", "at_last_once", "at_least_once"},
        {"{\"fails\":[7]}", "no name", "backoff"},
        {"{\"inconclusive\":{\"soon\":\"x\"}}", "no list", "inconclusive = {"},
        {"{\"inconclusive\":[\"sooon\"]}", "sooon", "soon"},
        {"{\"fails\":[\"soon\"],\"inconclusive\":[\"soon\"]}", "soon", "one of"},
        {"\"lost\"", "no table", "expect = {"},
    };
    struct bench b = bench();

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {.code = 0};

        assert_int_equal(validate(&b, bad[i].expect, &err), E_SCRIPT);
        if (strstr(err.text, bad[i].text) == NULL ||
            strstr(err.hint, bad[i].hint) == NULL)
            fail_msg("%s: %s (%s)", bad[i].expect, err.text, err.hint);
    }
    done(&b);
}

static void test_expectation__takes_every_reason_that_a_check_gives(void **state)
{
    struct bench b = bench();

    (void)state;
    for (int i = 0; i < CHECKS; i++)
        for (const char *const *reason = b.checks[i]->type->reasons; *reason != NULL;
             reason++) {
            char expect[128];

            snprintf(expect, sizeof expect, "{\"fails\":{\"%s\":\"%s\"}}",
                     check_id(b.checks[i]), *reason);
            assert_int_equal(validate(&b, expect, NULL), 0);
        }
    done(&b);
}

static void test_expectation__refuses_a_reason_that_no_failure_has(void **state)
{
    static const struct {
        const char *expect, *hint;
    } bad[] = {
        {"{\"fails\":{\"reconnects\":\"closd\"}}", "did you mean \"closed\"?"},
        {"{\"fails\":{\"soon\":\"never_reconected\"}}", "never_reconnected"},
        {"{\"fails\":{\"at_least_once\":\"xyzzy\"}}", "lost, stuck, refused"},
        {"{\"fails\":{\"at_least_once\":\"not_drained\"}}",
         "inconclusive = { \"at_least_once\" }"},
        {"{\"fails\":{\"reconnects\":\"harness_overloaded\"}}",
         "inconclusive = { \"reconnects\" }"},
    };
    struct bench b = bench();

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {.code = 0};

        assert_int_equal(validate(&b, bad[i].expect, &err), E_SCRIPT);
        assert_non_null(strstr(err.text, "never fails with"));
        if (strstr(err.hint, bad[i].hint) == NULL)
            fail_msg("\"%s\" does not say %s", err.hint, bad[i].hint);
    }
    done(&b);
}

static void test_expectation__wants_an_id_where_a_check_stands_twice(void **state)
{
    struct bench b = bench();
    struct error err;
    json_t *object = json("{\"within\":\"9s\"}");

    (void)state;
    check_destroy(b.checks[2]);
    assert_int_equal(check_create(&b.checks[2], "reconnects", object, "x.lua:2", NULL),
                     0);
    json_decref(object);
    assert_int_equal(validate(&b, "{\"fails\":[\"reconnects\"]}", &err), E_SCRIPT);
    assert_non_null(strstr(err.text, "stands 2 times"));
    assert_non_null(strstr(err.hint, "id"));
    assert_int_equal(validate(&b, "{\"fails\":[\"at_least_once\"]}", &err), 0);
    done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expectation__without_one_all_must_pass),
        cmocka_unit_test(test_expectation__passes_when_exactly_the_named_fail),
        cmocka_unit_test(test_expectation__fails_for_another_reason),
        cmocka_unit_test(test_expectation__fails_when_a_trap_does_not_snap),
        cmocka_unit_test(test_expectation__tells_inconclusive_from_failed),
        cmocka_unit_test(test_expectation__holds_all_verdicts_against_all_words),
        cmocka_unit_test(test_expectation__fails_a_case_that_names_no_check),
        cmocka_unit_test(test_expectation__accepts_what_is_well_formed),
        cmocka_unit_test(test_expectation__names_what_is_not),
        cmocka_unit_test(test_expectation__takes_every_reason_that_a_check_gives),
        cmocka_unit_test(test_expectation__refuses_a_reason_that_no_failure_has),
        cmocka_unit_test(test_expectation__wants_an_id_where_a_check_stands_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
