/* words: sleep, phase, note, random, now, spawn, and the primitives from which the
 * prelude makes eventually, always, expect, parallel, every and pairs. */
#include "harness/script/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/script/fault_noun.h"
#include "harness/script/journal.h"
#include "harness/script/noun.h"
#include "harness/script/raise.h"
#include "harness/script/sandbox.h"
#include "harness/script/tasks.h"
#include "harness/script/text.h"
#include "harness/script/values.h"
#include "proxy/base/param.h"

/* phase "leader killed" */
static int l_phase(lua_State *L)
{
    struct task *task = task_here(L, "phase");
    const char *name = value_text(L, 1, "phase", SCRIPT_NAME_BYTES_MAX);

    if (strpbrk(name, "\n\r\t") != NULL)
        raise_text(L, "a phase's name is one line without tabs");
    journal_phase(task->run, name);
    return 0;
}

/* note("at the peak %s", value): string.format; a text alone is taken as it is. Any bytes
 * may come: what is no UTF-8 becomes '?' in the record. */
static int l_note(lua_State *L)
{
    struct task *task = task_here(L, "note");

    if (lua_type(L, 1) != LUA_TSTRING)
        raise_text(L, "note takes a text first: note(\"%%d of %%d\", a, b)");
    if (lua_gettop(L) > 1) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, 1);
    }
    journal_note(task->run, lua_tostring(L, -1));
    return 0;
}

/* now() -> seconds since run(t) began */
static int l_now(lua_State *L)
{
    struct task *task = task_here(L, "now");
    uint64_t ns = run_now_ns(task->run) - task->run->began_ns;

    lua_pushnumber(L, (double)ns / NS_PER_S);
    return 1;
}

/* Both ends can come up, to the nanosecond. */
static int random_duration(lua_State *L, struct rng *rng)
{
    uint64_t low = value_duration(L, 1, "random");
    uint64_t high = value_duration(L, 2, "random");
    char text[64];

    if (high < low)
        raise_text(L, "random: the second time is shorter than the first");
    lua_pushstring(
        L, param_duration_text(low + rng_below(rng, high - low + 1), text, sizeof text));
    return 1;
}

/* random() -> [0, 1); random(n) -> 1..n; random(m, n) -> m..n;
 * random("100ms", "2s") -> a time between them. Drawn from the seed of the run. */
static int l_random(lua_State *L)
{
    struct task *task = task_here(L, "random");
    lua_Integer low = 1;
    lua_Integer high;

    if (lua_gettop(L) == 0) {
        lua_pushnumber(L, rng_unit(&task->rng));
        return 1;
    }
    if (lua_type(L, 1) == LUA_TSTRING)
        return random_duration(L, &task->rng);
    if (lua_gettop(L) == 1) {
        high = luaL_checkinteger(L, 1);
    } else {
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
    }
    if (high < low)
        raise_text(L, "random: nothing lies between %lld and %lld", (long long)low,
                   (long long)high);
    if ((lua_Unsigned)high - (lua_Unsigned)low == UINT64_MAX)
        lua_pushinteger(L, (lua_Integer)rng_next(&task->rng));
    else
        lua_pushinteger(L,
                        (lua_Integer)((lua_Unsigned)low +
                                      rng_below(&task->rng, (lua_Unsigned)high -
                                                                (lua_Unsigned)low + 1)));
    return 1;
}

static int l_randomseed(lua_State *L)
{
    raise_hint(L, "run with --seed N to repeat a run",
               "math.randomseed is not available: the seed of the run decides");
}

static void check_function(lua_State *L, int index, const char *word)
{
    if (lua_type(L, index) != LUA_TFUNCTION)
        raise_text(L, "%s takes a function, not %s%s", word,
                   lua_isnoneornil(L, index) ? "" : "a ",
                   lua_isnoneornil(L, index) ? "nothing" : luaL_typename(L, index));
}

