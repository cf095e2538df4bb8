/* proxy_flags: flags and the config file become one list of links.
 *
 *   --config FILE    the entries of Toxiproxy's format, toxics and our faults in them
 *   --upstream ADDR  one entry more, with --listen, --fault, --dial-timeout, --buffer,
 *                    --name
 *
 * Addresses and faults of the command line are checked here, with the flag in the
 * sentence. What a config's entries say of them is checked where they become links
 * (api_populate), since Toxiproxy's rules live there. */
#include "harness/cli/proxy_flags.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "harness/cli/api_call.h"
#include "harness/cli/proxy_config.h"
#include "proxy/control/listen.h"

enum { FAULTS_MAX = 64, NAMES_BYTES = 400 };
/* As the API has it: proxy/control/v1_links.c. */
enum { BUFFER_BYTES_MIN = 4 << 10, BUFFER_BYTES_MAX = 1 << 30 };

/* ---- faults ---- */

static void list_faults(struct error *err)
{
    const struct fault_type *type;
    char names[NAMES_BYTES] = "";
    size_t used = 0;

    for (int i = 0; (type = fault_type_at(i)) != NULL; i++) {
        int n = snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                         fault_type_name(type));

        if (n < 0 || (size_t)n >= sizeof names - used)
            break;
        used += (size_t)n;
    }
    error_hint(err,
               "the faults are: %s\nwhat they take: stormdrill api faults, stormdrill "
               "api link:latency",
               names);
}

/* Gives {"fault", "params"}, or NULL. */
static json_t *read_fault(const char *words, struct error *err)
{
    char name[FAULT_NAME_BYTES] = "";
    json_t *params = NULL;
    int rc = param_words(words, name, sizeof name, &params, err);

    if (rc == 0)
        rc = fault_check(name, params, err);
    if (rc == 0)
        return json_pack("{s:s, s:o}", "fault", name, "params", params);
    if (name[0] != '\0' && fault_type_find(name) == NULL)
        list_faults(err);
    error_prefix(err, "--fault '%s'", words);
    err->code = E_USAGE;
    json_decref(params);
    return NULL;
}

static int read_faults(json_t *faults, const struct invocation *in, struct error *err)
{
    const char *words;

    for (int i = 0; (words = invocation_text_at(in, "fault", i)) != NULL; i++) {
        json_t *fault = NULL;

        if (i == FAULTS_MAX)
            return error_set(err, E_USAGE, "more than %d faults", FAULTS_MAX);
        fault = read_fault(words, err);
        if (fault == NULL)
            return E_USAGE;
        json_array_append_new(faults, fault);
    }
    return 0;
}

/* ---- addresses ---- */

static int check_address(struct address *out, const char *flag, const char *text,
                         struct error *err)
{
    char what[32];

    snprintf(what, sizeof what, "--%s", flag);
    if (strlen(text) >= ADDRESS_BYTES)
        return error_set(err, E_USAGE, "%s is too long: %.60s…", what, text);
    if (address_parse(out, text, what, err) == 0)
        return 0;
    err->code = E_USAGE;
    return E_USAGE;
}

/* ":4222" means the loopback unless any address may listen. */
static int check_listen(const char *flag, const char *text, bool any, struct error *err)
{
    struct address address;

    if (text[0] == ':') {
        char full[ADDRESS_BYTES];

        snprintf(full, sizeof full, "127.0.0.1%s", text);
        return check_address(&address, flag, full, err);
    }
    if (check_address(&address, flag, text, err) != 0)
        return E_USAGE;
    if (any || listen_is_loopback(&address))
        return 0;
    error_set(err, E_USAGE, "--%s %s is no loopback address", flag, text);
    error_hint(err,
               strcmp(flag, "api") == 0
                   ? "whoever reaches the API steers the proxy; if that is meant: "
                     "--allow-any-listen, and a token"
                   : "whoever reaches the port reaches the broker behind it; if that is "
                     "meant: --allow-any-listen");
    return E_USAGE;
}

static int read_config(struct proxy_wishes *wishes, const struct invocation *in,
                       struct error *err)
{
    const char *path = invocation_text(in, "config");
    json_t *links;

    if (path == NULL)
        return 0;
    links = proxy_config_read(path, stderr, &in->err, err);
    if (links == NULL)
        return E_USAGE;
    json_decref(wishes->links);
    wishes->links = links;
    wishes->config = path;
    return 0;
}

/* ---- the link of --upstream ---- */

static bool has_link(const json_t *links, const char *name)
{
    const json_t *link;
    size_t i;

    json_array_foreach((json_t *)links, i, link) {
        const char *key;
        json_t *value;

        /* Keys match in any case, as in Toxiproxy. */
        json_object_foreach((json_t *)link, key, value) {
            if (strcasecmp(key, "name") == 0 && json_is_string(value) &&
                strcmp(json_string_value(value), name) == 0)
                return true;
        }
    }
    return false;
}

static int check_name(const struct proxy_wishes *wishes, const char *name,
                      struct error *err)
{
    if (strlen(name) >= LINK_NAME_BYTES)
        return error_set(err, E_USAGE, "--name is longer than %d bytes",
                         LINK_NAME_BYTES - 1);
    if (!has_link(wishes->links, name))
        return 0;
    error_set(err, E_USAGE, "%s has a link '%s' already", wishes->config, name);
    error_hint(err, "call that of --upstream something else: --name NAME");
    return E_USAGE;
}

