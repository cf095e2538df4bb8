/* state: what the files of this folder share; nobody outside includes it.
 *
 * One lua_State per script. Whose code runs is found from any lua_State through its
 * extra space: a `struct thread`, embedded in the script (the main state, while the file
 * loads) or in a task (everything that runs later). Scripts have no coroutines of their
 * own, so there are no other states. */
#ifndef STORMDRILL_SCRIPT_STATE_H
#define STORMDRILL_SCRIPT_STATE_H

#include <lauxlib.h>
#include <lua.h>

#include "harness/script/script.h"

enum {
    SCRIPT_MEMORY_BYTES_MAX = 256 << 20,
    SCRIPT_FILE_BYTES_MAX = 4 << 20,
    SCRIPT_NAME_BYTES_MAX = 127, /* of phases, scenarios, cases: cast.h keeps 128 */
};

/* Between two waits; also for the file's top level. */
static const uint64_t SCRIPT_SLICE_NS_MAX = NS_PER_S;

struct task;
struct run;

struct thread {
    struct script *script;
    struct task *task; /* NULL: the main state, at load */
};

/* A case, what it is run by, and what it owns. */
struct declared_case {
    struct script_case shown;
    struct script *script;
    char *name;
    char *id;
    char *scenario;
    int run_ref;      /* registry: the function */
    int checks_ref;   /* registry: the list that keeps its checks alive */
    int checks_asked; /* registry: the function that gives them; 0: a list was written */
};

struct script {
    lua_State *L;
    char *path;
    char *chunk_name;            /* "@path", as Lua calls the file */
    char short_name[LUA_IDSIZE]; /* as Lua shortens it in messages */
    char *text;                  /* the file, without a BOM */
    size_t text_bytes;
    const struct clock *clock;
    struct thread main;

    size_t memory_bytes;
    char memory_where[ERROR_WHERE_BYTES]; /* who asked when there was no more */
    lua_State *current;                   /* whose code runs now */
    uint64_t slice_began_ns;
    bool overrun; /* this slice was too long: no pcall may catch that */

    struct declared_case **cases;
    int case_count;
    char pending[SCRIPT_NAME_BYTES_MAX + 1]; /* scenario "x", still without its body */
    char pending_where[ERROR_WHERE_BYTES];
    char making[SCRIPT_NAME_BYTES_MAX + 1]; /* whose body is being read, or failed */
    uint32_t runs;   /* how many were started: marks the handles of each */
    struct run *run; /* NULL: nothing runs */
};

static inline struct thread *thread_of(lua_State *L)
{
    return *(struct thread **)lua_getextraspace(L);
}

static inline struct script *script_of(lua_State *L)
{
    return thread_of(L)->script;
}

#endif
