/* choose: which of the loaded cases are meant.
 *
 * When nothing is, the error says what there is: a filter that quietly selects nothing
 * would be a green run that tested nothing. */
#include "harness/suite/choose.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/suite/select.h"

enum { WORDS_MAX = 512, LIST_BYTES = 320 };

/* A small set of words that exist, for lists and suggestions. All borrowed. */
struct words {
    const char *word[WORDS_MAX];
    int count;
};

static void words_add(struct words *words, const char *word)
{
    if (word == NULL || word[0] == '\0' || words->count == WORDS_MAX)
        return;
    for (int i = 0; i < words->count; i++) {
        if (strcmp(words->word[i], word) == 0)
            return;
    }
    words->word[words->count++] = word;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "a, b, c", cut with "..." when there are many. */
static const char *words_list(struct words *words, char *text, size_t size)
{
    size_t used = 0;

    qsort(words->word, (size_t)words->count, sizeof *words->word, by_text);
    text[0] = '\0';
    for (int i = 0; i < words->count; i++) {
        const char *comma = i > 0 ? ", " : "";

        if (used + strlen(words->word[i]) + 8 > size) {
            snprintf(text + used, size - used, "%s...", comma);
            break;
        }
        used += (size_t)snprintf(text + used, size - used, "%s%s", comma, words->word[i]);
    }
    return text;
}

/* ---- does it match ---- */

static void value_text(char *text, size_t size, const json_t *value)
{
    if (json_is_string(value))
        snprintf(text, size, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, size, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, size, "%g", json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(text, size, "%s", json_is_true(value) ? "true" : "false");
    else
        snprintf(text, size, "?");
}

static bool pair_matches(const struct script_case *which, const char *pair, size_t size)
{
    char name[128], have[256];
    const char *equals = memchr(pair, '=', size);
    const json_t *value;
    size_t value_size;

    if (equals == NULL)
        return false;
    snprintf(name, sizeof name, "%.*s", (int)(equals - pair), pair);
    value = json_object_get(which->values, name);
    if (value == NULL)
        return false;
    value_text(have, sizeof have, value);
    value_size = size - (size_t)(equals + 1 - pair);
    return strlen(have) == value_size && strncmp(have, equals + 1, value_size) == 0;
}

bool choose_case_matches(const struct script_case *which, const char *word)
{
    if (strcmp(which->name, word) == 0 || strcmp(which->id, word) == 0)
        return true;
    if (strchr(word, '=') == NULL)
        return false;
    for (;;) {
        size_t size = strcspn(word, ",");

        if (!pair_matches(which, word, size))
            return false;
        if (word[size] == '\0')
            return true;
        word += size + 1;
    }
}

static bool is_meant(const struct script_case *which, const struct selector *selector,
                     const char *case_name)
{
    struct selector_subject subject = {
        .id = which->id, .file = which->file, .tags = which->tags};

    if (selector != NULL && !selector_matches(selector, &subject))
        return false;
    return case_name == NULL || choose_case_matches(which, case_name);
}

/* ---- nothing matched ---- */

static void collect_tags(struct words *tags, const struct script_case *which)
{
    const json_t *tag;
    size_t i;

    json_array_foreach(which->tags, i, tag)
        words_add(tags, json_string_value(tag));
}

typedef void collect_fn(struct words *words, const struct script_case *which);

static void collect(struct words *words, struct script *const *scripts, int count,
                    collect_fn *take)
{
    for (int s = 0; s < count; s++) {
        for (int c = 0; c < script_case_count(scripts[s]); c++)
            take(words, script_case_at(scripts[s], c));
    }
}

static void collect_case(struct words *names, const struct script_case *which)
{
    words_add(names, which->name[0] != '\0' ? which->name : which->id);
}

static void collect_scenario(struct words *names, const struct script_case *which)
{
    words_add(names, which->scenario);
}

/* The first word of the expression that no case has, if something near exists. */
static const char *near_word(const struct selector *selector, const struct words *tags)
{
    const char *word;

    for (int i = 0; (word = selector_word(selector, i)) != NULL; i++) {
        const char *near = error_suggest(word, tags->word, tags->count);

        if (near != NULL && strcmp(near, word) != 0)
            return near;
    }
    return NULL;
}

static int no_expression_match(struct script *const *scripts, int count,
                               const char *expression, const struct selector *selector,
                               struct error *err)
{
    struct words tags = {.count = 0}, names = {.count = 0};
    char list[LIST_BYTES];
    const char *near;

    collect(&tags, scripts, count, collect_tags);
    collect(&names, scripts, count, collect_case);
    near = near_word(selector, &tags);
    if (near == NULL)
        near = near_word(selector, &names);
    if (tags.count > 0) {
        error_set(err, E_NOTHING, "nothing matches -k '%.200s'; tags here: %s",
                  expression, words_list(&tags, list, sizeof list));
    } else {
        names.count = 0;
        collect(&names, scripts, count, collect_scenario);
        error_set(err, E_NOTHING, "nothing matches -k '%.200s'; scenarios here: %s",
                  expression, words_list(&names, list, sizeof list));
    }
    if (near != NULL)
        error_hint(err, "did you mean -k %s?", near);
    else
        error_hint(err, "see what there is: stormdrill list");
    return E_NOTHING;
}

static int no_case_match(struct script *const *scripts, int count, const char *case_name,
                         struct error *err)
{
    struct words names = {.count = 0};
    char list[LIST_BYTES];
    const char *near;

    collect(&names, scripts, count, collect_case);
    near = error_suggest(case_name, names.word, names.count);
    if (near != NULL)
        error_set(err, E_NOTHING, "no case is called '%.100s'; did you mean '%s'?",
                  case_name, near);
    else
        error_set(err, E_NOTHING, "no case is called '%.100s'", case_name);
    error_hint(err, "cases here: %s", words_list(&names, list, sizeof list));
    return E_NOTHING;
}

/* ---- the choice ---- */

static int add(struct choice *choice, const struct script *script,
               const struct script_case *which, struct error *err)
{
    size_t size = (size_t)choice->count + 1;
    const struct script_case **cases =
        realloc(choice->cases, size * sizeof *choice->cases);
    const struct script **scripts;

    if (cases == NULL)
        return error_set(err, E_NOMEM, "list of cases");
    choice->cases = cases;
    scripts = realloc(choice->scripts, size * sizeof *choice->scripts);
    if (scripts == NULL)
        return error_set(err, E_NOMEM, "list of cases");
    choice->scripts = scripts;
    cases[choice->count] = which;
    scripts[choice->count++] = script;
    return 0;
}

int choose_cases(struct choice *out, struct script *const *scripts, int script_count,
                 const char *expression, const char *case_name, struct error *err)
{
    struct selector *selector = NULL;
    int rc = 0;

    memset(out, 0, sizeof *out);
    if (expression != NULL)
        rc = selector_create(&selector, expression, err);
    for (int s = 0; rc == 0 && s < script_count; s++) {
        for (int c = 0; rc == 0 && c < script_case_count(scripts[s]); c++) {
            const struct script_case *which = script_case_at(scripts[s], c);

            if (is_meant(which, selector, case_name))
                rc = add(out, scripts[s], which, err);
        }
    }
    if (rc == 0 && out->count == 0)
        rc = case_name != NULL
                 ? no_case_match(scripts, script_count, case_name, err)
                 : no_expression_match(scripts, script_count, expression, selector, err);
    selector_destroy(selector);
    return rc;
}

void choose_release(struct choice *choice)
{
    free(choice->cases);
    free(choice->scripts);
    memset(choice, 0, sizeof *choice);
}

/* ---- --set ---- */

json_t *choose_set(const struct script_case *which, const json_t *set)
{
    json_t *own = json_object();
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)set, name, value) {
        if (json_object_get(which->params, name) != NULL)
            json_object_set(own, name, value);
    }
    return own;
}

