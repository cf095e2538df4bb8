/* tasks: coroutines on the loop, and everything they can wait for.
 *
 * A task is resumed from the loop only, never from inside another's callback: whoever has
 * an answer for it makes it ready, an idle handle drains the ready ones in order. A task
 * waits for at most one of: a time, an answer of C (struct wait), its children, another
 * task. Every waiting function looks the same:
 *
 *   struct wait *wait = wait_begin(L);      raises where waiting is not possible
 *   node_kill(node, wait_done, wait);       its `done` comes later, exactly once
 *   return wait_end(L, wait, "kill");       the task sleeps; errors raise when it wakes
 *
 * Cancelled: the wait in progress raises, and so does every later one, whatever pcall
 * did with the first. Its answer, when it comes, is dropped. */
#ifndef STORMDRILL_SCRIPT_TASKS_H
#define STORMDRILL_SCRIPT_TASKS_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness/script/state.h"

enum task_wait {
    TASK_RUNS,     /* or is ready to */
    TASK_SLEEPS,   /* until deadline_ns */
    TASK_ASKED,    /* an answer of C */
    TASK_PARENT,   /* its children */
    TASK_FOLLOWS,  /* another task, at most until deadline_ns */
    TASK_FINISHED, /* and about to be freed */
};

struct task {
    struct thread thread;
    struct run *run;
    struct task *next;       /* of the run */
    struct task *next_ready; /* of the run's ready ones */
    lua_State *L;
    uint32_t number; /* from 1: run(t) itself */
    enum task_wait waits;
    bool is_ready;
    bool cancelled;
    struct error cancel_error;

    uint64_t deadline_ns; /* 0: none */
    struct wait *wait;
    uint32_t follows;
    int rc; /* the answer that woke it */
    struct error error;
    json_t *answer;

    struct task *parent; /* who waits for it in parallel(); NULL: nobody */
    uint32_t children;   /* forked and still alive */
    bool child_failed;
    struct error child_error;

    char born[ERROR_WHERE_BYTES]; /* the line that spawned it */
    bool failed;
    struct rng rng; /* its own draws, by its place in the tree of tasks */
    uint32_t spawned;
};

/* An answer that is on its way. It outlives a task that gave up on it. */
struct wait {
    struct task *task; /* NULL: nobody waits any more */
    json_t *answer;    /* owned; handed to the task */
};

/* The task that runs this code, or an error that says what belongs into run(t). */
struct task *task_here(lua_State *L, const char *word);

/* A new task of the same run for the function at the top of L's stack (popped), ready to
 * run. `owned`: `L`'s task will wait for it with tasks_join. */
struct task *task_spawn(lua_State *L, struct run *run, struct task *from, bool owned);

struct wait *wait_begin(lua_State *L, const char *word);

/* What should have answered did not even begin. */
void wait_drop(struct wait *wait);

/* A node_done_fn and a client_done_fn. */
void wait_done(void *arg, int rc, const struct error *err);

/* Yield; when it wakes: raise or return nothing. */
int wait_end(lua_State *L, struct wait *wait);

/* The same, but a time-out is a failed expectation: DESIGN 9. */
int wait_end_deadline(lua_State *L, struct wait *wait);

/* The same, with what to do instead of returning nothing, once there was no error. */
int wait_end_then(lua_State *L, struct wait *wait, lua_CFunction then);

/* Yield, and have `then` look at task->rc itself. */
int wait_end_raw(lua_State *L, struct wait *wait, lua_CFunction then);

/* sleep(duration); rest(seconds) and join() of the prelude */
int l_sleep(lua_State *L);
int l_rest(lua_State *L);
int l_join(lua_State *L);

/* Wait until task `number` has ended; `within_ns` 0: as long as it takes. */
int task_follow(lua_State *L, uint32_t number, uint64_t within_ns);

/* Raise in `task` at its wait. Its forked children first. */
void task_cancel(struct task *task, int code, const char *why);

/* Wake it, later, on the loop. */
void task_make_ready(struct task *task);

/* Resume one ready task and, when it has ended, take it out of the run. */
void task_resume(struct task *task);

/* Wake whoever's time has come; gives the next deadline, 0 for none. */
uint64_t tasks_wake_due(struct run *run, uint64_t now_ns);

struct task *tasks_find(struct run *run, uint32_t number);

#endif
