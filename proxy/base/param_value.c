/* param_value: reading a value as one of a parameter's kinds, and the field it fills.
 *
 * Reading: a JSON number becomes text first, so that `2.5`, "2.5" and base=2.5 take one
 * path. The kinds are tried in a fixed order, the narrow ones first; the first that
 * understands the text wins, then its range is checked.
 * No kind understands it: param_problem.c finds the sentence that helps most. */
#include "proxy/base/param_value.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/param_problem.h"
#include "proxy/base/quantity.h"

/* Narrow kinds first: "50%" is a percentage before it is a text. */
static const enum param_kind reading_order[] = {
    PARAM_ENUM, PARAM_BOOL,      PARAM_DURATION, PARAM_PERCENT, PARAM_FRACTION,
    PARAM_RATE, PARAM_BYTE_RATE, PARAM_INTEGER,  PARAM_BYTES,   PARAM_NUMBER,
};

bool param_is_union(const struct param *p)
{
    assert(p->kinds != 0);
    return (p->kinds & (p->kinds - 1)) != 0;
}

static enum quantity_status read_choice(const struct param *p, const char *text, int *out)
{
    for (int i = 0; p->choices != NULL && p->choices[i] != NULL; i++) {
        if (strcmp(p->choices[i], text) == 0) {
            *out = i;
            return QUANTITY_OK;
        }
    }
    return QUANTITY_NO_NUMBER;
}

static enum quantity_status read_flag(const char *text, bool *out)
{
    bool is_true = strcmp(text, "true") == 0;

    if (!is_true && strcmp(text, "false") != 0)
        return QUANTITY_NO_NUMBER;
    *out = is_true;
    return QUANTITY_OK;
}

/* A fraction is a number or a percentage: 0.5 or "50%". */
static enum quantity_status read_fraction(const char *text, double *out)
{
    enum quantity_status status = quantity_number(text, out);

    return status == QUANTITY_NO_NUMBER ? quantity_percent(text, out) : status;
}

static enum quantity_status read_as(const struct param *p, enum param_kind kind,
                                    const char *text, struct param_value *v)
{
    v->kind = kind;
    switch (kind) {
    case PARAM_DURATION:
        return quantity_duration(text, &v->ns);
    case PARAM_BYTES:
        return quantity_bytes(text, &v->bytes);
    case PARAM_RATE:
        return quantity_rate(text, &v->number);
    case PARAM_BYTE_RATE:
        return quantity_byte_rate(text, &v->number);
    case PARAM_PERCENT:
        return quantity_percent(text, &v->number);
    case PARAM_FRACTION:
        return read_fraction(text, &v->number);
    case PARAM_INTEGER:
        return quantity_integer(text, &v->integer);
    case PARAM_NUMBER:
        return quantity_number(text, &v->number);
    case PARAM_BOOL:
        return read_flag(text, &v->flag);
    case PARAM_ENUM:
        return read_choice(p, text, &v->choice);
    case PARAM_TEXT:
    case PARAM_JSON:
        break;
    }
    return QUANTITY_NO_NUMBER;
}

static int compare(const struct param_value *a, const struct param_value *b)
{
    assert(a->kind == b->kind);
    switch (a->kind) {
    case PARAM_DURATION:
    case PARAM_BYTES:
        return (a->bytes > b->bytes) - (a->bytes < b->bytes);
    case PARAM_INTEGER:
        return (a->integer > b->integer) - (a->integer < b->integer);
    default:
        return (a->number > b->number) - (a->number < b->number);
    }
}

bool param_value_in_range(const struct param *p, const struct param_value *value)
{
    const unsigned ordered = PARAM_DURATION | PARAM_BYTES | PARAM_RATE | PARAM_BYTE_RATE |
                             PARAM_PERCENT | PARAM_FRACTION | PARAM_INTEGER |
                             PARAM_NUMBER;
    struct param_value bound = {.kind = value->kind};

    if ((value->kind & ordered) == 0)
        return true;
    if (p->min != NULL && read_as(p, value->kind, p->min, &bound) == QUANTITY_OK &&
        compare(value, &bound) < 0)
        return false;
    return p->max == NULL || read_as(p, value->kind, p->max, &bound) != QUANTITY_OK ||
           compare(value, &bound) <= 0;
}

