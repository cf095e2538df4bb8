/* run: the main command.
 *
 *   flags -> plan (all scripts load, --set fits) -> broker -> folder, run.json
 *   -> suite -> results.json -> report -> exit code
 * Whatever is wrong up to the folder costs nothing: no process was started, nothing was
 * written. Behind it a report is always printed, also when results.json has no room. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/broker/broker.h"
#include "harness/cli/command.h"
#include "harness/cli/complaint.h"
#include "harness/cli/progress.h"
#include "harness/cli/publish.h"
#include "harness/cli/seed.h"
#include "harness/cli/selection.h"
#include "harness/cli/version.h"
#include "harness/suite/document.h"
#include "harness/suite/folder.h"
#include "harness/suite/run_record.h"
#include "harness/suite/suite.h"
#include "proxy/base/clock.h"

enum { JOBS_MAX = 256, REPEATS_MAX = 100000 };

struct run {
    struct invocation *invocation;
    struct plan *plan;
    struct broker broker;
    bool has_broker;
    struct run_folder folder;
    json_t *record; /* run.json */
    struct error err;
};

/* ---- flags ---- */

/* {name: text} of every --set. */
static int read_set(json_t **out, const struct invocation *invocation, struct error *err)
{
    const char *pair;

    *out = json_object();
    for (int i = 0; (pair = invocation_text_at(invocation, "set", i)) != NULL; i++) {
        const char *equals = strchr(pair, '=');
        char name[128];
        json_t *value;

        if (equals == NULL || equals == pair || (size_t)(equals - pair) >= sizeof name) {
            error_set(err, E_USAGE, "--set '%.100s' is no name=value", pair);
            error_hint(err, "like --set down=2s");
            return E_USAGE;
        }
        snprintf(name, sizeof name, "%.*s", (int)(equals - pair), pair);
        value = json_string(equals + 1);
        if (value == NULL)
            return error_set(err, E_USAGE, "--set %s: the value is no UTF-8", name);
        json_object_set_new(*out, name, value);
    }
    return 0;
}

/* Half of the cores: a case is a broker and several clients, and timing is judged. */
static int default_jobs(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores > 5 ? (int)(cores / 2) : 2;
}

static int check_limits(const struct invocation *invocation, struct error *err)
{
    if (invocation_number(invocation, "jobs", 1) > JOBS_MAX)
        return error_set(err, E_USAGE, "-j %s is too many: at most %d",
                         invocation_text(invocation, "jobs"), JOBS_MAX);
    if (invocation_number(invocation, "repeat", 1) > REPEATS_MAX)
        return error_set(err, E_USAGE, "--repeat %s is too often: at most %d",
                         invocation_text(invocation, "repeat"), REPEATS_MAX);
    return 0;
}

/* ---- the steps ---- */

static int make_plan(struct run *run)
{
    const struct invocation *in = run->invocation;
    struct plan_options options = {
        .broker = invocation_text(in, "broker"),
        .timeout = invocation_text(in, "timeout"),
        .timeout_ns = invocation_duration(in, "timeout", 0),
        .seed = seed_of(in),
        .repeat = (int)invocation_number(in, "repeat", 1),
    };
    int code;

    if (check_limits(in, &run->err) != 0 || read_set(&options.set, in, &run->err) != 0)
        code = complaint_end(&in->err, &run->err);
    else
        code = selection_plan(&run->plan, &options, in);
    json_decref(options.set);
    return code;
}

static int find_broker(struct run *run)
{
    if (!plan_needs_broker(run->plan))
        return 0;
    run->has_broker = true;
    return broker_find(&run->broker, invocation_text(run->invocation, "broker"),
                       &run->err);
}

/* What the run's folder is called after: the file or folder that was named. */
static void run_name(char *name, size_t size, const struct invocation *invocation)
{
    const char *path =
        invocation->argument_count > 0 ? invocation->arguments[0] : "scenarios";
    size_t length = strlen(path);
    const char *end = path + length;
    const char *from;

    while (end > path + 1 && end[-1] == '/')
        end--;
    from = end;
    while (from > path && from[-1] != '/')
        from--;
    if (end - from > 4 && strncmp(end - 4, ".lua", 4) == 0)
        end -= 4;
    snprintf(name, size, "%.*s%s", (int)(end - from), from,
             invocation->argument_count > 1 ? " and more" : "");
}

static int open_folder(struct run *run)
{
    const struct invocation *in = run->invocation;
    json_t *versions = version_write();
    struct run_facts facts = {
        .plan = run->plan,
        .broker = run->has_broker ? &run->broker : NULL,
        .versions = versions,
        .argc = in->argc,
        .argv = in->argv,
    };
    char path[PATH_MAX + 16];
    char name[256];
    int rc;

    run_name(name, sizeof name, in);
    rc = run_folder_create(&run->folder, invocation_text(in, "out"), name, &run->err);
    if (rc == 0) {
        run->record = run_record_create(&facts);
        snprintf(path, sizeof path, "%s/run.json", run->folder.path);
        rc = document_write(path, run->record, &run->err);
    }
    json_decref(versions);
    return rc;
}

/* ---- the run itself ---- */

static void say_beginning(const struct run *run, const struct progress *progress)
{
    if (progress->silent)
        return;
    fprintf(progress->to, "seed %llu, ", (unsigned long long)run->plan->seed);
    if (run->has_broker)
        fprintf(progress->to, "nats-server %s, ", run->broker.version);
    fprintf(progress->to, "evidence in %s\n", run->folder.shown);
}

