/* Unit tests of the export: every field can be read, every line is JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proxy/observer.h"
#include "tests/lib/evidence/build.h"

/* The export as lines of parsed JSON: an array. Gives a new object. */
static json_t *export_lines(const struct evidence *e)
{
    char *text = NULL, *line, *rest;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    json_t *lines = json_array();

    assert_int_equal(evidence_export_jsonl(e, to, NULL), 0);
    fclose(to);
    for (line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

        if (object == NULL)
            fail_msg("no JSON: %s", line);
        json_array_append_new(lines, object);
    }
    free(text);
    return lines;
}

static const char *text_at(const json_t *lines, size_t at, const char *name)
{
    return json_string_value(json_object_get(json_array_get(lines, at), name));
}

static json_int_t number_at(const json_t *lines, size_t at, const char *name)
{
    return json_integer_value(json_object_get(json_array_get(lines, at), name));
}

static void test_export__speaks_of_clients_and_links_by_name(void **state)
{
    struct evidence *e = evidence_create();
    json_t *lines, *message;

    (void)state;
    add_client(e, 1, "orders", "publisher", NULL);
    add_client(e, 2, "worker", "consumer", NULL);
    add_link(e, 5, "worker -> n1", 2, 1);
    add_attempted_on(e, 1, 17, "orders.new");
    at_ms(e, 1500);
    add_received(e, 2, 1, 17, 18);
    add_close(e, 5, 9, 0, PROXY_BY_FAULT);
    lines = export_lines(e);
    assert_int_equal(json_array_size(lines), 7);
    assert_string_equal(text_at(lines, 4, "kind"), "attempted");
    assert_string_equal(text_at(lines, 4, "by"), "orders");
    assert_string_equal(text_at(lines, 4, "subject"), "orders.new");
    assert_string_equal(text_at(lines, 5, "by"), "worker");
    assert_string_equal(text_at(lines, 5, "client"), "orders");
    assert_int_equal(number_at(lines, 5, "a"), 18);
    assert_int_equal(number_at(lines, 5, "delivery"), 1);
    message = json_object_get(json_array_get(lines, 5), "message");
    assert_int_equal(json_integer_value(json_object_get(message, "number")), 17);
    assert_string_equal(text_at(lines, 6, "link_name"), "worker -> n1");
    assert_int_equal(number_at(lines, 6, "connection"), 9);
    assert_string_equal(json_string_value(json_array_get(
                            json_object_get(json_array_get(lines, 6), "flags"), 0)),
                        "by_fault");
    json_decref(lines);
    evidence_close(e);
}

static void test_export__counts_seconds_from_the_first_record(void **state)
{
    struct evidence *e = evidence_create();
    json_t *lines;

    (void)state;
    at_ns(e, 5000000000);
    add_note(e, "first");
    at_ns(e, 6250000001);
    add_note(e, "second");
    lines = export_lines(e);
    assert_true(json_real_value(json_object_get(json_array_get(lines, 0), "t")) == 0);
    assert_true(json_real_value(json_object_get(json_array_get(lines, 1), "t")) ==
                1.250000001);
    assert_int_equal(number_at(lines, 1, "time_ns"), 6250000001);
    json_decref(lines);
    evidence_close(e);
}

static void test_export__escapes_what_json_does_not_bear(void **state)
{
    static const char nasty[] = "a\"b\\c\nd\te\x01"
                                "f";
    struct evidence *e = evidence_create();
    json_t *lines;

    (void)state;
    add_attempted_on(e, 1, 0, nasty);
    add_attempted_on(e, 1, 1, "caf\xc3\xa9");
    add_attempted_on(e, 1, 2, "\"bad\n\xff");
    add_note(e, nasty);
    lines = export_lines(e);
    assert_string_equal(text_at(lines, 0, "subject"), nasty);
    assert_string_equal(text_at(lines, 1, "subject"), "caf\xc3\xa9");
    assert_string_equal(text_at(lines, 2, "subject"), "\"bad\n\xef\xbf\xbd");
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(json_array_get(lines, 3), "detail"), "text")),
                        nasty);
    json_decref(lines);
    evidence_close(e);
}

static void test_export__shows_a_draw_as_the_number_that_was_drawn(void **state)
{
    struct evidence *e = evidence_create();
    struct record record = {.kind = RECORD_fault_draw, .a = 3, .connection = 1};
    double u = 0.12345;
    json_t *lines;

    (void)state;
    memcpy(&record.b, &u, sizeof u);
    evidence_add(e, record, NULL, NULL);
    record.b = UINT64_MAX;
    evidence_add(e, record, NULL, NULL);
    lines = export_lines(e);
    assert_true(json_real_value(json_object_get(json_array_get(lines, 0), "u")) == u);
    assert_null(json_object_get(json_array_get(lines, 1), "u"));
    json_decref(lines);
    evidence_close(e);
}

static void test_export__keeps_numbers_that_json_readers_take(void **state)
{
    struct evidence *e = evidence_create();
    json_t *lines, *message;

    (void)state;
    add_run_end(e, -6);
    add_attempted(e, 1, UINT64_MAX);
    lines = export_lines(e);
    assert_int_equal(number_at(lines, 0, "a"), -6);
    message = json_object_get(json_array_get(lines, 1), "message");
    assert_string_equal(json_string_value(json_object_get(message, "number")),
                        "18446744073709551615");
    json_decref(lines);
    evidence_close(e);
}

static void test_export__names_a_kind_of_tomorrow_by_its_number(void **state)
{
    struct evidence *e = evidence_create();
    json_t *lines;

    (void)state;
    evidence_add(e, (struct record){.kind = 60000}, NULL, NULL);
    lines = export_lines(e);
    assert_string_equal(text_at(lines, 0, "kind"), "kind_60000");
    json_decref(lines);
    evidence_close(e);
}

static void test_export__says_when_it_cannot_write(void **state)
{
    struct evidence *e = evidence_create();
    FILE *full = fopen("/dev/full", "we");
    struct error err;

    (void)state;
    add_note(e, "x");
    assert_non_null(full);
    assert_int_equal(evidence_export_jsonl(e, full, &err), E_NOSPACE);
    assert_non_null(strstr(err.text, "write the export"));
    fclose(full);
    evidence_close(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export__speaks_of_clients_and_links_by_name),
        cmocka_unit_test(test_export__counts_seconds_from_the_first_record),
        cmocka_unit_test(test_export__escapes_what_json_does_not_bear),
        cmocka_unit_test(test_export__shows_a_draw_as_the_number_that_was_drawn),
        cmocka_unit_test(test_export__keeps_numbers_that_json_readers_take),
        cmocka_unit_test(test_export__names_a_kind_of_tomorrow_by_its_number),
        cmocka_unit_test(test_export__says_when_it_cannot_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
