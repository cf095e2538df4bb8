/* spec: what the suite tells a case process, as spec.json.
 *
 * Written by the suite before the process starts, read by the process as its first act.
 * A field that is missing or of the wrong kind is named; nothing is guessed. */
#include "harness/suite/spec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/suite/result.h"

/* "" for what is not set. */
static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

json_t *case_spec_write(const struct case_spec *spec)
{
    assert(spec->scenario_file != NULL);
    assert(spec->folder != NULL);

    /* Seeds and times above 2^63 do not fit JSON's integers in jansson: the command line
     * refuses such seeds, and no timeout is 292 years. */
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:s, s:o, s:I, s:i, s:I}",
                     "schema", RESULT_SCHEMA, "file", spec->scenario_file, "scenario",
                     or_empty(spec->scenario), "case", or_empty(spec->case_name),
                     "folder", spec->folder, "broker", "path",
                     or_empty(spec->broker_path), "version",
                     or_empty(spec->broker_version), "started", or_empty(spec->started),
                     "set", spec->set != NULL ? json_incref(spec->set) : json_object(),
                     "seed", (json_int_t)spec->seed, "repeat", spec->repeat, "timeout_ns",
                     (json_int_t)spec->timeout_ns);
}

/* The text member `name` as a copy in `*out`. */
static int read_text(char **out, const json_t *object, const char *name,
                     struct error *err)
{
    const char *text = json_string_value(json_object_get(object, name));

    if (text == NULL)
        return error_set(err, E_FORMAT, "spec.json: '%s' is missing or no text", name);
    *out = strdup(text);
    return *out != NULL ? 0 : error_set(err, E_NOMEM, "spec.json: '%s'", name);
}

static int read_number(json_int_t *out, const json_t *object, const char *name,
                       struct error *err)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return error_set(err, E_FORMAT, "spec.json: '%s' is missing or no number from 0",
                         name);
    *out = json_integer_value(value);
    return 0;
}

static int read_texts(struct case_spec *spec, const json_t *object, struct error *err)
{
    const json_t *broker = json_object_get(object, "broker");
    const struct {
        char **to;
        const json_t *from;
        const char *name;
    } texts[] = {
        {&spec->scenario_file, object, "file"},     {&spec->scenario, object, "scenario"},
        {&spec->case_name, object, "case"},         {&spec->folder, object, "folder"},
        {&spec->broker_path, broker, "path"},       {&spec->started, object, "started"},
        {&spec->broker_version, broker, "version"},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int rc = read_text(texts[i].to, texts[i].from, texts[i].name, err);

        if (rc != 0)
            return rc;
    }
    return 0;
}

static int read_numbers(struct case_spec *spec, const json_t *object, struct error *err)
{
    json_int_t seed = 0, repeat = 0, timeout = 0;
    int rc = read_number(&seed, object, "seed", err);

    if (rc == 0)
        rc = read_number(&repeat, object, "repeat", err);
    if (rc == 0)
        rc = read_number(&timeout, object, "timeout_ns", err);
    spec->seed = (uint64_t)seed;
    spec->repeat = (int)repeat;
    spec->timeout_ns = (uint64_t)timeout;
    return rc;
}

int case_spec_read(struct case_spec *spec, const json_t *object, struct error *err)
{
    int rc;

    assert(spec != NULL);
    memset(spec, 0, sizeof *spec);
    if (!json_is_object(object))
        return error_set(err, E_FORMAT, "spec.json holds no object");

    rc = read_texts(spec, object, err);
    if (rc == 0)
        rc = read_numbers(spec, object, err);
    if (rc == 0 && json_is_object(json_object_get(object, "set"))) {
        spec->set = json_deep_copy(json_object_get(object, "set"));
        if (spec->set == NULL)
            rc = error_set(err, E_NOMEM, "spec.json: 'set'");
    }
    if (rc != 0)
        case_spec_release(spec);
    return rc;
}

void case_spec_release(struct case_spec *spec)
{
    free(spec->scenario_file);
    free(spec->scenario);
    free(spec->case_name);
    free(spec->folder);
    free(spec->broker_path);
    free(spec->broker_version);
    free(spec->started);
    json_decref(spec->set);
    memset(spec, 0, sizeof *spec);
}
