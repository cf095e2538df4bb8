/* plan: from paths and selections to the cases that will run.
 *
 *   collect files -> load each script -> keep the cases that -k and --case mean
 *   -> check --set against them -> one entry per case and repeat, with slug and seed
 * A script that does not load is told and spoils the plan, but only after all were
 * looked at: whoever repairs three scripts wants to see three errors. */
#include "harness/suite/plan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/text.h"
#include "harness/suite/choose.h"
#include "harness/suite/paths.h"
#include "harness/suite/result.h"
#include "harness/suite/shell_word.h"
#include "proxy/base/rng.h"

/* Seeds are short enough to be typed; collisions of a few do not matter. */
static const uint64_t seed_max = 9999999999u;

uint64_t plan_seed(uint64_t seed, int repeat)
{
    struct rng run, child;

    if (repeat <= 1)
        return seed;
    rng_init(&run, seed);
    rng_child(&child, &run, "repeat %d", repeat);
    return 1 + rng_below(&child, seed_max);
}

/* ---- loading ---- */

/* A file that cannot be read is the machine's matter, not its author's. */
static int check_readable(const char *path, struct error *err)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return error_from_errno(err, "cannot read %s", path);
    fclose(file);
    return 0;
}

/* What a case is called stands in JSON, in every report. */
static int check_names(const struct script *script, struct error *err)
{
    for (int i = 0; i < script_case_count(script); i++) {
        const struct script_case *which = script_case_at(script, i);

        if (text_is_utf8(which->id))
            continue;
        error_set(err, E_SCRIPT, "the name '%s' is not valid UTF-8", which->id);
        snprintf(err->where, sizeof err->where, "%s:%d", which->file, which->line);
        return E_SCRIPT;
    }
    return 0;
}

static int load_one(struct plan *plan, const char *path, struct error *err)
{
    struct script *script = NULL;
    struct script **more;
    int rc = check_readable(path, err);

    if (rc == 0)
        rc = script_load(&script, path, err);
    if (rc != 0)
        return rc;
    if (script_case_count(script) == 0) {
        script_destroy(script);
        error_set(err, E_SCRIPT, "%s declares no scenario", path);
        error_hint(err, "a file tells at least one: scenario \"name\" { run = ... }");
        return E_SCRIPT;
    }
    rc = check_names(script, err);
    if (rc != 0) {
        script_destroy(script);
        return rc;
    }
    more = realloc(plan->scripts, ((size_t)plan->script_count + 1) * sizeof *more);
    if (more == NULL) {
        script_destroy(script);
        return error_set(err, E_NOMEM, "list of scripts");
    }
    plan->scripts = more;
    more[plan->script_count++] = script;
    return 0;
}

static int load_all(struct plan *plan, const struct plan_options *options,
                    struct error *err)
{
    struct paths paths;
    int rc = paths_collect(&paths, options->paths, options->path_count, err);
    int worst = 0, broken = 0;

    if (rc != 0)
        return rc;
    plan->file_count = paths.count;
    for (int i = 0; i < paths.count; i++) {
        struct error one;

        if (load_one(plan, paths.files[i], &one) == 0)
            continue;
        broken++;
        /* A single file speaks for itself. */
        if (paths.count == 1) {
            paths_release(&paths);
            if (err != NULL)
                *err = one;
            return one.code;
        }
        if (worst == 0 ||
            exit_code_worse(error_exit_code(one.code), error_exit_code(worst)) ==
                error_exit_code(one.code))
            worst = one.code;
        if (options->on_error != NULL)
            options->on_error(options->arg, &one);
    }
    if (broken > 0) {
        error_set(err, worst, "%d of %d scenario files did not load; nothing was started",
                  broken, paths.count);
        rc = worst;
    }
    paths_release(&paths);
    return rc;
}

/* ---- the cases ---- */

/* The command line that runs this case again, and only this. */
static char *reproduce_line(const struct plan_options *options,
                            const struct plan_case *planned, const struct script *script)
{
    const struct script_case *which = planned->which;
    char word[1024];
    char *line = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&line, &size);
    const char *name;
    json_t *value;

    if (to == NULL)
        return NULL;
    fprintf(to, "stormdrill run %s", shell_word(word, sizeof word, which->file));
    if (script_case_count(script) > 1)
        fprintf(to, " --case %s",
                shell_word(word, sizeof word, choose_case_word(script, which)));
    json_object_foreach(planned->set, name, value) {
        char pair[512];

        snprintf(pair, sizeof pair, "%s=%s", name, json_string_value(value));
        fprintf(to, " --set %s", shell_word(word, sizeof word, pair));
    }
    if (options->broker != NULL)
        fprintf(to, " --broker %s", shell_word(word, sizeof word, options->broker));
    if (options->timeout != NULL)
        fprintf(to, " --timeout %s", shell_word(word, sizeof word, options->timeout));
    fprintf(to, " --seed %llu", (unsigned long long)planned->seed);
    fclose(to);
    return line;
}

