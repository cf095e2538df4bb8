/* session: what every built-in client has, from its environment to its last word.
 *
 * All well:  environment -> page, evidence, desk, watchdog -> the workload runs -> all is
 *            closed again in the opposite order.
 * A library call that outlives its limit: `watchdog` is written down, the case is told,
 *            and the process ends with _exit: nothing that could block is touched.
 * Started by hand, without page, socket or evidence folder, a client works as well and
 * keeps nothing. */
#include "harness/client/session.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LIBRARY_CLOSE_MS = 3000 };

uint64_t session_now(const struct session *session)
{
    return clock_now(session->clock);
}

bool session_pause(struct session *session, uint64_t ns)
{
    uint64_t until_ns = session_now(session) + ns;

    while (!desk_wants_stop(session->desk) && session_now(session) < until_ns) {
        uint64_t left_ns = until_ns - session_now(session);
        uint64_t most_ns = 10ull * NS_PER_MS;
        struct timespec nap = {.tv_nsec = (long)(left_ns < most_ns ? left_ns : most_ns)};

        nanosleep(&nap, NULL);
    }
    return !desk_wants_stop(session->desk);
}

/* A number of the environment; `fallback` when it is not set. */
static int read_number(const char *name, uint64_t fallback, uint64_t max, uint64_t *out,
                       struct error *err)
{
    const char *text = getenv(name);
    char *end;

    *out = fallback;
    if (text == NULL)
        return 0;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || *out > max)
        return error_set(err, E_USAGE, "%s='%s' is no number from 0 to %" PRIu64, name,
                         text, max);
    return 0;
}

static int read_numbers(struct session *session, uint64_t *seed, struct error *err)
{
    uint64_t number, incarnation;
    int rc = read_number("STORMDRILL_CLIENT_NUMBER", 1, UINT32_MAX, &number, err);

    if (rc == 0)
        rc = read_number("STORMDRILL_INCARNATION", 0, UINT32_MAX, &incarnation, err);
    if (rc == 0)
        rc = read_number("STORMDRILL_SEED", 1, UINT64_MAX, seed, err);
    if (rc != 0)
        return rc;
    session->number = (uint32_t)number;
    session->incarnation = (uint32_t)incarnation;
    return 0;
}

static int read_conf(struct session *session, struct error *err)
{
    const char *text = getenv("STORMDRILL_CONF");
    json_error_t problem;
    json_t *object;
    int rc;

    if (session->type == NULL)
        return 0;
    object = text != NULL ? json_loads(text, 0, &problem) : json_object();
    if (object == NULL)
        return error_set(err, E_USAGE, "STORMDRILL_CONF is no JSON: %s", problem.text);
    rc = workload_read(session->type, object, &session->connection, &session->conf, err);
    json_decref(object);
    /* The table holds passwords: a child of ours or /proc shall not show them longer
     * than needed. */
    unsetenv("STORMDRILL_CONF");
    if (rc == 0)
        rc = reconnect_policy_read(&session->policy, session->connection.reconnect, err);
    return rc;
}

static int read_environment(struct session *session, struct error *err)
{
    const char *name = getenv("STORMDRILL_CLIENT");
    uint64_t seed;
    int rc;

    session->urls = getenv("NATS_URL");
    /* The admin may start while every node is down; it is told when that changes. */
    if (session->urls == NULL && session->type == NULL)
        session->urls = "";
    if (session->urls == NULL || (session->urls[0] == '\0' && session->type != NULL)) {
        error_set(err, E_USAGE, "NATS_URL is not set");
        error_hint(err, "a client is started by a scenario; by hand: "
                        "NATS_URL=nats://127.0.0.1:4222 stormdrill client publisher");
        return E_USAGE;
    }
    rc = read_numbers(session, &seed, err);
    if (rc == 0)
        rc = read_conf(session, err);
    if (rc != 0)
        return rc;
    if (name == NULL)
        name = session->connection.name;
    if (name == NULL)
        name = session->type != NULL ? session->type->name : "admin";
    snprintf(session->name, sizeof session->name, "%s", name);
    rng_init(&session->rng, seed);
    return 0;
}

