/* uplink: makes a connection, keeps its diary, ends it.
 *
 * All well:  options -> connect -> `connected` -> callbacks tell of loss and return.
 * The first connect fails: `connect_failed`, wait a little longer each time, again.
 * Hopeless (bad login, bad address): given up at once, in the library's words.
 * Closed for good by the library: `closed`, the page says so, the workload decides. */
#include "harness/client/uplink.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/base/clock.h"

enum { RETRY_FIRST_MS = 50, RETRY_MOST_MS = 1000, MARGIN_MS = 2000, FLUSH_MS = 1000 };

const char *uplink_status_text(natsStatus status)
{
    const char *text = natsStatus_GetText(status);

    return text != NULL ? text : "unknown status";
}

const char *uplink_last_words(natsStatus status)
{
    natsStatus last = NATS_OK;
    const char *words = nats_GetLastError(&last);
    const char *behind;

    if (last != status || words == NULL || words[0] == '\0')
        return uplink_status_text(status);
    /* "(conn.c:1799): Expected 'PONG'": where in the library is nobody's business. */
    behind = words[0] == '(' ? strstr(words, "): ") : NULL;
    return behind != NULL ? behind + 3 : words;
}

uint64_t uplink_limit_ns(const struct uplink *uplink, uint64_t own_ns)
{
    const struct connection_conf *conf = &uplink->session->connection;

    return ((uint64_t)uplink->servers + 2) * conf->timeout_ns + conf->write_deadline_ns +
           (uint64_t)MARGIN_MS * NS_PER_MS + own_ns;
}

/* Callbacks: on the library's one callback thread, in the order of events. */

static void on_disconnected(natsConnection *nc, void *closure)
{
    struct uplink *uplink = closure;
    struct session *session = uplink->session;

    (void)nc;
    if (atomic_exchange(&uplink->is_up, false))
        atomic_fetch_sub(&session->status->connected, 1);
    if (atomic_load(&uplink->leaving))
        return;
    atomic_store(&uplink->lost_ns, session_now(session));
    session_count(session, &session->status->losses, 1);
    eye_record(&session->callbacks,
               (struct record){.kind = RECORD_disconnected, .b = uplink->index});
}

static void on_reconnected(natsConnection *nc, void *closure)
{
    struct uplink *uplink = closure;
    struct session *session = uplink->session;
    uint64_t now_ns = session_now(session);

    (void)nc;
    if (!atomic_exchange(&uplink->is_up, true))
        atomic_fetch_add(&session->status->connected, 1);
    atomic_fetch_add(&uplink->reconnects, 1);
    session_count(session, &session->status->reconnects, 1);
    eye_record(&session->callbacks, (struct record){.kind = RECORD_reconnected,
                                                    .time_ns = now_ns,
                                                    .a = now_ns - uplink->lost_ns,
                                                    .b = uplink->index});
}

/* The library's words for what happened last; "" when it has none (D8). */
static const char *last_words(struct uplink *uplink, natsConnection *nc)
{
    struct eye *eye = &uplink->session->callbacks;
    const char *text = NULL;

    guard_enter(&eye->guard, "natsConnection_GetLastError", uplink_limit_ns(uplink, 0));
    natsConnection_GetLastError(nc, &text);
    guard_leave(&eye->guard);
    return text != NULL ? text : "";
}

static void on_closed(natsConnection *nc, void *closure)
{
    struct uplink *uplink = closure;
    struct session *session = uplink->session;
    uint64_t now_ns = session_now(session);
    const char *text;

    if (atomic_exchange(&uplink->is_up, false))
        atomic_fetch_sub(&session->status->connected, 1);
    if (atomic_load(&uplink->leaving))
        return;
    text = last_words(uplink, nc);
    eye_record(
        &session->callbacks,
        (struct record){.kind = RECORD_closed,
                        .time_ns = now_ns,
                        .b = uplink->index,
                        .detail = eye_detail(&session->callbacks, text, NULL, NULL)});
    atomic_fetch_add(&session->status->closed, 1);
    atomic_store(&uplink->is_closed, true);
    if (session->type != NULL) /* the admin throws connections away as a habit */
        log_warn(session->log, "client", "%s: connection %u is closed for good%s%s",
                 session->name, uplink->index, text[0] != '\0' ? ": " : "", text);
}

