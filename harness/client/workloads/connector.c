/* connector: many connections and nothing else.
 *
 * All well:  connections are opened one after the other, spread over `spread` -> ready ->
 *            each is lost and found on its own -> exit closes them all.
 * NATS_URL holds one list per connection, separated by ';'; beyond the last list the
 * connections share it. One that cannot connect at all fails the client. */
#include <stdlib.h>
#include <string.h>

#include "harness/client/attend.h"

struct connector_conf {
    int64_t count;
    uint64_t spread_ns;
};

static const struct param params[] = {
    PARAM(connector_conf, count, INTEGER, "count", "1", "1", "10000",
          "how many connections"),
    PARAM(connector_conf, spread_ns, DURATION, "spread", "0", "0", "10m",
          "time over which they are opened"),
    PARAM_END,
};

/* The next list of urls; stays at the last one. Writes into `text`. */
static bool next_urls(const char **at, char *text, size_t size)
{
    size_t length = strcspn(*at, ";");

    if (length >= size)
        return false;
    memcpy(text, *at, length);
    text[length] = '\0';
    if ((*at)[length] == ';' && (*at)[length + 1] != '\0')
        *at += length + 1;
    return true;
}

static int open_all(struct attendance *attendance, const struct connector_conf *conf,
                    struct error *err)
{
    struct session *session = attendance->session;
    const char *at = session->urls;
    char urls[UPLINK_URLS_BYTES_MAX];

    for (uint32_t i = 0; i < (uint32_t)conf->count; i++) {
        uint64_t due_ns = session->began_ns + conf->spread_ns * i / (uint64_t)conf->count;
        int rc;

        if (!next_urls(&at, urls, sizeof urls))
            return error_set(err, E_LIMIT, "the urls of connection %u are too long", i);
        if (session_now(session) < due_ns)
            session_pause(session, due_ns - session_now(session));
        attendance->uplinks[i].is_small = true;
        attendance->uplink_count = i + 1;
        rc = uplink_connect(&attendance->uplinks[i], session, &session->load, i, urls,
                            err);
        if (rc != 0)
            return error_prefix(err, "connection %u of %d", i, (int)conf->count);
    }
    return 0;
}

static int run(struct session *session, const void *arg)
{
    const struct connector_conf *conf = arg;
    struct attendance attendance = {
        .session = session,
        .uplinks = calloc((size_t)conf->count, sizeof(struct uplink)),
    };
    struct error err = {0};
    int code;
    int rc;

    rc = attendance.uplinks != NULL ? open_all(&attendance, conf, &err)
                                    : error_set(&err, E_NOMEM, "connections");
    if (rc == 0) {
        session_ready(session);
        code = attend_until_exit(&attendance);
    } else {
        session_failed(session, &err);
        code = error_exit_code(rc);
    }
    for (uint32_t i = 0; i < attendance.uplink_count; i++)
        uplink_close(&attendance.uplinks[i], &session->load);
    session_end_library(session);
    free(attendance.uplinks);
    return code;
}

const struct workload_type workload_connector = {
    .name = "connector",
    .summary = "many connections and nothing else",
    .params = params,
    .conf_size = sizeof(struct connector_conf),
    .is_connector = true,
    .run = run,
};
