/* param_manual: a table as a person reads it, for --help and the reference, and as a
 * program does, for the control API.
 *
 *   base  duration, default 100ms, 0 to 60s
 *       time each chunk waits */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/param_value.h"

enum { KINDS_BYTES = 1024 };

static void print_range(FILE *out, const struct param *p)
{
    if (p->min != NULL && p->max != NULL)
        fprintf(out, ", %s to %s", p->min, p->max);
    else if (p->min != NULL)
        fprintf(out, ", at least %s", p->min);
    else if (p->max != NULL)
        fprintf(out, ", at most %s", p->max);
}

static bool is_required(const struct param *p)
{
    return p->fallback != NULL && strcmp(p->fallback, "!") == 0;
}

static void print_param(FILE *out, const struct param *p)
{
    char kinds[KINDS_BYTES];

    param_kinds_text(p, kinds, sizeof kinds);
    fprintf(out, "%s  %s", p->name, kinds);
    if (is_required(p))
        fprintf(out, ", required");
    else if (p->fallback != NULL)
        fprintf(out, ", default %s", p->fallback);
    print_range(out, p);
    fprintf(out, "\n    %s\n", p->summary == NULL ? "" : p->summary);
}

char *param_manual(const struct param *params)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    for (const struct param *p = params; p->name != NULL; p++)
        print_param(out, p);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static json_t *describe_choices(const struct param *p)
{
    json_t *choices = json_array();
    int failed = 0;

    for (int i = 0; p->choices[i] != NULL; i++)
        failed |= json_array_append_new(choices, json_string(p->choices[i]));
    if (failed == 0)
        return choices;
    json_decref(choices);
    return NULL;
}

/* Whole, or NULL. */
static json_t *describe(const struct param *p)
{
    json_t *object = json_object();
    const char *summary = p->summary == NULL ? "" : p->summary;
    char kinds[KINDS_BYTES];
    int failed = 0;

    param_kinds_text(p, kinds, sizeof kinds);
    failed |= json_object_set_new(object, "name", json_string(p->name));
    failed |= json_object_set_new(object, "takes", json_string(kinds));
    failed |= json_object_set_new(object, "summary", json_string(summary));
    if (is_required(p))
        failed |= json_object_set_new(object, "required", json_true());
    else if (p->fallback != NULL)
        failed |= json_object_set_new(object, "default", json_string(p->fallback));
    if (p->min != NULL)
        failed |= json_object_set_new(object, "min", json_string(p->min));
    if (p->max != NULL)
        failed |= json_object_set_new(object, "max", json_string(p->max));
    if (p->choices != NULL)
        failed |= json_object_set_new(object, "choices", describe_choices(p));
    if (failed == 0)
        return object;
    json_decref(object);
    return NULL;
}

json_t *param_describe(const struct param *params)
{
    json_t *array = json_array();

    for (const struct param *p = params; array != NULL && p->name != NULL; p++) {
        if (json_array_append_new(array, describe(p)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