/* spawn(fn) -> Task: runs beside this one; its errors fail the scenario */
static int l_spawn(lua_State *L)
{
    struct task *task = task_here(L, "spawn");
    struct box *box;

    check_function(L, 1, "spawn");
    box = noun_push(L, &noun_task, 0, 0, NULL);
    lua_pushvalue(L, 1);
    box->number = task_spawn(L, task->run, task, false)->number;
    return 1;
}

/* ---- primitives of the prelude ---- */

/* fork(fn): a child that join() waits for */
static int l_fork(lua_State *L)
{
    struct task *task = task_here(L, "parallel");

    check_function(L, 1, "parallel");
    lua_pushvalue(L, 1);
    task_spawn(L, task->run, task, true);
    return 0;
}

/* inside(word): an error at load */
static int l_inside(lua_State *L)
{
    task_here(L, luaL_checkstring(L, 1));
    return 0;
}

/* seconds(duration, what) -> number */
static int l_seconds(lua_State *L)
{
    const char *what = luaL_checkstring(L, 2);

    lua_pushnumber(L, (double)value_duration(L, 1, what) / NS_PER_S);
    return 1;
}

/* text(value, what): a text, or an error */
static int l_text(lua_State *L)
{
    value_text(L, 1, luaL_checkstring(L, 2), 1000);
    lua_settop(L, 1);
    return 1;
}

/* fail(message [, hint]): raise with the place of the scenario's line */
static int l_fail(lua_State *L)
{
    raise_hint(L, luaL_optstring(L, 2, ""), "%s", luaL_checkstring(L, 1));
}

static json_t *shown_text(const char *text)
{
    char copy[256];

    snprintf(copy, sizeof copy, "%s", text);
    text_clean(copy); /* any bytes, and perhaps cut in a character */
    return json_string(copy);
}

/* What JSON can say of a value that was compared; else its text. */
static json_t *shown(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TNONE:
        return NULL;
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(L, index));
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            return json_integer(lua_tointeger(L, index));
        return isfinite(lua_tonumber(L, index)) ? json_real(lua_tonumber(L, index))
                                                : NULL;
    default:
        return shown_text(luaL_tolstring(L, index, NULL));
    }
}

/* judged(held, text, value, op, bound): record an expectation; raise when it is false.
 * It counts even if the script catches the error. */
static int l_judged(lua_State *L)
{
    struct task *task = task_here(L, "expect");
    bool held = lua_toboolean(L, 1);
    const char *op = luaL_optstring(L, 4, NULL);
    json_t *value;
    json_t *bound;
    struct error err;

    error_set(&err, E_EXPECTATION, "%s", luaL_checkstring(L, 2));
    raise_where(L, err.where, sizeof err.where);
    luaL_checkstack(L, 4, "expect");
    value = shown(L, 3);
    bound = shown(L, 5);
    journal_expectation(task->run, held, err.text, err.where, value, op, bound);
    json_decref(value);
    json_decref(bound);
    if (held)
        return 0;
    run_unheld(task->run, &err);
    raise_error(L, &err);
}

/* ---- sorted keys ---- */

/* Numbers, then texts, then the rest. */
static int rank(int type)
{
    return type == LUA_TNUMBER    ? 0
           : type == LUA_TSTRING  ? 1
           : type == LUA_TBOOLEAN ? 2
                                  : 3;
}

/* Does the key at `a` come before the one at `b`? Others than numbers, texts and booleans
 * have no order of their own: they keep Lua's. */
static bool key_before(lua_State *L, int a, int b)
{
    int rank_a = rank(lua_type(L, a));
    int rank_b = rank(lua_type(L, b));
    size_t size_a, size_b;
    const char *text_a, *text_b;
    int order;

    if (rank_a != rank_b)
        return rank_a < rank_b;
    if (rank_a == 0)
        return lua_compare(L, a, b, LUA_OPLT) != 0;
    if (rank_a == 2)
        return lua_toboolean(L, a) == 0 && lua_toboolean(L, b) != 0;
    if (rank_a != 1)
        return false;
    text_a = lua_tolstring(L, a, &size_a);
    text_b = lua_tolstring(L, b, &size_b);
    order = memcmp(text_a, text_b, size_a < size_b ? size_a : size_b);
    return order != 0 ? order < 0 : size_a < size_b;
}

