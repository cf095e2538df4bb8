/* suite: run the cases of a plan, some side by side.
 *
 *   suite_run -> start_more -> on_job_done -> start_more ... -> all done -> handles close
 * A signal: on_signal asks the running cases to end, what has not begun is skipped.
 * Nothing waits here but the loop; every way out goes through `close_when_done`. */
#include "harness/suite/suite.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "harness/process/child.h"
#include "harness/suite/job.h"
#include "harness/suite/outcome.h"
#include "proxy/base/clock.h"

enum { SIGNALS = 3, STILL_S = 30 };

static const uint64_t grace_default_ns = 15ull * NS_PER_S;
static const uint64_t leftovers_timeout_ns = 5ull * NS_PER_S;

struct suite;

struct slot {
    struct suite *suite;
    struct job *job; /* while it runs */
    int index;
};

struct suite {
    const struct suite_options *options;
    uv_loop_t loop;
    uv_signal_t signals[SIGNALS];
    uv_timer_t still;
    int handles_open;
    struct slot *slots; /* one per case of the plan */
    int *queue;         /* indices: side by side first, exclusive ones last */
    int queue_at;
    int running;
    bool exclusive_running;
    bool stopping; /* nothing new starts */
    const char *stop_why;
    int ended_by;
    uint64_t began_ns;
    uint64_t said_ns; /* when a line last came */
    json_t **results; /* in the plan's order */
};

static void tell(struct suite *suite, const struct slot *slot, enum suite_event_kind kind,
                 const char *text)
{
    uint64_t now_ns = clock_now(clock_real());
    struct suite_event event = {
        .kind = kind,
        .since_ns = now_ns - suite->began_ns,
        .text = text,
        .alone = suite->options->plan->count == 1 || suite->options->jobs == 1,
    };

    if (slot != NULL) {
        event.planned = slot->job->planned;
        event.case_ns = now_ns - slot->job->began_ns;
        event.result = suite->results[slot->index];
    }
    suite->said_ns = now_ns;
    if (suite->options->on_event != NULL)
        suite->options->on_event(suite->options->arg, &event);
}

/* ---- the end ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct suite *suite = handle->data;

    suite->handles_open--;
}

static void close_when_done(struct suite *suite)
{
    if (suite->running > 0 || uv_is_closing((uv_handle_t *)&suite->still))
        return;
    uv_close((uv_handle_t *)&suite->still, on_handle_closed);
    for (int i = 0; i < SIGNALS; i++)
        uv_close((uv_handle_t *)&suite->signals[i], on_handle_closed);
}

/* ---- cases ---- */

static void stop_starting(struct suite *suite, const char *why)
{
    if (suite->stopping)
        return;
    suite->stopping = true;
    suite->stop_why = why;
}

/* Keep the result, say it, let the job go, and see whether -x ends the run here. */
static void settle(struct suite *suite, struct slot *slot)
{
    const char *outcome;

    suite->results[slot->index] = json_incref(slot->job->result);
    tell(suite, slot, SUITE_CASE_END, NULL);
    outcome = json_string_value(json_object_get(slot->job->result, "outcome"));
    if (suite->options->fail_fast && outcome != NULL &&
        (strcmp(outcome, "failed") == 0 || strcmp(outcome, "error") == 0))
        stop_starting(suite, "not started: a case before it failed, and --fail-fast ends "
                             "the run there");
    job_release(slot->job);
    free(slot->job);
    slot->job = NULL;
}

static void start_more(struct suite *suite);

static void on_job_done(void *arg)
{
    struct slot *slot = arg;
    struct suite *suite = slot->suite;

    assert(slot->job != NULL);
    suite->running--;
    suite->exclusive_running = false;
    settle(suite, slot);
    start_more(suite);
}

static void on_job_line(void *arg, const char *text)
{
    struct slot *slot = arg;

    tell(slot->suite, slot, SUITE_CASE_LINE, text);
}

static void start_slot(struct suite *suite, struct slot *slot)
{
    const struct suite_options *options = suite->options;
    const struct plan_case *planned = &options->plan->cases[slot->index];
    struct job_options job = {
        .loop = &suite->loop,
        .self = options->self,
        .run_folder = options->folder->path,
        .lock = options->folder->lock,
        .broker = options->broker,
        .grace_ns = options->grace_ns != 0 ? options->grace_ns : grace_default_ns,
        .on_line = on_job_line,
        .on_done = on_job_done,
        .arg = slot,
    };

    slot->suite = suite;
    slot->job = calloc(1, sizeof *slot->job);
    if (slot->job == NULL) {
        stop_starting(suite, "not started: out of memory");
        return;
    }
    if (job_start(slot->job, planned, &job) != 0) {
        settle(suite, slot);
        return;
    }
    suite->running++;
    suite->exclusive_running = planned->which->exclusive;
    tell(suite, slot, SUITE_CASE_BEGIN, NULL);
}

static bool may_start(const struct suite *suite, const struct plan_case *planned)
{
    if (suite->running == 0)
        return true;
    return suite->running < suite->options->jobs && !suite->exclusive_running &&
           !planned->which->exclusive;
}

