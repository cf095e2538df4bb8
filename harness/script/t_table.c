/* t_table: the t of run(t) and of checks(t).
 *
 * A table that knows its names: t.cluster, t.params, t.case. Reading another one, or a
 * value that no case has, is an error with a suggestion. */
#include "harness/script/t_table.h"

#include <string.h>

#include "harness/script/noun.h"
#include "harness/script/raise.h"
#include "harness/script/values.h"

enum { NAMES_MAX = 128 };

static _Noreturn void raise_no_cluster(lua_State *L)
{
    if (thread_of(L)->task == NULL)
        raise_hint(L, "t.params and t.case are there",
                   "there is no t.cluster yet: checks are made before anything starts");
    raise_hint(L, "add cluster = { nodes = 1 }", "this scenario has no cluster");
}

/* Reading what a table of ours does not hold: upvalue 1 its name, upvalue 2 the names
 * that are allowed all the same. */
static int l_missing(lua_State *L)
{
    const char *owner = lua_tostring(L, lua_upvalueindex(1));
    const char *names[NAMES_MAX];
    int count = 0;

    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
        return 0;
    if (strcmp(owner, "t") == 0 && lua_type(L, 2) == LUA_TSTRING &&
        strcmp(lua_tostring(L, 2), "cluster") == 0)
        raise_no_cluster(L);
    lua_pushnil(L);
    while (lua_next(L, lua_upvalueindex(2)) != 0) {
        lua_pop(L, 1);
        if (count < NAMES_MAX && lua_type(L, -1) == LUA_TSTRING)
            names[count++] = lua_tostring(L, -1);
    }
    raise_unknown(L, owner, "", luaL_tolstring(L, 2, NULL), names, count);
}

static int l_read_only(lua_State *L)
{
    raise_text(L, "%s cannot be assigned to; keep values of your own in a local",
               lua_tostring(L, lua_upvalueindex(1)));
}

/* The table at the top becomes strict; the names allowed lie below it, and stay. */
static void make_strict(lua_State *L, const char *owner)
{
    lua_newtable(L);
    lua_pushstring(L, owner);
    lua_pushvalue(L, -4);
    lua_pushcclosure(L, l_missing, 2);
    lua_setfield(L, -2, "__index");
    lua_pushstring(L, owner);
    lua_pushcclosure(L, l_read_only, 1);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static void allow_names(lua_State *L, const json_t *object)
{
    const char *name;
    json_t *member;

    json_object_foreach((json_t *)object, name, member) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, name);
    }
}

/* Every name that some case of this scenario has. */
static void push_case_names(lua_State *L, const char *scenario)
{
    const struct script *script = script_of(L);

    lua_newtable(L);
    for (int i = 0; i < script_case_count(script); i++) {
        const struct script_case *one = script_case_at(script, i);

        if (strcmp(one->scenario, scenario) == 0)
            allow_names(L, one->values);
    }
}

/* Set t.FIELD to a strict copy of `values`; the allowed names are at the top, popped. */
static void set_values(lua_State *L, int t, const char *field, const char *owner,
                       const json_t *values)
{
    if (values != NULL)
        value_push(L, values);
    else
        lua_newtable(L);
    make_strict(L, owner);
    lua_setfield(L, t, field);
    lua_pop(L, 1);
}

void t_table_push(lua_State *L, const struct script_case *which, const json_t *params,
                  bool has_cluster)
{
    static const char *const names[] = {"case", "params"};
    int allowed;
    int t;

    luaL_checkstack(L, 16, "t");
    lua_newtable(L);
    allowed = lua_gettop(L);
    lua_newtable(L);
    t = lua_gettop(L);
    push_case_names(L, which->scenario);
    set_values(L, t, "case", "t.case", which->values);
    lua_newtable(L);
    allow_names(L, params);
    set_values(L, t, "params", "t.params", params);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, allowed, names[i]);
    }
    if (has_cluster) {
        noun_push(L, &noun_cluster, 0, 0, NULL);
        lua_setfield(L, t, "cluster");
        lua_pushboolean(L, 1);
        lua_setfield(L, allowed, "cluster");
    }
    make_strict(L, "t");
    lua_remove(L, allowed);
}
