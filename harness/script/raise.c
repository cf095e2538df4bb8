/* raise: errors on their way through Lua, from the place to the words.
 *
 *   C code raises:       an error object with the place of the innermost scenario line
 *   Lua raises text:     raise_handler cuts Lua's own "file:line:" off and keeps it apart
 *   memory is short:     no handler runs; the allocator noted the place beforehand
 *   pcall in the script: sees the object; tostring gives "file:line: sentence" */
#include "harness/script/raise.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness/script/state.h"
#include "harness/script/text.h"

static const char error_key[] = "stormdrill.error";

static struct error *error_at(lua_State *L, int index)
{
    return luaL_testudata(L, index, error_key);
}

static int l_tostring(lua_State *L)
{
    const struct error *err = luaL_checkudata(L, 1, error_key);

    if (err->where[0] != '\0')
        lua_pushfstring(L, "%s: %s", err->where, err->text);
    else
        lua_pushstring(L, err->text);
    return 1;
}

/* err.text, err.where, err.hint; anything else is nil, as in a table. */
static int l_index(lua_State *L)
{
    const struct error *err = luaL_checkudata(L, 1, error_key);
    const char *name = luaL_checkstring(L, 2);

    if (strcmp(name, "text") == 0)
        lua_pushstring(L, err->text);
    else if (strcmp(name, "where") == 0)
        lua_pushstring(L, err->where);
    else if (strcmp(name, "hint") == 0)
        lua_pushstring(L, err->hint);
    else
        lua_pushnil(L);
    return 1;
}

void raise_register(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__tostring", l_tostring},
        {"__index", l_index},
        {NULL, NULL},
    };

    luaL_newmetatable(L, error_key);
    luaL_setfuncs(L, methods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

int raise_line(lua_State *L)
{
    const struct script *script = script_of(L);
    lua_Debug frame;

    for (int level = 0; lua_getstack(L, level, &frame) != 0; level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0 && strcmp(frame.source, script->chunk_name) == 0)
            return frame.currentline;
    }
    return 0;
}

void raise_where(lua_State *L, char *where, size_t size)
{
    int line = raise_line(L);

    where[0] = '\0';
    if (line > 0)
        snprintf(where, size, "%s:%d", script_of(L)->path, line);
}

void raise_error(lua_State *L, const struct error *err)
{
    struct error *object = lua_newuserdatauv(L, sizeof *object, 0);

    *object = *err;
    if (object->where[0] == '\0')
        raise_where(L, object->where, sizeof object->where);
    luaL_setmetatable(L, error_key);
    lua_error(L);
    __builtin_unreachable();
}

static void set_text(struct error *err, const char *format, va_list args)
{
    char text[ERROR_TEXT_BYTES];

    vsnprintf(text, sizeof text, format, args);
    error_set(err, E_SCRIPT, "%s", text);
}

void raise_text(lua_State *L, const char *format, ...)
{
    struct error err;
    va_list args;

    va_start(args, format);
    set_text(&err, format, args);
    va_end(args);
    raise_error(L, &err);
}

void raise_hint(lua_State *L, const char *hint, const char *format, ...)
{
    struct error err;
    va_list args;

    va_start(args, format);
    set_text(&err, format, args);
    va_end(args);
    error_hint(&err, "%s", hint);
    raise_error(L, &err);
}

/* "it has: a, b, c", cut where the room ends. */
static void list_names(struct error *err, const char *const *names, int count)
{
    char list[ERROR_HINT_BYTES] = "";
    size_t used = 0;

    for (int i = 0; i < count; i++) {
        int wrote = snprintf(list + used, sizeof list - used, "%s%s",
                             i == 0 ? "it has: " : ", ", names[i]);

        if (wrote < 0 || (size_t)wrote >= sizeof list - used)
            break;
        used += (size_t)wrote;
    }
    if (used > 0)
        error_hint(err, "%s", list);
}

void raise_unknown(lua_State *L, const char *owner, const char *what, const char *word,
                   const char *const *names, int count)
{
    const char *near = error_suggest(word, names, count);
    struct error err;

    error_set(&err, E_SCRIPT, "%s has no %s'%.64s'%s%s%s", owner, what, word,
              near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
              near != NULL ? "'?" : "");
    if (near == NULL)
        list_names(&err, names, count);
    raise_error(L, &err);
}

/* Lua puts "short_name:12: " in front of what it raises in our file: that line counts
 * (error levels may have chosen another one than the innermost). Gives the rest. */
static const char *cut_place(const struct script *script, const char *text, char *where)
{
    size_t name = strlen(script->short_name);
    int line = 0;
    int taken = 0;

    if (name == 0 || strncmp(text, script->short_name, name) != 0)
        return text;
    if (sscanf(text + name, ":%d: %n", &line, &taken) != 1 || taken == 0)
        return text;
    snprintf(where, ERROR_WHERE_BYTES, "%s:%d", script->path, line);
    return text + name + taken;
}

static void set_memory_error(const struct script *script, struct error *err)
{
    error_set(err, E_SCRIPT, "the scenario needs more than %d MiB of memory",
              SCRIPT_MEMORY_BYTES_MAX >> 20);
    error_hint(err, "keep counts, not every value; messages belong to clients");
    snprintf(err->where, sizeof err->where, "%s", script->memory_where);
}

/* Words for what somebody raised. */
static void describe(lua_State *L, int index, struct error *err)
{
    const struct script *script = script_of(L);
    const char *text;

    if (lua_type(L, index) != LUA_TSTRING) {
        error_set(err, E_SCRIPT, "an error was raised with %s instead of words",
                  lua_isnil(L, index) ? "nil" : luaL_typename(L, index));
        return;
    }
    text = lua_tostring(L, index);
    if (strcmp(text, "not enough memory") == 0) {
        set_memory_error(script, err);
        return;
    }
    error_set(err, E_SCRIPT, "%s", "");
    text = cut_place(script, text, err->where);
    snprintf(err->text, sizeof err->text, "%s", text);
}

int raise_handler(lua_State *L)
{
    struct error err;
    struct error *object;

    if (error_at(L, 1) != NULL)
        return 1;
    describe(L, 1, &err);
    object = lua_newuserdatauv(L, sizeof *object, 0);
    *object = err;
    if (object->where[0] == '\0')
        raise_where(L, object->where, sizeof object->where);
    luaL_setmetatable(L, error_key);
    return 1;
}

void raise_read(lua_State *L, int index, int status, struct error *err)
{
    const struct error *object = error_at(L, index);

    if (status == LUA_ERRMEM)
        set_memory_error(script_of(L), err);
    else if (object != NULL)
        *err = *object;
    else
        describe(L, index, err);
    text_clean(err->text); /* a script can raise any bytes */
    text_clean(err->hint);
    text_clean(err->where);
}
