/* case: one case in a process of its own, from its spec.json to its case.json.
 *
 * All well, one function per step, in the order of time:
 *   read the spec -> open the folder (log, evidence) -> start the data plane -> load the
 *   script -> start the cluster -> run(t) -> clients stop -> brokers stop -> plane stops
 *   -> evidence is closed and brought home -> checks judge -> case.json -> exit code.
 * A step fails:  its error is remembered (the first one counts) and the way down is
 *   walked from there, so that nothing is left and evidence can be read.
 * SIGTERM, SIGINT, time-out:  the script is cancelled; the rest is as always. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/evidence/writer.h"
#include "harness/script/script.h"
#include "harness/suite/observe.h"
#include "harness/suite/spec.h"
#include "proxy/plane.h"

enum { PROGRESS_FD = 3, PATH_BYTES = 4096, CREW_GRACE_S = 5 };

struct running {
    struct case_spec spec;
    struct context context;
    char evidence_folder[PATH_BYTES];
    char self[PATH_BYTES];
    uv_loop_t loop;
    uv_signal_t terminate, interrupt;
    uv_timer_t timeout;
    struct writer *proxy_writer;
    struct script *script;
    const struct script_case *which;
    json_t *params;
    struct cluster *cluster;
    struct crew *crew;
    struct error error; /* the first that happened; code 0: none */
    bool running;       /* run(t) is under way: it can be cancelled */
    bool stopping;
    bool control_closed;
};

static void remember(struct running *run, int rc, const struct error *err)
{
    if (rc == 0 || run->error.code != 0)
        return;
    if (err != NULL)
        run->error = *err;
    else
        error_set(&run->error, rc, "%s", error_text(rc));
}

static void progress(void *arg, const char *text)
{
    char line[1024];
    int size = snprintf(line, sizeof line, "%s\n", text);

    (void)arg;
    if (size <= 0)
        return;
    if ((size_t)size >= sizeof line) {
        size = sizeof line - 1;
        line[size - 1] = '\n';
    }
    /* A suite that is gone needs no progress. */
    if (write(PROGRESS_FD, line, (size_t)size) == -1)
        return;
}

/* ---- the way up ---- */

static int read_spec(struct running *run, const char *folder, struct error *err)
{
    char path[PATH_BYTES];
    json_error_t where;
    json_t *object;
    int rc;

    snprintf(path, sizeof path, "%s/spec.json", folder);
    object = json_load_file(path, 0, &where);
    if (object == NULL)
        return error_set(err, E_FORMAT, "cannot read %s: %s", path, where.text);
    rc = case_spec_read(&run->spec, object, err);
    json_decref(object);
    return rc;
}

static int open_folder(struct running *run, struct error *err)
{
    struct context *context = &run->context;
    char path[PATH_BYTES];
    ssize_t size = readlink("/proc/self/exe", run->self, sizeof run->self - 1);
    struct evidence_home_options options = {.folder = run->evidence_folder};
    int rc;

    if (size <= 0)
        return error_from_errno(err, "find our own binary");
    run->self[size] = '\0';
    snprintf(run->evidence_folder, sizeof run->evidence_folder, "%.4000s/evidence",
             run->spec.folder);
    snprintf(path, sizeof path, "%.4000s/log.ndjson", run->spec.folder);
    rc = log_create(&context->log, LOG_WARN_LEVEL, path, err);
    if (rc != 0)
        return rc;
    context->clock = clock_real();
    context->folder = run->spec.folder;
    context->evidence_folder = run->evidence_folder;
    context->self = run->self;
    context->broker_path = run->spec.broker_path;
    context->broker_version = run->spec.broker_version;
    context->seed = run->spec.seed;
    context->fault_numbers = 1000000;
    rng_init(&context->rng, run->spec.seed);
    options.log = context->log;
    rc = evidence_home_create(&context->home, &options, err);
    if (rc == 0)
        rc = writer_open(&context->evidence, context->home, "main", 0, 0, err);
    if (rc == 0)
        rc = writer_open(&run->proxy_writer, context->home, "proxy", 0, 0, err);
    return rc;
}

static int start_plane(struct running *run, struct error *err)
{
    struct context *context = &run->context;
    struct plane_options options = {.observer = observe_into(run->proxy_writer),
                                    .log = context->log,
                                    .seed = run->spec.seed};
    int rc = plane_start(&context->plane, &options, err);

    if (rc != 0)
        return rc;
    return control_open(&context->control, context->plane, &run->loop, err);
}

static int find_case(struct running *run, struct error *err)
{
    int rc = script_load(&run->script, run->spec.scenario_file, err);

    if (rc != 0)
        return rc;
    for (int i = 0; i < script_case_count(run->script); i++) {
        const struct script_case *one = script_case_at(run->script, i);

        if (strcmp(one->scenario, run->spec.scenario) == 0 &&
            strcmp(one->name, run->spec.case_name) == 0)
            run->which = one;
    }
    if (run->which == NULL)
        return error_set(err, E_SCRIPT, "%s has no scenario \"%s\" with a case '%s'",
                         run->spec.scenario_file, run->spec.scenario,
                         run->spec.case_name);
    return script_params(run->which, run->spec.set, &run->params, err);
}

