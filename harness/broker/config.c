/* config: a node's nats-server configuration, from JSON to text.
 *
 * The user's table is merged over ours: tables key by key, everything else replaces. Keys
 * by which we find, verify and clean up a node are ours alone and refused, in every
 * spelling that nats-server knows (it ignores case).
 * nats-server's language is close to JSON, but not JSON: strings know only the escapes
 * \t \n \r \" \\ and \xHH, and there is no null. Keys are quoted, so that no word of the
 * user's is read as `include` or as a variable. So are texts, but for sizes: "1MB" is a
 * number with a unit to nats-server only where it stands without quotes. */
#include "harness/broker/config.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct owned_key {
    const char *key;
    const char *why;
};

static const char why_ports[] =
    "stormdrill picks free ports and tells clients; leave it out";
static const char why_host[] = "brokers of a run listen on loopback only; leave it out";
static const char why_name[] = "the name is how stormdrill knows its own brokers";
static const char why_files[] =
    "stormdrill keeps the node's files in the run folder; leave it out";
static const char why_log[] = "the log is read from the broker's output; leave it out";

static const struct owned_key owned_keys[] = {
    {"port", why_ports},
    {"listen", why_ports},
    {"http", why_ports},
    {"http_port", why_ports},
    {"https", why_ports},
    {"https_port", why_ports},
    {"monitor_port", why_ports},
    {"http_base_path", why_ports},
    {"host", why_host},
    {"net", why_host},
    {"addr", why_host},
    {"server_name", why_name},
    {"pid_file", why_files},
    {"pidfile", why_files},
    {"ports_file_dir", why_files},
    {"store_dir", why_files},
    {"storedir", why_files},
    {"log_file", why_log},
    {"logfile", why_log},
    {"syslog", why_log},
    {"remote_syslog", why_log},
    {"prof_port", why_ports},
};

static const struct owned_key owned_jetstream_keys[] = {
    {"store_dir", why_files},
    {"storedir", why_files},
    {"store", why_files},
};

static const char why_routes[] =
    "stormdrill connects the nodes with each other; leave it out";

static const struct owned_key owned_cluster_keys[] = {
    {"port", why_ports},       {"listen", why_ports},
    {"host", why_host},        {"net", why_host},
    {"addr", why_host},        {"routes", why_routes},
    {"advertise", why_routes}, {"cluster_advertise", why_routes},
};

static int check_keys(const json_t *table, const char *path,
                      const struct owned_key *owned, size_t count, struct error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)table, key, value) {
        (void)value;
        for (size_t i = 0; i < count; i++) {
            if (strcasecmp(key, owned[i].key) != 0)
                continue;
            error_set(err, E_PARAM, "%s.%s cannot be set in a scenario", path, key);
            error_hint(err, "%s", owned[i].why);
            return E_PARAM;
        }
    }
    return 0;
}

/* The member of that name in any case. */
static json_t *find_key(const json_t *table, const char *wanted)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)table, key, value) {
        if (strcasecmp(key, wanted) == 0)
            return value;
    }
    return NULL;
}

/* nats-server has no null, and strings without NUL. */
static int check_values(const json_t *value, const char *path, struct error *err)
{
    const char *key;
    json_t *item;
    size_t at;
    int rc = 0;

    if (json_is_null(value))
        return error_set(err, E_PARAM, "%s has no value", path);
    if (json_is_string(value) &&
        strlen(json_string_value(value)) != json_string_length(value))
        return error_set(err, E_PARAM, "%s holds a zero byte", path);
    json_object_foreach((json_t *)value, key, item) {
        if (rc == 0)
            rc = check_values(item, key, err);
    }
    json_array_foreach(value, at, item) {
        if (rc == 0)
            rc = check_values(item, path, err);
    }
    return rc;
}

static int check_jetstream(const struct cluster_conf *conf, const json_t *jetstream,
                           struct error *err)
{
    if (jetstream == NULL)
        return 0;
    if (!conf->jetstream) {
        error_set(err, E_PARAM, "cluster.config.jetstream without cluster.jetstream");
        error_hint(err, "write cluster = { jetstream = true, config = { … } }");
        return E_PARAM;
    }
    if (!json_is_object(jetstream)) {
        error_set(err, E_PARAM, "cluster.config.jetstream must be a table");
        error_hint(err, "to switch JetStream on write cluster = { jetstream = true }");
        return E_PARAM;
    }
    return check_keys(jetstream, "cluster.config.jetstream", owned_jetstream_keys,
                      sizeof owned_jetstream_keys / sizeof *owned_jetstream_keys, err);
}

int config_check(const struct cluster_conf *conf, struct error *err)
{
    const json_t *cluster;
    int rc;

    if (conf->config == NULL)
        return 0;
    if (!json_is_object(conf->config) && json_array_size(conf->config) != 0)
        return error_set(err, E_PARAM, "cluster.config must be a table with names");
    rc = check_keys(conf->config, "cluster.config", owned_keys,
                    sizeof owned_keys / sizeof *owned_keys, err);
    if (rc == 0)
        rc = check_values(conf->config, "cluster.config", err);
    if (rc == 0)
        rc = check_jetstream(conf, find_key(conf->config, "jetstream"), err);
    cluster = find_key(conf->config, "cluster");
    if (rc == 0 && cluster != NULL && conf->nodes == 1)
        rc = error_set(err, E_PARAM, "cluster.config.cluster needs cluster.nodes > 1");
    if (rc == 0 && cluster != NULL && !json_is_object(cluster))
        rc = error_set(err, E_PARAM, "cluster.config.cluster must be a table");
    if (rc == 0 && cluster != NULL)
        rc = check_keys(cluster, "cluster.config.cluster", owned_cluster_keys,
                        sizeof owned_cluster_keys / sizeof *owned_cluster_keys, err);
    return rc;
}

