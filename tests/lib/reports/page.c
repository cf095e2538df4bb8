/* page: builds results.json as the suite writes it, and prints it. */
#include "page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

json_t *page_check(const char *id, const char *verdict, bool met, const char *reason,
                   const char *measured)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:{s:i, s:i, s:[s, i]},"
        " s:[{s:f, s:s, s:s, s:s}]}",
        "check", id, "id", id, "title", "no acknowledged message is lost", "where",
        "scenarios/x.lua:10", "met", met, "verdict", verdict, "reason", reason, "text",
        "3 acknowledged messages never came", "expected", "0 lost", "measured", measured,
        "numbers", "attempted", 2000, "lost", 3, "sums", "2000 attempted = 1997 + 3 lost",
        7, "witnesses", "t", 130.02, "writer", "c1.0.load", "kind", "acknowledged",
        "text", "message 48112");
}

json_t *page_case(const char *id, const char *scenario, const char *outcome)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:[], s:s, s:s, s:n}", "id", id,
                     "scenario", scenario, "outcome", outcome, "why", "", "duration_s",
                     54.9, "checks", "folder", "cases/x-trap", "reproduce",
                     "stormdrill run scenarios/x.lua --case trap --seed 48151623",
                     "error");
}

void page_add_check(json_t *result, json_t *check)
{
    json_array_append_new(json_object_get(result, "checks"), check);
}

json_t *page_results(json_t *cases, int repeat)
{
    static const char *const outcomes[] = {"passed", "failed",  "inconclusive",
                                           "error",  "skipped", "interrupted"};
    json_t *totals = json_object();

    for (size_t o = 0; o < sizeof outcomes / sizeof *outcomes; o++) {
        const json_t *one;
        size_t i;
        int count = 0;

        json_array_foreach(cases, i, one)
            count += strcmp(json_string_value(json_object_get(one, "outcome")),
                            outcomes[o]) == 0;
        json_object_set_new(totals, outcomes[o], json_integer(count));
    }
    return json_pack("{s:o, s:o, s:f, s:i}", "cases", cases, "totals", totals,
                     "duration_s", 663.0, "repeat", repeat);
}

/* Takes `results`; gives the page. */
char *page_print(json_t *results, const struct format_options *options)
{
    const struct format_type *format = format_type_find("terminal");
    char *page = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&page, &size);
    struct error err;

    assert_int_equal(format->print(results, options, to, &err), 0);
    fclose(to);
    json_decref(results);
    return page;
}

const struct format_options page_quiet = {.utf8 = true, .verbose = -1};
const struct format_options page_plain = {.utf8 = true, .folder = "stormdrill-out/a"};
const struct format_options page_verbose = {.utf8 = true, .verbose = 1};

void page_expect(const char *page, const char *text)
{
    if (strstr(page, text) == NULL)
        fail_msg("'%s' is not in:\n%s", text, page);
}

void page_expect_not(const char *page, const char *text)
{
    if (strstr(page, text) != NULL)
        fail_msg("'%s' is in:\n%s", text, page);
}

const char *page_last_line(char *page)
{
    size_t size = strlen(page);
    char *at;

    assert_true(size > 0);
    assert_int_equal(page[size - 1], '\n');
    page[size - 1] = '\0';
    at = strrchr(page, '\n');
    return at != NULL ? at + 1 : page;
}
