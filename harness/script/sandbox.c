/* sandbox: the Lua state of a script: capped memory, capped time, and only the names
 * that a scenario may use.
 *
 * Memory: the allocator counts and refuses; it notes whose line asked, since Lua reports
 * a full memory without a place. Time: a hook every 10,000 instructions compares the
 * clock with the moment in which Lua was entered; what it raises passes every pcall.
 * Names: scenario files see an empty table whose reads go to the words and whose writes
 * are refused. Finalizers (__gc) are refused, since no hook runs in them. */
#include "harness/script/sandbox.h"

#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/raise.h"

enum { HOOK_INSTRUCTIONS = 10000, REPEAT_MAX = 1 << 28, MOVE_MAX = 1 << 24 };

static const char words_key;
static const char environment_key;

static void *allocate(void *arg, void *block, size_t had, size_t wanted)
{
    struct script *script = arg;
    void *moved;

    if (block == NULL)
        had = 0; /* Lua passes a type tag here */
    if (wanted == 0) {
        free(block);
        script->memory_bytes -= had;
        return NULL;
    }
    if (wanted > had && script->memory_bytes + (wanted - had) > SCRIPT_MEMORY_BYTES_MAX) {
        if (script->current != NULL)
            raise_where(script->current, script->memory_where,
                        sizeof script->memory_where);
        return NULL;
    }
    moved = realloc(block, wanted);
    if (moved != NULL)
        script->memory_bytes = script->memory_bytes - had + wanted;
    return moved;
}

static void on_instructions(lua_State *L, lua_Debug *frame)
{
    struct script *script = script_of(L);

    (void)frame;
    if (clock_now(script->clock) - script->slice_began_ns < SCRIPT_SLICE_NS_MAX)
        return;
    script->overrun = true;
    raise_hint(L, "put a sleep \"10ms\" into the loop, or use eventually(...)",
               "no wait for 1 s: this looks like an endless loop");
}

int sandbox_open(struct script *script, struct error *err)
{
    script->L = lua_newstate(allocate, script);
    if (script->L == NULL)
        return error_set(err, E_NOMEM, "no memory for a Lua state");
    script->main.script = script;
    *(struct thread **)lua_getextraspace(script->L) = &script->main;
    lua_sethook(script->L, on_instructions, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
    return 0;
}

lua_State *sandbox_enter(struct script *script, lua_State *L)
{
    lua_State *before = script->current;

    script->current = L;
    script->slice_began_ns = clock_now(script->clock);
    script->overrun = false;
    return before;
}

void sandbox_leave(struct script *script, lua_State *before)
{
    script->current = before;
}

/* After a protected call: an overrun goes on up, whatever the script made of it. */
static int pcall_result(lua_State *L, int status, lua_KContext skip)
{
    if (script_of(L)->overrun && status != LUA_OK && status != LUA_YIELD)
        lua_error(L);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    return lua_gettop(L) - (int)skip;
}

/* pcall(f, …) -> true, results … | false, error */
static int l_pcall(lua_State *L)
{
    int status;

    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_result);
    return pcall_result(L, status, 0);
}

/* The script's own message handler (upvalue 1), but not for an overrun: that is raised
 * from the hook, where no second hook would end an endless handler. */
static int on_error(lua_State *L)
{
    if (script_of(L)->overrun)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

/* xpcall(f, handler, …) -> as pcall; the handler sees the error first */
static int l_xpcall(lua_State *L)
{
    int count = lua_gettop(L);
    int status;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, on_error, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2); /* f, handler, true, f, arguments */
    status = lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, pcall_result);
    return pcall_result(L, status, 2);
}

