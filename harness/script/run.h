/* run: one run of a scenario's run(t), from its first task to the last heal.
 *
 *   started -> tasks run -> run(t) ended, or something failed, or it was cancelled
 *   -> every other task is cancelled -> all have ended -> what is still disturbed is
 *   healed -> the plane has answered -> handles close -> done */
#ifndef STORMDRILL_SCRIPT_RUN_H
#define STORMDRILL_SCRIPT_RUN_H

#include <uv.h>

#include "harness/script/state.h"

struct disturbance;

enum run_state { RUN_TELLING, RUN_ENDING, RUN_HEALING, RUN_CLOSING };

struct run {
    struct script *script;
    const struct script_case *which;
    struct script_run_options options;
    struct context *context;
    enum run_state state;
    uint64_t began_ns;

    struct task *tasks;
    struct task *ready_first, *ready_last;
    uint32_t tasks_made;
    uv_idle_t idle;   /* runs while something is ready or may have ended */
    uv_timer_t timer; /* the next deadline */
    int handles_open;

    struct disturbance *disturbances;
    uint32_t disturbances_made;
    int outstanding; /* commands to the plane and the like, not answered yet */

    int rc; /* the first failure; 0 so far */
    struct error error;
    bool unheld; /* an expectation failed, caught or not */
    struct error unheld_error;
};

/* The first failure counts; it also ends the run. */
void run_fail(struct run *run, const struct error *err);

/* An expectation was false: it counts even if the script catches the error. */
void run_unheld(struct run *run, const struct error *err);

/* A task has ended. */
void run_task_ended(struct run *run, struct task *task);

/* Look again, on the loop: something is ready or has ended. */
void run_wake(struct run *run);

/* A deadline was set: have the timer ring in time. */
void run_arm(struct run *run);

/* A command was sent, was answered. */
void run_begin_command(struct run *run);
void run_end_command(struct run *run);

uint64_t run_now_ns(const struct run *run);

#endif
