/* proxy_config: JSON, then a list, then objects of the right shape.
 *
 * Keys match in any case, null is as good as absent: so Toxiproxy reads them. Its own
 * words for a wrong type speak of Go structs; a file gets plainer ones here. */
#include "harness/cli/proxy_config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "harness/cli/complaint.h"

enum key_kind { KEY_TEXT, KEY_BOOL, KEY_LIST };

static const struct key {
    const char *name;
    enum key_kind kind;
} keys[] = {
    {"name", KEY_TEXT},         {"upstream", KEY_TEXT}, {"listen", KEY_TEXT},
    {"enabled", KEY_BOOL},      {"toxics", KEY_LIST},   {"faults", KEY_LIST},
    {"dial_timeout", KEY_TEXT}, {"buffer", KEY_TEXT},
};

enum { KEYS = sizeof keys / sizeof *keys };

/* One entry, for sentences: "x.json: proxy 2 ('orders')". */
struct entry {
    const char *path;
    size_t at;
    const json_t *json;
};

static const json_t *member(const json_t *object, const char *name)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value) {
        if (strcasecmp(key, name) == 0 && !json_is_null(value))
            return value;
    }
    return NULL;
}

static const char *name_entry(char *text, size_t size, const struct entry *entry)
{
    const char *name = json_string_value(member(entry->json, "name"));

    snprintf(text, size, "%s: proxy %zu%s%s%s", entry->path, entry->at + 1,
             name != NULL ? " ('" : "", name != NULL ? name : "",
             name != NULL ? "')" : "");
    return text;
}

static bool is_kind(const json_t *value, enum key_kind kind)
{
    if (kind == KEY_TEXT)
        return json_is_string(value);
    return kind == KEY_BOOL ? json_is_boolean(value) : json_is_array(value);
}

static int check_member(const struct entry *entry, const struct key *key,
                        struct error *err)
{
    static const char *const words[] = {
        [KEY_TEXT] = "text", [KEY_BOOL] = "true or false", [KEY_LIST] = "a list"};
    const json_t *value = member(entry->json, key->name);
    char where[512];

    if (value == NULL || is_kind(value, key->kind))
        return 0;
    return error_set(err, E_USAGE, "%s: %s must be %s",
                     name_entry(where, sizeof where, entry), key->name, words[key->kind]);
}

static void warn_of_unknown(const struct entry *entry, FILE *to,
                            const struct terminal *terminal)
{
    const char *names[KEYS];
    char where[512];
    const char *name;
    json_t *value;

    for (int i = 0; i < KEYS; i++)
        names[i] = keys[i].name;
    json_object_foreach((json_t *)entry->json, name, value) {
        const char *near = error_suggest(name, names, KEYS);
        bool known = false;

        /* "Logger" is in what Toxiproxy itself gives out. */
        for (int i = 0; i < KEYS; i++)
            known = known || strcasecmp(names[i], name) == 0;
        if (known || strcmp(name, "Logger") == 0)
            continue;
        complaint_warn(to, terminal, "%s has '%s', which means nothing%s%s%s",
                       name_entry(where, sizeof where, entry), name,
                       near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                       near != NULL ? "'?" : "");
    }
}

static int check_entry(const struct entry *entry, struct error *err)
{
    static const char *const needed[] = {"name", "upstream"};
    char where[512];

    if (!json_is_object(entry->json))
        return error_set(err, E_USAGE, "%s: proxy %zu is no object", entry->path,
                         entry->at + 1);
    for (int i = 0; i < KEYS; i++) {
        if (check_member(entry, &keys[i], err) != 0)
            return E_USAGE;
    }
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        const char *text = json_string_value(member(entry->json, needed[i]));

        if (text == NULL || text[0] == '\0')
            return error_set(err, E_USAGE, "%s has no %s",
                             name_entry(where, sizeof where, entry), needed[i]);
    }
    return 0;
}

/* Toxiproxy takes the last of a name; in a file the earlier one is a mistake. */
static int check_name(const struct entry *entry, const json_t *list, struct error *err)
{
    const char *name = json_string_value(member(entry->json, "name"));
    char where[512];

    for (size_t i = 0; i < entry->at; i++) {
        const json_t *other = member(json_array_get(list, i), "name");

        if (strcmp(json_string_value(other), name) == 0)
            return error_set(err, E_USAGE, "%s has the name of proxy %zu",
                             name_entry(where, sizeof where, entry), i + 1);
    }
    return 0;
}

static int check_list(const char *path, const json_t *list, FILE *to,
                      const struct terminal *terminal, struct error *err)
{
    struct entry entry = {.path = path};

    if (!json_is_array(list)) {
        error_set(err, E_USAGE, "%s is no list of proxies", path);
        error_hint(err, "it begins with [ and holds objects:\n{\"name\": \"orders\", "
                        "\"listen\": \"127.0.0.1:4333\", \"upstream\": "
                        "\"127.0.0.1:4222\"}");
        return E_USAGE;
    }
    json_array_foreach((json_t *)list, entry.at, entry.json) {
        if (check_entry(&entry, err) != 0 || check_name(&entry, list, err) != 0)
            return E_USAGE;
        warn_of_unknown(&entry, to, terminal);
    }
    return 0;
}

json_t *proxy_config_read(const char *path, FILE *to, const struct terminal *terminal,
                          struct error *err)
{
    json_error_t problem;
    json_t *list;
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        error_set(err, E_USAGE, "cannot read --config %s: %s", path, strerror(errno));
        return NULL;
    }
    errno = 0;
    list = json_loadf(file, JSON_REJECT_DUPLICATES, &problem);
    if (list == NULL && ferror(file)) {
        error_set(err, E_USAGE, "cannot read --config %s: %s", path, strerror(errno));
        fclose(file);
        return NULL;
    }
    fclose(file);
    if (list == NULL) {
        error_set(err, E_USAGE, "%s is no JSON: %s", path, problem.text);
        snprintf(err->where, sizeof err->where, "%s:%d", path, problem.line);
        return NULL;
    }
    if (check_list(path, list, to, terminal, err) == 0)
        return list;
    json_decref(list);
    return NULL;
}
