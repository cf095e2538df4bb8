/* tasks: coroutines on the loop, and everything they can wait for.
 *
 * All well:    spawn -> ready -> resumed -> waits -> ready -> ... -> ended.
 * It fails:    the error, with its line, goes to its parent in parallel(), else it ends
 *              the run.
 * Cancelled:   made ready at once; the wait it is in raises, and so does every later
 *              one. `<close>` handlers run on the way up; a wait in them raises too.
 * An answer for a task that is gone frees itself. */
#include "harness/script/tasks.h"

#include <assert.h>
#include <stdlib.h>

#include "harness/script/journal.h"
#include "harness/script/raise.h"
#include "harness/script/run.h"
#include "harness/script/sandbox.h"
#include "harness/script/values.h"

struct task *task_here(lua_State *L, const char *word)
{
    struct task *task = thread_of(L)->task;

    if (task == NULL)
        raise_hint(L, "while the file loads it only declares; nothing runs yet",
                   "%s belongs into run = function(t) ... end", word);
    return task;
}

/* ---- a task's life ---- */

static void read_failure(struct task *task, lua_State *L, int status)
{
    task->failed = true;
    raise_read(L, -1, status, &task->error);
}

static int on_function_ended(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status != LUA_OK && status != LUA_YIELD)
        read_failure(thread_of(L)->task, L, status);
    return 0;
}

/* The bottom of every coroutine: a protected call, because only that lets `<close>`
 * handlers run as part of the task (a reset of the thread would not). */
static int task_main(lua_State *L)
{
    int count = lua_gettop(L);
    int status;

    lua_pushcfunction(L, raise_handler);
    lua_insert(L, 1);
    status = lua_pcallk(L, count - 1, 0, 1, 0, on_function_ended);
    return on_function_ended(L, status, 0);
}

struct task *task_spawn(lua_State *L, struct run *run, struct task *from, bool owned)
{
    struct task *task = calloc(1, sizeof *task);
    struct rng *above = from != NULL ? &from->rng : &run->context->rng;

    if (task == NULL)
        raise_text(L, "no memory for another task");
    task->next = run->tasks; /* first: whatever raises below, the run will free it */
    run->tasks = task;
    task->thread = (struct thread){.script = run->script, .task = task};
    task->run = run;
    task->number = ++run->tasks_made;
    rng_child(&task->rng, above, "task=%u", from != NULL ? ++from->spawned : 0);
    task->waits = TASK_FINISHED; /* until it has its coroutine */

    task->L = lua_newthread(L);
    *(struct thread **)lua_getextraspace(task->L) = &task->thread;
    lua_rawsetp(L, LUA_REGISTRYINDEX, task);
    lua_pushcfunction(task->L, task_main);
    lua_xmove(L, task->L, 1);
    task->waits = TASK_RUNS;
    if (owned) {
        task->parent = from;
        from->children++;
    }
    task_make_ready(task);
    return task;
}

void task_make_ready(struct task *task)
{
    struct run *run = task->run;

    if (task->is_ready)
        return;
    task->is_ready = true;
    task->next_ready = NULL;
    if (run->ready_last != NULL)
        run->ready_last->next_ready = task;
    else
        run->ready_first = task;
    run->ready_last = task;
    run_wake(run);
}

static void wake_followers(struct run *run, uint32_t number)
{
    for (struct task *t = run->tasks; t != NULL; t = t->next) {
        if (t->waits == TASK_FOLLOWS && t->follows == number) {
            t->rc = 0;
            task_make_ready(t);
        }
    }
}

/* A child in parallel() has ended; the first failure ends its siblings. */
static void tell_parent(struct task *task)
{
    struct task *parent = task->parent;

    parent->children--;
    if (task->failed && !task->cancelled && !parent->child_failed) {
        parent->child_failed = true;
        parent->child_error = task->error;
        for (struct task *t = task->run->tasks; t != NULL; t = t->next) {
            if (t->parent == parent && t != task)
                task_cancel(t, E_CANCELLED, "another function of parallel() failed");
        }
    }
    if (parent->children == 0 && parent->waits == TASK_PARENT)
        task_make_ready(parent);
}

static void orphan_children(struct task *task)
{
    for (struct task *t = task->run->tasks; t != NULL; t = t->next) {
        if (t->parent == task)
            t->parent = NULL;
    }
}

static void unlink_task(struct task *task)
{
    struct task **at = &task->run->tasks;

    while (*at != task)
        at = &(*at)->next;
    *at = task->next;
}

static void task_end(struct task *task)
{
    struct run *run = task->run;
    lua_State *L = run->script->L;

    task->waits = TASK_FINISHED;
    if (task->parent != NULL)
        tell_parent(task);
    orphan_children(task);
    wake_followers(run, task->number);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, task);
    unlink_task(task);
    run_task_ended(run, task);
    json_decref(task->answer);
    free(task);
}

void task_resume(struct task *task)
{
    struct script *script = task->run->script;
    int arguments = lua_status(task->L) == LUA_YIELD ? 0 : lua_gettop(task->L) - 1;
    lua_State *before;
    int results = 0;
    int status;

    assert(task->waits != TASK_FINISHED);
    if (task->cancelled && lua_status(task->L) != LUA_YIELD) {
        task_end(task); /* it never began */
        return;
    }
    task->waits = TASK_RUNS;
    task->deadline_ns = 0;
    before = sandbox_enter(script, task->L);
    status = lua_resume(task->L, script->L, arguments, &results);
    sandbox_leave(script, before);
    if (status == LUA_YIELD)
        return;
    if (status != LUA_OK)
        read_failure(task, task->L, status);
    task_end(task);
}

/* ---- waiting ---- */

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

void task_cancel(struct task *task, int code, const char *why)
{
    if (task->cancelled || task->waits == TASK_FINISHED)
        return;
    for (struct task *t = task->run->tasks; t != NULL; t = t->next) {
        if (t->parent == task)
            task_cancel(t, code, why);
    }
    task->cancelled = true;
    error_set(&task->cancel_error, code, "%s", why);
    if (task->wait != NULL) {
        task->wait->task = NULL;
        task->wait = NULL;
    }
    if (task->waits != TASK_RUNS)
        task_make_ready(task);
}

/* Of those that wait for a time and are not woken yet: whose comes first. */
static struct task *first_due(const struct run *run)
{
    struct task *first = NULL;

    for (struct task *t = run->tasks; t != NULL; t = t->next) {
        if (t->deadline_ns == 0 || t->is_ready)
            continue;
        if (first == NULL || t->deadline_ns < first->deadline_ns ||
            (t->deadline_ns == first->deadline_ns && t->number < first->number))
            first = t;
    }
    return first;
}

uint64_t tasks_wake_due(struct run *run, uint64_t now_ns)
{
    struct task *first = first_due(run);

    while (first != NULL && first->deadline_ns <= now_ns) {
        first->rc = E_TIMEOUT;
        task_make_ready(first);
        first = first_due(run);
    }
    return first != NULL ? first->deadline_ns : 0;
}

struct task *tasks_find(struct run *run, uint32_t number)
{
    for (struct task *t = run->tasks; t != NULL; t = t->next) {
        if (t->number == number && t->waits != TASK_FINISHED)
            return t;
    }
    return NULL;
}