static int add_case(struct plan *plan, const struct plan_options *options,
                    struct plan_case *made, const struct script *script, json_t *taken,
                    struct error *err)
{
    const struct script_case *which = made->which;
    char text[512];

    snprintf(text, sizeof text, "%s %s", which->scenario, which->name);
    if (plan->repeat > 1)
        snprintf(text, sizeof text, "%.60s %.40s r%d", which->scenario, which->name,
                 made->repeat);
    slug_make(made->slug, text, taken);
    made->seed = plan_seed(options->seed, made->repeat);
    made->timeout_ns = options->timeout_ns != 0 ? options->timeout_ns : which->timeout_ns;
    made->set = choose_set(which, options->set);
    made->reproduce = reproduce_line(options, made, script);
    plan->count++;
    if (made->set == NULL || made->reproduce == NULL)
        return error_set(err, E_NOMEM, "list of cases");
    return 0;
}

/* Repeats on the outside: after a tenth of the time every case has run once. */
static int add_all(struct plan *plan, const struct plan_options *options,
                   const struct choice *choice, struct error *err)
{
    json_t *taken = json_object();
    int rc = 0;

    plan->cases =
        calloc((size_t)choice->count * (size_t)plan->repeat, sizeof *plan->cases);
    if (plan->cases == NULL || taken == NULL)
        rc = error_set(err, E_NOMEM, "list of cases");
    for (int r = 1; rc == 0 && r <= plan->repeat; r++) {
        for (int i = 0; rc == 0 && i < choice->count; i++) {
            struct plan_case *made = &plan->cases[plan->count];

            made->which = choice->cases[i];
            made->repeat = r;
            rc = add_case(plan, options, made, choice->scripts[i], taken, err);
        }
    }
    json_decref(taken);
    return rc;
}

int plan_create(struct plan **out, const struct plan_options *options, struct error *err)
{
    struct plan *plan = calloc(1, sizeof *plan);
    struct choice choice = {.count = 0};
    int rc;

    assert(out != NULL);
    if (plan == NULL)
        return error_set(err, E_NOMEM, "plan");
    plan->repeat = options->repeat > 0 ? options->repeat : 1;
    plan->seed = options->seed;
    rc = load_all(plan, options, err);
    if (rc == 0)
        rc = choose_cases(&choice, plan->scripts, plan->script_count, options->expression,
                          options->case_name, err);
    if (rc == 0)
        rc = choose_check_set(&choice, options->set, err);
    if (rc == 0)
        rc = add_all(plan, options, &choice, err);
    choose_release(&choice);
    if (rc != 0) {
        plan_destroy(plan);
        return rc;
    }
    *out = plan;
    return 0;
}

void plan_destroy(struct plan *plan)
{
    if (plan == NULL)
        return;
    for (int i = 0; i < plan->count; i++) {
        json_decref(plan->cases[i].set);
        free(plan->cases[i].reproduce);
    }
    free(plan->cases);
    for (int i = 0; i < plan->script_count; i++)
        script_destroy(plan->scripts[i]);
    free(plan->scripts);
    free(plan);
}

bool plan_needs_broker(const struct plan *plan)
{
    for (int i = 0; i < plan->count; i++) {
        if (plan->cases[i].which->cluster != NULL)
            return true;
    }
    return false;
}

json_t *plan_case_write(const struct plan_case *planned)
{
    const struct script_case *which = planned->which;
    char folder[SLUG_BYTES + 8];

    snprintf(folder, sizeof folder, "cases/%s", planned->slug);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:I, s:i, s:s, s:O, s:f, s:b}",
                     "id", which->id, "scenario", which->scenario, "case", which->name,
                     "file", which->file, "line", which->line, "slug", planned->slug,
                     "folder", folder, "seed", (json_int_t)planned->seed, "repeat",
                     planned->repeat, "reproduce", planned->reproduce, "tags",
                     which->tags, "timeout_s", (double)planned->timeout_ns / NS_PER_S,
                     "exclusive", which->exclusive);
}
