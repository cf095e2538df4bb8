/* run: one run of a scenario's run(t), from its first task to the last heal.
 *
 * script_run makes the root task and returns; everything else happens in on_idle, which
 * the loop calls while something is ready or has ended:
 *
 *   TELLING   ready tasks are resumed; the end of run(t), a failure or a cancellation
 *             moves on
 *   ENDING    all tasks are cancelled and resumed until none is left
 *   HEALING   every fault is healed; until the last command is answered
 *   CLOSING   handles close; the last close reports and frees
 *
 * The first failure is the run's. What cancelled tasks raise on their way out is a
 * warning with its line, when it is more than their cancellation: often it only follows
 * from that, so it decides nothing, but it must not vanish. */
#include "harness/script/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/faults.h"
#include "harness/script/journal.h"
#include "harness/script/raise.h"
#include "harness/script/sandbox.h"
#include "harness/script/t_table.h"
#include "harness/script/tasks.h"

enum { TASK_ROOT = 1, RESUMES_PER_TURN = 64 };

uint64_t run_now_ns(const struct run *run)
{
    return clock_now(run->context->clock);
}

/* ---- the end ---- */

static void free_run(struct run *run)
{
    while (run->tasks != NULL) { /* only those that never got a coroutine */
        struct task *task = run->tasks;

        run->tasks = task->next;
        free(task);
    }
    disturbances_free(run);
    run->script->run = NULL;
    free(run);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct run *run = handle->data;
    struct script_run_options options = run->options;
    struct error err;
    int rc = run->rc;

    assert(run->state == RUN_CLOSING);
    run->handles_open--;
    if (run->handles_open > 0)
        return;
    err = run->error;
    free_run(run);
    options.done(options.arg, rc, rc != 0 ? &err : NULL);
}

/* A false expectation that a pcall caught let the story go on; it still counts. */
static void close_handles(struct run *run)
{
    run->state = RUN_CLOSING;
    if (run->rc == 0 && run->unheld) {
        run->rc = E_EXPECTATION;
        run->error = run->unheld_error;
    }
    uv_close((uv_handle_t *)&run->idle, on_handle_closed);
    uv_close((uv_handle_t *)&run->timer, on_handle_closed);
}

static bool has_tasks(const struct run *run)
{
    for (const struct task *t = run->tasks; t != NULL; t = t->next) {
        if (t->waits != TASK_FINISHED)
            return true;
    }
    return false;
}

/* Only once: what cancelled tasks raise on their way out must not cancel anew. */
static void cancel_tasks(struct run *run, int code, const char *why)
{
    if (run->state != RUN_TELLING)
        return;
    run->state = RUN_ENDING;
    for (struct task *t = run->tasks; t != NULL; t = t->next)
        task_cancel(t, code, why);
}

/* One step towards the end, when nothing is ready any more. */
static void advance(struct run *run)
{
    if (run->state == RUN_TELLING && tasks_find(run, TASK_ROOT) == NULL)
        cancel_tasks(run, E_CANCELLED, "run(t) has ended");
    if (run->state == RUN_ENDING && !has_tasks(run)) {
        run->state = RUN_HEALING;
        disturbances_heal(run);
    }
    if (run->state == RUN_HEALING && run->outstanding == 0)
        close_handles(run);
}

static struct task *pop_ready(struct run *run)
{
    struct task *task = run->ready_first;

    if (task == NULL)
        return NULL;
    run->ready_first = task->next_ready;
    if (run->ready_first == NULL)
        run->ready_last = NULL;
    task->is_ready = false;
    return task;
}

/* At most so many a turn: tasks that wake each other must not starve the clients' and
 * brokers' events. */
static void on_idle(uv_idle_t *idle)
{
    struct run *run = idle->data;
    struct task *task;

    if (run->state == RUN_CLOSING)
        return;
    uv_idle_stop(idle); /* run_wake starts it again when there is more */
    for (int i = 0; i < RESUMES_PER_TURN && (task = pop_ready(run)) != NULL; i++)
        task_resume(task);
    if (run->ready_first != NULL)
        run_wake(run);
    else
        advance(run);
}

void run_wake(struct run *run)
{
    if (run->state != RUN_CLOSING)
        uv_idle_start(&run->idle, on_idle);
}

static void on_time(uv_timer_t *timer)
{
    run_arm(timer->data);
}

/* libuv counts whole milliseconds from its own idea of now: rounded up, and told anew,
 * so that nobody wakes early. */
void run_arm(struct run *run)
{
    uint64_t now = run_now_ns(run);
    uint64_t next = tasks_wake_due(run, now);

    if (run->state == RUN_CLOSING || next == 0)
        return;
    uv_update_time(run->context->loop);
    uv_timer_start(&run->timer, on_time, (next - now + NS_PER_MS - 1) / NS_PER_MS, 0);
}

/* ---- what happens to it ---- */

