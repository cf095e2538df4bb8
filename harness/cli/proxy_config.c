/* proxy_config: JSON, then a list, then objects of the right shape.
 *
 * Keys match in any case, null is as good as absent: so Toxiproxy reads them. Its own
 * words for a wrong type speak of Go structs; a file gets plainer ones here. */
#include "harness/cli/proxy_config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "harness/cli/complaint.h"
#include "proxy/control/toxics.h"

enum key_kind { KEY_TEXT, KEY_BOOL, KEY_LIST, KEY_NUMBER, KEY_OBJECT };

static const struct key {
    const char *name;
    enum key_kind kind;
} keys[] = {
    {"name", KEY_TEXT},         {"upstream", KEY_TEXT}, {"listen", KEY_TEXT},
    {"enabled", KEY_BOOL},      {"toxics", KEY_LIST},   {"faults", KEY_LIST},
    {"dial_timeout", KEY_TEXT}, {"buffer", KEY_TEXT},
};

enum { KEYS = sizeof keys / sizeof *keys };

static const struct key toxic_keys[] = {
    {"name", KEY_TEXT},       {"type", KEY_TEXT},         {"stream", KEY_TEXT},
    {"toxicity", KEY_NUMBER}, {"attributes", KEY_OBJECT},
};

enum {
    TOXIC_KEYS = sizeof toxic_keys / sizeof *toxic_keys,
    NAMES_MAX = 16,
    WHERE_BYTES = 512
};

/* Where warnings go. */
struct reader {
    FILE *to;
    const struct terminal *terminal;
};

/* One entry, for sentences: "x.json: proxy 2 ('orders')"; a toxic's path is that. */
struct entry {
    const char *path;
    const char *what;
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

    snprintf(text, size, "%s: %s %zu%s%s%s", entry->path, entry->what, entry->at + 1,
             name != NULL ? " ('" : "", name != NULL ? name : "",
             name != NULL ? "')" : "");
    return text;
}

static bool is_kind(const json_t *value, enum key_kind kind)
{
    switch (kind) {
    case KEY_TEXT:
        return json_is_string(value);
    case KEY_BOOL:
        return json_is_boolean(value);
    case KEY_LIST:
        return json_is_array(value);
    case KEY_NUMBER:
        return json_is_number(value);
    case KEY_OBJECT:
        return json_is_object(value);
    }
    return false;
}

static int check_members(const struct entry *entry, const struct key *known, int count,
                         struct error *err)
{
    static const char *const words[] = {
        [KEY_TEXT] = "text",       [KEY_BOOL] = "true or false", [KEY_LIST] = "a list",
        [KEY_NUMBER] = "a number", [KEY_OBJECT] = "an object",
    };
    char where[WHERE_BYTES];

    if (!json_is_object(entry->json)) {
        snprintf(where, sizeof where, "%s: %s %zu", entry->path, entry->what,
                 entry->at + 1);
        return error_set(err, E_USAGE, "%s is no object", where);
    }
    for (int i = 0; i < count; i++) {
        const json_t *value = member(entry->json, known[i].name);

        if (value != NULL && !is_kind(value, known[i].kind))
            return error_set(err, E_USAGE, "%s: %s must be %s",
                             name_entry(where, sizeof where, entry), known[i].name,
                             words[known[i].kind]);
    }
    return 0;
}

/* `object` (or NULL) is the entry, or a part of it that is called `part`. */
static void warn_of_unknown(const struct reader *reader, const struct entry *entry,
                            const json_t *object, const char *part,
                            const char *const *names, int count)
{
    char where[WHERE_BYTES];
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)object, name, value) {
        const char *near = error_suggest(name, names, count);
        bool known = false;

        /* "Logger" is in what Toxiproxy itself gives out. */
        for (int i = 0; i < count; i++)
            known = known || strcasecmp(names[i], name) == 0;
        if (known || strcmp(name, "Logger") == 0)
            continue;
        complaint_warn(reader->to, reader->terminal,
                       "%s has %s'%s', which means nothing%s%s%s",
                       name_entry(where, sizeof where, entry), part, name,
                       near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                       near != NULL ? "'?" : "");
    }
}

static void warn_of_unknown_keys(const struct reader *reader, const struct entry *entry,
                                 const struct key *known, int count)
{
    const char *names[NAMES_MAX];

    assert(count <= NAMES_MAX);
    for (int i = 0; i < count; i++)
        names[i] = known[i].name;
    warn_of_unknown(reader, entry, entry->json, "", names, count);
}

/* ---- toxics ---- */

