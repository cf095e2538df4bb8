/* noun: boxes, their metatables and what is said when one is used wrongly. */
#include "harness/script/noun.h"

#include <stdio.h>
#include <string.h>

#include "harness/script/link_noun.h"
#include "harness/script/raise.h"

enum { NAMES_MAX = 64 };

/* Marks metatables of boxes. */
static const char box_key;

static const struct noun *const nouns[] = {
    &noun_client, &noun_cluster, &noun_fault,  &noun_group,
    &noun_link,   &noun_node,    &noun_stream, &noun_task,
};

const struct noun *noun_at(int index)
{
    if (index < 0 || index >= (int)(sizeof nouns / sizeof nouns[0]))
        return NULL;
    return nouns[index];
}

/* A box, or NULL for anything else, also for userdata of Lua's own. */
static const struct box *any_box(lua_State *L, int index)
{
    const struct box *box = lua_touserdata(L, index);
    bool ours;

    if (lua_type(L, index) != LUA_TUSERDATA || lua_getmetatable(L, index) == 0)
        return NULL;
    ours = lua_rawgetp(L, -1, &box_key) != LUA_TNIL;
    lua_pop(L, 2);
    return ours ? box : NULL;
}

void noun_takes_nothing(lua_State *L, const struct noun *noun, const char *method)
{
    if (!lua_isnone(L, 2))
        raise_text(L, "%s:%s takes nothing", noun->name, method);
}

const struct noun *noun_of(lua_State *L, int index)
{
    const struct box *box = any_box(L, index);

    return box != NULL ? box->noun : NULL;
}

const struct box *noun_test(lua_State *L, int index, const struct noun *noun)
{
    const struct box *box = any_box(L, index);

    if (box == NULL || box->noun != noun || box->run != script_of(L)->runs)
        return NULL;
    return box;
}

const char *noun_box_name(lua_State *L, int index)
{
    const struct box *box = any_box(L, index);

    return box != NULL && box->name[0] != '\0' ? box->name : NULL;
}

const struct box *noun_self(lua_State *L, const struct noun *noun, const char *method)
{
    const struct box *box = any_box(L, 1);

    if (box == NULL || box->noun != noun)
        raise_text(L, "call it with a colon: %s:%s(...), not %s.%s(...)", noun->name,
                   method, noun->name, method);
    if (box->run != script_of(L)->runs || script_of(L)->run == NULL)
        raise_text(L, "this %s belongs to a run that is over", noun->name);
    return box;
}

/* Gives how many names of methods and fields stand in `names`. */
static int collect(const struct noun *noun, const char **names)
{
    int count = 0;

    for (const struct method *m = noun->methods; m->name != NULL; m++)
        names[count++] = m->name;
    if (noun == &noun_link)
        count += link_noun_faults(names + count, NAMES_MAX / 2);
    for (int i = 0; noun->fields != NULL && noun->fields[i] != NULL; i++)
        names[count++] = noun->fields[i];
    return count;
}

/* group[at]: one behind the last is nil, so that ipairs ends. */
static int index_list(lua_State *L, const struct box *box, lua_Integer at)
{
    noun_self(L, box->noun, "one of it");
    if (at < 1 || at > (lua_Integer)box->count + 1)
        raise_text(L, "%s %s has %u clients; there is no number %lld", box->noun->name,
                   box->name, box->count, (long long)at);
    if (at > (lua_Integer)box->count)
        lua_pushnil(L);
    else
        box->noun->push_item(L, box, (uint32_t)at);
    return 1;
}

/* #group */
static int l_len(lua_State *L)
{
    const struct box *box = any_box(L, 1);

    lua_pushinteger(L, box != NULL ? box->count : 0);
    return 1;
}

