/* job: one case's process, from its folder to its result.
 *
 *   job_start: folder -> spec.json, scenario.lua -> pipe for progress -> child_spawn
 *   on_started -> on_progress ... -> on_exit -> end of progress -> close -> on_done
 * It outlives its timeout and the grace: on_time kills the tree; on_exit follows.
 * The pipe does not end (somebody kept its other end): it is waited for a second only. */
#include "harness/suite/job.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/suite/document.h"
#include "harness/suite/outcome.h"
#include "harness/suite/spec.h"
#include "proxy/base/clock.h"

enum { PROGRESS_FD = 3, LOCK_FD = 4, PIPE_WAIT_MS = 1000 };

/* ---- the folder ---- */

static int copy_script(const struct job *job, struct error *err)
{
    char path[PATH_MAX + 32];
    char bytes[16384];
    int from = open(job->planned->which->file, O_RDONLY | O_CLOEXEC);
    int to, rc = 0;
    ssize_t n;

    if (from == -1)
        return error_from_errno(err, "cannot read %s", job->planned->which->file);
    snprintf(path, sizeof path, "%s/scenario.lua", job->folder);
    to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    while (to != -1 && rc == 0 && (n = read(from, bytes, sizeof bytes)) > 0)
        rc = write(to, bytes, (size_t)n) == n ? 0 : -1;
    if (to == -1 || rc != 0)
        rc = error_from_errno(err, "cannot write %s", path);
    if (rc == E_NOSPACE)
        error_hint(err, "make room, or put the run elsewhere with --out DIR");
    if (to != -1)
        close(to);
    close(from);
    return rc;
}

static int write_spec(const struct job *job, struct error *err)
{
    static char none[] = "";
    const struct plan_case *planned = job->planned;
    const struct broker *broker = job->options.broker;
    char path[PATH_MAX + 32];
    char started[32];
    /* Only read from: the casts take nothing away. */
    struct case_spec spec = {
        .scenario_file = (char *)planned->which->file,
        .scenario = (char *)planned->which->scenario,
        .case_name = (char *)planned->which->name,
        .folder = (char *)job->folder,
        .broker_path = broker != NULL ? (char *)broker->path : none,
        .broker_version = broker != NULL ? (char *)broker->version : none,
        .started = time_stamp(started, sizeof started),
        .set = planned->set,
        .seed = planned->seed,
        .repeat = planned->repeat,
        .timeout_ns = planned->timeout_ns,
    };
    json_t *object = case_spec_write(&spec);
    int rc;

    if (object == NULL)
        return error_set(err, E_NOMEM, "spec.json");
    snprintf(path, sizeof path, "%s/spec.json", job->folder);
    rc = document_write(path, object, err);
    json_decref(object);
    return rc;
}

static int make_folder(struct job *job, struct error *err)
{
    int size =
        snprintf(job->folder, sizeof job->folder, "%s/cases", job->options.run_folder);
    int rc;

    if (size + SLUG_BYTES + 32 >= PATH_MAX)
        return error_set(err, E_LIMIT, "path too long: %.200s…", job->folder);
    if (mkdir(job->folder, 0777) != 0 && errno != EEXIST)
        return error_from_errno(err, "cannot make the folder %s", job->folder);
    snprintf(job->folder + size, sizeof job->folder - (size_t)size, "/%s",
             job->planned->slug);
    if (mkdir(job->folder, 0777) != 0)
        return error_from_errno(err, "cannot make the folder %s", job->folder);
    rc = copy_script(job, err);
    return rc != 0 ? rc : write_spec(job, err);
}

/* ---- the end ---- */

static void closed(struct job *job)
{
    assert(job->open > 0);
    if (--job->open == 0)
        job->options.on_done(job->options.arg); /* may free the job */
}

static void on_handle_closed(uv_handle_t *handle)
{
    closed(handle->data);
}

static void on_child_released(void *arg)
{
    closed(arg);
}

static void close_all(struct job *job)
{
    struct ending ending = {
        .exit = &job->exit,
        .folder = job->folder,
        .timed_out = job->timed_out,
        .killed = job->killed,
        .grace_ns = job->options.grace_ns,
    };

    if (job->closing)
        return;
    job->closing = true;
    job->result = outcome_of(job->planned, &ending);
    uv_close((uv_handle_t *)&job->progress, on_handle_closed);
    uv_close((uv_handle_t *)&job->timer, on_handle_closed);
    child_release(job->child, on_child_released, job);
}

static void on_pipe_time(uv_timer_t *timer)
{
    close_all(timer->data);
}

/* The process has ended and all that it said was read: there is a result. */
static void finish_if_ended(struct job *job)
{
    if (!job->exited)
        return;
    if (job->progress_ended)
        close_all(job);
    else if (!job->closing)
        uv_timer_start(&job->timer, on_pipe_time, PIPE_WAIT_MS, 0);
}

/* ---- progress ---- */