static int read_as_text(const char *text, const char *what, struct param_value *out,
                        struct error *err)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return error_set(err, E_NOMEM, "%s", what);
    *out = (struct param_value){.kind = PARAM_TEXT, .text = copy};
    return 0;
}

/* `bare`: the text was a JSON number, so it cannot be meant as text. */
static int read_text(const struct param *p, const char *text, bool bare, const char *what,
                     struct param_value *out, struct error *err)
{
    const size_t count = sizeof reading_order / sizeof reading_order[0];

    for (size_t i = 0; i < count; i++) {
        struct param_value value = {.kind = 0};

        if ((p->kinds & reading_order[i]) == 0 ||
            read_as(p, reading_order[i], text, &value) != QUANTITY_OK)
            continue;
        if (!param_value_in_range(p, &value))
            return param_problem_range(p, text, what, err);
        *out = value;
        return 0;
    }
    if ((p->kinds & PARAM_TEXT) != 0 && !bare)
        return read_as_text(text, what, out, err);
    return param_problem_text(p, text, bare, what, err);
}

static int read_json_copy(const json_t *json, const char *what, struct param_value *out,
                          struct error *err)
{
    json_t *copy = json_deep_copy(json);

    if (copy == NULL)
        return error_set(err, E_NOMEM, "%s", what);
    *out = (struct param_value){.kind = PARAM_JSON, .json = copy};
    return 0;
}

static int read_string(const struct param *p, const json_t *json, const char *what,
                       struct param_value *out, struct error *err)
{
    const char *text = json_string_value(json);

    if (strlen(text) != json_string_length(json))
        return error_set(err, E_PARAM, "%s holds a zero byte", what);
    /* JSON comes last: for a parameter that is also a duration, "5s" is one. */
    if (p->kinds == PARAM_JSON)
        return read_json_copy(json, what, out, err);
    return read_text(p, text, false, what, out, err);
}

int param_value_read(const struct param *p, const json_t *json, const char *what,
                     struct param_value *out, struct error *err)
{
    char text[QUANTITY_TEXT_MAX];

    *out = (struct param_value){.kind = 0};
    switch (json_typeof(json)) {
    case JSON_STRING:
        return read_string(p, json, what, out, err);
    case JSON_INTEGER:
        if (p->kinds == PARAM_JSON)
            return read_json_copy(json, what, out, err);
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(json));
        return read_text(p, text, true, what, out, err);
    case JSON_REAL:
        if (p->kinds == PARAM_JSON)
            return read_json_copy(json, what, out, err);
        if (!isfinite(json_real_value(json)))
            return error_set(err, E_PARAM, "%s must be a finite number", what);
        quantity_number_text(json_real_value(json), text, sizeof text);
        return read_text(p, text, true, what, out, err);
    case JSON_TRUE:
    case JSON_FALSE:
        if ((p->kinds & PARAM_BOOL) != 0) {
            *out = (struct param_value){.kind = PARAM_BOOL, .flag = json_is_true(json)};
            return 0;
        }
        break;
    default:
        break;
    }
    if ((p->kinds & PARAM_JSON) != 0 && !json_is_null(json))
        return read_json_copy(json, what, out, err);
    return param_problem_type(p, json, what, err);
}

int param_value_read_text(const struct param *p, const char *text, const char *what,
                          struct param_value *out, struct error *err)
{
    *out = (struct param_value){.kind = 0};
    return read_text(p, text, false, what, out, err);
}

bool param_value_copy(struct param_value *to, const struct param_value *from)
{
    *to = *from;
    if (from->kind == PARAM_TEXT && from->text != NULL) {
        to->text = strdup(from->text);
        return to->text != NULL;
    }
    if (from->kind == PARAM_JSON && from->json != NULL) {
        to->json = json_deep_copy(from->json);
        return to->json != NULL;
    }
    return true;
}

void param_value_release(struct param_value *value)
{
    if (value->kind == PARAM_TEXT)
        free(value->text);
    if (value->kind == PARAM_JSON)
        json_decref(value->json);
    *value = (struct param_value){.kind = 0};
}