static void record_dropped(struct uplink *uplink, natsSubscription *sub)
{
    struct eye *eye = &uplink->session->callbacks;
    int64_t dropped = 0;

    guard_enter(&eye->guard, "natsSubscription_GetDropped", uplink_limit_ns(uplink, 0));
    natsSubscription_GetDropped(sub, &dropped);
    guard_leave(&eye->guard);
    eye_record(eye, (struct record){.kind = RECORD_dropped, .a = (uint64_t)dropped});
}

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status,
                     void *closure)
{
    struct uplink *uplink = closure;
    struct session *session = uplink->session;
    uint64_t now_ns = session_now(session);
    const char *words = last_words(uplink, nc);

    eye_record(&session->callbacks,
               (struct record){.kind = RECORD_error,
                               .time_ns = now_ns,
                               .a = (uint64_t)status,
                               .b = uplink->index,
                               .detail = eye_detail(&session->callbacks,
                                                    uplink_status_text(status), "last",
                                                    words[0] != '\0' ? words : NULL)});
    if (status == NATS_SLOW_CONSUMER && sub != NULL)
        record_dropped(uplink, sub);
}

/* On the connection's reconnect thread. */
static int64_t on_delay(natsConnection *nc, int attempts, void *closure)
{
    struct uplink *uplink = closure;
    uint64_t ns = reconnect_delay_ns(&uplink->session->policy, &uplink->delay,
                                     attempts > 0 ? attempts : 1);

    (void)nc;
    return (int64_t)((ns + NS_PER_MS / 2) / NS_PER_MS);
}

/* Options. Each setter fails only on nonsense, so one status is enough. */

static natsStatus set_reconnect(natsOptions *options, struct uplink *uplink)
{
    const struct reconnect_policy *policy = &uplink->session->policy;
    natsStatus s = NATS_OK;

    if (policy->kind == RECONNECT_DEFAULT)
        return NATS_OK;
    if (policy->kind == RECONNECT_NONE)
        return natsOptions_SetAllowReconnect(options, false);
    s = natsOptions_SetMaxReconnect(options, (int)policy->attempts);
    /* Fixed waits go through the callback too: the library's own jitter knows no seed. */
    if (s == NATS_OK)
        s = natsOptions_SetCustomReconnectDelay(options, on_delay, uplink);
    return s;
}

static natsStatus set_times(natsOptions *options, const struct connection_conf *conf)
{
    natsStatus s =
        natsOptions_SetTimeout(options, (int64_t)(conf->timeout_ns / NS_PER_MS));

    if (s == NATS_OK)
        s = natsOptions_SetPingInterval(options, (int64_t)(conf->ping_ns / NS_PER_MS));
    if (s == NATS_OK)
        s = natsOptions_SetMaxPingsOut(options, (int)conf->ping_max_out);
    if (s == NATS_OK) /* D3: else a peer that stops reading blocks us for ever */
        s = natsOptions_SetWriteDeadline(options,
                                         (int64_t)(conf->write_deadline_ns / NS_PER_MS));
    if (s == NATS_OK)
        s = natsOptions_SetReconnectBufSize(options, (int)conf->buffer_bytes);
    return s;
}

static natsStatus set_callbacks(natsOptions *options, struct uplink *uplink)
{
    natsStatus s = natsOptions_SetDisconnectedCB(options, on_disconnected, uplink);

    if (s == NATS_OK)
        s = natsOptions_SetReconnectedCB(options, on_reconnected, uplink);
    if (s == NATS_OK)
        s = natsOptions_SetClosedCB(options, on_closed, uplink);
    if (s == NATS_OK)
        s = natsOptions_SetErrorHandler(options, on_error, uplink);
    return s;
}

static natsStatus set_login(natsOptions *options, const struct connection_conf *conf)
{
    if (conf->token != NULL)
        return natsOptions_SetToken(options, conf->token);
    if (conf->user != NULL)
        return natsOptions_SetUserInfo(options, conf->user, conf->password);
    return NATS_OK;
}

/* For one connection of hundreds: no flusher thread, no delivery thread, small buffers.
 */
