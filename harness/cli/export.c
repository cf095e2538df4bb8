/* export: the evidence of a run in a form for other people's questions.
 *
 * One case: its records as they are. Several: the same, and each line begins with the id
 * of its case. Lines go through a stream of our own that knows where a line begins, so
 * that millions of records are never held. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/command.h"
#include "harness/cli/complaint.h"
#include "harness/cli/runs.h"
#include "harness/evidence/evidence.h"

struct tagged {
    FILE *to;
    char *tag; /* `{"case":"...",` instead of the brace that opens a line */
    bool in_line;
};

static ssize_t write_tagged(void *cookie, const char *bytes, size_t size)
{
    struct tagged *tagged = cookie;
    const char *at = bytes, *end = bytes + size;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline + 1 : end;

        if (!tagged->in_line && *at == '{') {
            fputs(tagged->tag, tagged->to);
            at++;
        }
        if (fwrite(at, 1, (size_t)(stop - at), tagged->to) != (size_t)(stop - at))
            return 0;
        tagged->in_line = newline == NULL;
        at = stop;
    }
    return (ssize_t)size;
}

/* `{"case":"id",` with the id escaped as JSON wants it. */
static char *make_tag(const char *id)
{
    json_t *value = json_string(id);
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    char *tag = NULL;

    json_decref(value);
    if (text != NULL && asprintf(&tag, "{\"case\":%s,", text) == -1)
        tag = NULL;
    free(text);
    return tag;
}

static int export_tagged(const struct evidence *evidence, const char *id,
                         struct error *err)
{
    struct tagged tagged = {.to = stdout, .tag = make_tag(id)};
    cookie_io_functions_t functions = {.write = write_tagged};
    FILE *stream = tagged.tag != NULL ? fopencookie(&tagged, "w", functions) : NULL;
    int rc;

    if (stream == NULL) {
        free(tagged.tag);
        return error_set(err, E_NOMEM, "export");
    }
    rc = evidence_export_jsonl(evidence, stream, err);
    if (fclose(stream) != 0 && rc == 0)
        rc = error_from_errno(err, "cannot write the export");
    free(tagged.tag);
    return rc;
}

static int export_case(const json_t *entry, bool several, struct error *err)
{
    const char *folder = json_string_value(json_object_get(entry, "path"));
    const char *id = json_string_value(json_object_get(entry, "id"));
    char path[PATH_MAX + 16];
    struct evidence *evidence;
    int rc;

    assert(folder != NULL);
    snprintf(path, sizeof path, "%s/evidence", folder);
    rc = evidence_open(&evidence, path, err);
    if (rc != 0)
        return rc;
    rc = several ? export_tagged(evidence, id != NULL ? id : folder, err)
                 : evidence_export_jsonl(evidence, stdout, err);
    evidence_close(evidence);
    return rc;
}

static bool is_named(const json_t *entry, const char *name)
{
    static const char *const by[] = {"case", "id", "slug"};

    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        const char *text = json_string_value(json_object_get(entry, by[i]));

        if (text != NULL && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

/* Those that --case names. Gives a new array. */
static json_t *choose(const json_t *cases, const char *name)
{
    json_t *chosen = json_array();
    json_t *entry;
    size_t i;

    json_array_foreach((json_t *)cases, i, entry) {
        if (name == NULL || is_named(entry, name))
            json_array_append(chosen, entry);
    }
    return chosen;
}

static int nothing_chosen(const json_t *cases, const char *name, struct error *err)
{
    char list[400] = "";
    size_t used = 0;
    const json_t *entry;
    size_t i;

    json_array_foreach(cases, i, entry) {
        const char *slug = json_string_value(json_object_get(entry, "slug"));

        if (slug != NULL && used + strlen(slug) + 3 < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                     used > 0 ? ", " : "", slug);
    }
    error_set(err, E_NOTHING, "the run has no case '%s'", name);
    error_hint(err, "its cases: %s", list);
    return E_NOTHING;
}

static int export_all(const json_t *chosen, struct error *err)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(chosen, i, entry) {
        int rc = export_case(entry, json_array_size(chosen) > 1, err);

        if (rc != 0)
            return rc;
    }
    return 0;
}

static int run_export(struct invocation *invocation)
{
    const char *path = invocation->argument_count > 0 ? invocation->arguments[0] : NULL;
    const char *name = invocation_text(invocation, "case");
    struct run_files files;
    struct error err;
    json_t *chosen;
    int rc = run_files_open(&files, path, &err);

    if (rc != 0)
        return complaint_end(&invocation->err, &err);
    chosen = choose(files.cases, name);
    if (json_array_size(chosen) == 0)
        rc = nothing_chosen(files.cases, name != NULL ? name : "", &err);
    else
        rc = export_all(chosen, &err);
    json_decref(chosen);
    run_files_release(&files);
    return rc != 0 ? complaint_end(&invocation->err, &err) : EXIT_PASSED;
}

static const char *const formats[] = {"jsonl", NULL};

static const struct flag flags[] = {
    {.name = "format",
     .kind = VALUE_CHOICE,
     .value = "FORMAT",
     .choices = formats,
     .help = "jsonl (the default): one JSON object per record"},
    {.name = "case",
     .kind = VALUE_TEXT,
     .value = "CASE",
     .help = "only this case: its name, id or folder's name"},
    {.name = NULL},
};

extern const struct command command_export;
const struct command command_export = {
    .name = "export",
    .summary = "print the evidence of a run, for questions of your own",
    .arguments = "[RUN|CASE]",
    .arguments_max = 1,
    .details = "The records come in the order of time. Where several cases are printed, "
               "each record\nbegins with the id of its case.",
    .examples = "  stormdrill export stormdrill-out/latest --case remedy | "
                "jq 'select(.kind == \"close\")'",
    .flags = flags,
    .run = run_export,
};
