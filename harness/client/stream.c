/* stream: the table behind `t.cluster:stream(name, { … })`, and its checks. */
#include "harness/client/stream.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proxy/nats/subject.h"

static const char *const storages[] = {"file", "memory", NULL};
static const char *const retentions[] = {"limits", "interest", "workqueue", NULL};
static const char *const discards[] = {"old", "new", NULL};

const struct param stream_params[] = {
    PARAM(stream_conf, subjects, JSON, "subjects", NULL, NULL, NULL,
          "what it stores: a subject or a list of them; the stream's own name"),
    PARAM(stream_conf, replicas, INTEGER, "replicas", "1", "1", "5",
          "nodes that hold a copy"),
    PARAM_CHOICE(stream_conf, storage, "storage", "file", storages, "where it is kept"),
    PARAM_CHOICE(stream_conf, retention, "retention", "limits", retentions,
                 "until when a message is kept"),
    PARAM_CHOICE(stream_conf, discard, "discard", "old", discards,
                 "what goes when a limit is reached"),
    PARAM(stream_conf, max_age_ns, DURATION, "max_age", "0", "0", "8760h",
          "older messages are removed; 0: no limit"),
    PARAM(stream_conf, max_bytes, BYTES, "max_bytes", "0", "0", "1TiB",
          "limit of its size; 0: none"),
    PARAM(stream_conf, max_msgs, INTEGER, "max_msgs", "0", "0", NULL,
          "limit of its messages; 0: none"),
    PARAM(stream_conf, duplicate_window_ns, DURATION, "duplicate_window", "2m", "0",
          "24h", "how long a message id is remembered"),
    PARAM_END,
};

/* Tokens between single dots; a wildcard is a token of its own, '>' the last one. */
static bool is_subject(const char *subject, bool wildcards)
{
    const char *at = subject;

    if (strpbrk(subject, " \t\r\n") != NULL)
        return false;
    for (;;) {
        size_t size = strcspn(at, ".");
        bool any = size == 1 && at[0] == '*';
        bool rest = size == 1 && at[0] == '>';

        if (size == 0)
            return false;
        if (((any || rest) && !wildcards) || (rest && at[size] != '\0'))
            return false;
        if (at[size] == '\0')
            return true;
        at += size + 1;
    }
}

int subject_check(const char *subject, bool wildcards, const char *what,
                  struct error *err)
{
    if (subject == NULL || subject[0] == '\0')
        return error_set(err, E_PARAM, "%s is empty", what);
    if (strlen(subject) >= SUBJECT_BYTES)
        return error_set(err, E_PARAM, "%s is longer than %d bytes", what,
                         SUBJECT_BYTES - 1);
    if (!is_subject(subject, true)) {
        error_set(err, E_PARAM, "%s '%s' is no subject", what, subject);
        error_hint(err, "tokens between single dots, no blanks, '>' only at the end");
        return E_PARAM;
    }
    if (!wildcards && !is_subject(subject, false)) {
        error_set(err, E_PARAM, "%s '%s' has a wildcard", what, subject);
        error_hint(err, "nobody can publish to '*' or '>': name one subject");
        return E_PARAM;
    }
    return 0;
}

static int check_name(const char *name, struct error *err)
{
    if (name == NULL || name[0] == '\0')
        return error_set(err, E_PARAM, "a stream needs a name");
    if (strlen(name) > 200)
        return error_set(err, E_PARAM, "the stream's name is longer than 200 bytes");
    if (strpbrk(name, " \t\r\n.*>/\\") != NULL) {
        error_set(err, E_PARAM, "stream '%s': the name has a character it must not have",
                  name);
        error_hint(err, "no blanks, dots, '*', '>', '/' or '\\' in the name of a stream");
        return E_PARAM;
    }
    return 0;
}

int stream_subjects(const struct stream_conf *conf, const char *name,
                    const char *texts[STREAM_SUBJECTS_MAX])
{
    size_t count = json_array_size(conf->subjects);

    if (json_is_string(conf->subjects)) {
        texts[0] = json_string_value(conf->subjects);
        return 1;
    }
    if (count == 0) {
        texts[0] = name;
        return 1;
    }
    if (count > STREAM_SUBJECTS_MAX)
        count = STREAM_SUBJECTS_MAX;
    for (size_t i = 0; i < count; i++)
        texts[i] = json_string_value(json_array_get(conf->subjects, i));
    return (int)count;
}

static int check_subjects(const struct stream_conf *conf, const char *name,
                          struct error *err)
{
    const char *texts[STREAM_SUBJECTS_MAX];
    int count;

    if (conf->subjects != NULL && !json_is_string(conf->subjects) &&
        !json_is_array(conf->subjects))
        return error_set(err, E_PARAM, "stream '%s': subjects is a subject or a list",
                         name);
    if (json_array_size(conf->subjects) > STREAM_SUBJECTS_MAX)
        return error_set(err, E_PARAM, "stream '%s' has more than %d subjects", name,
                         STREAM_SUBJECTS_MAX);
    count = stream_subjects(conf, name, texts);
    for (int i = 0; i < count; i++) {
        int rc = subject_check(texts[i], true, "a stream's subject", err);

        if (rc != 0)
            return error_prefix(err, "stream '%s'", name);
        for (int j = 0; j < i; j++) {
            if (subject_matches(texts[i], texts[j]) ||
                subject_matches(texts[j], texts[i]))
                return error_set(err, E_PARAM,
                                 "stream '%s': subjects '%s' and '%s' overlap", name,
                                 texts[j], texts[i]);
        }
    }
    return 0;
}

int stream_read(struct stream_conf *out, const char *name, const json_t *object,
                struct error *err)
{
    struct stream_conf conf = {0};
    int rc = check_name(name, err);

    if (rc != 0)
        return rc;
    rc = param_read(stream_params, &conf, object, "stream", err);
    if (rc != 0)
        return rc;
    rc = check_subjects(&conf, name, err);
    if (rc != 0) {
        stream_release(&conf);
        return rc;
    }
    *out = conf;
    return 0;
}

void stream_release(struct stream_conf *conf)
{
    param_release(stream_params, conf);
}

/* What a wildcard token becomes; NULL for any other character. */
static const char *word_for(const char *pattern, const char *c)
{
    bool whole = (c == pattern || c[-1] == '.') && (c[1] == '.' || c[1] == '\0');

    if (!whole)
        return NULL;
    return *c == '*' ? "x" : *c == '>' ? "new" : NULL;
}

int subject_concrete(char out[SUBJECT_BYTES], const char *pattern, struct error *err)
{
    size_t at = 0;
    int rc = subject_check(pattern, true, "the subject", err);

    if (rc != 0)
        return rc;
    for (const char *c = pattern; *c != '\0'; c++) {
        const char one[] = {*c, '\0'};
        const char *word = word_for(pattern, c);

        at += (size_t)snprintf(out + at, SUBJECT_BYTES - at, "%s",
                               word != NULL ? word : one);
        if (at >= SUBJECT_BYTES)
            return error_set(err, E_PARAM, "subject '%s' is too long", pattern);
    }
    return 0;
}
