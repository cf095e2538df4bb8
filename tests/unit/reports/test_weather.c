/* test_weather: one line per disturbance, one deed is one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reports/weather.h"

static json_t *fault(const char *name, const char *on, double begin_s, double end_s,
                     int touched, const char *touches)
{
    return json_pack("{s:s, s:s, s:f, s:f, s:i, s:s}", "name", name, "on", on, "begin_s",
                     begin_s, "end_s", end_s, "touched", touched, "touches", touches);
}

/* Takes `faults`. */
static void expect_page(json_t *faults, const char *wanted)
{
    const struct format_options options = {.utf8 = true};
    json_t *result = json_pack("{s:o}", "faults", faults);
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    const struct page page = {.to = to, .options = &options};

    weather_print(&page, result);
    fclose(to);
    assert_string_equal(text, wanted);
    free(text);
    json_decref(result);
}

static void test_weather__says_when_and_what_was_touched(void **state)
{
    (void)state;
    expect_page(json_pack("[o, o, o, o]",
                          fault("latency", "p->n1", 1.0474, 3.9, 1204, "chunks"),
                          fault("refuse", "p->n1", 4, 5, 1, "connections"),
                          fault("stall", "p->n1", 6, 7, 0, "directions and chunks"),
                          fault("kill", "n1", 8.25, 8.25, 1, "processes")),
                "  latency on p->n1  1.047 to 3.9 s  touched 1,204 chunks\n"
                "  refuse on p->n1  4 to 5 s  touched 1 connection\n"
                "  stall on p->n1  6 to 7 s  touched nothing\n"
                "  kill on n1 at 8.25 s\n");
}

static void test_weather__joins_the_links_of_one_client(void **state)
{
    json_t *faults = json_array();

    (void)state;
    for (int i = 1; i <= 20; i++) {
        char on[32];

        snprintf(on, sizeof on, "c#%d->n1", i);
        json_array_append_new(
            faults, fault("reset", on, 0.4 + i * 1e-4, 0.4 + i * 1e-4, 1, "connections"));
    }
    json_array_append_new(faults, fault("reset", "d->n1", 0.4, 0.4, 1, "connections"));
    expect_page(faults, "  reset on 20 links of c at 0.4 s: 20 connections\n"
                        "  reset on d->n1 at 0.4 s: 1 connection\n");
}

static void test_weather__keeps_two_moments_apart(void **state)
{
    (void)state;
    expect_page(json_pack("[o, o]", fault("stall", "c->n1", 1, 2, 3, "chunks"),
                          fault("stall", "c->n2", 3, 4, 3, "chunks")),
                "  stall on c->n1  1 to 2 s  touched 3 chunks\n"
                "  stall on c->n2  3 to 4 s  touched 3 chunks\n");
}

static void test_weather__reads_old_and_cut_results(void **state)
{
    (void)state;
    expect_page(json_pack("{}"), "");
    expect_page(json_pack("[{s:s, s:s, s:f, s:n}, {s:s, s:s, s:f, s:f, s:i}]", "name",
                          "latency", "on", "a->n1", "begin_s", 1.5, "end_s", "name",
                          "latency", "on", "b->n1", "begin_s", 2.0, "end_s", 3.0,
                          "touched", 7),
                "  latency on a->n1  from 1.5 s on\n"
                "  latency on b->n1  2 to 3 s  touched 7\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weather__says_when_and_what_was_touched),
        cmocka_unit_test(test_weather__joins_the_links_of_one_client),
        cmocka_unit_test(test_weather__keeps_two_moments_apart),
        cmocka_unit_test(test_weather__reads_old_and_cut_results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
