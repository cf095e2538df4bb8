/* values: Lua values as JSON and back, and the single values that words take.
 *
 * Reading runs without raising (it would leak the half-made object): the first thing
 * that cannot be said in JSON is remembered with its path, "cluster.config.x", and raised
 * when everything made so far belongs to a userdata on the stack. */
#include "harness/script/values.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/script/noun.h"
#include "harness/script/raise.h"
#include "harness/script/text.h"
#include "proxy/base/param.h"

enum { DEPTH_MAX = 24, PATH_BYTES = 160 };

static const char owner_key[] = "stormdrill.json";

struct reading {
    lua_State *L;
    char path[PATH_BYTES];
    char trouble[ERROR_TEXT_BYTES]; /* "" while all is well */
};

static int l_release(lua_State *L)
{
    json_t **owner = luaL_checkudata(L, 1, owner_key);

    json_decref(*owner);
    *owner = NULL;
    return 0;
}

void values_register(lua_State *L)
{
    luaL_newmetatable(L, owner_key);
    lua_pushcfunction(L, l_release);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

static json_t **push_owner(lua_State *L)
{
    json_t **owner = lua_newuserdatauv(L, sizeof(json_t *), 0);

    *owner = NULL;
    luaL_setmetatable(L, owner_key);
    return owner;
}

void value_own(lua_State *L, json_t *value)
{
    json_t **owner = push_owner(L);

    *owner = value;
}

/* Only the first counts: what follows from it on the way up says less. */
static json_t *trouble(struct reading *reading, const char *text)
{
    if (reading->trouble[0] == '\0')
        snprintf(reading->trouble, sizeof reading->trouble, "%s %s", reading->path, text);
    return NULL;
}

static json_t *read_any(struct reading *reading, int index, int depth);

/* Keys 1 to n and nothing else? An empty table is an object: nobody can tell. */
static bool is_list(lua_State *L, int index)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    lua_Integer seen = 0;

    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 ||
            lua_tointeger(L, -1) > count) {
            lua_pop(L, 1);
            return false;
        }
        seen++;
    }
    return seen == count && count > 0;
}

static json_t *read_list(struct reading *reading, int index, int depth)
{
    json_t *list = json_array();
    lua_Unsigned count = lua_rawlen(reading->L, index);

    for (lua_Unsigned i = 1; i <= count; i++) {
        json_t *value;

        lua_rawgeti(reading->L, index, (lua_Integer)i);
        value = read_any(reading, lua_gettop(reading->L), depth + 1);
        lua_pop(reading->L, 1);
        if (value == NULL || json_array_append_new(list, value) != 0) {
            json_decref(list);
            return trouble(reading, "cannot be kept");
        }
    }
    return list;
}

static json_t *read_member(struct reading *reading, int depth)
{
    size_t length = strlen(reading->path);
    json_t *value;

    snprintf(reading->path + length, sizeof reading->path - length, ".%.40s",
             lua_tostring(reading->L, -2));
    value = read_any(reading, lua_gettop(reading->L), depth + 1);
    reading->path[length] = '\0';
    return value;
}

static json_t *read_table(struct reading *reading, int index, int depth)
{
    lua_State *L = reading->L;
    json_t *object;

    if (depth >= DEPTH_MAX || lua_checkstack(L, 8) == 0)
        return trouble(reading, "is nested too deeply (does it contain itself?)");
    if (is_list(L, index))
        return read_list(reading, index, depth);
    object = json_object();
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        json_t *value = NULL;

        if (lua_type(L, -2) == LUA_TSTRING)
            value = read_member(reading, depth);
        else
            trouble(reading,
                    "mixes a list with names, or has a gap: use one or the other");
        if (value == NULL ||
            json_object_set_new(object, lua_tostring(L, -2), value) != 0) {
            lua_pop(L, 2);
            json_decref(object);
            return trouble(reading, "has a name that is not UTF-8 text");
        }
        lua_pop(L, 1);
    }
    return object;
}

static json_t *read_number(struct reading *reading, int index)
{
    lua_Number number = lua_tonumber(reading->L, index);

    if (lua_isinteger(reading->L, index))
        return json_integer(lua_tointeger(reading->L, index));
    if (!isfinite(number))
        return trouble(reading, "is not a finite number");
    return json_real(number);
}

/* A zero byte would end the text for everybody behind us: refused like bad UTF-8. */
static json_t *read_text(struct reading *reading, int index)
{
    size_t size;
    const char *text = lua_tolstring(reading->L, index, &size);
    json_t *value = strlen(text) == size ? json_stringn(text, size) : NULL;

    return value != NULL ? value : trouble(reading, "is not UTF-8 text");
}

