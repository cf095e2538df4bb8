/* version: our own, the libraries' and the broker's. */
#include "harness/cli/version.h"

#include <dlfcn.h>
#include <jansson.h>
#include <lua.h>
#include <nats/nats.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "harness/broker/broker.h"
#include "harness/cli/command.h"
#include "reports/text.h"

/* OpenSSL comes along with nats.c or not at all, so it is asked for at run time. */
static json_t *openssl_version(void)
{
    const char *(*ask)(int) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "OpenSSL_version");

    memcpy(&ask, &symbol, sizeof ask);
    return ask != NULL ? json_string(ask(0)) : json_null();
}

static json_t *broker_version(const char *wanted)
{
    struct broker broker;
    struct error err;

    if (broker_find(&broker, wanted, &err) != 0)
        return json_null();
    return json_pack("{s:s, s:s}", "path", broker.path, "version", broker.version);
}

json_t *version_write(void)
{
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:o}}", "stormdrill",
                     STORMDRILL_VERSION, "libraries", "libuv", uv_version_string(), "lua",
                     LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE,
                     "jansson", jansson_version_str(), "nats.c", nats_GetVersion(),
                     "openssl", openssl_version());
}

static void print_text(const json_t *version, const struct terminal *terminal)
{
    const json_t *broker = json_object_get(version, "broker");
    const char *name;
    json_t *value;

    printf("stormdrill %s\n", STORMDRILL_VERSION);
    json_object_foreach(json_object_get(version, "libraries"), name, value) {
        printf("  %-12s ", name);
        text_put(stdout, json_is_null(value) ? "not linked" : json_string_value(value),
                 terminal->utf8);
        putchar('\n');
    }
    if (json_is_null(broker)) {
        printf("  %-12s none found: apt install nats-server, or --broker PATH\n",
               "nats-server");
        return;
    }
    printf("  %-12s %s (", "nats-server",
           json_string_value(json_object_get(broker, "version")));
    text_put(stdout, json_string_value(json_object_get(broker, "path")), terminal->utf8);
    printf(")\n");
}

static int run_version(struct invocation *invocation)
{
    json_t *version = version_write();

    json_object_set_new(version, "broker",
                        broker_version(invocation_text(invocation, "broker")));
    if (invocation_has(invocation, "json")) {
        json_dumpf(version, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_text(version, &invocation->out);
    }
    json_decref(version);
    return EXIT_PASSED;
}

static const struct flag flags[] = {
    {.name = "json", .help = "as a JSON object, for bug reports"},
    {.name = "broker",
     .kind = VALUE_TEXT,
     .value = "PATH",
     .help = "ask this nats-server instead of $STORMDRILL_BROKER, the one in PATH or "
             "/usr/sbin"},
    {.name = NULL},
};

extern const struct command command_version;
const struct command command_version = {
    .name = "version",
    .summary = "show the versions of stormdrill, its libraries and the broker found",
    .arguments = "",
    .flags = flags,
    .run = run_version,
};
