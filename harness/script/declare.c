/* declare: scenario "name" { … }.
 *
 * The only curried word: scenario "name" gives a function that takes the body, so a body
 * that never came is looked for when the next scenario begins and when the file ends.
 * Every key is known or refused, every value checked, before anything is started. */
#include "harness/script/declare.h"

#include <stdio.h>
#include <string.h>

#include "harness/script/case_checks.h"
#include "harness/script/params.h"
#include "harness/script/raise.h"
#include "harness/script/sandbox.h"
#include "harness/script/values.h"

static const uint64_t TIMEOUT_NS_DEFAULT = 120ull * NS_PER_S;

static const char *const keys[] = {
    "cases", "checks", "cluster", "exclusive", "matrix",
    "needs", "params", "run",     "tags",      "timeout",
};
enum { KEYS = sizeof keys / sizeof keys[0] };

/* The key's own line, below the one where the scenario begins: the call alone would
 * point to its first. Only for the place of an error. */
static int find_key(const struct script *script, int from, const char *key)
{
    const char *at = script->text;
    size_t length = strlen(key);
    int line = 1;

    for (; at != NULL && line < from; line++) {
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    for (; at != NULL; line++) {
        const char *word = at + strspn(at, " \t{,");

        if (strncmp(word, key, length) == 0 &&
            word[length + strspn(word + length, " \t")] == '=')
            return line;
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    return from;
}

/* A wrong key, placed on its own line. */
static _Noreturn void raise_key(lua_State *L, const char *key, int line)
{
    const struct script *script = script_of(L);
    const char *near = error_suggest(key, keys, KEYS);
    struct error err;

    error_set(&err, E_SCRIPT, "scenario has no '%.64s'%s%s%s", key,
              near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
              near != NULL ? "'?" : "");
    error_hint(&err, "it has: cases, checks, cluster, exclusive, matrix, needs, params, "
                     "run, tags, timeout");
    snprintf(err.where, sizeof err.where, "%s:%d", script->path,
             find_key(script, line, key));
    raise_error(L, &err);
}

static bool is_key(const char *name)
{
    for (int i = 0; i < KEYS; i++) {
        if (strcmp(name, keys[i]) == 0)
            return true;
    }
    return false;
}

/* Of several wrong keys the first in the alphabet is named: Lua's own order would name
 * another one in each run. */
static void check_keys(lua_State *L, int body, int line)
{
    const char *wrong = NULL;

    lua_pushnil(L);
    while (lua_next(L, body) != 0) {
        const char *name;

        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            raise_text(L, "scenario has a value without a name: write name = value");
        name = lua_tostring(L, -1);
        if (!is_key(name) && (wrong == NULL || strcmp(name, wrong) < 0))
            wrong = name; /* the table keeps it */
    }
    if (wrong != NULL)
        raise_key(L, wrong, line);
}

/* body.KEY as JSON, its owner left on the stack. */
static json_t *take(lua_State *L, int body, const char *key)
{
    lua_getfield(L, body, key);
    return value_take(L, -1, key);
}

/* A list of texts; a missing one is empty. */
static json_t *take_texts(lua_State *L, int body, const char *key)
{
    json_t *list = take(L, body, key);

    if (list == NULL || (json_is_object(list) && json_object_size(list) == 0)) {
        list = json_array();
        value_own(L, list);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!json_is_string(json_array_get(list, i)))
            raise_text(L, "%s: number %zu is no text", key, i + 1);
    }
    if (!json_is_array(list))
        raise_text(L, "%s is a list of texts: %s = { \"one\", \"two\" }", key, key);
    return list;
}

static bool take_flag(lua_State *L, int body, const char *key)
{
    if (lua_getfield(L, body, key) != LUA_TNIL && !lua_isboolean(L, -1))
        raise_text(L, "%s is true or false, not a %s", key, luaL_typename(L, -1));
    return lua_toboolean(L, -1);
}

static uint64_t take_timeout(lua_State *L, int body)
{
    uint64_t ns;

    if (lua_getfield(L, body, "timeout") == LUA_TNIL)
        return TIMEOUT_NS_DEFAULT;
    ns = value_duration(L, -1, "timeout");
    if (ns == 0)
        raise_text(L, "timeout must be above zero");
    return ns;
}

static json_t *take_params(lua_State *L, int body)
{
    if (lua_getfield(L, body, "params") == LUA_TNIL)
        lua_newtable(L);
    if (!lua_istable(L, -1))
        raise_text(L, "params takes a table: params = { down = param(\"1s\", \"...\") }");
    return params_read(L, -1);
}

/* A function of the case is asked when the cases are made; a table is checked here, so
 * that its place is the scenario's and not a case's. */
static void take_cluster(lua_State *L, int index, struct body *body)
{
    int type = lua_getfield(L, index, "cluster");

    if (type == LUA_TFUNCTION) {
        body->cluster_index = lua_gettop(L);
    } else if (type == LUA_TTABLE) {
        body->cluster = value_take(L, -1, "cluster");
        cases_check_cluster(L, body->cluster);
    } else if (type != LUA_TNIL) {
        raise_text(L, "cluster takes a table: cluster = { nodes = 1 }, not a %s",
                   luaL_typename(L, -1));
    }
}

static void take_cases(lua_State *L, int index, struct body *body)
{
    body->cases = take(L, index, "cases");
    body->matrix = take(L, index, "matrix");
    if (body->cases != NULL && body->matrix != NULL)
        raise_text(L, "a scenario has cases or a matrix, not both");
    if (body->cases != NULL && !json_is_object(body->cases))
        raise_text(L, "cases takes names: cases = { trap = { ... }, remedy = { ... } }");
    if (body->matrix != NULL && !json_is_object(body->matrix))
        raise_text(L, "matrix takes names: matrix = { replicas = { 1, 3 } }");
}

/* The body, argument 1; upvalue 1 is the scenario's name. */
static int l_body(lua_State *L)
{
    struct script *script = script_of(L);
    struct body body = {
        .name = lua_tostring(L, lua_upvalueindex(1)),
        .line = raise_line(L),
    };

    snprintf(script->making, sizeof script->making, "%s", body.name);
    script->pending[0] = '\0';
    if (!lua_istable(L, 1) || lua_gettop(L) != 1)
        raise_text(L, "scenario \"%s\" takes one table: scenario \"%s\" { run = ... }",
                   body.name, body.name);
    luaL_checkstack(L, 40, "scenario");
    check_keys(L, 1, body.line);
    body.tags = take_texts(L, 1, "tags");
    body.needs = take_texts(L, 1, "needs");
    body.exclusive = take_flag(L, 1, "exclusive");
    body.timeout_ns = take_timeout(L, 1);
    body.params = take_params(L, 1);
    take_cluster(L, 1, &body);
    case_checks_take(L, 1);
    body.checks_index = lua_gettop(L);
    take_cases(L, 1, &body);
    if (lua_getfield(L, 1, "run") != LUA_TFUNCTION)
        raise_text(L, "scenario \"%s\" needs run = function(t) ... end", body.name);
    body.run_index = lua_gettop(L);
    cases_add(L, &body);
    script->making[0] = '\0';
    return 0;
}

static _Noreturn void raise_no_body(lua_State *L)
{
    struct script *script = script_of(L);
    struct error err;

    error_set(&err, E_SCRIPT, "scenario \"%s\" has no body", script->pending);
    error_hint(&err, "write scenario \"%s\" { run = function(t) ... end }",
               script->pending);
    snprintf(err.where, sizeof err.where, "%s", script->pending_where);
    raise_error(L, &err);
}

/* A scenario inside another one's functions, or behind one whose error was caught: its
 * half-made cases must not be run. */
static void check_whole(lua_State *L)
{
    const struct script *script = script_of(L);

    struct error err;

    if (script->making[0] == '\0')
        return;
    error_set(&err, E_SCRIPT, "scenario \"%s\" is not finished", script->making);
    error_hint(&err, "scenarios stand alone at the top of the file, outside of pcall");
    raise_where(L, err.where, sizeof err.where);
    if (err.where[0] == '\0') /* at the end of the file */
        snprintf(err.where, sizeof err.where, "%s", script->pending_where);
    raise_error(L, &err);
}

static void check_new_name(lua_State *L, const char *name)
{
    const struct script *script = script_of(L);

    for (int i = 0; i < script->case_count; i++) {
        if (strcmp(script->cases[i]->scenario, name) == 0)
            raise_text(L, "two scenarios are called \"%s\"", name);
    }
    if (strpbrk(name, "\n\r\t") != NULL)
        raise_text(L, "a scenario's name is one line without tabs");
}

/* scenario "name" { … } */
static int l_scenario(lua_State *L)
{
    struct script *script = script_of(L);
    const char *name;

    if (thread_of(L)->task != NULL)
        raise_text(L, "scenario stands at the top of the file, not inside run");
    check_whole(L);
    if (script->pending[0] != '\0')
        raise_no_body(L);
    if (lua_istable(L, 1))
        raise_text(L, "scenario takes its name first: scenario \"name\" { ... }");
    name = value_text(L, 1, "scenario", SCRIPT_NAME_BYTES_MAX);
    if (!lua_isnone(L, 2))
        raise_text(
            L, "scenario takes its name alone, then the table: scenario \"%s\" { ... }",
            name);
    check_new_name(L, name);
    snprintf(script->pending, sizeof script->pending, "%s", name);
    raise_where(L, script->pending_where, sizeof script->pending_where);
    lua_settop(L, 1);
    lua_pushcclosure(L, l_body, 1);
    return 1;
}

void declare_register(lua_State *L)
{
    sandbox_push_words(L);
    lua_pushcfunction(L, l_scenario);
    lua_setfield(L, -2, "scenario");
    lua_pop(L, 1);
}

void declare_finish(lua_State *L)
{
    struct script *script = script_of(L);

    if (script->pending[0] != '\0')
        raise_no_body(L);
    check_whole(L);
    if (script->case_count == 0)
        raise_hint(L, "write scenario \"name\" { run = function(t) ... end }",
                   "%s declares no scenario", script->path);
}
