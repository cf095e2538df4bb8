/* info: JSON in, chosen members out. */
#include "proxy/nats/info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const info_members[] = {
    "server_id",    "server_name", "version",
    "proto",        "git_commit",  "go",
    "host",         "port",        "headers",
    "max_payload",  "jetstream",   "client_id",
    "client_ip",    "cluster",     "domain",
    "connect_urls", "ldm",         "auth_required",
    "tls_required", "tls_verify",  "tls_available",
    "lnoc",         "ip",          NULL,
};

static const char *const connect_members[] = {
    "lang", "version", "name",          "protocol", "verbose",      "pedantic", "headers",
    "echo", "user",    "no_responders", "nkey",     "tls_required", NULL,
};

static const char *const secrets[] = {"pass", "auth_token", "jwt", "sig", NULL};

static json_t *load(struct frame_text args)
{
    json_t *object = json_loadb(args.at, args.size, 0, NULL);

    if (object == NULL || json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

/* The members of `from` that are in `names`; values other than texts, numbers, flags and
 * lists of texts have no business there. */
static bool pick(json_t *to, const json_t *from, const char *const *names)
{
    for (; *names != NULL; names++) {
        json_t *value = json_object_get(from, *names);

        if (value == NULL || json_is_object(value))
            continue;
        if (json_object_set(to, *names, value) != 0)
            return false;
    }
    return true;
}

json_t *info_read(struct frame_text args)
{
    json_t *whole = load(args);
    json_t *read = whole != NULL ? json_object() : NULL;

    if (read != NULL && !pick(read, whole, info_members)) {
        json_decref(read);
        read = NULL;
    }
    json_decref(whole);
    return read;
}

/* An empty password is none. */
static bool is_set(const json_t *value)
{
    return json_is_string(value) ? json_string_length(value) > 0
                                 : value != NULL && !json_is_null(value);
}

static bool name_secrets(json_t *to, const json_t *from)
{
    json_t *names = json_array();
    int rc = names == NULL ? -1 : 0;

    for (const char *const *name = secrets; rc == 0 && *name != NULL; name++)
        if (is_set(json_object_get(from, *name)))
            rc = json_array_append_new(names, json_string(*name));
    if (rc == 0 && json_array_size(names) > 0)
        return json_object_set_new(to, "secrets", names) == 0;
    json_decref(names);
    return rc == 0;
}

json_t *connect_read(struct frame_text args)
{
    json_t *whole = load(args);
    json_t *read = whole != NULL ? json_object() : NULL;

    if (read != NULL &&
        !(pick(read, whole, connect_members) && name_secrets(read, whole))) {
        json_decref(read);
        read = NULL;
    }
    json_decref(whole);
    return read;
}

/* Rewriting */

static bool set_flag(json_t *info, const char *name, enum info_flag flag)
{
    if (flag == INFO_KEEP)
        return true;
    /* A server leaves out what does not hold; so does a link. */
    if (flag == INFO_FALSE) {
        json_object_del(info, name);
        return true;
    }
    return json_object_set_new(info, name, json_true()) == 0;
}

/* The addresses of the other nodes, as this link's clients reach them; each once. */
static bool map_urls(json_t *info, const struct info_changes *changes, unsigned *left_out)
{
    const json_t *urls = json_object_get(info, "connect_urls");
    json_t *mapped;
    const json_t *url;
    size_t i;

    if (changes->map_url == NULL || !json_is_array(urls))
        return true;
    mapped = json_array();
    json_array_foreach(urls, i, url) {
        const char *text = json_string_value(url);
        const char *to = text != NULL ? changes->map_url(changes->map_arg, text) : NULL;

        if (to == NULL)
            ++*left_out;
        else if (json_array_append_new(mapped, json_string(to)) != 0)
            goto fail;
    }
    if (json_array_size(mapped) > 0)
        return json_object_set_new(info, "connect_urls", mapped) == 0;
    json_decref(mapped);
    json_object_del(info, "connect_urls");
    return true;

fail:
    json_decref(mapped);
    return false;
}

static bool apply(json_t *info, const struct info_changes *changes, unsigned *left_out)
{
    if (changes->host != NULL &&
        (json_object_set_new(info, "host", json_string(changes->host)) != 0 ||
         json_object_set_new(info, "port", json_integer(changes->port)) != 0))
        return false;
    if (changes->max_payload > 0 &&
        json_object_set_new(info, "max_payload", json_integer(changes->max_payload)) != 0)
        return false;
    return map_urls(info, changes, left_out) && set_flag(info, "ldm", changes->ldm) &&
           set_flag(info, "auth_required", changes->auth_required) &&
           set_flag(info, "tls_required", changes->tls_required);
}

char *info_rewrite(struct frame_text args, const struct info_changes *changes,
                   size_t *size, unsigned *left_out)
{
    json_t *info = load(args);
    unsigned dropped = 0;
    char *json = NULL;
    char *line = NULL;

    if (info != NULL && apply(info, changes, &dropped))
        json = json_dumps(info, JSON_COMPACT);
    if (json != NULL) {
        size_t capacity = strlen(json) + sizeof "INFO  \r\n";

        line = malloc(capacity);
        if (line != NULL)
            *size = (size_t)snprintf(line, capacity, "INFO %s \r\n", json);
    }
    if (left_out != NULL)
        *left_out = dropped;
    free(json);
    json_decref(info);
    return line;
}
