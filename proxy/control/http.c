/* http: libmicrohttpd on a uv loop.
 *
 * All well:   headers -> call -> body -> handler -> (suspended) -> reply -> next one.
 * Stop:       accept no more; what a handler has is still answered; clients that do not
 *             take their answer get GRACE_MS; then the daemon and the handles close.
 *
 * We accept (door.h), the daemon does the rest. Its epoll descriptor is polled by the
 * loop; before each poll the loop asks the daemon how long it may sleep, and does not
 * sleep after a resume. */
#include "proxy/control/http.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/control/call_internal.h"
#include "proxy/control/door.h"
#include "proxy/control/gate.h"
#include "proxy/control/listen.h"
#include "proxy/control/mhd.h"

enum {
    GRACE_MS = 1000,
    HANDLE_COUNT = 4 + DOOR_HANDLES,
    CONNECTION_MEMORY_BYTES = 32 << 10
};

struct http {
    struct mhd mhd;
    struct MHD_Daemon *daemon;
    struct MHD_Response *no_memory[2]; /* made in good times; [1]: for /v1/ */
    struct gate gate;
    void *context;
    struct log *log;
    char address[ADDRESS_BYTES];
    int listen_fd;
    struct door door;
    unsigned read_timeout_s, idle_timeout_s;
    uv_poll_t poll;
    uv_prepare_t prepare;
    uv_timer_t timer;
    uv_timer_t grace;
    int handles_open;
    uint32_t unanswered; /* a handler has them */
    uint32_t answering;  /* those, and the replies on their way */
    unsigned char machine[5];
    uint32_t serial;
    bool resumed; /* a connection; the daemon does not say so by itself */
    bool stopping;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

void *http_context(const struct http *http)
{
    return http->context;
}

const struct mhd *http_mhd(const struct http *http)
{
    return &http->mhd;
}

const char *http_address(const struct http *http)
{
    return http->address;
}

/* An xid: seconds, machine and process, a count; 96 bits in base 32, lower case. */
void http_request_id(struct http *http, char id[REQUEST_ID_BYTES])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
    uint32_t seconds = (uint32_t)(clock_wall_ns() / NS_PER_S);
    uint32_t serial = http->serial++;
    unsigned char raw[13] = {0};

    for (int i = 0; i < 4; i++)
        raw[i] = (unsigned char)(seconds >> (24 - 8 * i));
    memcpy(raw + 4, http->machine, sizeof http->machine);
    for (int i = 0; i < 3; i++)
        raw[9 + i] = (unsigned char)(serial >> (16 - 8 * i));
    for (int i = 0; i < REQUEST_ID_BYTES - 1; i++) {
        unsigned pair = (unsigned)(raw[i * 5 / 8] << 8 | raw[i * 5 / 8 + 1]);

        id[i] = digits[pair >> (11 - i * 5 % 8) & 31];
    }
    id[REQUEST_ID_BYTES - 1] = '\0';
}

/* Requests */

