/* task_noun: what spawn and every give back: await, cancel, is_done. */
#include "harness/script/noun.h"
#include "harness/script/raise.h"
#include "harness/script/run.h"
#include "harness/script/tasks.h"
#include "harness/script/values.h"

static struct task *find(lua_State *L, const char *method)
{
    const struct box *box = noun_self(L, &noun_task, method);

    return tasks_find(script_of(L)->run, box->number);
}

/* task:await "10s": until it has ended; without a time as long as it takes */
static int l_await(lua_State *L)
{
    const struct box *box = noun_self(L, &noun_task, "await");
    uint64_t ns = lua_isnoneornil(L, 2) ? 0 : value_duration(L, 2, "await");

    return task_follow(L, box->number, ns);
}

/* task:cancel(): its wait raises; it does not count as a failure */
static int l_cancel(lua_State *L)
{
    struct task *task = find(L, "cancel");

    if (task != NULL)
        task_cancel(task, E_CANCELLED, "this task was cancelled by another");
    return 0;
}

/* task:is_done() -> boolean */
static int l_is_done(lua_State *L)
{
    lua_pushboolean(L, find(L, "is_done") == NULL);
    return 1;
}

static const struct method methods[] = {
    {"await", l_await},
    {"cancel", l_cancel},
    {"is_done", l_is_done},
    {NULL, NULL},
};

const struct noun noun_task = {.name = "task", .methods = methods};