/* --- from our decisions and the user's table to one table -------------------------- */

static json_t *cluster_block(const struct config_node *node)
{
    json_t *routes = json_array();

    for (int i = 0; i < node->node_count; i++)
        if (i != node->at)
            json_array_append_new(
                routes, json_sprintf("nats-route://127.0.0.1:%d", node->route_ports[i]));
    /* Clients must not learn of addresses beside our links. */
    return json_pack("{s:s, s:s, s:i, s:b, s:o}", "name", node->cluster_name, "host",
                     "127.0.0.1", "port", node->route_ports[node->at], "no_advertise", 1,
                     "routes", routes);
}

/* Put `from` over `into`, table into table; the user may spell a key in another case. */
static void merge(json_t *into, const json_t *from)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)from, key, value) {
        json_t *ours = find_key(into, key);

        if (json_is_object(ours) && json_is_object(value))
            merge(ours, value);
        else
            json_object_set_new(into, key, json_deep_copy(value));
    }
}

json_t *config_build(const struct config_node *node, const json_t *user)
{
    json_t *config = json_pack("{s:s, s:s, s:i, s:i, s:s}", "server_name",
                               node->server_name, "host", "127.0.0.1", "port", -1,
                               "http_port", -1, "ports_file_dir", node->folder);

    if (config == NULL)
        return NULL;
    if (node->jetstream)
        json_object_set_new(
            config, "jetstream",
            json_pack("{s:o}", "store_dir", json_sprintf("%s/store", node->folder)));
    if (node->node_count > 1)
        json_object_set_new(config, "cluster", cluster_block(node));
    merge(config, user);
    return config;
}

/* --- to text ------------------------------------------------------------------------ */

static void write_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            fprintf(out, "\\x%02X", *c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

/* Does a key of this name take a size? All of nats-server's do say so (max_payload,
 * max_mem, log_size_limit, max_bytes); elsewhere, in a password or a tag, "12e" is text.
 */
static bool takes_size(const char *key)
{
    static const char *const parts[] = {"max", "size", "limit", "bytes"};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcasestr(key, parts[i]) != NULL)
            return true;
    }
    return false;
}

/* A whole number with a unit of nats-server: K, M, G, T, P, E alone (1,000) or with b, i
 * or ib behind it (1,024), in any case. "5m" is five minutes to it and stays a text; so
 * does what it would multiply past its 64 bits without a word. */
static bool is_size(const char *text)
{
    static const char units[] = "kmgtpe";
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits;
    const char *at;
    uint64_t value_max = INT64_MAX;

    if (digits == 0 || digits > 18 || *unit == '\0' || strcmp(unit, "m") == 0)
        return false;
    at = strchr(units, tolower((unsigned char)*unit));
    if (at == NULL)
        return false;
    for (; at >= units; at--)
        value_max /= 1024;
    if (strtoull(text, NULL, 10) > value_max)
        return false;
    unit++;
    return *unit == '\0' || strcasecmp(unit, "b") == 0 || strcasecmp(unit, "i") == 0 ||
           strcasecmp(unit, "ib") == 0;
}

/* In its own table JetStream reads "64M" as a text, of 1,024s; without quotes it would be
 * 64,000,000. "64MB" as a text it refuses. */
static bool is_jetstreams_own(const char *text)
{
    return strchr("KMGT", text[strlen(text) - 1]) != NULL;
}

static void write_value(FILE *out, const json_t *value, int depth, bool jetstream);

/* `jetstream`: the table is the one of that name at the top. */
static void write_members(FILE *out, const json_t *table, int depth, bool jetstream)
{
    const char *key;
    const char *text;
    json_t *value;

    json_object_foreach((json_t *)table, key, value) {
        fprintf(out, "%*s", depth * 2, "");
        write_string(out, key);
        fputs(": ", out);
        text = json_string_value(value);
        if (text != NULL && takes_size(key) && is_size(text) &&
            !(jetstream && is_jetstreams_own(text)))
            fputs(text, out);
        else
            write_value(out, value, depth,
                        depth == 0 && strcasecmp(key, "jetstream") == 0);
        fputc('\n', out);
    }
}

static void write_list(FILE *out, const json_t *list, int depth)
{
    json_t *item;
    size_t at;

    fputs("[\n", out);
    json_array_foreach(list, at, item) {
        fprintf(out, "%*s", (depth + 1) * 2, "");
        write_value(out, item, depth + 1, false);
        fputc('\n', out);
    }
    fprintf(out, "%*s]", depth * 2, "");
}

static void write_value(FILE *out, const json_t *value, int depth, bool jetstream)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        fputs("{\n", out);
        write_members(out, value, depth + 1, jetstream);
        fprintf(out, "%*s}", depth * 2, "");
        return;
    case JSON_ARRAY:
        write_list(out, value, depth);
        return;
    case JSON_STRING:
        write_string(out, json_string_value(value));
        return;
    case JSON_INTEGER:
        fprintf(out, "%lld", (long long)json_integer_value(value));
        return;
    case JSON_REAL:
        fprintf(out, "%f", json_real_value(value));
        return;
    default:
        fputs(json_is_true(value) ? "true" : "false", out);
    }
}

char *config_text(const json_t *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    write_members(out, config, 0, false);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