/* box.name: a method (upvalue 1 is their table), a field, or an error */
static int l_index(lua_State *L)
{
    const struct box *box = any_box(L, 1);
    const char *names[NAMES_MAX];
    const char *name;

    if (box != NULL && box->noun->push_item != NULL && lua_isinteger(L, 2))
        return index_list(L, box, lua_tointeger(L, 2));
    if (box == NULL || lua_type(L, 2) != LUA_TSTRING)
        raise_text(L, "a %s is no list: it has names only",
                   box != NULL ? box->noun->name : "value");
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    name = lua_tostring(L, 2);
    for (int i = 0; box->noun->fields != NULL && box->noun->fields[i] != NULL; i++) {
        if (strcmp(name, box->noun->fields[i]) != 0)
            continue;
        noun_self(L, box->noun, name);
        box->noun->push_field(L, box, name);
        return 1;
    }
    raise_unknown(L, box->noun->name, "", name, names, collect(box->noun, names));
}

static int l_newindex(lua_State *L)
{
    const struct box *box = any_box(L, 1);

    raise_text(L, "a %s cannot be assigned to; keep values of your own in a local",
               box != NULL ? box->noun->name : "value");
}

static int l_tostring(lua_State *L)
{
    const struct box *box = any_box(L, 1);

    if (box == NULL)
        lua_pushliteral(L, "box");
    else if (box->name[0] != '\0')
        lua_pushfstring(L, "%s %s", box->noun->name, box->name);
    else
        lua_pushstring(L, box->noun->name);
    return 1;
}

/* Two boxes of one thing are equal. */
static int l_eq(lua_State *L)
{
    const struct box *a = any_box(L, 1);
    const struct box *b = any_box(L, 2);

    lua_pushboolean(L, a != NULL && b != NULL && a->noun == b->noun && a->run == b->run &&
                           a->number == b->number && a->part == b->part &&
                           a->count == b->count && strcmp(a->name, b->name) == 0);
    return 1;
}

/* The end of a `local x <close>` block; a box of a run that is over has nothing left. */
static int l_close(lua_State *L)
{
    const struct box *box = any_box(L, 1);

    if (box != NULL && box->run == script_of(L)->runs && script_of(L)->run != NULL)
        box->noun->close(L, box);
    return 0;
}

/* Faults are methods of links although no file lists them: their family's table does. */
static void push_methods(lua_State *L, const struct noun *noun)
{
    lua_newtable(L);
    for (const struct method *m = noun->methods; m->name != NULL; m++) {
        lua_pushcfunction(L, m->call);
        lua_setfield(L, -2, m->name);
    }
    if (noun == &noun_link)
        link_noun_add_faults(L);
}

static void register_noun(lua_State *L, const struct noun *noun)
{
    static const luaL_Reg meta[] = {
        {"__newindex", l_newindex},
        {"__tostring", l_tostring},
        {"__eq", l_eq},
        {NULL, NULL},
    };

    lua_newtable(L);
    luaL_setfuncs(L, meta, 0);
    push_methods(L, noun);
    lua_pushcclosure(L, l_index, 1);
    lua_setfield(L, -2, "__index");
    if (noun->close != NULL) {
        lua_pushcfunction(L, l_close);
        lua_setfield(L, -2, "__close");
    }
    if (noun->push_item != NULL) {
        lua_pushcfunction(L, l_len);
        lua_setfield(L, -2, "__len");
    }
    lua_pushstring(L, noun->name);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &box_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, noun);
}

void noun_register_all(lua_State *L)
{
    for (int i = 0; noun_at(i) != NULL; i++)
        register_noun(L, noun_at(i));
}

struct box *noun_push(lua_State *L, const struct noun *noun, uint32_t number,
                      uint32_t part, const char *name)
{
    struct box *box = lua_newuserdatauv(L, sizeof *box, 1);

    *box = (struct box){
        .noun = noun,
        .run = script_of(L)->runs,
        .number = number,
        .part = part,
        .count = 1,
    };
    snprintf(box->name, sizeof box->name, "%s", name != NULL ? name : "");
    lua_rawgetp(L, LUA_REGISTRYINDEX, noun);
    lua_setmetatable(L, -2);
    return box;
}