/* setmetatable(table, metatable or nil) -> table */
static int l_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        raise_text(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            raise_hint(L, "use local x <close> = ...",
                       "'__gc' is not available in a scenario");
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/* string.rep and table.move count in C, where no hook runs: bounded here. The original
 * is upvalue 1. */
static int l_rep(lua_State *L)
{
    if (luaL_checkinteger(L, 2) > REPEAT_MAX)
        raise_text(L, "string.rep: more than %d repetitions", REPEAT_MAX);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int l_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2);
    lua_Integer to = luaL_checkinteger(L, 3);

    if (to > from && (lua_Unsigned)to - (lua_Unsigned)from > MOVE_MAX)
        raise_text(L, "table.move: more than %d elements", MOVE_MAX);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Names that people expect from Lua, and what to use here. */
static const struct refused {
    const char *name;
    const char *instead;
} refused[] = {
    {"os", "use now(), sleep \"1s\" or process { ... } instead"},
    {"io", "evidence is written for you; use note(\"...\") for words of your own"},
    {"require", "a scenario is one file; put shared functions above it"},
    {"package", "a scenario is one file; put shared functions above it"},
    {"load", "write the code as a function"},
    {"loadstring", "write the code as a function"},
    {"loadfile", "a scenario is one file"},
    {"dofile", "a scenario is one file"},
    {"debug", "errors carry their line; use note(\"...\") to see values"},
    {"coroutine", "use spawn(fn), parallel(fn, fn, ...) or every(\"1s\", fn)"},
    {"collectgarbage", "memory is looked after; the limit is 256 MiB"},
    {"print", "use note(\"...\"): it goes into the evidence, with its time"},
    {"warn", "use note(\"...\"): it goes into the evidence, with its time"},
    {"process", "programs of others come later; cluster and streams have clients"},
    {"incident", "recorded incidents come later"},
    {"_G", "name things directly; there are no globals"},
    {"getfenv", "name things directly; there are no globals"},
    {"setfenv", "name things directly; there are no globals"},
};

/* Gives how many names were put into `names` (at most `room`): keys of the words. */
static int collect_words(lua_State *L, const char **names, int room)
{
    int count = 0;

    sandbox_push_words(L);
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        if (count < room && lua_type(L, -2) == LUA_TSTRING)
            names[count++] = lua_tostring(L, -2);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return count;
}

/* A name that is no word was read. */
static int l_unknown(lua_State *L)
{
    const char *name = luaL_tolstring(L, 2, NULL);
    const char *names[128];
    const char *near;
    int count;

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strcmp(name, refused[i].name) == 0)
            raise_text(L, "'%s' is not available in a scenario: %s", name,
                       refused[i].instead);
    }
    count = collect_words(L, names, (int)(sizeof names / sizeof names[0]));
    near = error_suggest(name, names, count);
    if (near != NULL)
        raise_text(L, "unknown name '%.64s'; did you mean '%s'?", name, near);
    raise_hint(L, "a value of your own needs 'local' where it is made",
               "unknown name '%.64s'", name);
}

/* A name that is no local was assigned to. */
static int l_assign(lua_State *L)
{
    const char *name = luaL_tolstring(L, 2, NULL);

    sandbox_push_words(L);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL)
        raise_text(L, "'%.64s' is a word of the language and cannot be assigned to",
                   name);
    raise_text(L, "a scenario has no globals: write local %.64s = ...", name);
}

/* Lua's own names that stay. */
static void keep(lua_State *L, int words)
{
    static const char *const kept[] = {
        "assert", "error",  "getmetatable", "ipairs",   "rawequal", "rawget",   "rawlen",
        "rawset", "select", "tonumber",     "tostring", "type",     "_VERSION",
    };

    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        lua_getfield(L, -1, kept[i]);
        lua_setfield(L, words, kept[i]);
    }
    lua_pop(L, 1);
}

static void wrap(lua_State *L, int library, const char *name, lua_CFunction wrapper)
{
    lua_getfield(L, library, name);
    lua_pushcclosure(L, wrapper, 1);
    lua_setfield(L, library, name);
}

static void keep_libraries(lua_State *L, int words)
{
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
    wrap(L, lua_gettop(L), "rep", l_rep);
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    lua_setfield(L, words, "string");
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
    wrap(L, lua_gettop(L), "move", l_move);
    lua_setfield(L, words, "table");
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
    lua_setfield(L, words, "math");
    luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 0);
    lua_setfield(L, words, "utf8");

    /* Texts share one metatable: getmetatable("") must not hand it out. */
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

static void lock_table(lua_State *L, lua_CFunction on_read, lua_CFunction on_write)
{
    lua_newtable(L);
    if (on_read != NULL) {
        lua_pushcfunction(L, on_read);
        lua_setfield(L, -2, "__index");
    }
    if (on_write != NULL) {
        lua_pushcfunction(L, on_write);
        lua_setfield(L, -2, "__newindex");
    }
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
}

void sandbox_fill(lua_State *L)
{
    static const luaL_Reg own[] = {
        {"pcall", l_pcall},
        {"xpcall", l_xpcall},
        {"setmetatable", l_setmetatable},
        {NULL, NULL},
    };

    lua_newtable(L);
    keep(L, lua_gettop(L));
    keep_libraries(L, lua_gettop(L));
    luaL_setfuncs(L, own, 0);
    lock_table(L, l_unknown, NULL);
    lua_setmetatable(L, -2);

    lua_newtable(L); /* _ENV: empty for ever, so that every write is seen */
    lock_table(L, NULL, l_assign);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &environment_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &words_key);
}

void sandbox_push_words(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &words_key);
}

void sandbox_push_environment(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &environment_key);
}
