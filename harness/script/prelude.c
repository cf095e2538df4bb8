/* prelude: the part of the language that is written in Lua, embedded at build time.
 *
 * The assembler copies each file into the program (.incbin: gcc and clang know it, #embed
 * does not exist there). A prelude file gets the native primitives and the words as its
 * arguments and returns a table of new words; its names begin with '=', so that errors
 * are never placed in it. */
#include "harness/script/prelude.h"

#include <lauxlib.h>
#include <stdio.h>

#include "harness/script/sandbox.h"
#include "harness/script/words.h"

#define PRELUDE(name)                                                                    \
    __asm__(".pushsection .rodata\n"                                                     \
            "prelude_" #name "_begin:\n"                                                 \
            ".incbin \"" PRELUDE_FOLDER "/" #name ".lua\"\n"                             \
            "prelude_" #name "_end:\n"                                                   \
            ".byte 0\n"                                                                  \
            ".popsection\n");                                                            \
    extern const char prelude_##name##_begin[];                                          \
    extern const char prelude_##name##_end[];
#include "harness/script/prelude/prelude.def"
#undef PRELUDE

static const char inner_key;

/* The words come in; what is inner moves to the registry. Stack: the file's table. */
static void adopt(lua_State *L)
{
    int words;
    int inner;

    sandbox_push_words(L);
    words = lua_gettop(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &inner_key);
    inner = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, words - 1) != 0) {
        const char *name = lua_tostring(L, -2);

        if (name[0] == '_')
            lua_setfield(L, inner, name + 1);
        else
            lua_setfield(L, words, name);
    }
    lua_pop(L, 3);
}

static void load_file(lua_State *L, const char *name, const char *begin, const char *end)
{
    char chunk[64];

    snprintf(chunk, sizeof chunk, "=prelude/%s.lua", name);
    if (luaL_loadbufferx(L, begin, (size_t)(end - begin), chunk, "t") != LUA_OK)
        lua_error(L);
    sandbox_push_words(L); /* its _ENV: whatever a scenario can name */
    lua_setupvalue(L, -2, 1);
    words_push_native(L);
    lua_call(L, 1, 1);
    adopt(L);
}

void prelude_load(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &inner_key);
#define PRELUDE(name) load_file(L, #name, prelude_##name##_begin, prelude_##name##_end);
#include "harness/script/prelude/prelude.def"
#undef PRELUDE
}

void prelude_push(lua_State *L, const char *name)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &inner_key);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}
