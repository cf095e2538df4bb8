/* admin: the loop of the admin client.
 *
 * All well:  order -> connected? else connect -> one try -> answer.
 * It did not work and can pass: a pause of 50 to 250 ms, a fresh connection if this one
 *            is gone, again, until the order's time is over: E_TIMEOUT with the last
 *            words. A `servers` order that comes meanwhile is obeyed at once, since it
 *            may be what the waiting order waits for.
 * Connections are thrown away, never repaired. The library may still call back for an
 * old one, so they are kept until the library has ended. */
#include "harness/client/admin.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 1000, PAUSE_FIRST_MS = 50, PAUSE_MOST_MS = 250, EXIT_NOMEM = 4 };

struct line { /* a connection of the admin's, live or thrown away */
    struct line *older;
    struct uplink uplink;
    jsCtx *js;
};

struct admin {
    struct session *session;
    char *urls;
    struct line *line; /* the newest; NULL: never connected */
    bool connected;
    struct errand *waiting; /* orders that came while another one was tried */
    bool leaving;
};

static void hang_up(struct admin *admin)
{
    struct eye *eye = &admin->session->load;

    if (!admin->connected)
        return;
    admin->connected = false;
    guard_enter(&eye->guard, "jsCtx_Destroy", uplink_limit_ns(&admin->line->uplink, 0));
    jsCtx_Destroy(admin->line->js);
    guard_leave(&eye->guard);
    admin->line->js = NULL;
    uplink_close(&admin->line->uplink, eye);
}

/* One attempt; ADMIN_AGAIN when it did not work. */
static int call_broker(struct admin *admin, struct error *err)
{
    struct session *session = admin->session;
    struct line *line;
    jsOptions options;
    int rc;

    if (admin->connected && !atomic_load(&admin->line->uplink.is_closed))
        return 0;
    hang_up(admin);
    if (admin->urls[0] == '\0') {
        error_set(err, E_TIMEOUT, "no node is up");
        return ADMIN_AGAIN;
    }
    line = calloc(1, sizeof *line);
    if (line == NULL)
        return error_set(err, E_NOMEM, "connection");
    line->older = admin->line;
    admin->line = line;
    rc = uplink_connect(&line->uplink, session, &session->load, 0, admin->urls, err);
    if (rc != 0)
        return ADMIN_AGAIN;
    jsOptions_Init(&options);
    options.Wait = TIMEOUT_MS;
    admin->connected = true;
    if (natsConnection_JetStream(&line->js, line->uplink.nc, &options) != NATS_OK) {
        hang_up(admin);
        return error_set(err, E_INTERNAL, "no JetStream context");
    }
    return 0;
}

static int try_once(struct admin *admin, const struct admin_op *op, const json_t *body,
                    json_t *answer, struct error *err)
{
    struct admin_try attempt = {
        .session = admin->session, .body = body, .answer = answer};
    int rc = call_broker(admin, err);

    if (rc != 0)
        return rc;
    attempt.uplink = &admin->line->uplink;
    attempt.js = admin->line->js;
    rc = op->run(&attempt, err);
    /* Whatever did not answer may be half dead: the next try gets a fresh connection. */
    if (rc == ADMIN_AGAIN)
        hang_up(admin);
    return rc;
}

static void obey_servers(struct admin *admin, struct errand *errand)
{
    const char *urls = json_string_value(json_object_get(errand->body, "urls"));
    char *copy = urls != NULL ? strdup(urls) : NULL;
    struct error err = {0};

    if (copy == NULL) {
        error_set(&err, E_PARAM, "the order 'servers' needs 'urls'");
        session_answer(admin->session, errand, E_PARAM, &err);
        return;
    }
    if (strcmp(copy, admin->urls) != 0)
        hang_up(admin);
    free(admin->urls);
    admin->urls = copy;
    session_answer(admin->session, errand, 0, NULL);
}

static void put_aside(struct admin *admin, struct errand *errand)
{
    struct errand **end = &admin->waiting;

    while (*end != NULL)
        end = &(*end)->next;
    *end = errand;
}

/* Wait before the next try, obeying what cannot wait. false: it is time to leave. */
static bool pause_and_listen(struct admin *admin, uint64_t pause_ms)
{
    struct session *session = admin->session;
    uint64_t until_ns = session_now(session) + pause_ms * NS_PER_MS;
    struct errand *errand;

    while ((errand = desk_take(session->desk, until_ns)) != NULL) {
        if (errand->kind == ERRAND_OTHER && strcmp(errand->op, "servers") == 0)
            obey_servers(admin, errand);
        else
            put_aside(admin, errand);
        if (desk_wants_exit(session->desk))
            return false;
    }
    return true;
}