static json_t *read_any(struct reading *reading, int index, int depth)
{
    lua_State *L = reading->L;
    const char *name;
    char text[80];

    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        return read_number(reading, index);
    case LUA_TSTRING:
        return read_text(reading, index);
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, index));
    case LUA_TTABLE:
        return read_table(reading, index, depth);
    case LUA_TUSERDATA:
        name = noun_box_name(L, index);
        if (name != NULL)
            return json_string(name);
        return trouble(reading, "is not a plain value");
    default:
        snprintf(text, sizeof text, "is a %s; it takes text, numbers, true or false",
                 luaL_typename(L, index));
        return trouble(reading, text);
    }
}

json_t *value_take(lua_State *L, int index, const char *what)
{
    struct reading reading = {.L = L};
    bool absent = lua_isnoneornil(L, index); /* before the owner takes its place */
    json_t **owner;

    index = lua_absindex(L, index);
    owner = push_owner(L);
    if (absent)
        return NULL;
    luaL_checkstack(L, 8, what);
    snprintf(reading.path, sizeof reading.path, "%s", what);
    *owner = read_any(&reading, index, 0);
    if (*owner == NULL)
        raise_text(L, "%s", reading.trouble);
    return *owner;
}

static void push_list(lua_State *L, const json_t *list)
{
    lua_createtable(L, (int)json_array_size(list), 0);
    for (size_t i = 0; i < json_array_size(list); i++) {
        value_push(L, json_array_get(list, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_object(lua_State *L, const json_t *object)
{
    const char *name;
    json_t *member;

    lua_newtable(L);
    json_object_foreach((json_t *)object, name, member) {
        value_push(L, member);
        lua_setfield(L, -2, name);
    }
}

void value_push(lua_State *L, const json_t *value)
{
    luaL_checkstack(L, 8, "value");
    if (json_is_object(value))
        push_object(L, value);
    else if (json_is_array(value))
        push_list(L, value);
    else if (json_is_string(value))
        lua_pushlstring(L, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        lua_pushinteger(L, json_integer_value(value));
    else if (json_is_real(value))
        lua_pushnumber(L, json_real_value(value));
    else if (json_is_boolean(value))
        lua_pushboolean(L, json_is_true(value));
    else
        lua_pushnil(L);
}

uint64_t value_duration(lua_State *L, int index, const char *what)
{
    struct error err;
    uint64_t ns;

    if (lua_type(L, index) == LUA_TNUMBER) {
        const char *number = luaL_tolstring(L, index, NULL);

        raise_text(L, "%s needs a unit: write \"%ss\" or \"%sms\", not %s", what, number,
                   number, number);
    }
    if (lua_isnoneornil(L, index))
        raise_text(L, "%s needs a time: write %s \"20s\"", what, what);
    if (lua_type(L, index) != LUA_TSTRING)
        raise_text(L, "%s takes a time such as \"20s\", not a %s", what,
                   luaL_typename(L, index));
    if (param_duration(lua_tostring(L, index), &ns, what, &err) != 0)
        raise_error(L, &err);
    return ns;
}

const char *value_text(lua_State *L, int index, const char *what, size_t size_max)
{
    size_t size;
    const char *text;

    if (lua_type(L, index) != LUA_TSTRING)
        raise_text(L, "%s takes a text, not %s%s", what,
                   lua_isnoneornil(L, index) ? "" : "a ",
                   lua_isnoneornil(L, index) ? "nothing" : luaL_typename(L, index));
    text = lua_tolstring(L, index, &size);
    if (size == 0)
        raise_text(L, "%s takes a text that is not empty", what);
    if (size > size_max)
        raise_text(L, "%s: %zu bytes are too many; at most %zu", what, size, size_max);
    if (strlen(text) != size)
        raise_text(L, "%s: a text cannot hold a zero byte", what);
    if (!text_is_utf8(text))
        raise_text(L, "%s takes UTF-8 text", what);
    return text;
}

json_t *value_options(lua_State *L, int index, const char *what)
{
    if (!lua_isnoneornil(L, index) && !lua_istable(L, index))
        raise_text(L, "%s takes a table: write %s { name = value }, not a %s", what, what,
                   luaL_typename(L, index));
    if (!lua_isnoneornil(L, index) && !lua_isnone(L, index + 1))
        raise_text(L, "%s takes one table", what);
    return value_take(L, index, what);
}

uint64_t value_option_duration(lua_State *L, json_t *options, const char *name,
                               const char *what, uint64_t fallback)
{
    const json_t *value = json_object_get(options, name);
    uint64_t ns;

    if (value == NULL)
        return fallback;
    value_push(L, value);
    ns = value_duration(L, -1, what);
    lua_pop(L, 1);
    return ns;
}

void value_only(lua_State *L, const json_t *options, const char *what,
                const char *const *names, int count)
{
    const char *name;
    json_t *member;

    json_object_foreach((json_t *)options, name, member) {
        bool known = false;

        for (int i = 0; i < count; i++)
            known = known || strcmp(name, names[i]) == 0;
        if (!known)
            raise_unknown(L, what, "option ", name, names, count);
    }
}