static void set_timeout(struct http *http, struct MHD_Connection *connection,
                        unsigned seconds)
{
    http->mhd.set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/* What needs no memory of ours: the reply has been there since the start. */
static enum MHD_Result reply_no_memory(struct http *http,
                                       struct MHD_Connection *connection, bool is_v1)
{
    return http->mhd.queue_response(connection, 500, http->no_memory[is_v1]);
}

/* Queue the reply, or wait for it. */
static enum MHD_Result settle(struct http *http, struct call *call)
{
    enum MHD_Result rc;

    if (!call->replied) {
        call->suspended = true;
        http->mhd.suspend_connection(call->connection);
        return MHD_YES;
    }
    if (call->response == NULL)
        return reply_no_memory(http, call->connection, call_is_v1(call));
    rc = http->mhd.queue_response(call->connection, call->status, call->response);
    http->mhd.destroy_response(call->response);
    call->response = NULL;
    return rc;
}

static void dispatch(struct http *http, struct call *call)
{
    call->handled = true;
    http->unanswered++;
    http->answering++;
    if (gate_body(call))
        call->route->handle(call);
}

static enum MHD_Result begin(struct http *http, struct MHD_Connection *connection,
                             const char *url, const char *method, void **con_cls)
{
    struct call *call = call_create(http, connection, url, method);

    *con_cls = call;
    if (call == NULL)
        return reply_no_memory(http, connection, strncmp(url, "/v1/", 4) == 0);
    set_timeout(http, connection, http->read_timeout_s);
    if (!gate_headers(&http->gate, call))
        return settle(http, call);
    return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *data, size_t *size,
                                  void **con_cls)
{
    struct http *http = arg;
    struct call *call = *con_cls;

    (void)version;
    if (call == NULL)
        return begin(http, connection, url, method, con_cls);
    if (*size > 0) {
        bool taken = call_take(call, data, *size);

        *size = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    if (!call->handled && !call->replied && http->stopping)
        call_reply_problem(call, 503, "the API is being stopped");
    else if (!call->handled && !call->replied && gate_route(&http->gate, call))
        dispatch(http, call);
    return settle(http, call);
}

void http_on_reply(struct http *http, struct call *call)
{
    if (call->handled) {
        assert(http->unanswered > 0);
        http->unanswered--;
    }
    log_debug(http->log, "api", "%s %s: %u", call->method, call->path, call->status);
    if (call->suspended) {
        call->suspended = false;
        http->mhd.resume_connection(call->connection);
        http->resumed = true;
    }
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode how)
{
    struct http *http = arg;
    struct call *call = *con_cls;

    if (call == NULL)
        return;
    assert(call->replied || !call->handled);
    if (call->handled)
        http->answering--;
    call_destroy(call);
    *con_cls = NULL;
    if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        set_timeout(http, connection, http->idle_timeout_s);
}

/* The path is cut into parts before it is decoded. */
static size_t leave_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

static void on_daemon_log(void *arg, const char *format, va_list args)
{
    struct http *http = arg;
    char line[512];

    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\r\n")] = '\0';
    log_debug(http->log, "api", "%s", line);
}

/* The loop */

static void try_finish(struct http *http);

static bool has_room(struct http *http)
{
    const union MHD_DaemonInfo *info =
        http->mhd.get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info->num_connections < HTTP_CONNECTIONS_MAX;
}

/* What cannot be taken (memory is short) has been closed. */
static bool on_accepted(void *arg, int fd, const struct sockaddr *peer, socklen_t size)
{
    struct http *http = arg;

    http->mhd.add_connection(http->daemon, fd, peer, size);
    return has_room(http);
}

static void pump(struct http *http)
{
    http->resumed = false;
    if (http->daemon != NULL)
        http->mhd.run(http->daemon);
    if (http->stopping)
        try_finish(http);
    else
        door_set_open(&http->door, has_room(http));
}

static void on_taken(void *arg)
{
    pump(arg);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    pump(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
    pump(timer->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct http *http = prepare->data;
    MHD_UNSIGNED_LONG_LONG ms;

    if (http->resumed)
        uv_timer_start(&http->timer, on_timer, 0, 0);
    else if (http->mhd.get_timeout(http->daemon, &ms) == MHD_YES)
        uv_timer_start(&http->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&http->timer);
}

static void release(struct http *http)
{
    for (int i = 0; i < 2; i++)
        if (http->no_memory[i] != NULL)
            http->mhd.destroy_response(http->no_memory[i]);
    free(http->gate.token);
    free(http);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;
    void (*on_closed)(void *arg) = http->on_closed;
    void *arg = http->closed_arg;

    http->handles_open--;
    if (http->handles_open > 0)
        return;
    release(http);
    if (on_closed != NULL)
        on_closed(arg);
}

static void close_handles(struct http *http)
{
    uv_close((uv_handle_t *)&http->poll, on_handle_closed);
    uv_close((uv_handle_t *)&http->prepare, on_handle_closed);
    uv_close((uv_handle_t *)&http->timer, on_handle_closed);
    uv_close((uv_handle_t *)&http->grace, on_handle_closed);
    door_close(&http->door, on_handle_closed);
}

static void close_listener(struct http *http)
{
    static const char unix_prefix[] = "unix:";

    close(http->listen_fd);
    if (strncmp(http->address, unix_prefix, sizeof unix_prefix - 1) == 0)
        unlink(http->address + sizeof unix_prefix - 1);
}

/* A suspended connection must not meet the end of its daemon: what a handler has is
 * answered first, however long that takes. */
static void finish(struct http *http)
{
    struct MHD_Daemon *daemon = http->daemon;

    assert(http->unanswered == 0);
    http->daemon = NULL;
    uv_poll_stop(&http->poll);
    http->mhd.run(daemon); /* what was resumed a moment ago is no longer suspended */
    http->mhd.stop_daemon(daemon);
    close_listener(http);
    close_handles(http);
}

static void try_finish(struct http *http)
{
    bool grace_over = !uv_is_active((uv_handle_t *)&http->grace);

    if (http->daemon == NULL || http->unanswered > 0)
        return;
    if (http->answering == 0 || grace_over)
        finish(http);
}

static void on_grace_over(uv_timer_t *timer)
{
    try_finish(timer->data);
}

void http_stop(struct http *http, void (*on_closed)(void *arg), void *arg)
{
    assert(!http->stopping);
    http->stopping = true;
    http->on_closed = on_closed;
    http->closed_arg = arg;
    door_set_open(&http->door, false);
    uv_timer_start(&http->grace, on_grace_over, GRACE_MS, 0);
    try_finish(http);
}

static int make_reserve(struct http *http, struct error *err)
{
    static const struct {
        const char *type;
        char body[80];
    } replies[2] = {
        {"text/plain; charset=utf-8", "{\"error\":\"out of memory\",\"status\":500}\n"},
        {"application/json",
         "{\"error\":{\"code\":\"cannot\",\"message\":\"out of memory\"}}"},
    };

    for (int i = 0; i < 2; i++) {
        struct MHD_Response *response = http->mhd.create_response_from_buffer(
            strlen(replies[i].body), (void *)replies[i].body, MHD_RESPMEM_PERSISTENT);

        http->no_memory[i] = response;
        if (response == NULL ||
            http->mhd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                          replies[i].type) != MHD_YES)
            return error_set(err, E_NOMEM, "HTTP server");
    }
    return 0;
}

static int start_daemon(struct http *http, struct error *err)
{
    http->daemon = http->mhd.start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_daemon_log, http,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_UNESCAPE_CALLBACK,
        leave_escaped, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, http->idle_timeout_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_END);
    if (http->daemon == NULL)
        return error_from_errno(err, "start the HTTP server on %s", http->address);
    return 0;
}

static void start_handles(struct http *http, uv_loop_t *loop)
{
    const union MHD_DaemonInfo *info =
        http->mhd.get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    assert(info != NULL);
    uv_poll_init(loop, &http->poll, info->epoll_fd);
    uv_prepare_init(loop, &http->prepare);
    uv_timer_init(loop, &http->timer);
    uv_timer_init(loop, &http->grace);
    http->door = (struct door){.fd = http->listen_fd,
                               .log = http->log,
                               .take = on_accepted,
                               .taken = on_taken,
                               .arg = http};
    door_init(&http->door, loop);
    http->poll.data = http->prepare.data = http->timer.data = http->grace.data = http;
    http->door.poll.data = http->door.pause.data = http;
    http->handles_open = HANDLE_COUNT;
    uv_poll_start(&http->poll, UV_READABLE, on_poll);
    uv_prepare_start(&http->prepare, on_prepare);
}

static int open_listener(struct http *http, const struct http_options *options,
                         struct error *err)
{
    struct address address;
    int rc = listen_parse(&address, options->listen, false, err);

    if (rc != 0)
        return error_prefix(err, "API");
    if (options->token == NULL && !listen_is_loopback(&address)) {
        error_set(err, E_PARAM,
                  "the API on %s could be reached from other machines by anybody",
                  options->listen);
        error_hint(err, "give it a token, or let it listen on 127.0.0.1 or unix:/path");
        return E_PARAM;
    }
    http->gate.checks_host = address.kind != ADDRESS_UNIX;
    rc = listen_open(&http->listen_fd, http->address, &address, err);
    return rc != 0 ? error_prefix(err, "API") : 0;
}

int http_start(struct http **out, uv_loop_t *loop, const struct http_options *options,
               struct error *err)
{
    struct http *http = calloc(1, sizeof *http);
    int rc;

    if (http == NULL)
        return error_set(err, E_NOMEM, "HTTP server");
    http->gate.tables = options->tables;
    http->context = options->context;
    http->log = options->log;
    http->read_timeout_s =
        options->read_timeout_s ? options->read_timeout_s : HTTP_READ_TIMEOUT_S;
    http->idle_timeout_s =
        options->idle_timeout_s ? options->idle_timeout_s : HTTP_IDLE_TIMEOUT_S;
    if (options->token != NULL && (http->gate.token = strdup(options->token)) == NULL) {
        rc = error_set(err, E_NOMEM, "HTTP server");
        goto fail_free;
    }
    if (getrandom(http->machine, sizeof http->machine, 0) < 0) {
        rc = error_from_errno(err, "random bytes");
        goto fail_free;
    }
    rc = mhd_load(&http->mhd, NULL, err);
    if (rc == 0)
        rc = make_reserve(http, err);
    if (rc == 0)
        rc = open_listener(http, options, err);
    if (rc != 0)
        goto fail_free;
    rc = start_daemon(http, err);
    if (rc != 0)
        goto fail_close;
    start_handles(http, loop);
    *out = http;
    return 0;

fail_close:
    close_listener(http);
fail_free:
    release(http);
    return rc;
}