static void take_byte(struct job *job, char byte)
{
    if (byte != '\n') {
        if (job->line_used + 1 < sizeof job->line)
            job->line[job->line_used++] = byte;
        return;
    }
    job->line[job->line_used] = '\0';
    job->line_used = 0;
    memcpy(job->last_line, job->line, sizeof job->last_line);
    job->options.on_line(job->options.arg, job->line);
}

static void on_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    (void)handle;
    (void)wanted;
    *buffer = uv_buf_init(malloc(4096), 4096);
    if (buffer->base == NULL)
        buffer->len = 0; /* uv answers with UV_ENOBUFS */
}

static void on_progress(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct job *job = stream->data;

    for (ssize_t i = 0; i < size; i++)
        take_byte(job, buffer->base[i]);
    free(buffer->base);
    if (size < 0) {
        uv_read_stop(stream);
        job->progress_ended = true;
        finish_if_ended(job);
    }
}

/* ---- the process ---- */

static void on_time(uv_timer_t *timer)
{
    struct job *job = timer->data;

    if (job->pending_signal == 0)
        job->timed_out = true;
    else
        job->killed = true; /* it was asked to end and did not */
    child_kill_tree(job->child);
}

static void on_started(struct child *child, void *arg)
{
    struct job *job = arg;

    if (job->pending_signal != 0)
        child_signal(child, job->pending_signal, NULL);
}

static void on_exit_of_case(struct child *child, const struct child_exit *exit, void *arg)
{
    struct job *job = arg;

    assert(child == job->child);
    job->exit = *exit;
    job->exited = true;
    uv_timer_stop(&job->timer);
    finish_if_ended(job);
}

static int spawn(struct job *job, int progress, struct error *err)
{
    const char *const argv[] = {job->options.self, "case", job->folder, NULL};
    /* With the lock in its hands a case whose suite was killed keeps `analyze` away until
     * it is dead too. */
    const struct child_fd fds[] = {{.fd = progress, .as = PROGRESS_FD},
                                   {.fd = job->options.lock, .as = LOCK_FD}};
    char path[PATH_MAX + 32];
    struct child_options child = {
        .self = job->options.self,
        .argv = argv,
        .kill_orphans = true,
        .stdin_fd = -1,
        .fds = fds,
        .fd_count = job->options.lock != -1 ? 2 : 1,
        .on_started = on_started,
        .on_exit = on_exit_of_case,
        .arg = job,
    };
    int output;
    int rc;

    snprintf(path, sizeof path, "%s/output.txt", job->folder);
    output = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (output == -1)
        return error_from_errno(err, "cannot write %s", path);
    child.stdout_fd = output;
    child.stderr_fd = output;
    rc = child_spawn(&job->child, job->options.loop, &child, err);
    close(output);
    return rc;
}

/* From here on the handles live: they are closed through close_all only. */
static void watch(struct job *job, int progress)
{
    uint64_t limit_ns = job->planned->timeout_ns + job->options.grace_ns;

    uv_pipe_init(job->options.loop, &job->progress, 0);
    uv_timer_init(job->options.loop, &job->timer);
    job->progress.data = job;
    job->timer.data = job;
    job->open = 3; /* pipe, timer, child */
    if (uv_pipe_open(&job->progress, progress) != 0) {
        close(progress);
        job->progress_ended = true;
    } else {
        uv_read_start((uv_stream_t *)&job->progress, on_buffer, on_progress);
    }
    uv_timer_start(&job->timer, on_time, limit_ns / NS_PER_MS, 0);
}

int job_start(struct job *job, const struct plan_case *planned,
              const struct job_options *options)
{
    struct error err;
    int pipe_fds[2];
    int rc;

    memset(job, 0, sizeof *job);
    job->options = *options;
    job->planned = planned;
    job->began_ns = clock_now(clock_real());
    rc = make_folder(job, &err);
    if (rc == 0 && pipe2(pipe_fds, O_CLOEXEC) != 0)
        rc = error_from_errno(&err, "cannot make a pipe");
    else if (rc == 0) {
        rc = spawn(job, pipe_fds[1], &err);
        close(pipe_fds[1]);
        if (rc == 0)
            watch(job, pipe_fds[0]);
        else
            close(pipe_fds[0]);
    }
    if (rc != 0)
        job->result = outcome_not_started(planned, &err);
    return rc;
}

void job_interrupt(struct job *job, int signal)
{
    if (job->exited)
        return;
    /* The case says in its result by which it was ended. */
    job->pending_signal = signal == SIGINT ? SIGINT : SIGTERM;
    /* Not yet started: on_started sends it. */
    child_signal(job->child, job->pending_signal, NULL);
    uv_timer_start(&job->timer, on_time, job->options.grace_ns / NS_PER_MS, 0);
}

void job_kill(struct job *job)
{
    if (job->exited)
        return;
    job->killed = true;
    job->pending_signal = SIGKILL;
    child_kill_tree(job->child);
}

void job_release(struct job *job)
{
    assert(job->open == 0);
    json_decref(job->result);
    job->result = NULL;
}
