/* judge: see judge.h. */
#include "tests/lib/checks/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct verdict judge(const struct evidence *evidence, const char *name,
                     const char *params)
{
    json_t *object = params == NULL ? NULL : json_loads(params, 0, NULL);
    struct check *check = NULL;
    struct cast *cast = NULL;
    struct verdict verdict;
    struct error err = {.code = 0};

    if (params != NULL && object == NULL)
        fail_msg("no JSON: %s", params);
    if (check_create(&check, name, object, "by-hand.lua:1", &err) != 0)
        fail_msg("check.%s: %s", name, err.text);
    if (cast_create(&cast, evidence, &err) != 0)
        fail_msg("cast: %s", err.text);
    check_judge(check, evidence, cast, &verdict);
    cast_destroy(cast);
    check_destroy(check);
    json_decref(object);
    return verdict;
}

void assert_verdict(const struct verdict *verdict, enum verdict_value value,
                    const char *reason)
{
    if (verdict->value == value &&
        strcmp(verdict->reason, reason == NULL ? "" : reason) == 0)
        return;
    fail_msg("expected %s \"%s\", got %s \"%s\": %s (measured: %s)",
             verdict_value_name(value), reason == NULL ? "" : reason,
             verdict_value_name(verdict->value), verdict->reason, verdict->text,
             verdict->measured);
}

void expect_verdict(const struct evidence *evidence, const char *check,
                    const char *params, enum verdict_value value, const char *reason)
{
    struct verdict verdict = judge(evidence, check, params);

    assert_verdict(&verdict, value, reason);
    verdict_release(&verdict);
}

long long verdict_integer(const struct verdict *verdict, const char *name)
{
    const json_t *number = json_object_get(verdict->numbers, name);

    if (!json_is_integer(number))
        fail_msg("no number \"%s\"", name);
    return json_integer_value(number);
}

const char *verdict_witness_text(const struct verdict *verdict, size_t at)
{
    const json_t *witness = json_array_get(verdict->witnesses, at);
    const char *text = json_string_value(json_object_get(witness, "text"));

    return text == NULL ? "" : text;
}
