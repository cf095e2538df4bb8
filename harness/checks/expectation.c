/* expectation: what a case says its checks must do, and whether they did.
 *
 * All well:  names are checked when the scenario is loaded (validate); after the run
 *            every check is held against what the case says of it: must fail (for this
 *            reason), must be inconclusive, else must pass.
 * Otherwise: the first check that decided stands in the sentence. A failure beats what
 *            could not be judged. */
#include "harness/checks/expectation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CHECK_NAMES_MAX = 64 };

/* ---- reading `expect` ---- */

static bool list_holds(const json_t *list, const char *name)
{
    const json_t *member;
    size_t i;

    json_array_foreach(list, i, member) {
        const char *text = json_string_value(member);

        if (text != NULL && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

/* Must the check called `id` fail? `*reason` is NULL where any will do. */
static bool must_fail(const json_t *expect, const char *id, const char **reason)
{
    const json_t *fails = json_object_get(expect, "fails");

    *reason = NULL;
    if (json_is_array(fails))
        return list_holds(fails, id);
    *reason = json_string_value(json_object_get(fails, id));
    return json_object_get(fails, id) != NULL;
}

static bool must_be_inconclusive(const json_t *expect, const char *id)
{
    return list_holds(json_object_get(expect, "inconclusive"), id);
}

/* ---- validate ---- */

static int name_is_known(const char *name, const char *list, struct check *const *checks,
                         int count, struct error *err)
{
    const char *ids[CHECK_NAMES_MAX];
    const char *near;
    int known = 0;
    int matches = 0;
    int i;

    for (i = 0; i < count; i++) {
        matches += strcmp(check_id(checks[i]), name) == 0;
        if (known < CHECK_NAMES_MAX)
            ids[known++] = check_id(checks[i]);
    }
    if (matches == 1)
        return 0;
    if (matches > 1) {
        error_set(err, E_SCRIPT, "expect.%s names '%s', which stands %d times in checks",
                  list, name, matches);
        error_hint(err, "give each an id: check.%s { id = \"…\" }", name);
        return E_SCRIPT;
    }
    error_set(err, E_SCRIPT, "expect.%s names '%s', which is no check of this scenario",
              list, name);
    for (i = 0; i < count; i++)
        if (strcmp(checks[i]->type->name, name) == 0) {
            error_hint(err, "check.%s has the id '%s' here", name, check_id(checks[i]));
            return E_SCRIPT;
        }
    near = error_suggest(name, ids, known);
    if (near != NULL)
        error_hint(err, "did you mean '%s'?", near);
    else
        error_hint(err, "add it to checks, or take it out of expect");
    return E_SCRIPT;
}

static int validate_list(const json_t *list, const char *which,
                         struct check *const *checks, int count, struct error *err)
{
    const json_t *member;
    size_t i;
    int rc;

    json_array_foreach(list, i, member) {
        if (!json_is_string(member)) {
            error_set(err, E_SCRIPT, "expect.%s holds something that is no name", which);
            error_hint(err, "%s = { \"backoff\" }", which);
            return E_SCRIPT;
        }
        rc = name_is_known(json_string_value(member), which, checks, count, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int add_words(const char **to, int count, const char *const *list)
{
    for (; *list != NULL && count < CHECK_NAMES_MAX; list++)
        to[count++] = *list;
    return count;
}

static bool is_word_of(const char *const *list, const char *word)
{
    for (; *list != NULL; list++)
        if (strcmp(*list, word) == 0)
            return true;
    return false;
}

static void join(char *text, size_t size, const char *const *list)
{
    size_t used = 0;
    int i;

    text[0] = '\0';
    for (i = 0; list[i] != NULL && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : ", ",
                                 list[i]);
}

/* A reason that the check never gives would be a promise that nobody can keep. */
static int reason_is_known(const char *name, const char *reason,
                           const struct check_type *type, struct error *err)
{
    const char *words[CHECK_NAMES_MAX];
    const char *near;
    char list[300];

    if (is_word_of(type->reasons, reason))
        return 0;
    error_set(err, E_SCRIPT, "expect.fails.%s: %s never fails with \"%s\"", name,
              type->name, reason);
    if (is_word_of(type->doubts, reason) || is_word_of(check_doubts, reason)) {
        error_hint(err, "that is a reason to be inconclusive: inconclusive = { \"%s\" }",
                   name);
        return E_SCRIPT;
    }
    near = error_suggest(reason, words, add_words(words, 0, type->reasons));
    join(list, sizeof list, type->reasons);
    if (near != NULL)
        error_hint(err, "did you mean \"%s\"? (there are %s)", near, list);
    else
        error_hint(err, "it fails with %s; fails = { \"%s\" } is for any", list, name);
    return E_SCRIPT;
}

static const struct check *check_called(const char *id, struct check *const *checks,
                                        int count)
{
    int i;

    for (i = 0; i < count; i++)
        if (strcmp(check_id(checks[i]), id) == 0)
            return checks[i];
    return NULL;
}

static int validate_reasons(const json_t *reasons, struct check *const *checks, int count,
                            struct error *err)
{
    const char *name;
    json_t *reason;
    int rc;

    json_object_foreach((json_t *)reasons, name, reason) {
        if (!json_is_string(reason) || json_string_length(reason) == 0) {
            error_set(err, E_SCRIPT, "expect.fails.%s is no reason", name);
            error_hint(err, "fails = { %s = \"lost\" }, or fails = { \"%s\" } for any",
                       name, name);
            return E_SCRIPT;
        }
        rc = name_is_known(name, "fails", checks, count, err);
        if (rc == 0)
            rc = reason_is_known(name, json_string_value(reason),
                                 check_called(name, checks, count)->type, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int unknown_member(const char *name, struct error *err)
{
    static const char *const names[] = {"fails", "inconclusive"};
    const char *near = error_suggest(name, names, 2);

    error_set(err, E_SCRIPT, "expect has no member '%s'", name);
    error_hint(err, "%s%s%sit takes fails and inconclusive",
               near == NULL ? "" : "did you mean '", near == NULL ? "" : near,
               near == NULL ? "" : "'? ");
    return E_SCRIPT;
}

/* A Lua table without members may arrive as a list or as an object. */
static bool is_empty_object(const json_t *json)
{
    return json_is_object(json) && json_object_size(json) == 0;
}

static int validate_shape(const json_t *expect, struct error *err)
{
    const json_t *fails = json_object_get(expect, "fails");
    const json_t *inconclusive = json_object_get(expect, "inconclusive");
    const char *name;
    json_t *value;

    if (!json_is_object(expect) && !(json_is_array(expect) && !json_array_size(expect))) {
        error_set(err, E_SCRIPT, "expect is no table");
        error_hint(err, "expect = { fails = { at_least_once = \"lost\" } }");
        return E_SCRIPT;
    }
    json_object_foreach((json_t *)expect, name, value) {
        if (strcmp(name, "fails") != 0 && strcmp(name, "inconclusive") != 0)
            return unknown_member(name, err);
    }
    if (fails != NULL && !json_is_array(fails) && !json_is_object(fails)) {
        error_set(err, E_SCRIPT, "expect.fails is no table");
        error_hint(err, "fails = { at_least_once = \"lost\" }");
        return E_SCRIPT;
    }
    if (inconclusive != NULL && !json_is_array(inconclusive) &&
        !is_empty_object(inconclusive)) {
        error_set(err, E_SCRIPT, "expect.inconclusive is no list");
        error_hint(err, "inconclusive = { \"backoff\" }");
        return E_SCRIPT;
    }
    return 0;
}

static int validate_once(const json_t *expect, struct check *const *checks, int count,
                         struct error *err)
{
    const char *reason;
    int i;

    for (i = 0; i < count; i++) {
        const char *id = check_id(checks[i]);

        if (must_fail(expect, id, &reason) && must_be_inconclusive(expect, id)) {
            error_set(err, E_SCRIPT, "expect says that '%s' fails and is inconclusive",
                      id);
            error_hint(err, "it can only be one of them");
            return E_SCRIPT;
        }
    }
    return 0;
}

int expectation_validate(const json_t *expect, struct check *const *checks, int count,
                         struct error *err)
{
    const json_t *fails;
    int rc;

    if (expect == NULL || json_is_null(expect))
        return 0;
    rc = validate_shape(expect, err);
    if (rc != 0)
        return rc;
    fails = json_object_get(expect, "fails");
    rc = json_is_object(fails) ? validate_reasons(fails, checks, count, err)
                               : validate_list(fails, "fails", checks, count, err);
    if (rc == 0)
        rc = validate_list(json_object_get(expect, "inconclusive"), "inconclusive",
                           checks, count, err);
    return rc == 0 ? validate_once(expect, checks, count, err) : rc;
}

/* ---- outcome ---- */

static void say(char *why, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(char *why, size_t size, const char *format, ...)
{
    va_list args;

    if (why == NULL || size == 0)
        return;
    va_start(args, format);
    vsnprintf(why, size, format, args);
    va_end(args);
}

/* One check against the case's word. PASSED: it did what it must. */
static enum verdict_value hold_against(const json_t *expect, const struct check *check,
                                       const struct verdict *verdict, char *why,
                                       size_t size)
{
    const char *id = check_id(check);
    const char *reason;
    bool fails = must_fail(expect, id, &reason);
    bool undecided = must_be_inconclusive(expect, id);

    if (fails && verdict->value == VERDICT_FAILED) {
        if (reason == NULL || strcmp(reason, verdict->reason) == 0)
            return VERDICT_PASSED;
        say(why, size, "%s failed for another reason than \"%s\": %s: %s", id, reason,
            verdict->reason, verdict->text);
        return VERDICT_FAILED;
    }
    if (undecided && verdict->value == VERDICT_INCONCLUSIVE)
        return VERDICT_PASSED;
    if (!fails && !undecided && verdict->value == VERDICT_PASSED)
        return VERDICT_PASSED;
    if (verdict->value == VERDICT_INCONCLUSIVE) {
        say(why, size, "%s is inconclusive%s: %s: %s", id,
            fails ? " though it must fail" : "", verdict->reason, verdict->text);
        return VERDICT_INCONCLUSIVE;
    }
    if (verdict->value == VERDICT_PASSED)
        say(why, size, "%s passed though it must %s: %s", id,
            fails ? "fail" : "be inconclusive", verdict->text);
    else
        say(why, size, "%s failed%s: %s: %s", id,
            undecided ? " though it must be inconclusive" : "", verdict->reason,
            verdict->text);
    return VERDICT_FAILED;
}

bool expectation_is_met(const json_t *expect, const struct check *check,
                        const struct verdict *verdict)
{
    return hold_against(expect, check, verdict, NULL, 0) == VERDICT_PASSED;
}

enum verdict_value expectation_outcome(const json_t *expect, struct check *const *checks,
                                       const struct verdict *verdicts, int count,
                                       char *why, size_t why_size)
{
    enum verdict_value outcome = VERDICT_PASSED;
    char text[VERDICT_TEXT_BYTES * 2];
    struct error err;
    int more = 0;
    int i;

    say(why, why_size, "%s", "");
    /* A name that belongs to no check would otherwise be a promise that nobody holds. */
    if (expectation_validate(expect, checks, count, &err) != 0) {
        say(why, why_size, "%s", err.text);
        return VERDICT_FAILED;
    }
    for (i = 0; i < count; i++) {
        enum verdict_value one =
            hold_against(expect, checks[i], &verdicts[i], text, sizeof text);

        if (one == VERDICT_PASSED)
            continue;
        more += one == outcome;
        if (outcome == VERDICT_FAILED || one == outcome)
            continue;
        outcome = one;
        more = 0;
        say(why, why_size, "%s", text);
    }
    if (more > 0 && why != NULL) {
        size_t used = strlen(why);

        say(why + used, why_size - used, " (and %d more)", more);
    }
    return outcome;
}