static void start_more(struct suite *suite)
{
    const struct plan *plan = suite->options->plan;

    while (!suite->stopping && suite->queue_at < plan->count) {
        int index = suite->queue[suite->queue_at];

        if (!may_start(suite, &plan->cases[index]))
            return;
        suite->queue_at++;
        suite->slots[index].index = index;
        start_slot(suite, &suite->slots[index]);
    }
    close_when_done(suite);
}

/* ---- from outside ---- */

static void say_signal(struct suite *suite, int number, const char *what)
{
    char text[128];

    snprintf(text, sizeof text, "%s: %s",
             number == SIGINT   ? "interrupted (SIGINT)"
             : number == SIGHUP ? "hung up (SIGHUP)"
                                : "terminated (SIGTERM)",
             what);
    tell(suite, NULL, SUITE_NOTE, text);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct suite *suite = handle->data;
    bool again = suite->ended_by != 0;

    if (!again) {
        suite->ended_by = number;
        stop_starting(suite, number == SIGINT
                                 ? "not started: the run was interrupted before"
                                 : "not started: the run was terminated before");
        say_signal(suite, number, "cases heal and stop; once more to kill them");
    } else {
        say_signal(suite, number, "the second signal: killing all that runs");
    }
    for (int i = 0; i < suite->options->plan->count; i++) {
        struct job *job = suite->slots[i].job;

        if (job != NULL && again)
            job_kill(job);
        else if (job != NULL)
            job_interrupt(job, number);
    }
    close_when_done(suite);
}

/* Silent jobs of a CI get killed: say that we live. */
static void on_still(uv_timer_t *timer)
{
    struct suite *suite = timer->data;

    if (clock_now(clock_real()) - suite->said_ns < (uint64_t)STILL_S * NS_PER_S)
        return;
    for (int i = 0; i < suite->options->plan->count; i++) {
        if (suite->slots[i].job != NULL)
            tell(suite, &suite->slots[i], SUITE_STILL, suite->slots[i].job->last_line);
    }
}

static void watch(struct suite *suite)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

    uv_timer_init(&suite->loop, &suite->still);
    suite->still.data = suite;
    uv_timer_start(&suite->still, on_still, STILL_S * 100, STILL_S * 100);
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&suite->loop, &suite->signals[i]);
        suite->signals[i].data = suite;
        uv_signal_start(&suite->signals[i], on_signal, numbers[i]);
    }
    suite->handles_open = SIGNALS + 1;
}

/* ---- the whole ---- */

/* Side by side first, so that the exclusive ones have the machine to themselves. */
static void fill_queue(struct suite *suite)
{
    const struct plan *plan = suite->options->plan;
    int at = 0;

    for (int exclusive = 0; exclusive <= 1; exclusive++) {
        for (int i = 0; i < plan->count; i++) {
            if (plan->cases[i].which->exclusive == (exclusive == 1))
                suite->queue[at++] = i;
        }
    }
    assert(at == plan->count);
}

static json_t *gather(struct suite *suite)
{
    const struct plan *plan = suite->options->plan;
    json_t *all = json_array();

    for (int i = 0; i < plan->count; i++) {
        json_t *result = suite->results[i];

        if (result == NULL)
            result = outcome_skipped(&plan->cases[i], suite->stop_why);
        json_array_append_new(all, result);
    }
    return all;
}

static int prepare(struct suite *suite, const struct suite_options *options,
                   struct error *err)
{
    size_t count = (size_t)options->plan->count;
    int rc = child_adopt_orphans(err);

    if (rc != 0)
        return rc;
    suite->options = options;
    suite->slots = calloc(count, sizeof *suite->slots);
    suite->queue = calloc(count, sizeof *suite->queue);
    suite->results = calloc(count, sizeof *suite->results);
    if (suite->slots == NULL || suite->queue == NULL || suite->results == NULL)
        return error_set(err, E_NOMEM, "%zu cases", count);
    if (uv_loop_init(&suite->loop) != 0)
        return error_set(err, E_SYSTEM, "cannot make an event loop");
    return 0;
}

int suite_run(json_t **results, int *ended_by, const struct suite_options *options,
              struct error *err)
{
    struct suite suite = {.running = 0};
    int rc;

    assert(options->plan->count > 0);
    assert(options->jobs >= 1);
    rc = prepare(&suite, options, err);
    if (rc == 0) {
        suite.began_ns = clock_now(clock_real());
        suite.said_ns = suite.began_ns;
        fill_queue(&suite);
        watch(&suite);
        start_more(&suite);
        uv_run(&suite.loop, UV_RUN_DEFAULT);
        assert(suite.handles_open == 0);
        uv_loop_close(&suite.loop);
        child_kill_descendants(leftovers_timeout_ns);
        *results = gather(&suite);
        *ended_by = suite.ended_by;
    }
    free(suite.slots);
    free(suite.queue);
    free(suite.results);
    return rc;
}