/* checks.json: what `analyze` needs to judge again without Lua. */
static int write_checks(struct running *run, struct error *err)
{
    const struct script_case *which = run->which;
    json_t *list = json_array();
    json_t *object;
    char path[PATH_BYTES];
    int rc = 0;

    for (int i = 0; i < which->check_count; i++)
        json_array_append_new(list, check_write(which->checks[i]));
    object = json_pack("{s:s, s:s, s:i, s:O?, s:o, s:O?}", "id", which->id, "file",
                       which->file, "line", which->line, "params", run->params, "checks",
                       list, "expect", which->expect);
    snprintf(path, sizeof path, "%.4000s/checks.json", run->spec.folder);
    if (json_dump_file(object, path, JSON_INDENT(2)) != 0)
        rc = error_from_errno(err, "write %s", path);
    json_decref(object);
    return rc;
}

static void record_begin(struct running *run)
{
    json_t *detail =
        json_pack("{s:s, s:s, s:s, s:I, s:O?}", "scenario", run->which->scenario, "case",
                  run->which->name, "file", run->which->file, "seed",
                  (json_int_t)run->spec.seed, "params", run->params);
    struct record record = {.kind = RECORD_run_begin,
                            .detail = writer_detail(run->context.evidence, detail)};

    writer_append(run->context.evidence, &record);
    json_decref(detail);
}

/* ---- the way down, each step when the one before is done ---- */

static void record_end(struct running *run)
{
    const struct error *error = &run->error;
    json_t *detail = json_pack("{s:s, s:s, s:s}", "text", error->text, "where",
                               error->where, "hint", error->hint);
    struct record record = {.kind = RECORD_run_end,
                            .a = (uint64_t)(int64_t)error->code,
                            .detail = writer_detail(run->context.evidence, detail)};

    writer_append(run->context.evidence, &record);
    json_decref(detail);
}

static void on_control_closed(void *arg)
{
    struct running *run = arg;

    run->control_closed = true;
    uv_close((uv_handle_t *)&run->terminate, NULL);
    uv_close((uv_handle_t *)&run->interrupt, NULL);
    uv_close((uv_handle_t *)&run->timeout, NULL);
}

static void on_cluster_stopped(void *arg, int rc, const struct error *err)
{
    struct running *run = arg;

    if (rc != 0)
        log_warn(run->context.log, "case", "stopping the brokers: %s", err->text);
    if (run->cluster != NULL)
        cluster_destroy(run->cluster);
    run->cluster = NULL;
    if (run->context.control != NULL)
        control_close(run->context.control, on_control_closed, run);
    else
        on_control_closed(run);
}

static void on_crew_stopped(void *arg, int rc, const struct error *err)
{
    struct running *run = arg;

    if (rc != 0)
        log_warn(run->context.log, "case", "stopping the clients: %s", err->text);
    if (run->crew != NULL)
        crew_destroy(run->crew);
    run->crew = NULL;
    if (run->cluster != NULL)
        cluster_stop(run->cluster, on_cluster_stopped, run);
    else
        on_cluster_stopped(run, 0, NULL);
}

static void stop(struct running *run)
{
    assert(!run->stopping);
    run->stopping = true;
    run->running = false;
    uv_timer_stop(&run->timeout);
    record_end(run);
    if (run->crew != NULL)
        crew_stop(run->crew, (uint64_t)CREW_GRACE_S * NS_PER_S, on_crew_stopped, run);
    else
        on_crew_stopped(run, 0, NULL);
}

/* ---- run(t) ---- */

static void on_run_done(void *arg, int rc, const struct error *err)
{
    struct running *run = arg;

    remember(run, rc, err);
    stop(run);
}

static void start_script(struct running *run)
{
    struct script_run_options options = {.context = &run->context,
                                         .cluster = run->cluster,
                                         .crew = run->crew,
                                         .params = run->params,
                                         .on_progress = progress,
                                         .done = on_run_done,
                                         .arg = run};
    struct error err;
    int rc = script_run(run->script, run->which, &options, &err);

    if (rc != 0) {
        on_run_done(run, rc, &err);
        return;
    }
    run->running = true;
}

static void on_cluster_started(void *arg, int rc, const struct error *err)
{
    struct running *run = arg;
    struct error failure;

    if (run->stopping)
        return;
    remember(run, rc, err);
    if (rc == 0)
        remember(run, crew_create(&run->crew, &run->context, run->cluster, &failure),
                 &failure);
    if (run->error.code != 0)
        stop(run);
    else
        start_script(run);
}