static int unknown_parameter(const struct choice *choice, const char *name,
                             struct error *err)
{
    struct words known = {.count = 0};
    char list[LIST_BYTES];
    const char *near;

    for (int i = 0; i < choice->count; i++) {
        const char *param;
        json_t *value;

        json_object_foreach(choice->cases[i]->params, param, value)
            words_add(&known, param);
    }
    near = error_suggest(name, known.word, known.count);
    if (near != NULL)
        error_set(err, E_USAGE, "no scenario has a parameter '%.60s'; did you mean '%s'?",
                  name, near);
    else
        error_set(err, E_USAGE, "no scenario has a parameter '%.60s'", name);
    if (known.count > 0)
        error_hint(err, "parameters here: %s", words_list(&known, list, sizeof list));
    else
        error_hint(err, "the scenarios chosen have no parameters at all");
    return E_USAGE;
}

int choose_check_set(const struct choice *choice, const json_t *set, struct error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)set, name, value) {
        bool known = false;

        for (int i = 0; i < choice->count; i++)
            known |= json_object_get(choice->cases[i]->params, name) != NULL;
        if (!known)
            return unknown_parameter(choice, name, err);
    }
    for (int i = 0; i < choice->count; i++) {
        json_t *own = choose_set(choice->cases[i], set);
        json_t *params = NULL;
        int rc = script_params(choice->cases[i], own, &params, err);

        json_decref(own);
        json_decref(params);
        if (rc != 0) {
            /* A bad value on the command line is the caller's, not the author's. */
            if (err != NULL)
                err->code = E_USAGE;
            return E_USAGE;
        }
    }
    return 0;
}

const char *choose_case_word(const struct script *script, const struct script_case *which)
{
    int same = 0;

    assert(script_case_count(script) > 0);
    for (int c = 0; c < script_case_count(script); c++)
        same += strcmp(script_case_at(script, c)->name, which->name) == 0;
    return which->name[0] != '\0' && same == 1 ? which->name : which->id;
}
