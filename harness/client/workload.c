/* workload: the list of workloads, and how a user's table is read for one.
 *
 * All well:  every member goes to the connection or to the workload, then come the
 *            checks that a table cannot say.
 * Anything else: E_PARAM, and nothing is held. */
#include "harness/client/workload.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"

#define WORKLOAD(name) extern const struct workload_type workload_##name;
#include "harness/client/workloads/workloads.def"
#undef WORKLOAD

static const struct workload_type *const table[] = {
#define WORKLOAD(name) &workload_##name,
#include "harness/client/workloads/workloads.def"
#undef WORKLOAD
};

enum { WORKLOAD_COUNT = sizeof table / sizeof table[0] };

const struct param connection_params[] = {
    PARAM(connection_conf, name, TEXT, "name", NULL, NULL, NULL,
          "what the client is called, here and in the broker"),
    PARAM(connection_conf, reconnect, JSON, "reconnect", NULL, NULL, NULL,
          "\"default\", \"none\", { wait, jitter, attempts } or { first, factor, cap, "
          "jitter, attempts }"),
    PARAM(connection_conf, ping, JSON, "ping", NULL, NULL, NULL,
          "interval, or { interval, max_out }; 2m and 2"),
    PARAM(connection_conf, timeout_ns, DURATION, "timeout", "2s", "10ms", "1m",
          "time a connect may take, per server"),
    PARAM(connection_conf, connect_within_ns, DURATION, "connect_within", "15s", "0",
          "1h", "how long the first connect is tried"),
    PARAM(connection_conf, buffer_bytes, BYTES, "buffer", "8MiB", "0", "1GiB",
          "reconnect buffer: what is published while disconnected; 0: nothing"),
    PARAM(connection_conf, write_deadline_ns, DURATION, "write_deadline", "2s", "10ms",
          "1m", "time a write may block before the connection counts as lost"),
    PARAM(connection_conf, discovered, BOOL, "discovered", "false", NULL, NULL,
          "use servers that the broker names, past the client's own links"),
    PARAM(connection_conf, exit_when_closed, BOOL, "exit_when_closed", "false", NULL,
          NULL, "end the process when the connection is closed for good"),
    PARAM(connection_conf, user, TEXT, "user", NULL, NULL, NULL, "to log in with"),
    PARAM(connection_conf, password, TEXT, "password", NULL, NULL, NULL, "of the user"),
    PARAM(connection_conf, token, TEXT, "token", NULL, NULL, NULL, "instead of a user"),
    PARAM_END,
};

struct ping_conf {
    uint64_t interval_ns;
    int64_t max_out;
};

static const struct param ping_params[] = {
    PARAM(ping_conf, interval_ns, DURATION, "interval", "2m", "10ms", "1h",
          "time between pings"),
    PARAM(ping_conf, max_out, INTEGER, "max_out", "2", "1", "1000",
          "unanswered pings until the connection counts as lost"),
    PARAM_END,
};

const struct workload_type *workload_find(const char *name)
{
    for (int i = 0; name != NULL && i < WORKLOAD_COUNT; i++) {
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    }
    return NULL;
}

const struct workload_type *workload_at(int index)
{
    return index >= 0 && index < WORKLOAD_COUNT ? table[index] : NULL;
}

/* "5s" is short for { interval = "5s" }. */
static int read_ping(struct connection_conf *out, struct error *err)
{
    struct ping_conf ping = {0};
    json_t *short_form = NULL;
    int rc;

    if (out->ping != NULL && !json_is_object(out->ping) && !json_is_null(out->ping)) {
        short_form = json_pack("{s:O}", "interval", out->ping);
        if (short_form == NULL)
            return error_set(err, E_NOMEM, "ping");
    }
    rc = param_read(ping_params, &ping, short_form != NULL ? short_form : out->ping,
                    "ping", err);
    json_decref(short_form);
    if (rc != 0)
        return rc;
    out->ping_ns = ping.interval_ns;
    out->ping_max_out = ping.max_out;
    return 0;
}

static int check_login(const struct connection_conf *conf, struct error *err)
{
    if (conf->token != NULL && conf->user != NULL) {
        error_set(err, E_PARAM, "both 'user' and 'token' are given");
        error_hint(err, "a client logs in with user and password, or with a token");
        return E_PARAM;
    }
    if ((conf->user == NULL) != (conf->password == NULL))
        return error_set(err, E_PARAM, "'%s' is given without '%s'",
                         conf->user != NULL ? "user" : "password",
                         conf->user != NULL ? "password" : "user");
    return 0;
}

static int check_connection(struct connection_conf *conf, struct error *err)
{
    struct reconnect_policy policy;
    int rc = reconnect_policy_read(&policy, conf->reconnect, err);

    if (rc == 0)
        rc = read_ping(conf, err);
    if (rc == 0)
        rc = check_login(conf, err);
    if (rc == 0 && conf->name != NULL && conf->name[0] == '\0')
        rc = error_set(err, E_PARAM, "the name is empty");
    return rc;
}

int workload_read(const struct workload_type *type, const json_t *object,
                  struct connection_conf *connection, void **conf, struct error *err)
{
    void *own = calloc(1, type->conf_size);
    struct param_layer layers[] = {
        {.params = type->params, .conf = own},
        {.params = connection_params, .conf = connection},
    };
    int rc;

    assert(type->conf_size > 0);
    if (own == NULL)
        return error_set(err, E_NOMEM, "%s", type->name);
    memset(connection, 0, sizeof *connection);
    rc = param_read_layers(layers, 2, object, type->name, err);
    if (rc != 0) {
        free(own);
        return rc;
    }
    rc = check_connection(connection, err);
    if (rc == 0 && type->check != NULL)
        rc = type->check(own, err);
    if (rc != 0) {
        workload_release(type, connection, own);
        return error_prefix(err, "%s", type->name);
    }
    *conf = own;
    return 0;
}

void workload_release(const struct workload_type *type,
                      struct connection_conf *connection, void *conf)
{
    param_release(connection_params, connection);
    if (conf != NULL)
        param_release(type->params, conf);
    free(conf);
}

json_t *workload_public_conf(const json_t *object)
{
    static const char *const secrets[] = {"user", "password", "token"};
    json_t *copy = object != NULL ? json_deep_copy(object) : json_object();

    for (size_t i = 0; copy != NULL && i < sizeof secrets / sizeof secrets[0]; i++) {
        if (json_object_get(copy, secrets[i]) != NULL)
            json_object_set_new(copy, secrets[i], json_string("***"));
    }
    return copy;
}