static int check_type(const struct entry *toxic, const char *type, struct error *err)
{
    const char *names[NAMES_MAX];
    char list[WHERE_BYTES] = "";
    char where[WHERE_BYTES];
    const char *near;
    size_t used = 0;
    int count = 0;

    for (const char *name; (name = toxic_type_name(count)) != NULL; count++) {
        assert(count < NAMES_MAX);
        if (strcmp(name, type) == 0)
            return 0;
        names[count] = name;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
                                 count > 0 ? ", " : "", name);
    }
    near = error_suggest(type, names, count);
    error_set(err, E_USAGE, "%s: there is no toxic type '%.60s'%s%s%s",
              name_entry(where, sizeof where, toxic), type,
              near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
              near != NULL ? "'?" : "");
    error_hint(err, "the types are: %s", list);
    return E_USAGE;
}

static int check_attributes(const struct reader *reader, const struct entry *toxic,
                            const char *type, struct error *err)
{
    const json_t *attributes = member(toxic->json, "attributes");
    const char *names[NAMES_MAX];
    char where[WHERE_BYTES];
    const char *unit = "";
    int count = 0;

    for (; (names[count] = toxic_attribute_name(type, count, &unit)) != NULL; count++) {
        const json_t *value = member(attributes, names[count]);

        assert(count + 1 < NAMES_MAX);
        if (value == NULL || json_is_integer(value))
            continue;
        error_set(err, E_USAGE, "%s: %s of %s must be a whole number",
                  name_entry(where, sizeof where, toxic), names[count], type);
        if (unit[0] != '\0')
            error_hint(err,
                       "Toxiproxy's attributes have fixed units: \"%s\": 20 is 20 %s",
                       names[count], unit);
        return E_USAGE;
    }
    warn_of_unknown(reader, toxic, attributes, "the attribute ", names, count);
    return 0;
}

/* What Toxiproxy would not take, in words for a file; ranges are checked behind us. */
static int check_toxic(const struct reader *reader, const struct entry *toxic,
                       struct error *err)
{
    const char *type, *stream;
    char where[WHERE_BYTES];

    if (check_members(toxic, toxic_keys, TOXIC_KEYS, err) != 0)
        return E_USAGE;
    type = json_string_value(member(toxic->json, "type"));
    stream = json_string_value(member(toxic->json, "stream"));
    if (check_type(toxic, type != NULL ? type : "", err) != 0)
        return E_USAGE;
    if (stream != NULL && strcasecmp(stream, "upstream") != 0 &&
        strcasecmp(stream, "downstream") != 0)
        return error_set(err, E_USAGE,
                         "%s: stream is '%.60s'; it must be upstream or downstream",
                         name_entry(where, sizeof where, toxic), stream);
    if (check_attributes(reader, toxic, type, err) != 0)
        return E_USAGE;
    warn_of_unknown_keys(reader, toxic, toxic_keys, TOXIC_KEYS);
    return 0;
}

static int check_toxics(const struct reader *reader, const struct entry *entry,
                        struct error *err)
{
    const json_t *list = member(entry->json, "toxics");
    char where[WHERE_BYTES];
    struct entry toxic = {.path = name_entry(where, sizeof where, entry),
                          .what = "toxic"};

    json_array_foreach((json_t *)list, toxic.at, toxic.json) {
        if (check_toxic(reader, &toxic, err) != 0)
            return E_USAGE;
    }
    return 0;
}

/* ---- proxies ---- */

static int check_entry(const struct entry *entry, struct error *err)
{
    static const char *const needed[] = {"name", "upstream"};
    char where[WHERE_BYTES];

    if (check_members(entry, keys, KEYS, err) != 0)
        return E_USAGE;
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
    char where[WHERE_BYTES];

    for (size_t i = 0; i < entry->at; i++) {
        const json_t *other = member(json_array_get(list, i), "name");

        if (strcmp(json_string_value(other), name) == 0)
            return error_set(err, E_USAGE, "%s has the name of proxy %zu",
                             name_entry(where, sizeof where, entry), i + 1);
    }
    return 0;
}

static int check_list(const struct reader *reader, const char *path, const json_t *list,
                      struct error *err)
{
    struct entry entry = {.path = path, .what = "proxy"};

    if (!json_is_array(list)) {
        error_set(err, E_USAGE, "%s is no list of proxies", path);
        error_hint(err, "it begins with [ and holds objects:\n{\"name\": \"orders\", "
                        "\"listen\": \"127.0.0.1:4333\", \"upstream\": "
                        "\"127.0.0.1:4222\"}");
        return E_USAGE;
    }
    json_array_foreach((json_t *)list, entry.at, entry.json) {
        if (check_entry(&entry, err) != 0 || check_name(&entry, list, err) != 0 ||
            check_toxics(reader, &entry, err) != 0)
            return E_USAGE;
        warn_of_unknown_keys(reader, &entry, keys, KEYS);
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
    if (check_list(&(struct reader){.to = to, .terminal = terminal}, path, list, err) ==
        0)
        return list;
    json_decref(list);
    return NULL;
}
