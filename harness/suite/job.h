/* job: one case's process, from its folder to its result. Belongs to suite.c. */
#ifndef STORMDRILL_SUITE_JOB_H
#define STORMDRILL_SUITE_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "harness/broker/broker.h"
#include "harness/process/child.h"
#include "harness/suite/plan.h"

enum { JOB_LINE_BYTES = 512 };

struct job_options {
    uv_loop_t *loop;
    const char *self;
    const char *run_folder; /* absolute */
    int lock;               /* of the run's folder; the case holds it too; -1: none */
    const struct broker *broker;
    uint64_t grace_ns;
    void (*on_line)(void *arg, const char *text);
    void (*on_done)(void *arg); /* exactly once; nothing of the job lives any more */
    void *arg;
};

struct job {
    struct job_options options;
    const struct plan_case *planned;
    char folder[PATH_MAX];
    struct child *child;
    struct child_exit exit;
    uv_pipe_t progress;
    uv_timer_t timer;
    int open; /* child and handles that still have to close */
    bool exited;
    bool progress_ended;
    bool closing;
    bool timed_out;     /* it outlived its timeout and was killed */
    bool killed;        /* on the second signal, or after the grace of the first */
    int pending_signal; /* to send once it runs */
    uint64_t began_ns;
    char line[JOB_LINE_BYTES]; /* of progress, up to its newline */
    size_t line_used;
    char last_line[JOB_LINE_BYTES];
    json_t *result; /* once done */
};

/* Make the folder and start the process. A failure becomes the case's result at once and
 * is returned; then on_done does not fire. Borrows all of the options and `planned`. */
int job_start(struct job *job, const struct plan_case *planned,
              const struct job_options *options);

/* SIGINT stays SIGINT, any other is SIGTERM: the case heals, stops its brokers and writes
 * what it has. By force when it has not ended after the grace. */
void job_interrupt(struct job *job, int signal);

/* Kill the case and all that it started, now. */
void job_kill(struct job *job);

void job_release(struct job *job); /* after on_done, or a failed start */

#endif
