/* crew_orders: orders to a client's process and their answers.
 *
 * All well:     client_order writes a line, the process answers with the same id, the
 *               answer fires once.
 * Too late:     the order's timer fires E_TIMEOUT; a later answer is ignored.
 * Process gone: every open order is answered E_CLOSED.
 * A line that is no JSON object, or too long, is a broken client: the channel closes. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/client/crew.h"

struct outgoing {
    uv_write_t write;
    char *text;
};

static void on_order_closed(uv_handle_t *handle)
{
    struct order *order = handle->data;

    crew_drop_handle(order->crew);
    free(order);
}

/* Take the order out of the list, tell its owner, free it. */
static void settle(struct order *order, int rc, const struct error *err,
                   const json_t *answer)
{
    struct order **at = &order->client->orders;

    while (*at != order) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = order->next;
    uv_timer_stop(&order->timer);
    order->answered(order->arg, rc, err, answer);
    uv_close((uv_handle_t *)&order->timer, on_order_closed);
}

static void on_deadline(uv_timer_t *timer)
{
    struct order *order = timer->data;
    struct error err;

    if (order->sent)
        error_set(&err, E_TIMEOUT, "client '%s' did not answer '%s' in time",
                  order->client->name, order->what);
    else
        error_set(&err, E_CLOSED, "client '%s' is not running", order->client->name);
    settle(order, err.code, &err, NULL);
}

static void on_answer(struct client *client, int64_t id, const json_t *line)
{
    struct order *order = client->orders;
    struct error err;
    int rc = (int)json_integer_value(json_object_get(line, "rc"));
    const char *text = json_string_value(json_object_get(line, "text"));

    while (order != NULL && order->id != id)
        order = order->next;
    if (order == NULL)
        return;
    if (rc == 0) {
        settle(order, 0, NULL, line);
        return;
    }
    error_set(&err, rc, "%s", text != NULL ? text : error_text(rc));
    settle(order, rc, &err, line);
}

static void on_line(struct client *client, const char *text, size_t size)
{
    json_t *line = json_loadb(text, size, 0, NULL);
    const json_t *id = json_object_get(line, "id");

    if (json_is_integer(id))
        on_answer(client, json_integer_value(id), line);
    else if (json_is_object(line))
        client_on_line(client, line);
    else
        log_warn(client->crew->context->log, "client",
                 "%s said something that is no JSON", client->name);
    json_decref(line);
}

static void take_lines(struct client *client)
{
    struct channel *channel = client->channel;
    size_t from = 0;

    for (;;) {
        char *end = memchr(channel->line + from, '\n', channel->line_size - from);
        size_t size;

        if (end == NULL)
            break;
        size = (size_t)(end - channel->line) - from;
        on_line(client, channel->line + from, size);
        /* What it said may have ended the channel. */
        if (client->channel != channel)
            return;
        from += size + 1;
    }
    memmove(channel->line, channel->line + from, channel->line_size - from);
    channel->line_size -= from;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct client *client = handle->data;
    struct channel *channel = client->channel;
    size_t want = channel->line_size + 4096;

    (void)suggested;
    *buffer = uv_buf_init(NULL, 0);
    if (want > CLIENT_ORDER_LINE_BYTES_MAX)
        return;
    if (want > channel->line_capacity) {
        char *grown = realloc(channel->line, want * 2);

        if (grown == NULL)
            return;
        channel->line = grown;
        channel->line_capacity = want * 2;
    }
    *buffer = uv_buf_init(channel->line + channel->line_size, 4096);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct client *client = stream->data;

    (void)buffer;
    if (size < 0) {
        channel_close(client);
        return;
    }
    client->channel->line_size += (size_t)size;
    take_lines(client);
}

int channel_open(struct client *client, int fd, struct error *err)
{
    struct channel *channel = calloc(1, sizeof *channel);
    int rc;

    assert(client->channel == NULL);
    if (channel == NULL) {
        close(fd);
        return error_set(err, E_NOMEM, "control channel of '%s'", client->name);
    }
    rc = uv_pipe_init(client->crew->context->loop, &channel->pipe, 0);
    assert(rc == 0);
    channel->pipe.data = client;
    client->channel = channel;
    client->crew->handles++;
    channel->crew = client->crew;
    rc = uv_pipe_open(&channel->pipe, fd);
    if (rc != 0)
        close(fd);
    else
        rc = uv_read_start((uv_stream_t *)&channel->pipe, on_alloc, on_read);
    if (rc != 0) {
        channel_close(client);
        return error_set(err, E_SYSTEM, "control channel of '%s': %s", client->name,
                         uv_strerror(rc));
    }
    return 0;
}

static void on_channel_closed(uv_handle_t *handle)
{
    struct channel *channel = (struct channel *)handle;

    crew_drop_handle(channel->crew);
    free(channel->line);
    free(channel);
}

static struct order *sent_order(const struct client *client)
{
    struct order *order = client->orders;

    while (order != NULL && !order->sent)
        order = order->next;
    return order;
}

void channel_close(struct client *client)
{
    struct error err;

    if (client->channel != NULL) {
        uv_close((uv_handle_t *)&client->channel->pipe, on_channel_closed);
        client->channel = NULL;
    }
    error_set(&err, E_CLOSED, "client '%s' has ended", client->name);
    /* Orders that an answer gives rise to are not sent: their own timer ends them. */
    for (struct order *order = sent_order(client); order != NULL;
         order = sent_order(client))
        settle(order, E_CLOSED, &err, NULL);
}

static void on_written(uv_write_t *write, int status)
{
    struct outgoing *outgoing = (struct outgoing *)write;

    (void)status; /* a broken pipe is told by the reader */
    free(outgoing->text);
    free(outgoing);
}

static bool send_line(struct client *client, const json_t *line)
{
    struct outgoing *outgoing = calloc(1, sizeof *outgoing);
    uv_buf_t buffer;
    size_t size;

    if (outgoing == NULL)
        return false;
    outgoing->text = json_dumps(line, JSON_COMPACT);
    if (outgoing->text == NULL) {
        free(outgoing);
        return false;
    }
    /* The terminating zero becomes the end of the line. */
    size = strlen(outgoing->text);
    outgoing->text[size] = '\n';
    buffer = uv_buf_init(outgoing->text, (unsigned)size + 1);
    if (uv_write(&outgoing->write, (uv_stream_t *)&client->channel->pipe, &buffer, 1,
                 on_written) != 0) {
        free(outgoing->text);
        free(outgoing);
        return false;
    }
    return true;
}

void client_order(struct client *client, const char *op, const json_t *body,
                  uint64_t within_ns,
                  void (*answered)(void *arg, int rc, const struct error *err,
                                   const json_t *answer),
                  void *arg)
{
    struct order *order = calloc(1, sizeof *order);
    json_t *line = body != NULL ? json_copy((json_t *)body) : json_object();

    assert(order != NULL);
    assert(line != NULL);
    order->client = client;
    order->crew = client->crew;
    order->id = ++client->order_ids;
    order->what = op;
    order->answered = answered;
    order->arg = arg;
    order->next = client->orders;
    client->orders = order;
    uv_timer_init(client->crew->context->loop, &order->timer);
    order->timer.data = order;
    client->crew->handles++;

    json_object_set_new(line, "id", json_integer(order->id));
    json_object_set_new(line, "op", json_string(op));
    order->sent = client->channel != NULL && send_line(client, line);
    json_decref(line);
    /* Not sent: the answer comes at once, yet not before this function returns. */
    uv_timer_start(&order->timer, on_deadline, order->sent ? within_ns / NS_PER_MS : 0,
                   0);
}
