/* waits: how a task waits: for a time, an answer of C, its children, another task.
 *
 * All well:    the wait is begun, C is asked, the coroutine yields; the answer makes the
 *              task ready, it wakes, the continuation looks at task->rc.
 * Cancelled:   the wait is let go (its answer frees it alone); the task wakes and raises.
 * Not here:    at load, or where Lua cannot yield: an error before anything is asked.
 *
 * Between wait_begin and the yield nothing may raise: the answer would wake the task in
 * the middle of something else. */
#include <assert.h>
#include <stdlib.h>

#include "harness/script/journal.h"
#include "harness/script/raise.h"
#include "harness/script/run.h"
#include "harness/script/tasks.h"
#include "harness/script/values.h"

static _Noreturn void raise_cancelled(lua_State *L, const struct task *task)
{
    raise_error(L, &task->cancel_error);
}

/* May this code wait, here and now? */
static struct task *check_wait(lua_State *L, const char *word)
{
    struct task *task = task_here(L, word);

    if (task->cancelled)
        raise_cancelled(L, task);
    if (lua_isyieldable(L) == 0)
        raise_text(L, "cannot wait here: this code is called from C (a table.sort "
                      "comparator, a gsub callback or require)");
    return task;
}

struct wait *wait_begin(lua_State *L, const char *word)
{
    struct task *task = check_wait(L, word);
    struct wait *wait = calloc(1, sizeof *wait);

    if (wait == NULL)
        raise_text(L, "%s: out of memory", word);
    assert(task->wait == NULL);
    wait->task = task;
    task->wait = wait;
    return wait;
}

void wait_drop(struct wait *wait)
{
    wait->task->wait = NULL;
    free(wait);
}

void wait_done(void *arg, int rc, const struct error *err)
{
    struct wait *wait = arg;
    struct task *task = wait->task;

    if (task != NULL) {
        assert(task->wait == wait);
        task->wait = NULL;
        task->rc = rc;
        if (rc != 0 && err != NULL)
            task->error = *err;
        else if (rc != 0)
            error_set(&task->error, rc, "%s", error_text(rc));
        json_decref(task->answer);
        task->answer = wait->answer;
        wait->answer = NULL;
        task_make_ready(task);
    }
    json_decref(wait->answer);
    free(wait);
}

/* First thing after every wait: was it the answer, or a cancellation? */
static struct task *woken(lua_State *L)
{
    struct task *task = thread_of(L)->task;

    if (task->cancelled)
        raise_cancelled(L, task);
    return task;
}

/* Errors of what was asked for; the place is the line that asked. */
static void raise_answer(lua_State *L, const struct task *task)
{
    struct error err = task->error;

    err.where[0] = '\0';
    if (task->rc != 0)
        raise_error(L, &err);
}

static int on_answer(lua_State *L, int status, lua_KContext then)
{
    struct task *task = woken(L);

    (void)status;
    raise_answer(L, task);
    return then != 0 ? ((lua_CFunction)then)(L) : 0;
}

/* For callers that have more to do with a failure than to raise it. */
static int on_raw_answer(lua_State *L, int status, lua_KContext then)
{
    (void)status;
    woken(L);
    return ((lua_CFunction)then)(L);
}

/* An await_* that was not met in time: recorded here, judged when nobody catches it. */
static _Noreturn void raise_deadline(lua_State *L, struct task *task)
{
    task->error.where[0] = '\0';
    raise_where(L, task->error.where, sizeof task->error.where);
    task->error.code = E_EXPECTATION;
    journal_deadline(task->run, &task->error);
    raise_error(L, &task->error);
}

static int on_answer_in_time(lua_State *L, int status, lua_KContext then)
{
    struct task *task = woken(L);

    if (task->rc == E_TIMEOUT)
        raise_deadline(L, task);
    return on_answer(L, status, then);
}

static int yield_for_answer(lua_State *L, struct wait *wait, lua_KFunction wake,
                            lua_CFunction then)
{
    assert(wait->task == thread_of(L)->task);
    wait->task->waits = TASK_ASKED;
    return lua_yieldk(L, 0, (lua_KContext)then, wake);
}

int wait_end(lua_State *L, struct wait *wait)
{
    return yield_for_answer(L, wait, on_answer, NULL);
}

int wait_end_then(lua_State *L, struct wait *wait, lua_CFunction then)
{
    return yield_for_answer(L, wait, on_answer, then);
}

int wait_end_raw(lua_State *L, struct wait *wait, lua_CFunction then)
{
    return yield_for_answer(L, wait, on_raw_answer, then);
}

int wait_end_deadline(lua_State *L, struct wait *wait)
{
    return yield_for_answer(L, wait, on_answer_in_time, NULL);
}

static int on_slept(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    woken(L);
    return 0;
}

static int sleep_ns(lua_State *L, uint64_t ns)
{
    struct task *task = check_wait(L, "sleep");

    task->waits = TASK_SLEEPS;
    task->deadline_ns = run_now_ns(task->run) + ns;
    run_arm(task->run);
    return lua_yieldk(L, 0, 0, on_slept);
}

/* sleep "20s" */
int l_sleep(lua_State *L)
{
    return sleep_ns(L, value_duration(L, 1, "sleep"));
}

int l_rest(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 1);

    return sleep_ns(L, seconds > 0 ? (uint64_t)(seconds * NS_PER_S) : 0);
}

static int on_joined(lua_State *L, int status, lua_KContext context)
{
    struct task *task = woken(L);
    bool failed = task->child_failed;

    (void)status;
    (void)context;
    task->child_failed = false;
    if (failed)
        raise_error(L, &task->child_error);
    return 0;
}

/* Wait for every forked child. */
int l_join(lua_State *L)
{
    struct task *task = check_wait(L, "parallel");

    if (task->children == 0)
        return on_joined(L, LUA_OK, 0);
    task->waits = TASK_PARENT;
    return lua_yieldk(L, 0, 0, on_joined);
}

static int on_followed(lua_State *L, int status, lua_KContext context)
{
    struct task *task = woken(L);

    (void)status;
    (void)context;
    if (task->rc == E_TIMEOUT) {
        error_set(&task->error, E_TIMEOUT, "a spawned task has not ended in time");
        raise_deadline(L, task);
    }
    return 0;
}

int task_follow(lua_State *L, uint32_t number, uint64_t within_ns)
{
    struct task *task = check_wait(L, "await");

    if (number == task->number)
        raise_text(L, "a task cannot wait for itself");
    task->rc = 0;
    if (tasks_find(task->run, number) == NULL)
        return 0;
    task->waits = TASK_FOLLOWS;
    task->follows = number;
    task->deadline_ns = within_ns > 0 ? run_now_ns(task->run) + within_ns : 0;
    run_arm(task->run);
    return lua_yieldk(L, 0, 0, on_followed);
}
