/* warnings: a client that died unasked, a broker that had to be killed, an error that a
 * task raised while it was being cancelled. The verdict does not depend on them; whoever
 * reads it wants to know. */
#include "harness/suite/warnings.h"

#include <stdio.h>

#include "proxy/base/clock.h"

/* A broker that keeps dying must not bury the verdict. */
enum { WARNINGS_MAX = 20 };

static const char *text_of(const json_t *detail, const char *name)
{
    const char *text = json_string_value(json_object_get(detail, name));

    return text != NULL ? text : "";
}

static json_t *one_warning(const struct evidence *evidence, int writer,
                           const struct record *record)
{
    json_t *detail = evidence_detail(evidence, writer, record->detail);
    double t = (double)(record->time_ns - evidence_start_ns(evidence)) / NS_PER_S;
    json_t *warning =
        json_pack("{s:f, s:s, s:s}", "t", t, "text", text_of(detail, "text"), "where",
                  text_of(detail, "where"));

    json_decref(detail);
    return warning;
}

static void add_rest(json_t *list, int count)
{
    json_t *last = json_array_get(list, WARNINGS_MAX - 1);
    char text[64];

    snprintf(text, sizeof text, "and %d more warnings; export shows them all",
             count - WARNINGS_MAX + 1);
    json_object_set_new(last, "text", json_string(text));
    json_object_set_new(last, "where", json_string(""));
}

json_t *warnings_of(const struct evidence *evidence)
{
    static const unsigned wanted[] = {RECORD_warning};
    struct evidence_merge *merge = evidence_merge_create(evidence, wanted, 1);
    json_t *list = json_array();
    const struct record *record;
    int count = 0, writer;

    while (merge != NULL && (record = evidence_merge_next(merge, &writer)) != NULL) {
        if (count++ < WARNINGS_MAX)
            json_array_append_new(list, one_warning(evidence, writer, record));
    }
    if (count > WARNINGS_MAX)
        add_rest(list, count);
    evidence_merge_destroy(merge);
    return list;
}