static int open_status(struct session *session, struct error *err)
{
    uint64_t fd;
    void *page;
    int rc = read_number("STORMDRILL_STATUS_FD", INT_MAX, INT_MAX, &fd, err);

    if (rc != 0)
        return rc;
    if (fd == INT_MAX) {
        session->status = calloc(1, sizeof *session->status);
        return session->status != NULL ? 0 : error_set(err, E_NOMEM, "status page");
    }
    page = mmap(NULL, sizeof(struct client_status), PROT_READ | PROT_WRITE, MAP_SHARED,
                (int)fd, 0);
    if (page == MAP_FAILED)
        return error_from_errno(err, "map the status page, descriptor %d", (int)fd);
    session->status = page;
    session->status_is_mapped = true;
    return 0;
}

static int open_evidence(struct session *session, struct error *err)
{
    struct evidence_home_options options = {.folder = getenv("STORMDRILL_EVIDENCE"),
                                            .log = session->log};
    int rc = 0;

    /* The admin is the harness's own hand, not a client under test. */
    if (options.folder != NULL && session->type != NULL)
        rc = evidence_home_open(&session->home, &options, err);
    return rc;
}

/* On the watchdog's thread. Whatever lock the stuck thread holds, nothing here needs it:
 * an own writer, an own line to the case, then the end. */
static void on_expired(void *arg, const char *call, uint64_t ns)
{
    struct session *session = arg;
    struct eye eye = {.session = session};
    char text[256];
    char name[64];
    struct error err;

    snprintf(text, sizeof text, "%s has not come back for %" PRIu64 " ms", call,
             ns / NS_PER_MS);
    if (session->home != NULL) {
        snprintf(name, sizeof name, "c%" PRIu32 ".%" PRIu32 ".watchdog", session->number,
                 session->incarnation);
        if (writer_open(&eye.writer, session->home, name, session->number,
                        session->incarnation, &err) == 0) {
            json_t *detail = json_pack("{s:s}", "call", call);

            eye_record(&eye,
                       (struct record){.kind = RECORD_watchdog,
                                       .a = ns,
                                       .detail = writer_detail(eye.writer, detail)});
            json_decref(detail);
            writer_close(eye.writer);
        }
    }
    desk_tell_failed(session->desk, E_TIMEOUT, text);
    log_error(session->log, "client", "%s: %s; the client ends", session->name, text);
    _exit(WATCHDOG_EXIT_CODE);
}

int eye_open(struct eye *eye, struct session *session, const char *name,
             struct error *err)
{
    char full[64];
    int rc;

    memset(eye, 0, sizeof *eye);
    eye->session = session;
    if (watchdog_add(session->watchdog, &eye->guard) != 0)
        return error_set(err, E_LIMIT, "more than %d threads", WATCHDOG_GUARDS_MAX);
    if (session->home == NULL)
        return 0;
    snprintf(full, sizeof full, "c%" PRIu32 ".%" PRIu32 ".%s", session->number,
             session->incarnation, name);
    rc = writer_open(&eye->writer, session->home, full, session->number,
                     session->incarnation, err);
    if (rc != 0) {
        watchdog_remove(session->watchdog, &eye->guard);
        eye->session = NULL;
    }
    return rc;
}

void eye_close(struct eye *eye)
{
    if (eye->session == NULL)
        return;
    watchdog_remove(eye->session->watchdog, &eye->guard);
    if (eye->writer != NULL)
        writer_close(eye->writer);
    memset(eye, 0, sizeof *eye);
}

void eye_record(struct eye *eye, struct record record)
{
    if (eye->writer == NULL)
        return;
    if (record.message.client == 0) {
        record.message.client = eye->session->number;
        record.message.incarnation = eye->session->incarnation;
    }
    writer_append(eye->writer, &record);
}

uint32_t eye_string(struct eye *eye, const char *text)
{
    return eye->writer != NULL ? writer_string(eye->writer, text) : 0;
}