static int make_cluster(struct running *run, struct error *err)
{
    struct cluster_conf conf;
    int rc = param_read(cluster_params, &conf, run->which->cluster, "cluster", err);

    if (rc != 0)
        return rc;
    return cluster_create(&run->cluster, &run->context, &conf, err);
}

static void begin(struct running *run)
{
    struct error err;

    if (run->which->cluster == NULL) {
        start_script(run);
        return;
    }
    remember(run, make_cluster(run, &err), &err);
    if (run->error.code != 0) {
        stop(run);
        return;
    }
    cluster_start(run->cluster, on_cluster_started, run);
}

/* ---- from outside ---- */

static void cancel(struct running *run, int code, const char *why)
{
    struct error err;

    if (run->stopping)
        return;
    if (run->running) {
        script_cancel(run->script, code, why);
        return;
    }
    error_set(&err, code, "%s", why);
    remember(run, code, &err);
    stop(run);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct running *run = handle->data;

    cancel(run, E_CANCELLED, signal == SIGINT ? "interrupted" : "terminated");
}

static void on_timeout(uv_timer_t *timer)
{
    struct running *run = timer->data;
    char why[128];
    char text[32];

    snprintf(why, sizeof why, "the timeout of %s is over",
             param_duration_text(run->spec.timeout_ns, text, sizeof text));
    cancel(run, E_TIMEOUT, why);
}

static void watch_signals(struct running *run)
{
    uv_signal_init(&run->loop, &run->terminate);
    uv_signal_init(&run->loop, &run->interrupt);
    uv_timer_init(&run->loop, &run->timeout);
    run->terminate.data = run;
    run->interrupt.data = run;
    run->timeout.data = run;
    uv_signal_start(&run->terminate, on_signal, SIGTERM);
    uv_signal_start(&run->interrupt, on_signal, SIGINT);
}

/* ---- the whole ---- */

static int prepare(struct running *run, struct error *err)
{
    int rc = find_case(run, err);

    if (rc == 0)
        rc = write_checks(run, err);
    if (rc == 0)
        rc = start_plane(run, err);
    return rc;
}

/* With the evidence open everything that follows is told in it. */
static void run_loop(struct running *run)
{
    struct error err;

    run->context.loop = &run->loop;
    uv_loop_init(&run->loop);
    watch_signals(run);
    remember(run, prepare(run, &err), &err);
    if (run->error.code == 0) {
        record_begin(run);
        uv_timer_start(&run->timeout, on_timeout, run->spec.timeout_ns / NS_PER_MS, 0);
        begin(run);
    } else {
        stop(run);
    }
    uv_run(&run->loop, UV_RUN_DEFAULT);
    assert(run->control_closed);
    if (run->script != NULL)
        script_destroy(run->script);
    if (uv_loop_close(&run->loop) != 0)
        log_warn(run->context.log, "case", "handles were left open on the loop");
    if (run->context.plane != NULL)
        plane_stop(run->context.plane);
}

static void close_evidence(struct running *run)
{
    struct context *context = &run->context;
    struct error err;

    if (run->proxy_writer != NULL)
        writer_close(run->proxy_writer);
    if (context->evidence != NULL)
        writer_close(context->evidence);
    if (context->home != NULL)
        evidence_home_close(context->home);
    if (context->home != NULL && evidence_collect(run->evidence_folder, &err) != 0)
        log_error(context->log, "case", "evidence: %s", err.text);
}

static void print_error(const struct error *err)
{
    fprintf(stderr, "error: %s\n", err->text);
    if (err->where[0] != '\0')
        fprintf(stderr, "  --> %s\n", err->where);
    if (err->hint[0] != '\0')
        fprintf(stderr, "  %s\n", err->hint);
}

static int judge(struct running *run)
{
    struct error err;
    json_t *result;
    int code;

    if (case_judge(run->spec.folder, &run->error, &result, &err) != 0) {
        json_decref(result);
        print_error(run->error.code != 0 ? &run->error : &err);
        return error_exit_code(run->error.code != 0 ? run->error.code : err.code);
    }
    code = (int)json_integer_value(json_object_get(result, "exit_code"));
    json_decref(result);
    return code;
}

int case_main(int argc, char **argv)
{
    struct running *run = calloc(1, sizeof *run);
    struct error err;
    int code;

    if (run == NULL || argc < 2)
        return error_exit_code(run == NULL ? E_NOMEM : E_USAGE);
    signal(SIGPIPE, SIG_IGN);
    remember(run, read_spec(run, argv[1], &err), &err);
    if (run->error.code == 0)
        remember(run, open_folder(run, &err), &err);
    if (run->error.code == 0)
        run_loop(run);
    else
        print_error(&run->error);
    close_evidence(run);
    code = run->context.evidence != NULL ? judge(run) : error_exit_code(run->error.code);
    if (run->context.log != NULL)
        log_destroy(run->context.log);
    json_decref(run->params);
    case_spec_release(&run->spec);
    free(run);
    return code;
}
