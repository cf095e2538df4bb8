/* script: a scenario file from the disk to its cases.
 *
 *   read the file -> open a state -> fill the sandbox -> compile -> run its top level,
 *   which declares -> look whether everything came -> the cases stand
 *
 * Everything that can raise runs under one protected call (load_all); what it left
 * behind, in Lua or in C, is freed by script_destroy. */
#include "harness/script/script.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/script/check_words.h"
#include "harness/script/declare.h"
#include "harness/script/noun.h"
#include "harness/script/params.h"
#include "harness/script/prelude.h"
#include "harness/script/raise.h"
#include "harness/script/sandbox.h"
#include "harness/script/values.h"
#include "harness/script/words.h"

/* ---- the file ---- */

static int cannot_read(const char *path, int number, struct error *err)
{
    error_set(err, E_SCRIPT, "cannot read %s: %s", path, strerror(number));
    if (number == EISDIR)
        error_hint(err, "it is a folder; name a file in it");
    return E_SCRIPT;
}

static int read_open_file(struct script *script, FILE *file, struct error *err)
{
    struct stat info;
    size_t size;

    if (fstat(fileno(file), &info) != 0)
        return cannot_read(script->path, errno, err);
    if (S_ISDIR(info.st_mode))
        return cannot_read(script->path, EISDIR, err);
    if (!S_ISREG(info.st_mode) || info.st_size > SCRIPT_FILE_BYTES_MAX)
        return error_set(err, E_SCRIPT, "%s is no scenario: %s", script->path,
                         S_ISREG(info.st_mode) ? "more than 4 MiB" : "not a file");
    size = (size_t)info.st_size;
    script->text = malloc(size + 1);
    if (script->text == NULL)
        return error_set(err, E_NOMEM, "no memory for %s", script->path);
    script->text_bytes = fread(script->text, 1, size, file);
    script->text[script->text_bytes] = '\0';
    if (ferror(file) != 0)
        return cannot_read(script->path, errno != 0 ? errno : EIO, err);
    return 0;
}

static int read_file(struct script *script, struct error *err)
{
    struct stat info;
    FILE *file;
    int rc;

    /* Opening a pipe would wait for its writer. */
    if (stat(script->path, &info) == 0 && S_ISFIFO(info.st_mode))
        return error_set(err, E_SCRIPT, "%s is no scenario: not a file", script->path);
    file = fopen(script->path, "rbe");
    if (file == NULL)
        return cannot_read(script->path, errno, err);
    rc = read_open_file(script, file, err);
    fclose(file);
    return rc;
}

/* Behind a byte order mark and a #! line (whose newline stays, so that lines count). */
static const char *code_of(const struct script *script, size_t *size)
{
    const char *text = script->text;
    const char *end = text + script->text_bytes;

    if (end - text >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    if (end - text >= 2 && text[0] == '#' && text[1] == '!') {
        while (text < end && *text != '\n')
            text++;
    }
    *size = (size_t)(end - text);
    return text;
}

/* ---- under protection ---- */

static void compile(lua_State *L, struct script *script)
{
    size_t size;
    const char *code = code_of(script, &size);
    struct error err;
    lua_Debug info;
    int status;

    if (size > 0 && code[0] == LUA_SIGNATURE[0])
        raise_hint(L, "give the file that it was compiled from",
                   "%s is compiled Lua, which is not run", script->path);
    /* Any chunk of this name tells how Lua shortens it in its messages. */
    if (luaL_loadbufferx(L, "return", 6, script->chunk_name, "t") == LUA_OK) {
        lua_getinfo(L, ">S", &info);
        snprintf(script->short_name, sizeof script->short_name, "%s", info.short_src);
    }
    status = luaL_loadbufferx(L, code, size, script->chunk_name, "t");
    if (status != LUA_OK) {
        raise_read(L, -1, status, &err);
        raise_error(L, &err);
    }
    sandbox_push_environment(L);
    lua_setupvalue(L, -2, 1);
}

static int run_top_level(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_call(L, 0, 0);
    declare_finish(L);
    return 0;
}

/* Argument 1: the script. */
static int load_all(lua_State *L)
{
    struct script *script = lua_touserdata(L, 1);
    struct error err;
    int status;

    raise_register(L);
    values_register(L);
    sandbox_fill(L);
    words_register(L);
    params_register(L);
    check_words_register(L);
    declare_register(L);
    noun_register_all(L);
    prelude_load(L);
    compile(L, script);

    lua_pushcclosure(L, run_top_level, 1);
    lua_pushcfunction(L, raise_handler);
    lua_insert(L, -2);
    status = lua_pcall(L, 0, 0, -2);
    if (status != LUA_OK) {
        raise_read(L, -1, status, &err);
        raise_error(L, &err);
    }
    return 0;
}

static int load_protected(struct script *script, struct error *err)
{
    lua_State *before = sandbox_enter(script, script->L);
    int status;

    lua_pushcfunction(script->L, load_all);
    lua_pushlightuserdata(script->L, script);
    status = lua_pcall(script->L, 1, 0, 0);
    if (status != LUA_OK) {
        raise_read(script->L, -1, status, err);
        lua_pop(script->L, 1);
        if (err->code != E_NOMEM)
            err->code = E_SCRIPT; /* whatever refused it: the file does not load */
    }
    sandbox_leave(script, before);
    return status == LUA_OK ? 0 : err->code;
}

/* ---- public ---- */

static int set_path(struct script *script, const char *path, struct error *err)
{
    size_t size = strlen(path) + 2;

    script->path = strdup(path);
    script->chunk_name = malloc(size);
    if (script->path == NULL || script->chunk_name == NULL)
        return error_set(err, E_NOMEM, "no memory for %s", path);
    snprintf(script->chunk_name, size, "@%s", path);
    return 0;
}

int script_load(struct script **out, const char *path, struct error *err)
{
    struct script *script = calloc(1, sizeof *script);
    struct error own;
    int rc;

    if (err == NULL)
        err = &own;
    if (script == NULL)
        return error_set(err, E_NOMEM, "no memory for %s", path);
    script->clock = clock_real();
    rc = set_path(script, path, err);
    if (rc == 0)
        rc = read_file(script, err);
    if (rc == 0)
        rc = sandbox_open(script, err);
    if (rc == 0)
        rc = load_protected(script, err);
    if (rc != 0) {
        script_destroy(script);
        return rc;
    }
    *out = script;
    return 0;
}

void script_destroy(struct script *script)
{
    if (script == NULL)
        return;
    assert(script->run == NULL);
    cases_free(script);
    if (script->L != NULL)
        lua_close(script->L);
    free(script->text);
    free(script->chunk_name);
    free(script->path);
    free(script);
}

int script_case_count(const struct script *script)
{
    return script->case_count;
}

const struct script_case *script_case_at(const struct script *script, int at)
{
    assert(at >= 0);
    assert(at < script->case_count);
    return &script->cases[at]->shown;
}