/* A size, with its flag in the sentence when it is none. */
static int add_buffer(json_t *link, const struct invocation *in, struct error *err)
{
    const char *text = invocation_text(in, "buffer");
    uint64_t bytes;

    if (text == NULL)
        return 0;
    if (param_bytes(text, &bytes, "--buffer", err) != 0)
        return err->code = E_USAGE;
    if (bytes < BUFFER_BYTES_MIN || bytes > BUFFER_BYTES_MAX)
        return error_set(err, E_USAGE, "--buffer is %s; allowed: 4KiB to 1GiB", text);
    return json_object_set_new(link, "buffer", json_string(text)) == 0
               ? 0
               : error_set(err, E_NOMEM, "link");
}

static int add_own_link(struct proxy_wishes *wishes, const struct invocation *in,
                        struct error *err)
{
    const char *upstream = invocation_text(in, "upstream");
    const char *listen = invocation_text(in, "listen");
    const char *name = invocation_text(in, "name");
    const char *timeout = invocation_text(in, "dial-timeout");
    struct address address;
    json_t *faults = json_array();
    json_t *link;
    int rc = check_address(&address, "upstream", upstream, err);

    listen = listen != NULL ? listen : "127.0.0.1:0";
    name = name != NULL ? name : "proxy";
    if (rc == 0)
        rc = check_listen("listen", listen, wishes->allow_any_listen, err);
    if (rc == 0)
        rc = check_name(wishes, name, err);
    if (rc == 0)
        rc = read_faults(faults, in, err);
    link = json_pack("{s:s, s:s, s:s, s:o}", "name", name, "listen", listen, "upstream",
                     upstream, "faults", faults);
    if (timeout != NULL)
        json_object_set_new(link, "dial_timeout", json_string(timeout));
    if (rc == 0)
        rc = add_buffer(link, in, err);
    if (json_array_append_new(wishes->links, link) != 0 && rc == 0)
        rc = error_set(err, E_NOMEM, "link");
    wishes->has_own_link = true;
    return rc;
}

/* What says something about a link when there is none. */
static int check_alone(const struct invocation *in, struct error *err)
{
    static const char *const needs[] = {"listen", "fault", "dial-timeout", "buffer",
                                        "name"};

    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (!invocation_has(in, needs[i]))
            continue;
        error_set(err, E_USAGE, "--%s needs --upstream: where the server is", needs[i]);
        error_hint(err, "stormdrill proxy --upstream 127.0.0.1:4222");
        return E_USAGE;
    }
    return 0;
}

/* ---- the API ---- */

static int read_api(struct proxy_wishes *wishes, const struct invocation *in,
                    struct error *err)
{
    const char *api = invocation_text(in, "api");
    bool has_link = invocation_has(in, "upstream");
    struct address address;

    wishes->api_by_default = api == NULL && !has_link;
    if (api == NULL)
        api = has_link ? "none" : API_DEFAULT_ADDRESS;
    if (strcmp(api, "none") != 0 &&
        check_listen("api", api, wishes->allow_any_listen, err) != 0)
        return E_USAGE;
    if (strcmp(api, "none") == 0 && !has_link && !invocation_has(in, "config")) {
        error_set(err, E_USAGE, "proxy has nothing to do: no link and no API");
        error_hint(err, "give it --upstream ADDR or --config FILE, or leave --api none "
                        "away");
        return E_USAGE;
    }
    if (strcmp(api, "none") == 0 && invocation_has(in, "api-token-file"))
        return error_set(err, E_USAGE, "--api-token-file needs an API: --api ADDR");
    snprintf(wishes->api, sizeof wishes->api, "%s%s", api[0] == ':' ? "127.0.0.1" : "",
             api);
    if (token_read(wishes->token, in, err) != 0)
        return E_USAGE;
    if (strcmp(api, "none") == 0 || wishes->token[0] != '\0')
        return 0;
    if (address_parse(&address, wishes->api, "--api", err) == 0 &&
        listen_is_loopback(&address))
        return 0;
    error_set(err, E_USAGE, "--api %s is no loopback address and there is no token", api);
    error_hint(err, "whoever reaches the API steers the proxy: --api-token-file FILE or "
                    "STORMDRILL_API_TOKEN");
    return E_USAGE;
}

int proxy_flags_read(struct proxy_wishes *wishes, const struct invocation *in,
                     struct error *err)
{
    int rc;

    *wishes = (struct proxy_wishes){.links = json_array()};
    wishes->allow_any_listen = invocation_has(in, "allow-any-listen");
    rc = read_api(wishes, in, err);
    if (rc == 0)
        rc = read_config(wishes, in, err);
    if (rc == 0 && invocation_has(in, "upstream"))
        rc = add_own_link(wishes, in, err);
    else if (rc == 0)
        rc = check_alone(in, err);
    return rc;
}

void proxy_flags_release(struct proxy_wishes *wishes)
{
    json_decref(wishes->links);
    wishes->links = NULL;
}
