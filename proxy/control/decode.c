/* decode: members of an object, by Go's rules. */
#include "proxy/control/decode.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proxy/control/syntax.h"

enum { WHERE_BYTES = 128, KIND_BYTES = 48 };

bool decode_lacked_memory(const json_error_t *problem, const char *body, size_t size)
{
    static const char unicode[] = "invalid Unicode"; /* half a pair: the text's fault */
    enum json_error_code code = json_error_code(problem);
    struct error err;

    if (problem->text[0] == '\0' || code == json_error_out_of_memory)
        return true;
    return (code == json_error_invalid_syntax ||
            code == json_error_premature_end_of_input) &&
           strncmp(problem->text, unicode, sizeof unicode - 1) != 0 &&
           syntax_check(body, size, &err);
}

const char *decode_problem_text(const json_error_t *problem)
{
    return json_error_code(problem) == json_error_null_character
               ? "\\u0000 is not allowed in text"
               : problem->text;
}

int decode_first(json_t **out, const char *body, size_t size, struct error *err)
{
    json_error_t problem;

    *out = NULL;
    if (!syntax_check(body, size, err))
        return E_FORMAT;
    *out = json_loadb(body, size, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &problem);
    if (*out != NULL)
        return 0;
    if (decode_lacked_memory(&problem, body, size))
        return error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
    /* Well formed, and yet: no UTF-8, half a surrogate pair, a NUL, a giant number. */
    return error_set(err, E_FORMAT, "line %d, column %d: %s", problem.line,
                     problem.column, decode_problem_text(&problem));
}

json_t *decode_member(const json_t *object, const char *name)
{
    json_t *found = NULL;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
        if (strcasecmp(key, name) == 0 && !json_is_null(value))
            found = value;
    return found;
}

/* Go's word for what was there; a number that does not fit is shown. */
static void describe(const json_t *json, bool wants_number, char kind[KIND_BYTES])
{
    static const char *const words[] = {
        [JSON_OBJECT] = "object",  [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "number", [JSON_REAL] = "number", [JSON_TRUE] = "bool",
        [JSON_FALSE] = "bool",     [JSON_NULL] = "null",
    };

    if (wants_number && json_is_real(json))
        snprintf(kind, KIND_BYTES, "number %.15g", json_real_value(json));
    else
        snprintf(kind, KIND_BYTES, "%s", words[json_typeof(json)]);
}

static int mismatch(const json_t *json, const char *owner, const char *name,
                    const char *type, bool wants_number, struct error *err)
{
    char kind[KIND_BYTES];

    describe(json, wants_number, kind);
    return error_set(err, E_FORMAT,
                     "json: cannot unmarshal %s into Go struct field %s.%s of type %s",
                     kind, owner, name, type);
}

int decode_text(const json_t *object, const char *owner, const char *name,
                const char **out, struct error *err)
{
    const json_t *json = decode_member(object, name);

    if (json == NULL)
        return 0;
    if (!json_is_string(json))
        return mismatch(json, owner, name, "string", false, err);
    *out = json_string_value(json);
    return 0;
}

int decode_bool(const json_t *object, const char *owner, const char *name, bool *out,
                struct error *err)
{
    const json_t *json = decode_member(object, name);

    if (json == NULL)
        return 0;
    if (!json_is_boolean(json))
        return mismatch(json, owner, name, "bool", false, err);
    *out = json_is_true(json);
    return 0;
}

/* The last word of `name` is the key: "attributes.latency". */
int decode_integer(const json_t *object, const char *owner, const char *name,
                   int64_t *out, struct error *err)
{
    const char *dot = strrchr(name, '.');
    const json_t *json = decode_member(object, dot != NULL ? dot + 1 : name);

    if (json == NULL)
        return 0;
    if (!json_is_integer(json))
        return mismatch(json, owner, name, "int64", true, err);
    *out = json_integer_value(json);
    return 0;
}

int decode_number(const json_t *object, const char *owner, const char *name, double *out,
                  struct error *err)
{
    const json_t *json = decode_member(object, name);

    if (json == NULL)
        return 0;
    if (!json_is_number(json))
        return mismatch(json, owner, name, "float32", false, err);
    *out = json_number_value(json);
    return 0;
}

static int must_be(const json_t *json, bool is_one, const char *type, struct error *err)
{
    char kind[KIND_BYTES];

    if (is_one || json_is_null(json))
        return 0;
    describe(json, false, kind);
    return error_set(err, E_FORMAT, "json: cannot unmarshal %s into Go value of type %s",
                     kind, type);
}

int decode_object(const json_t *json, const char *type, struct error *err)
{
    return must_be(json, json_is_object(json), type, err);
}

int decode_array(const json_t *json, const char *type, struct error *err)
{
    return must_be(json, json_is_array(json), type, err);
}
