/* result: how cases become an exit code, totals, and results for cases that wrote none.
 *
 * The order of exit codes answers "who must act first?": an interrupted run says nothing
 * of the system; a bug of ours spoils trust in the rest; then a failed check beats
 * everything that merely kept us from looking. */
#include "harness/suite/result.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Worst first. */
static const int order[] = {
    EXIT_SIGINT,      EXIT_SIGTERM,  EXIT_BUG,          EXIT_FAILED,  EXIT_USAGE,
    EXIT_ENVIRONMENT, EXIT_SCENARIO, EXIT_INCONCLUSIVE, EXIT_NOTHING, EXIT_PASSED,
};

static int rank(int code)
{
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (order[i] == code)
            return (int)i;
    }
    return rank(EXIT_BUG);
}

int exit_code_worse(int a, int b)
{
    int at = rank(a) <= rank(b) ? rank(a) : rank(b);

    assert(at >= 0);
    assert(at < (int)(sizeof order / sizeof *order));
    return order[at];
}

static bool is_outcome(const json_t *result, const char *outcome)
{
    const char *have = json_string_value(json_object_get(result, "outcome"));

    return have != NULL && strcmp(have, outcome) == 0;
}

int result_exit_code(const json_t *cases)
{
    int code = EXIT_PASSED;
    bool any = false;
    const json_t *one;
    size_t i;

    json_array_foreach(cases, i, one) {
        const json_t *own = json_object_get(one, "exit_code");

        /* A skipped case is neither passed nor failed; asked for by name it carries a
         * code of its own (4). */
        if (is_outcome(one, "skipped") && json_integer_value(own) == 0)
            continue;
        any = true;
        code = exit_code_worse(code, json_is_integer(own) ? (int)json_integer_value(own)
                                                          : EXIT_BUG);
    }
    return any ? code : EXIT_NOTHING;
}

json_t *result_totals(const json_t *cases)
{
    static const char *const outcomes[] = {"passed", "failed",  "inconclusive",
                                           "error",  "skipped", "interrupted"};
    json_t *totals = json_object();

    for (size_t o = 0; o < sizeof outcomes / sizeof *outcomes; o++) {
        json_int_t count = 0;
        const json_t *one;
        size_t i;

        json_array_foreach(cases, i, one)
            count += is_outcome(one, outcomes[o]);
        json_object_set_new(totals, outcomes[o], json_integer(count));
    }
    return totals;
}

json_t *result_error_write(const struct error *error)
{
    if (error == NULL || error->code == 0)
        return json_null();
    return json_pack("{s:s, s:s, s:s, s:s}", "code", error_name(error->code), "text",
                     error->text, "where", error->where, "hint", error->hint);
}

static void read_member(char *to, size_t size, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    if (text != NULL)
        snprintf(to, size, "%s", text);
}

void result_error_read(struct error *error, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "code"));

    error_clear(error);
    if (name == NULL)
        return;
    error->code = E_INTERNAL;
#define X(code_name, value, words, exit_code)                                            \
    if (strcmp(name, #code_name) == 0)                                                   \
        error->code = code_name;
    ERROR_CODES(X)
#undef X
    read_member(error->text, sizeof error->text, object, "text");
    read_member(error->where, sizeof error->where, object, "where");
    read_member(error->hint, sizeof error->hint, object, "hint");
}

json_t *result_create(const json_t *spec_object, const char *outcome, int exit_code,
                      const struct error *error, const char *why)
{
    static const char *const same[] = {"scenario", "case", "id",    "file",
                                       "line",     "seed", "repeat"};
    json_t *result =
        json_pack("{s:s, s:s, s:s, s:i, s:f, s:o, s:n, s:[], s:[], s:[]}", "schema",
                  RESULT_SCHEMA, "outcome", outcome, "why", why != NULL ? why : "",
                  "exit_code", exit_code, "duration_s", 0.0, "error",
                  result_error_write(error), "expect", "checks", "phases", "faults");

    assert(spec_object != NULL);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        json_t *value = json_object_get(spec_object, same[i]);

        if (value != NULL)
            json_object_set(result, same[i], value);
    }
    return result;
}
