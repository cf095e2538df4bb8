/* tasks: coroutines on the loop, from spawn to their end.
 *
 * All well:    spawn -> ready -> resumed -> waits -> ready -> ... -> ended.
 * It fails:    the error, with its line, goes to its parent in parallel(), else it ends
 *              the run.
 * Cancelled:   made ready at once; the wait it is in raises, and so does every later
 *              one. `<close>` handlers run on the way up; a wait in them raises too.
 * An answer for a task that is gone frees itself. */
#include "harness/script/tasks.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/script/raise.h"
#include "harness/script/run.h"
#include "harness/script/sandbox.h"

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
    /* A task that is one of our own functions, as in spawn(sleep), has no line. */
    if (task->error.where[0] == '\0')
        snprintf(task->error.where, sizeof task->error.where, "%s", task->born);
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
    raise_where(L, task->born, sizeof task->born);
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

/* A child in parallel() has ended; the first failure ends its siblings. It is not the
 * run's failure yet: the parent may catch it. */
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

/* Its children would look for it when they end. On their own they are like spawned
 * ones: their errors are the run's. */
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

/* The one way out. The coroutine is left to the garbage collector: setting a key of the
 * registry that is there to nil cannot fail, unlike most calls outside protection. */
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

/* The main state is the caller of every coroutine: a task that waits is never on the
 * stack of another, so it can be resumed in any order. */
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

/* A task that runs right now (it cancelled itself, through run_fail) raises at its next
 * wait; all others are woken for it. */
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