/* Merge list[low, middle) and list[middle, high) through `spare` (both tables). */
static void merge(lua_State *L, int list, int spare, lua_Integer low, lua_Integer middle,
                  lua_Integer high)
{
    lua_Integer a = low;
    lua_Integer b = middle;

    for (lua_Integer at = low; at < high; at++) {
        bool take_b;

        lua_rawgeti(L, list, a);
        lua_rawgeti(L, list, b);
        take_b =
            a >= middle || (b < high && key_before(L, lua_gettop(L), lua_gettop(L) - 1));
        lua_pop(L, 2);
        lua_rawgeti(L, list, take_b ? b++ : a++);
        lua_rawseti(L, spare, at);
    }
    for (lua_Integer at = low; at < high; at++) {
        lua_rawgeti(L, spare, at);
        lua_rawseti(L, list, at);
    }
}

/* keys(table) -> its keys in order, and how many. A merge sort: stable, so keys without
 * an order stay as they were found. */
static int l_keys(lua_State *L)
{
    lua_Integer count = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_rawseti(L, 2, ++count);
    }
    for (lua_Integer width = 1; width < count; width *= 2) {
        for (lua_Integer low = 1; low + width <= count; low += 2 * width) {
            lua_Integer high = low + 2 * width;

            merge(L, 2, 3, low, low + width, high <= count ? high : count + 1);
        }
    }
    lua_settop(L, 2);
    lua_pushinteger(L, count);
    return 2;
}

/* Keys without an order of their own follow in Lua's. Key at 2, table at 1. */
static int next_unordered(lua_State *L)
{
    while (lua_next(L, 1) != 0) {
        if (rank(lua_type(L, -2)) == 3)
            return 2;
        lua_pop(L, 1);
    }
    return 0;
}

/* next(table, key) -> the key after it in the order of pairs, and its value */
static int l_next(lua_State *L)
{
    bool found = false;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2) && rank(lua_type(L, 2)) == 3)
        return next_unordered(L);
    lua_pushnil(L); /* 3: the nearest so far */
    lua_pushnil(L);
    while (lua_next(L, 1) != 0) {
        bool behind;

        lua_pop(L, 1);
        behind = lua_isnil(L, 2) || key_before(L, 2, 4);
        if (behind && (!found || key_before(L, 4, 3))) {
            lua_copy(L, 4, 3);
            found = true;
        }
    }
    if (!found)
        return 0;
    lua_settop(L, 3);
    lua_pushvalue(L, 3);
    lua_rawget(L, 1);
    return 2;
}

void words_push_native(lua_State *L)
{
    static const luaL_Reg native[] = {
        {"fail", l_fail},   {"fork", l_fork},       {"inside", l_inside},
        {"join", l_join},   {"judged", l_judged},   {"keys", l_keys},
        {"now", l_now},     {"seconds", l_seconds}, {"rest", l_rest},
        {"sleep", l_sleep}, {"spawn", l_spawn},     {"switch_on", l_fault_switch_on},
        {"text", l_text},   {NULL, NULL},
    };

    lua_newtable(L);
    luaL_setfuncs(L, native, 0);
}

void words_register(lua_State *L)
{
    static const luaL_Reg words[] = {
        {"next", l_next},   {"now", l_now},     {"phase", l_phase}, {"random", l_random},
        {"sleep", l_sleep}, {"spawn", l_spawn}, {NULL, NULL},
    };

    sandbox_push_words(L);
    luaL_setfuncs(L, words, 0);
    lua_getfield(L, -1, "string");
    lua_getfield(L, -1, "format");
    lua_remove(L, -2);
    lua_pushcclosure(L, l_note, 1);
    lua_setfield(L, -2, "note");
    lua_getfield(L, -1, "math");
    lua_pushcfunction(L, l_random);
    lua_setfield(L, -2, "random");
    lua_pushcfunction(L, l_randomseed);
    lua_setfield(L, -2, "randomseed");
    lua_pop(L, 2);
}
