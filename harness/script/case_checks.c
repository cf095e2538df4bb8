/* case_checks: the checks of a case: a list, or a function of t that gives one.
 *
 * A list:      taken from the scenario's table when the file loads.
 * A function:  asked with t = { params, case }; at load with the parameters' defaults, so
 *              that list and validate see the checks, and by script_params with those of
 *              the run. It may compute, not wait; memory and time are capped as always.
 * Refused:     the case keeps the checks it had.
 *
 * Checks belong to Lua: the registry holds the list of each case. */
#include "harness/script/case_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/checks/expectation.h"
#include "harness/script/check_words.h"
#include "harness/script/params.h"
#include "harness/script/raise.h"
#include "harness/script/sandbox.h"
#include "harness/script/t_table.h"
#include "harness/script/values.h"

enum { CHECKS_MAX = 256 };

/* The value at the top, number `at` of the list. */
static void need_check(lua_State *L, lua_Integer at)
{
    if (check_words_read(L, -1) != NULL)
        return;
    if (check_words_is_uncalled(L, -1))
        raise_text(L,
                   "checks: check.%s is not called: write check.%s() or check.%s { ... }",
                   lua_tostring(L, -1), lua_tostring(L, -1), lua_tostring(L, -1));
    raise_text(L, "checks: number %lld is a %s; it takes check.NAME { ... }",
               (long long)at, luaL_typename(L, -1));
}

/* Push a copy of the list at `list`, which is the scenario's own and may change. */
static void copy_list(lua_State *L, int list)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, list);

    if (count > CHECKS_MAX)
        raise_text(L, "checks: more than %d", CHECKS_MAX);
    lua_createtable(L, (int)count, 0);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, list, i);
        need_check(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_pushnil(L);
    while (lua_next(L, list) != 0) {
        lua_pop(L, 1);
        if (!lua_isinteger(L, -1))
            raise_text(L, "checks is a list without names: { check.NAME { ... } }");
    }
}

void case_checks_take(lua_State *L, int body)
{
    int type = lua_getfield(L, body, "checks");

    if (type == LUA_TFUNCTION)
        return;
    if (type == LUA_TNIL) {
        lua_newtable(L);
        lua_replace(L, -2);
    }
    if (!lua_istable(L, -1))
        raise_hint(
            L, "or a function that gives one: checks = function(t) return { ... } end",
            "checks is a list: checks = { check.NAME { ... } }");
    copy_list(L, lua_gettop(L));
    lua_remove(L, -2);
}

/* Make the list at the top (popped) the case's. Everything that can raise comes before
 * the case is changed. */
static void adopt(lua_State *L, struct declared_case *one)
{
    size_t count = lua_rawlen(L, -1);
    struct check **checks = lua_newuserdatauv(L, (count + 1) * sizeof *checks, 0);
    struct check **kept;
    struct error err;
    int ref;

    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        checks[i] = check_words_read(L, -1);
        lua_pop(L, 1);
    }
    if (one->shown.expect != NULL &&
        expectation_validate(one->shown.expect, checks, (int)count, &err) != 0)
        raise_error(L, &err);
    lua_pushvalue(L, -2);
    ref = luaL_ref(L, LUA_REGISTRYINDEX);
    kept = malloc((count + 1) * sizeof *kept);
    if (kept == NULL)
        raise_text(L, "out of memory for the checks of a case");
    memcpy(kept, checks, count * sizeof *kept);
    free(one->shown.checks);
    one->shown.checks = kept;
    one->shown.check_count = (int)count;
    if (one->checks_ref != 0)
        luaL_unref(L, LUA_REGISTRYINDEX, one->checks_ref);
    one->checks_ref = ref;
    lua_pop(L, 2);
}

/* Ask the function of the case for its checks, with these parameters. */
static void ask(lua_State *L, struct declared_case *one, const json_t *params)
{
    int top = lua_gettop(L);

    luaL_checkstack(L, 16, "checks");
    lua_rawgeti(L, LUA_REGISTRYINDEX, one->checks_asked);
    t_table_push(L, &one->shown, params, false);
    lua_call(L, 1, 1);
    if (!lua_istable(L, -1))
        raise_hint(L, "end it with return { check.NAME { ... } }",
                   "the function checks gave %s%s instead of a list",
                   lua_isnil(L, -1) ? "" : "a ", luaL_typename(L, -1));
    copy_list(L, lua_gettop(L));
    adopt(L, one);
    lua_settop(L, top);
}

void case_checks_set(lua_State *L, struct declared_case *one, int index)
{
    lua_pushvalue(L, index);
    if (lua_isfunction(L, -1))
        one->checks_asked = luaL_ref(L, LUA_REGISTRYINDEX);
    else
        adopt(L, one);
}

void case_checks_settle(lua_State *L, struct declared_case *one)
{
    json_t *params;

    if (one->checks_asked == 0)
        return;
    params = params_defaults(&one->shown);
    value_own(L, params);
    ask(L, one, params);
    lua_pop(L, 1);
}

/* ---- for the values of --set ---- */

struct renewal {
    struct declared_case *one;
    const json_t *params;
};

static int renew(lua_State *L)
{
    struct renewal *renewal = lua_touserdata(L, 1);

    ask(L, renewal->one, renewal->params);
    return 0;
}

/* What happens outside of the function's own lines belongs to the scenario's. */
static void read_failure(lua_State *L, int status, const struct declared_case *one,
                         struct error *err)
{
    struct error own;

    if (err == NULL)
        err = &own;
    raise_read(L, -1, status, err);
    if (err->where[0] == '\0')
        snprintf(err->where, sizeof err->where, "%.200s:%d", one->shown.file,
                 one->shown.line);
    if (err->hint[0] == '\0')
        error_hint(err, "the checks were asked for with the values of this run");
    err->code = status == LUA_ERRMEM ? E_NOMEM : E_SCRIPT;
}

int case_checks_renew(struct declared_case *one, const json_t *params, struct error *err)
{
    struct script *script = one->script;
    lua_State *L = script->L;
    struct renewal renewal = {.one = one, .params = params};
    lua_State *before;
    int status;
    int top = lua_gettop(L);

    if (one->checks_asked == 0)
        return 0;
    before = sandbox_enter(script, L);
    snprintf(script->making, sizeof script->making, "%s", one->scenario);
    lua_pushcfunction(L, raise_handler);
    lua_pushcfunction(L, renew);
    lua_pushlightuserdata(L, &renewal);
    status = lua_pcall(L, 1, 0, top + 1);
    script->making[0] = '\0';
    if (status != LUA_OK)
        read_failure(L, status, one, err);
    lua_settop(L, top);
    sandbox_leave(script, before);
    return status == LUA_OK ? 0 : status == LUA_ERRMEM ? E_NOMEM : E_SCRIPT;
}