uint32_t eye_detail(struct eye *eye, const char *text, const char *key, const char *value)
{
    json_t *object;
    uint32_t place;

    if (eye->writer == NULL)
        return 0;
    object = json_object();
    if (text != NULL)
        json_object_set_new(object, "text", json_string(text));
    if (key != NULL && value != NULL)
        json_object_set_new(object, key, json_string(value));
    place = writer_detail(eye->writer, object);
    json_decref(object);
    return place;
}

struct message_id session_message(const struct session *session, uint64_t number)
{
    return (struct message_id){
        .client = session->number, .incarnation = session->incarnation, .number = number};
}

void session_count(struct session *session, _Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
    atomic_store_explicit(&session->status->progress_ns, session_now(session),
                          memory_order_relaxed);
}

void session_ready(struct session *session)
{
    atomic_store(&session->status->ready, 1);
    desk_tell(session->desk, "ready", NULL);
}

void session_failed(struct session *session, const struct error *err)
{
    log_error(session->log, "client", "%s: %s", session->name, err->text);
    desk_tell_failed(session->desk, err->code, err->text);
}

void session_answer(struct session *session, struct errand *errand, int rc,
                    const struct error *err)
{
    const char *text = NULL;

    if (rc != 0)
        text = err != NULL && err->text[0] != '\0' ? err->text : error_text(rc);
    desk_answer(session->desk, errand, rc, text, NULL);
}

static int open_threads(struct session *session, struct error *err)
{
    uint64_t fd;
    int rc = read_number("STORMDRILL_CONTROL_FD", INT_MAX, INT_MAX, &fd, err);

    if (rc == 0)
        rc = desk_open(&session->desk, fd == INT_MAX ? -1 : (int)fd, session->clock,
                       session->log, err);
    if (rc == 0)
        rc = watchdog_start(&session->watchdog, session->clock, on_expired, session, err);
    if (rc == 0)
        rc = eye_open(&session->load, session, "load", err);
    if (rc == 0)
        rc = eye_open(&session->callbacks, session, "callbacks", err);
    return rc;
}

int session_open(struct session *session, const struct workload_type *type,
                 struct error *err)
{
    int rc;

    memset(session, 0, sizeof *session);
    session->type = type;
    session->clock = clock_real();
    session->began_ns = session_now(session);
    rc = log_create(&session->log, LOG_INFO_LEVEL, NULL, err);
    if (rc == 0)
        rc = read_environment(session, err);
    if (rc == 0)
        rc = open_status(session, err);
    if (rc == 0)
        rc = open_evidence(session, err);
    if (rc == 0)
        rc = open_threads(session, err);
    if (rc == 0 && nats_Open(-1) != NATS_OK)
        rc = error_set(err, E_INTERNAL, "the NATS library does not start");
    session->library_is_open = rc == 0;
    if (rc == 0)
        atomic_store(&session->status->magic, STATUS_MAGIC);
    if (rc != 0 && session->desk != NULL)
        desk_tell_failed(session->desk, err->code, err->text);
    if (rc != 0)
        session_close(session);
    return rc;
}

void session_end_library(struct session *session)
{
    if (!session->library_is_open)
        return;
    session->library_is_open = false;
    guard_enter(&session->load.guard, "nats_CloseAndWait",
                2ull * LIBRARY_CLOSE_MS * NS_PER_MS);
    nats_CloseAndWait(LIBRARY_CLOSE_MS);
    guard_leave(&session->load.guard);
}

_Noreturn void session_abandon(struct session *session, int code)
{
    eye_close(&session->load);
    _exit(code);
}

void session_close(struct session *session)
{
    /* The library's threads must be gone before the writer of its callbacks closes. */
    session_end_library(session);
    eye_close(&session->callbacks);
    eye_close(&session->load);
    watchdog_stop(session->watchdog);
    desk_close(session->desk);
    if (session->home != NULL)
        evidence_home_close(session->home);
    if (session->status_is_mapped)
        munmap(session->status, sizeof *session->status);
    else
        free(session->status);
    if (session->conf != NULL)
        workload_release(session->type, &session->connection, session->conf);
    log_destroy(session->log);
    memset(session, 0, sizeof *session);
}
