/* removal: read from the tables with which streams and consumers were asked for. */
#include "harness/checks/removal.h"

#include <stdio.h>
#include <string.h>

/* A limit that is there and is not "none". */
static bool is_set(const json_t *value)
{
    const char *text = json_string_value(value);

    if (text != NULL)
        return text[0] != '\0' && strcmp(text, "0") != 0 && strcmp(text, "-1") != 0;
    return json_number_value(value) > 0;
}

static bool limits_stream(const json_t *asked, const char *stream, char *text,
                          size_t size)
{
    static const char *const limits[] = {"max_msgs", "max_bytes", "max_age"};
    const json_t *conf = json_object_get(asked, "conf");
    const char *name = json_string_value(json_object_get(asked, "name"));
    const char *retention = json_string_value(json_object_get(conf, "retention"));

    if (name == NULL || (stream[0] != '\0' && strcmp(name, stream) != 0))
        return false;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (is_set(json_object_get(conf, limits[i]))) {
            snprintf(text, size, "stream %s has %s", name, limits[i]);
            return true;
        }
    }
    if (retention == NULL || strcmp(retention, "limits") == 0)
        return false;
    snprintf(text, size, "stream %s has retention = \"%s\"", name, retention);
    return true;
}

static bool gives_up(const struct cast *cast, const char *stream, char *text, size_t size)
{
    for (int i = 0; i < cast->client_count; i++) {
        const struct cast_client *client = &cast->clients[i];
        const char *of = json_string_value(json_object_get(client->conf, "stream"));

        if (strcmp(client->workload, "consumer") != 0 ||
            !is_set(json_object_get(client->conf, "max_deliver")))
            continue;
        if (stream[0] != '\0' && (of == NULL || strcmp(of, stream) != 0))
            continue;
        snprintf(text, size, "consumer %s has max_deliver", client->name);
        return true;
    }
    return false;
}

bool removal_is_possible(const struct evidence *evidence, const struct cast *cast,
                         const char *stream, char *text, size_t size)
{
    const unsigned wanted[] = {RECORD_stream_asked};
    struct evidence_merge *merge = evidence_merge_create(evidence, wanted, 1);
    const struct record *record;
    bool found = false;
    int writer;

    if (merge == NULL) {
        snprintf(text, size, "memory was too short to look");
        return true;
    }
    while (!found && (record = evidence_merge_next(merge, &writer)) != NULL) {
        json_t *asked = evidence_detail(evidence, writer, record->detail);

        found = limits_stream(asked, stream, text, size);
        json_decref(asked);
    }
    evidence_merge_destroy(merge);
    return found || gives_up(cast, stream, text, size);
}

bool removal_broker_ended(const struct evidence *evidence)
{
    const unsigned wanted[] = {RECORD_broker_exit, RECORD_run_end};
    struct evidence_merge *merge = evidence_merge_create(evidence, wanted, 2);
    const struct record *record;
    bool ended = false;
    int writer;

    if (merge == NULL)
        return true;
    /* Brokers that end behind run_end are the clearing up. */
    while ((record = evidence_merge_next(merge, &writer)) != NULL &&
           record_kind(record) != RECORD_run_end)
        ended = true;
    evidence_merge_destroy(merge);
    return ended;
}