static natsStatus set_small(natsOptions *options)
{
    natsStatus s = natsOptions_SetSendAsap(options, true);

    if (s == NATS_OK)
        s = natsOptions_UseGlobalMessageDelivery(options, true);
    if (s == NATS_OK)
        s = natsOptions_SetIOBufSize(options, 4096);
    return s;
}

static natsStatus set_servers(natsOptions *options, struct uplink *uplink,
                              const char *urls)
{
    char copy[UPLINK_URLS_BYTES_MAX];
    const char *servers[UPLINK_SERVERS_MAX];
    char *rest = NULL;

    if (strlen(urls) >= sizeof copy)
        return NATS_INVALID_ARG;
    memcpy(copy, urls, strlen(urls) + 1);
    uplink->servers = 0;
    for (char *url = strtok_r(copy, ",", &rest); url != NULL;
         url = strtok_r(NULL, ",", &rest)) {
        if (uplink->servers == UPLINK_SERVERS_MAX)
            return NATS_INVALID_ARG;
        servers[uplink->servers++] = url;
    }
    if (uplink->servers == 0)
        return NATS_ADDRESS_MISSING;
    return natsOptions_SetServers(options, servers, uplink->servers);
}

static natsStatus make_options(natsOptions **out, struct uplink *uplink, const char *urls)
{
    struct session *session = uplink->session;
    const struct connection_conf *conf = &session->connection;
    natsOptions *options = NULL;
    natsStatus s = natsOptions_Create(&options);

    if (s == NATS_OK)
        s = set_servers(options, uplink, urls);
    if (s == NATS_OK)
        s = natsOptions_SetName(options, session->name);
    if (s == NATS_OK)
        s = natsOptions_SetNoRandomize(options, true);
    if (s == NATS_OK)
        s = natsOptions_SetIgnoreDiscoveredServers(options, !conf->discovered);
    if (s == NATS_OK) /* else a JetStream publish waits out its time after an RST */
        s = natsOptions_SetFailRequestsOnDisconnect(options, true);
    if (s == NATS_OK)
        s = set_times(options, conf);
    if (s == NATS_OK)
        s = set_reconnect(options, uplink);
    if (s == NATS_OK)
        s = set_callbacks(options, uplink);
    if (s == NATS_OK)
        s = set_login(options, conf);
    if (s == NATS_OK && uplink->is_small)
        s = set_small(options);
    if (s != NATS_OK) {
        natsOptions_Destroy(options);
        options = NULL;
    }
    *out = options;
    return s;
}

static bool is_hopeless(natsStatus status)
{
    return status == NATS_CONNECTION_AUTH_FAILED || status == NATS_NOT_PERMITTED ||
           status == NATS_SECURE_CONNECTION_WANTED ||
           status == NATS_SECURE_CONNECTION_REQUIRED || status == NATS_ADDRESS_MISSING ||
           status == NATS_INVALID_ARG || status == NATS_NO_MEMORY;
}

static natsStatus try_once(struct uplink *uplink, struct eye *eye, natsOptions *options)
{
    struct session *session = uplink->session;
    uint64_t began_ns = session_now(session);
    uint64_t now_ns;
    natsStatus s;

    guard_enter(&eye->guard, "natsConnection_Connect", uplink_limit_ns(uplink, 0));
    s = natsConnection_Connect(&uplink->nc, options);
    guard_leave(&eye->guard);
    now_ns = session_now(session);
    if (s == NATS_OK) {
        atomic_store(&uplink->is_up, true);
        atomic_fetch_add(&session->status->connected, 1);
        eye_record(eye, (struct record){.kind = RECORD_connected,
                                        .time_ns = now_ns,
                                        .a = now_ns - began_ns,
                                        .b = uplink->index});
    } else {
        eye_record(eye, (struct record){
                            .kind = RECORD_connect_failed,
                            .time_ns = now_ns,
                            .a = (uint64_t)s,
                            .b = now_ns - began_ns,
                            .detail = eye_detail(eye, uplink_last_words(s), NULL, NULL)});
    }
    return s;
}

/* Nothing else is to be done before there is a connection, so an order to stop or exit
 * ends the trying; the order itself stays for whoever takes orders. */