/* results.json comes first: a terminal that went away must not cost it. */
static int publish(struct run *run, const json_t *results)
{
    char path[PATH_MAX + 16];
    int code = (int)json_integer_value(json_object_get(results, "exit_code"));
    int printed;

    snprintf(path, sizeof path, "%s/results.json", run->folder.path);
    if (document_write(path, results, &run->err) != 0)
        code = exit_code_worse(code, complaint_end(&run->invocation->err, &run->err));
    printed = publish_print(results, run->folder.shown, run->invocation);
    return exit_code_worse(code, printed);
}

static int run_suite(struct run *run)
{
    const struct invocation *in = run->invocation;
    struct progress progress = {
        .to = stderr,
        .terminal = &in->err,
        .repeats = run->plan->repeat > 1,
        .silent = invocation_has(in, "quiet") || invocation_chose(in, "progress", "none"),
    };
    struct suite_options options = {
        .plan = run->plan,
        .folder = &run->folder,
        .broker = run->has_broker ? &run->broker : NULL,
        .self = in->self,
        .jobs = (int)invocation_number(in, "jobs", default_jobs()),
        .fail_fast = invocation_has(in, "fail-fast"),
        .on_event = progress_on_event,
        .arg = &progress,
    };
    uint64_t began_ns = clock_now(clock_real());
    json_t *cases = NULL, *results;
    int ended_by = 0, code;

    say_beginning(run, &progress);
    if (suite_run(&cases, &ended_by, &options, &run->err) != 0)
        return complaint_end(&in->err, &run->err);
    if (!progress.silent)
        fputc('\n', stderr);
    results = run_record_results(run->record, cases, ended_by,
                                 (double)(clock_now(clock_real()) - began_ns) / NS_PER_S);
    code = publish(run, results);
    json_decref(results);
    return code;
}

static int run_run(struct invocation *invocation)
{
    struct run run = {.invocation = invocation, .folder = {.lock = -1}};
    int code = make_plan(&run);

    /* A reader of ours that goes away is an EPIPE, never a sudden death without a
     * report. */
    signal(SIGPIPE, SIG_IGN);
    if (code == EXIT_PASSED) {
        if (find_broker(&run) != 0 || open_folder(&run) != 0)
            code = complaint_end(&invocation->err, &run.err);
        else
            code = run_suite(&run);
    }
    run_folder_release(&run.folder);
    json_decref(run.record);
    plan_destroy(run.plan);
    return code;
}

static const char *const progress_kinds[] = {"auto", "plain", "none", NULL};

static const struct flag flags[] = {
    SELECTION_FLAG_EXPRESSION,
    SELECTION_FLAG_CASE,
    {.name = "set",
     .repeats = true,
     .kind = VALUE_TEXT,
     .value = "NAME=VALUE",
     .help = "give a scenario's parameter another value"},
    {.name = "seed",
     .kind = VALUE_NUMBER,
     .value = "N",
     .help = "repeat the chance of an earlier run; default: random, printed"},
    {.name = "repeat",
     .kind = VALUE_NUMBER,
     .min = 1,
     .value = "N",
     .help =
         "run each case N times with seeds drawn from the one; says what failure rate "
         "so many runs exclude"},
    {.name = "jobs",
     .letter = 'j',
     .kind = VALUE_NUMBER,
     .min = 1,
     .value = "N",
     .help = "cases side by side; default: half of the cores, at least 2"},
    {.name = "timeout",
     .kind = VALUE_DURATION,
     .value = "TIME",
     .help = "how long a case may take, instead of what its scenario says"},
    {.name = "fail-fast",
     .letter = 'x',
     .help = "start nothing more after the first failure"},
    {.name = "broker",
     .kind = VALUE_TEXT,
     .value = "PATH",
     .help =
         "the nats-server to run; default $STORMDRILL_BROKER, then the one in PATH, then "
         "/usr/sbin and /usr/local/sbin"},
    {.name = "out",
     .letter = 'o',
     .kind = VALUE_TEXT,
     .value = "DIR",
     .help = "the run's folder, new or empty; default stormdrill-out/<time>-<name>, with "
             "stormdrill-out/latest pointing to it"},
    PUBLISH_FLAG_FORMAT,
    {.name = "progress",
     .kind = VALUE_CHOICE,
     .value = "KIND",
     .choices = progress_kinds,
     .help = "on standard error: auto, plain (a line per event) or none"},
    {.name = "quiet", .letter = 'q', .help = "print only what did not pass, no progress"},
    {.name = "verbose", .letter = 'v', .help = "print the numbers of passed checks too"},
    {.name = NULL},
};

extern const struct command command_run;
const struct command command_run = {
    .name = "run",
    .summary = "run scenarios and judge what the evidence says",
    .arguments = "[PATH...]",
    .arguments_max = -1,
    .details =
        "A PATH is a scenario file or a folder, which is searched for *.lua; without one "
        "it\nis the folder `scenarios` here. Every script is loaded before anything "
        "starts.\nThere is no --retries: retrying until green hides what this tool is "
        "for.",
    .examples = "  stormdrill run scenarios/traps/06-message-loss.lua --case trap\n"
                "  stormdrill run -k 'release and not slow' --repeat 20\n"
                "  stormdrill run scenarios --format json > results.json",
    .flags = flags,
    .run = run_run,
};
