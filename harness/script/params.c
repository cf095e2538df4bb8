/* params: what of a scenario can be set from the command line.
 *
 * A parameter has a default, whose kind every other value must have: a number, true or
 * false, a text; and a text that reads as a time, a rate, a percentage or a size asks for
 * another one of these. */
#include "harness/script/params.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/case_checks.h"
#include "harness/script/raise.h"
#include "harness/script/sandbox.h"
#include "harness/script/values.h"
#include "proxy/base/param.h"

enum { PARAMS_MAX = 128 };

static const char param_key[] = "stormdrill.param";

static int l_assign(lua_State *L)
{
    raise_text(L, "a parameter cannot be changed; read it as t.params.NAME in run");
}

static bool is_plain(lua_State *L, int index)
{
    int type = lua_type(L, index);

    return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

/* param(default, "what it is") */
static int l_param(lua_State *L)
{
    if (!is_plain(L, 1))
        raise_text(L, "param takes a default first: param(\"1s\", \"what it is\")");
    if (!lua_isnoneornil(L, 2))
        value_text(L, 2, "param's description", 1000);
    lua_settop(L, 2);
    lua_newuserdatauv(L, 0, 2);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 2);
    luaL_setmetatable(L, param_key);
    return 1;
}

void params_register(lua_State *L)
{
    luaL_newmetatable(L, param_key);
    lua_pushcfunction(L, l_assign);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    sandbox_push_words(L);
    lua_pushcfunction(L, l_param);
    lua_setfield(L, -2, "param");
    lua_pop(L, 1);
}

/* The parameter at the top: {default, text}. A plain value is one without words. */
static json_t *read_one(lua_State *L, const char *name)
{
    json_t *value;
    const char *text = "";

    if (luaL_testudata(L, -1, param_key) != NULL) {
        lua_getiuservalue(L, -1, 2);
        if (lua_isstring(L, -1))
            text = lua_tostring(L, -1);
        lua_pop(L, 1);
        lua_getiuservalue(L, -1, 1);
    } else if (is_plain(L, -1)) {
        lua_pushvalue(L, -1);
    } else {
        raise_text(L, "params.%s is a %s: write param(\"1s\", \"what it is\")", name,
                   luaL_typename(L, -1));
    }
    value = value_take(L, -1, name);
    value = json_pack("{s:O, s:s}", "default", value, "text", text);
    lua_pop(L, 2);
    return value;
}

json_t *params_read(lua_State *L, int index)
{
    json_t *params = json_object();

    index = lua_absindex(L, index);
    value_own(L, params);
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING)
            raise_text(L,
                       "params takes names: params = { down = param(\"1s\", \"...\") }");
        if (json_object_set_new(params, lua_tostring(L, -2),
                                read_one(L, lua_tostring(L, -2))) != 0)
            raise_text(L, "params has a name that is not UTF-8 text");
        lua_pop(L, 1);
    }
    return params;
}

/* ---- --set ---- */

/* Kinds of text, tried in this order on the default. */
enum text_kind { TEXT_FREE, TEXT_DURATION, TEXT_RATE, TEXT_PERCENT, TEXT_BYTES };

static int reads_as(enum text_kind kind, const char *text, const char *what,
                    struct error *err)
{
    uint64_t whole;
    double number;

    switch (kind) {
    case TEXT_DURATION:
        return param_duration(text, &whole, what, err);
    case TEXT_RATE:
        return param_rate(text, &number, what, err);
    case TEXT_PERCENT:
        return param_percent(text, &number, what, err);
    case TEXT_BYTES:
        return param_bytes(text, &whole, what, err);
    case TEXT_FREE:
        break;
    }
    return 0;
}

/* A bare number is a name as well as a size: free text. */
static enum text_kind kind_of(const char *text)
{
    if (strspn(text, "0123456789.") == strlen(text))
        return TEXT_FREE;
    for (enum text_kind kind = TEXT_DURATION; kind <= TEXT_BYTES; kind++) {
        if (reads_as(kind, text, "", NULL) == 0)
            return kind;
    }
    return TEXT_FREE;
}

static json_t *read_number(const char *text)
{
    char *end;
    long long whole;
    double number;

    whole = strtoll(text, &end, 10);
    if (end != text && *end == '\0')
        return json_integer(whole);
    number = strtod(text, &end);
    if (end != text && *end == '\0' && isfinite(number))
        return json_real(number);
    return NULL;
}

/* `text` as a value of the kind of `like`. */
static int convert(const char *name, const json_t *like, const char *text, json_t **out,
                   struct error *err)
{
    char what[160];

    snprintf(what, sizeof what, "--set %.100s", name);
    *out = NULL;
    if (json_is_string(like)) {
        int rc = reads_as(kind_of(json_string_value(like)), text, what, err);

        if (rc == 0)
            *out = json_string(text);
        if (rc == 0 && *out == NULL)
            return error_set(err, E_USAGE, "%s: the value is not UTF-8 text", what);
        if (rc != 0 && err != NULL)
            err->code = E_USAGE;
        return rc != 0 ? E_USAGE : 0;
    }
    if (json_is_boolean(like)) {
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return error_set(err, E_USAGE, "%s takes true or false, not '%.64s'", what,
                             text);
        *out = json_boolean(text[0] == 't');
        return 0;
    }
    *out = read_number(text);
    if (*out == NULL)
        return error_set(err, E_USAGE, "%s takes a number, not '%.64s'", what, text);
    return 0;
}

static int refuse_unknown(const struct script_case *which, const char *name,
                          struct error *err)
{
    const char *names[PARAMS_MAX];
    const char *near;
    const char *known;
    json_t *param;
    int count = 0;

    json_object_foreach(which->params, known, param) {
        if (count < PARAMS_MAX)
            names[count++] = known;
    }
    near = error_suggest(name, names, count);
    error_set(err, E_USAGE, "scenario \"%s\" has no parameter '%.64s'%s%s%s",
              which->scenario, name, near != NULL ? "; did you mean '" : "",
              near != NULL ? near : "", near != NULL ? "'?" : "");
    if (count == 0)
        error_hint(err, "it has no params = { ... } at all");
    return E_USAGE;
}

static int apply(const struct script_case *which, const json_t *set, json_t *params,
                 struct error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)set, name, value) {
        const json_t *param = json_object_get(which->params, name);
        json_t *converted;
        int rc;

        if (param == NULL)
            return refuse_unknown(which, name, err);
        rc = convert(name, json_object_get(param, "default"),
                     json_is_string(value) ? json_string_value(value) : "", &converted,
                     err);
        if (rc != 0)
            return rc;
        json_object_set_new(params, name, converted);
    }
    return 0;
}

json_t *params_defaults(const struct script_case *which)
{
    json_t *params = json_object();
    const char *name;
    json_t *param;

    json_object_foreach(which->params, name, param)
        json_object_set(params, name, json_object_get(param, "default"));
    return params;
}

int script_params(const struct script_case *which, const json_t *set, json_t **out,
                  struct error *err)
{
    json_t *params = params_defaults(which);
    int rc = apply(which, set, params, err);

    if (rc == 0)
        rc = case_checks_renew((struct declared_case *)which, params, err);
    if (rc != 0) {
        json_decref(params);
        return rc;
    }
    *out = params;
    return 0;
}