void run_fail(struct run *run, const struct error *err)
{
    if (run->rc == 0) {
        run->error = *err;
        run->rc = err->code;
    }
    cancel_tasks(run, E_CANCELLED, "another task of this scenario failed");
}

void run_unheld(struct run *run, const struct error *err)
{
    if (run->unheld)
        return;
    run->unheld = true;
    run->unheld_error = *err;
}

/* An await_* that timed out is a failed expectation once nobody has caught it; a false
 * expect has said so itself. */
static void record_failure(struct run *run, const struct error *err)
{
    if (err->code != E_EXPECTATION) {
        journal_task_error(run, err);
    } else if (!run->unheld || strcmp(run->unheld_error.where, err->where) != 0) {
        journal_expectation(run, false, err->text, err->where, NULL, NULL, NULL);
        run_unheld(run, err);
    }
}

/* Did it raise something else than that it was cancelled (also in other words around
 * it, or an expectation, which has been counted)? */
static bool has_more_to_say(const struct task *task)
{
    return task->failed && task->cancelled && task->error.code != E_EXPECTATION &&
           strstr(task->error.text, task->cancel_error.text) == NULL;
}

void run_task_ended(struct run *run, struct task *task)
{
    bool is_mine = task->failed && !task->cancelled && task->parent == NULL;

    if (is_mine && run->state == RUN_TELLING) {
        record_failure(run, &task->error);
        run_fail(run, &task->error);
    }
    if (has_more_to_say(task))
        journal_warning(run, &task->error);
    run_wake(run);
}

void run_begin_command(struct run *run)
{
    run->outstanding++;
}

/* The last answer may be what the end waits for. */
void run_end_command(struct run *run)
{
    assert(run->outstanding > 0);
    run->outstanding--;
    run_wake(run);
}

/* Where run(t) waits now, for "timed out". */
static void where_it_waits(struct run *run, char *where, size_t size)
{
    struct task *root = tasks_find(run, TASK_ROOT);

    where[0] = '\0';
    if (root != NULL && root->L != NULL)
        raise_where(root->L, where, size);
}

void script_cancel(struct script *script, int code, const char *why)
{
    struct run *run = script->run;
    struct error err;

    if (run == NULL || run->state != RUN_TELLING)
        return;
    error_set(&err, code, "%s", why);
    where_it_waits(run, err.where, sizeof err.where);
    run->error = err;
    run->rc = code;
    cancel_tasks(run, code, why);
    run_wake(run);
}

/* ---- the beginning ---- */

/* Under protection: the root task, with t as its argument. Argument 1: the run. */
static int make_root(lua_State *L)
{
    struct run *run = lua_touserdata(L, 1);
    const struct declared_case *declared = (const struct declared_case *)run->which;
    struct task *root;

    t_table_push(L, run->which, run->options.params, run->options.cluster != NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, declared->run_ref);
    root = task_spawn(L, run, NULL, false);
    lua_xmove(L, root->L, 1);
    return 0;
}

static int start_root(struct run *run, struct error *err)
{
    struct script *script = run->script;
    lua_State *before = sandbox_enter(script, script->L);
    int status;

    lua_pushcfunction(script->L, make_root);
    lua_pushlightuserdata(script->L, run);
    status = lua_pcall(script->L, 1, 0, 0);
    if (status != LUA_OK) {
        raise_read(script->L, -1, status, err);
        lua_pop(script->L, 1);
    }
    sandbox_leave(script, before);
    return status == LUA_OK ? 0 : err->code;
}

static void open_handles(struct run *run)
{
    uv_loop_t *loop = run->context->loop;

    uv_idle_init(loop, &run->idle);
    uv_timer_init(loop, &run->timer);
    run->idle.data = run;
    run->timer.data = run;
    run->handles_open = 2;
}

/* Nothing was started: the handles still need the loop to close. */
static void on_unused_handle_closed(uv_handle_t *handle)
{
    struct run *run = handle->data;

    run->handles_open--;
    if (run->handles_open == 0)
        free(run);
}

static void abandon(struct run *run)
{
    run->state = RUN_CLOSING;
    while (run->tasks != NULL) {
        struct task *task = run->tasks;

        run->tasks = task->next;
        free(task);
    }
    run->script->run = NULL;
    uv_close((uv_handle_t *)&run->idle, on_unused_handle_closed);
    uv_close((uv_handle_t *)&run->timer, on_unused_handle_closed);
}

int script_run(struct script *script, const struct script_case *which,
               const struct script_run_options *options, struct error *err)
{
    struct run *run;
    int rc;

    assert(script->run == NULL);
    assert(options->done != NULL);
    run = calloc(1, sizeof *run);
    if (run == NULL)
        return error_set(err, E_NOMEM, "no memory for a run");
    run->script = script;
    run->which = which;
    run->options = *options;
    run->context = options->context;
    run->began_ns = clock_now(run->context->clock);
    open_handles(run);
    script->run = run;
    script->runs++;
    rc = start_root(run, err);
    if (rc != 0)
        abandon(run);
    return rc;
}
