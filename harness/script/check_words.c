/* check_words: check.NAME { … } for every type of checks.def.
 *
 * A check is made, with all its parameters checked, when the file loads; its place is the
 * line of the call. Unknown checks are refused with what there is. */
#include "harness/script/check_words.h"

#include <string.h>

#include "harness/script/raise.h"
#include "harness/script/sandbox.h"
#include "harness/script/values.h"

enum { NAMES_MAX = 128 };

static const char check_key[] = "stormdrill.check";
static const char constructors_key;

static int l_release(lua_State *L)
{
    struct check **box = luaL_checkudata(L, 1, check_key);

    if (*box != NULL)
        check_destroy(*box);
    *box = NULL;
    return 0;
}

static int l_tostring(lua_State *L)
{
    struct check **box = luaL_checkudata(L, 1, check_key);

    lua_pushfstring(L, "check %s", check_id(*box));
    return 1;
}

/* Anything but one table, or nothing, is a slip; say how it is written. */
static void check_arguments(lua_State *L, const char *name)
{
    if (lua_gettop(L) == 0 || (lua_gettop(L) == 1 && lua_istable(L, 1)))
        return;
    raise_text(L,
               "check.%s takes one table: write check.%s { name = value } or check.%s()",
               name, name, name);
}

/* check.NAME { … } -> Check; upvalue 1 is its name */
static int l_construct(lua_State *L)
{
    const char *name = lua_tostring(L, lua_upvalueindex(1));
    char where[ERROR_WHERE_BYTES];
    struct check **box;
    struct error err;
    json_t *params;

    check_arguments(L, name);
    params = value_take(L, 1, name);
    box = lua_newuserdatauv(L, sizeof(struct check *), 0);
    *box = NULL;
    luaL_setmetatable(L, check_key);
    raise_where(L, where, sizeof where);
    if (check_create(box, name, params, where, &err) != 0) {
        *box = NULL;
        raise_error(L, &err);
    }
    return 1;
}

/* check.NAME of a name that is none */
static int l_unknown(lua_State *L)
{
    const char *names[NAMES_MAX];
    int count = 0;

    for (; count < NAMES_MAX && check_type_at(count) != NULL; count++)
        names[count] = check_type_at(count)->name;
    raise_unknown(L, "check", "", luaL_tolstring(L, 2, NULL), names, count);
}

static int l_read_only(lua_State *L)
{
    raise_text(L, "check cannot be assigned to; checks come with stormdrill");
}

static void push_constructors(lua_State *L)
{
    lua_newtable(L);
    lua_newtable(L); /* constructor -> name */
    for (int i = 0; check_type_at(i) != NULL; i++) {
        const char *name = check_type_at(i)->name;

        lua_pushstring(L, name);
        lua_pushcclosure(L, l_construct, 1);
        lua_pushvalue(L, -1);
        lua_pushstring(L, name);
        lua_rawset(L, -4);
        lua_setfield(L, -3, name);
    }
    lua_rawsetp(L, LUA_REGISTRYINDEX, &constructors_key);
}

void check_words_register(lua_State *L)
{
    luaL_newmetatable(L, check_key);
    lua_pushcfunction(L, l_release);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, l_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);

    sandbox_push_words(L);
    push_constructors(L);
    lua_newtable(L);
    lua_pushcfunction(L, l_unknown);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, l_read_only);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "check");
    lua_pop(L, 1);
}

struct check *check_words_read(lua_State *L, int index)
{
    struct check **box = luaL_testudata(L, index, check_key);

    return box != NULL ? *box : NULL;
}

bool check_words_is_uncalled(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &constructors_key);
    lua_pushvalue(L, index);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}
