/* probe: ask one address one question, without waiting.
 *
 * All well:  connect -> request -> read -> line or end -> close -> done.
 * Refused, reset, too long, too late: close -> done with an error.
 * Everything ends in finish(); the last close callback frees. */
#include "harness/broker/probe.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PROBE_BYTES_MAX = 64 * 1024 };

struct probe {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    uv_write_t write;
    const char *request;
    enum probe_until until;
    probe_fn *done; /* NULL: cancelled */
    void *arg;
    bool closing;
    int handles_open;
    int rc;
    size_t size;
    char text[PROBE_BYTES_MAX + 1];
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct probe *probe = handle->data;

    probe->handles_open--;
    if (probe->handles_open > 0)
        return;
    if (probe->done != NULL)
        probe->done(probe->arg, probe->rc, probe->rc == 0 ? probe->text : NULL);
    free(probe);
}

static void finish(struct probe *probe, int rc)
{
    if (probe->closing)
        return;
    probe->closing = true;
    probe->rc = rc;
    uv_close((uv_handle_t *)&probe->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&probe->timer, on_handle_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    finish(timer->data, E_TIMEOUT);
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct probe *probe = handle->data;

    (void)suggested;
    buffer->base = probe->text + probe->size;
    buffer->len = PROBE_BYTES_MAX - probe->size;
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct probe *probe = stream->data;

    (void)buffer;
    if (probe->closing)
        return;
    if (size == UV_EOF) {
        finish(probe, probe->until == PROBE_END ? 0 : E_CLOSED);
        return;
    }
    if (size < 0) {
        finish(probe, size == UV_ENOBUFS ? E_LIMIT : E_CLOSED);
        return;
    }
    probe->size += (size_t)size;
    probe->text[probe->size] = '\0';
    if (probe->until == PROBE_LINE && strchr(probe->text, '\n') != NULL)
        finish(probe, 0);
}

static void on_written(uv_write_t *write, int status)
{
    struct probe *probe = write->data;

    if (status != 0)
        finish(probe, E_CLOSED);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct probe *probe = connect->data;
    uv_stream_t *stream = (uv_stream_t *)&probe->tcp;

    if (probe->closing)
        return;
    if (status != 0 || uv_read_start(stream, on_allocate, on_read) != 0) {
        finish(probe, E_CLOSED);
        return;
    }
    if (probe->request != NULL) {
        /* libuv wants a buffer that is not const; it only reads. */
        uv_buf_t buffer = {.base = (char *)probe->request, .len = strlen(probe->request)};

        if (uv_write(&probe->write, stream, &buffer, 1, on_written) != 0)
            finish(probe, E_CLOSED);
    }
}

int probe_start(struct probe **out, uv_loop_t *loop, const struct probe_options *options,
                struct error *err)
{
    struct sockaddr_in address;
    struct probe *probe;

    assert(options->done != NULL);
    *out = NULL;
    if (uv_ip4_addr(options->host, options->port, &address) != 0)
        return error_set(err, E_PARAM, "%s:%d is no address", options->host,
                         options->port);
    probe = calloc(1, sizeof *probe);
    if (probe == NULL)
        return error_set(err, E_NOMEM, "probe");
    probe->request = options->request;
    probe->until = options->until;
    probe->done = options->done;
    probe->arg = options->arg;
    probe->connect.data = probe->write.data = probe;
    probe->tcp.data = probe->timer.data = probe;
    uv_tcp_init(loop, &probe->tcp);
    uv_timer_init(loop, &probe->timer);
    probe->handles_open = 2;
    uv_timer_start(&probe->timer, on_timeout, options->timeout_ms, 0);
    if (uv_tcp_connect(&probe->connect, &probe->tcp, (const struct sockaddr *)&address,
                       on_connected) != 0)
        finish(probe, E_CLOSED);
    *out = probe;
    return 0;
}

void probe_cancel(struct probe *probe)
{
    if (probe == NULL)
        return;
    probe->done = NULL;
    finish(probe, E_CANCELLED);
}