static int keep_trying(struct uplink *uplink, struct eye *eye, natsOptions *options,
                       struct error *err)
{
    struct session *session = uplink->session;
    uint64_t until_ns = session_now(session) + session->connection.connect_within_ns;
    uint64_t wait_ns = (uint64_t)RETRY_FIRST_MS * NS_PER_MS;
    int tries = 0;

    for (;;) {
        natsStatus s = try_once(uplink, eye, options);

        tries++;
        if (s == NATS_OK)
            return 0;
        if (is_hopeless(s))
            return error_set(err, E_ENVIRONMENT, "cannot connect: %s",
                             uplink_last_words(s));
        if (session_now(session) + wait_ns > until_ns)
            return error_set(err, E_TIMEOUT, "not connected after %d tries: %s", tries,
                             uplink_last_words(s));
        if (!session_pause(session, wait_ns))
            return error_set(err, E_CANCELLED, "told to stop before it was connected");
        if (wait_ns < (uint64_t)RETRY_MOST_MS * NS_PER_MS)
            wait_ns *= 2;
    }
}

int uplink_connect(struct uplink *uplink, struct session *session, struct eye *eye,
                   uint32_t index, const char *urls, struct error *err)
{
    natsOptions *options;
    natsStatus s;
    int rc;

    uplink->session = session;
    uplink->index = index;
    rng_child(&uplink->delay.rng, &session->rng, "reconnect connection=%u", index);
    s = make_options(&options, uplink, urls);
    if (s != NATS_OK)
        return error_set(err, E_ENVIRONMENT, "cannot connect to '%s': %s", urls,
                         uplink_status_text(s));
    rc = keep_trying(uplink, eye, options, err);
    natsOptions_Destroy(options);
    return rc;
}

void uplink_close(struct uplink *uplink, struct eye *eye)
{
    if (uplink->nc == NULL)
        return;
    atomic_store(&uplink->leaving, true);
    guard_enter(&eye->guard, "natsConnection_Destroy",
                uplink_limit_ns(uplink, (uint64_t)FLUSH_MS * NS_PER_MS));
    natsConnection_Destroy(uplink->nc);
    guard_leave(&eye->guard);
    uplink->nc = NULL;
}

void uplink_probe(struct uplink *uplink, struct eye *eye)
{
    guard_enter(&eye->guard, "natsConnection_Status", uplink_limit_ns(uplink, 0));
    (void)natsConnection_Status(uplink->nc);
    guard_leave(&eye->guard);
}

int uplink_flush(struct uplink *uplink, struct eye *eye, uint64_t within_ns,
                 struct error *err)
{
    uint64_t ms = within_ns / NS_PER_MS;
    natsStatus s;

    guard_enter(&eye->guard, "natsConnection_FlushTimeout",
                uplink_limit_ns(uplink, within_ns));
    s = natsConnection_FlushTimeout(uplink->nc, (int64_t)(ms > 0 ? ms : 1));
    guard_leave(&eye->guard);
    if (s != NATS_OK)
        return error_set(err, s == NATS_CONNECTION_CLOSED ? E_CLOSED : E_TIMEOUT,
                         "what was published could not be flushed: %s",
                         uplink_status_text(s));
    eye_record(eye, (struct record){.kind = RECORD_flushed, .b = uplink->index});
    return 0;
}

int uplink_settle(struct uplink *uplink, struct eye *eye, uint64_t until_ns,
                  struct error *err)
{
    struct session *session = uplink->session;
    uint64_t within_ns = (uint64_t)FLUSH_MS * NS_PER_MS;
    int rc = uplink_flush(uplink, eye, within_ns, err);

    while (rc == E_TIMEOUT && session_now(session) < until_ns) {
        /* A flush fails at once while the connection is being restored; on a slow link
         * it needs more time than the last one had. */
        struct timespec nap = {.tv_nsec = 50 * NS_PER_MS};
        uint64_t left_ns;

        nanosleep(&nap, NULL);
        left_ns = until_ns > session_now(session) ? until_ns - session_now(session) : 1;
        within_ns = within_ns * 2 < left_ns ? within_ns * 2 : left_ns;
        rc = uplink_flush(uplink, eye, within_ns, err);
    }
    return rc;
}
