/* Unit tests of warnings: what was said in passing, in the order of time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "harness/suite/warnings.h"
#include "proxy/base/clock.h"

static void add_warning(struct evidence *evidence, uint64_t time_ns, const char *text,
                        const char *where)
{
    json_t *detail = json_pack("{s:s}", "text", text);

    if (where != NULL)
        json_object_set_new(detail, "where", json_string(where));
    evidence_add(evidence, (struct record){.kind = RECORD_warning, .time_ns = time_ns},
                 NULL, detail);
    json_decref(detail);
}

static const char *member(const json_t *list, size_t at, const char *name)
{
    return json_string_value(json_object_get(json_array_get(list, at), name));
}

static void test_warnings__tells_who_when_and_how(void **state)
{
    struct evidence *evidence = evidence_create();
    json_t *list;

    (void)state;
    evidence_add(evidence, (struct record){.kind = RECORD_run_begin, .time_ns = NS_PER_S},
                 NULL, NULL);
    add_warning(evidence, 3 * (uint64_t)NS_PER_S,
                "client 'worker' was killed by signal 9, not by the scenario", NULL);
    add_warning(evidence, 4 * (uint64_t)NS_PER_S, "a task failed", "x.lua:5");
    list = warnings_of(evidence);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(member(list, 0, "text"),
                        "client 'worker' was killed by signal 9, not by the scenario");
    assert_true(json_real_value(json_object_get(json_array_get(list, 0), "t")) == 2.0);
    assert_string_equal(member(list, 0, "where"), "");
    assert_string_equal(member(list, 1, "where"), "x.lua:5");
    json_decref(list);
    evidence_close(evidence);
}

static void test_warnings__counts_those_that_are_too_many(void **state)
{
    struct evidence *evidence = evidence_create();
    char text[32];
    json_t *list;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "warning %u", i);
        add_warning(evidence, (i + 1) * (uint64_t)NS_PER_S, text, NULL);
    }
    list = warnings_of(evidence);
    assert_int_equal(json_array_size(list), 20);
    assert_string_equal(member(list, 18, "text"), "warning 18");
    assert_string_equal(member(list, 19, "text"),
                        "and 81 more warnings; export shows them all");
    json_decref(list);
    evidence_close(evidence);
}

static void test_warnings__has_none_where_all_was_quiet(void **state)
{
    struct evidence *evidence = evidence_create();
    json_t *list;

    (void)state;
    evidence_add(evidence, (struct record){.kind = RECORD_run_begin}, NULL, NULL);
    list = warnings_of(evidence);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    evidence_close(evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warnings__tells_who_when_and_how),
        cmocka_unit_test(test_warnings__counts_those_that_are_too_many),
        cmocka_unit_test(test_warnings__has_none_where_all_was_quiet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