static int try_until(struct admin *admin, const struct admin_op *op, const json_t *body,
                     json_t *answer, struct error *err)
{
    struct session *session = admin->session;
    uint64_t until_ns = session_now(session) + op->within_ms * NS_PER_MS;
    uint64_t pause_ms = PAUSE_FIRST_MS;

    for (;;) {
        int rc = try_once(admin, op, body, answer, err);

        if (rc != ADMIN_AGAIN)
            return rc;
        if (session_now(session) + pause_ms * NS_PER_MS > until_ns)
            return error_set(err, E_TIMEOUT, "%s", err->text);
        if (!pause_and_listen(admin, pause_ms))
            return error_set(err, E_CLOSED, "the admin client is leaving");
        pause_ms = pause_ms * 2 < PAUSE_MOST_MS ? pause_ms * 2 : PAUSE_MOST_MS;
    }
}

static const struct admin_op *find_op(const char *name)
{
    for (const struct admin_op *op = admin_ops; op->name != NULL; op++) {
        if (strcmp(op->name, name) == 0)
            return op;
    }
    return NULL;
}

static void obey(struct admin *admin, struct errand *errand)
{
    struct session *session = admin->session;
    const struct admin_op *op = find_op(errand->op);
    struct error err = {0};
    json_t *answer;
    int rc;

    if (op == NULL) {
        error_set(&err, E_PARAM, "the admin client does not understand '%s'", errand->op);
        session_answer(session, errand, E_PARAM, &err);
        return;
    }
    answer = json_object();
    rc = try_until(admin, op, errand->body, answer, &err);
    desk_answer(session->desk, errand, rc, rc != 0 ? err.text : NULL,
                rc == 0 ? answer : NULL);
    json_decref(answer);
}

static struct errand *next_order(struct admin *admin)
{
    struct session *session = admin->session;
    struct errand *errand = admin->waiting;

    if (errand == NULL)
        return desk_take(session->desk,
                         session_now(session) + (uint64_t)SESSION_TICK_MS * NS_PER_MS);
    admin->waiting = errand->next;
    errand->next = NULL;
    return errand;
}

static void act(struct admin *admin, struct errand *errand)
{
    switch (errand->kind) {
    case ERRAND_EXIT:
        admin->leaving = true;
        session_answer(admin->session, errand, 0, NULL);
        break;
    case ERRAND_STOP: /* there is no load to end */
        session_answer(admin->session, errand, 0, NULL);
        break;
    case ERRAND_FENCE:
    case ERRAND_OTHER:
        if (strcmp(errand->op, "servers") == 0)
            obey_servers(admin, errand);
        else
            obey(admin, errand);
        break;
    }
}

static void release(struct admin *admin)
{
    struct line *line = admin->line;

    while (admin->waiting != NULL) {
        struct errand *errand = next_order(admin);

        desk_answer(admin->session->desk, errand, E_CLOSED, "the client is leaving",
                    NULL);
    }
    hang_up(admin);
    session_end_library(admin->session);
    while (line != NULL) {
        struct line *older = line->older;

        free(line);
        line = older;
    }
    free(admin->urls);
}

/* A short leash: it talks to nodes on loopback, and somebody waits for the answer. */
static int configure(struct session *session, struct error *err)
{
    int rc = param_read(connection_params, &session->connection, NULL, "admin", err);

    session->connection.timeout_ns = (uint64_t)TIMEOUT_MS * NS_PER_MS;
    session->connection.write_deadline_ns = (uint64_t)TIMEOUT_MS * NS_PER_MS;
    session->connection.connect_within_ns = 0; /* one attempt a time; try_until repeats */
    session->connection.ping_ns = NS_PER_S;
    session->connection.ping_max_out = 2;
    session->policy.kind = RECONNECT_NONE;
    return rc;
}

int admin_run(struct session *session)
{
    struct admin admin = {.session = session, .urls = strdup(session->urls)};
    struct error err = {0};

    if (admin.urls == NULL || configure(session, &err) != 0)
        return EXIT_NOMEM;
    session_ready(session);
    while (!admin.leaving) {
        struct errand *errand = next_order(&admin);

        if (errand != NULL)
            act(&admin, errand);
    }
    release(&admin);
    return 0;
}
