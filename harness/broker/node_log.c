/* node_log: what a broker prints: into its log file, into evidence, and remembered.
 *
 * All well:  attach -> read -> file, lines -> ... -> finish (rest is read) -> next
 * attach. The file holds every byte; lines are cut at a bound and made printable, because
 * they travel as JSON. A disk that is full costs log lines, never the run. */
#include "harness/broker/node_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a dead process may have left in its pipe, at most (the kernel's default is 64 KiB;
 * somebody who inherited the pipe could write for ever). */
enum { NODE_LOG_REST_BYTES_MAX = 1 << 20 };

static void keep(char *into, const char *line)
{
    size_t size = strlen(line);

    assert(size < NODE_LOG_LINE_BYTES);
    memcpy(into, line, size + 1);
}

static void end_line(struct node_log *log)
{
    log->line[log->line_size] = '\0';
    log->line_size = 0;
    log->line_cut = false;
    if (log->line[0] == '\0')
        return;
    keep(log->last, log->line);
    if (strstr(log->line, " [FTL] ") != NULL || strstr(log->line, " [ERR] ") != NULL)
        keep(log->fatal, log->line);
    if (log->line[0] != '[' && log->plain[0] == '\0')
        keep(log->plain, log->line);
    log->on_line(log->arg, log->line);
}

static void take_byte(struct node_log *log, char byte)
{
    if (byte == '\n') {
        end_line(log);
        return;
    }
    if (log->line_size == NODE_LOG_LINE_BYTES - 1) {
        log->line_cut = true;
        return;
    }
    if (byte == '\r' || log->line_cut)
        return;
    if ((unsigned char)byte < 0x20 && byte != '\t')
        byte = ' ';
    if ((unsigned char)byte >= 0x7f)
        byte = '?';
    log->line[log->line_size++] = byte;
}

static void take(struct node_log *log, const char *bytes, size_t size)
{
    ssize_t written = write(log->file, bytes, size);

    (void)written;
    for (size_t i = 0; i < size; i++)
        take_byte(log, bytes[i]);
}

int node_log_open(struct node_log *log, const char *path,
                  void (*on_line)(void *arg, const char *line), void *arg,
                  struct error *err)
{
    *log = (struct node_log){.on_line = on_line, .arg = arg};
    log->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log->file == -1)
        return error_from_errno(err, "create %s", path);
    return 0;
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(malloc(16384), 16384);
    if (buffer->base == NULL)
        buffer->len = 0;
}

static void on_pipe_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct node_log *log = stream->data;

    if (log != NULL && size > 0)
        take(log, buffer->base, (size_t)size);
    if (size < 0)
        uv_read_stop(stream);
    free(buffer->base);
}

int node_log_attach(struct node_log *log, uv_loop_t *loop, int *write_end,
                    struct error *err)
{
    int ends[2];

    assert(log->pipe == NULL);
    log->fatal[0] = log->plain[0] = log->last[0] = '\0';
    log->pipe = malloc(sizeof *log->pipe);
    if (log->pipe == NULL)
        return error_set(err, E_NOMEM, "pipe of a broker");
    if (pipe2(ends, O_CLOEXEC) == -1) {
        free(log->pipe);
        log->pipe = NULL;
        return error_from_errno(err, "pipe of a broker");
    }
    uv_pipe_init(loop, log->pipe, 0);
    uv_pipe_open(log->pipe, ends[0]);
    log->pipe->data = log;
    uv_read_start((uv_stream_t *)log->pipe, on_allocate, on_read);
    *write_end = ends[1];
    return 0;
}

void node_log_finish(struct node_log *log)
{
    char bytes[16384];
    size_t total = 0;
    uv_os_fd_t fd;

    if (log->pipe == NULL)
        return;
    if (uv_fileno((uv_handle_t *)log->pipe, &fd) == 0) {
        ssize_t size;

        /* libuv made it non-blocking. */
        while (total < NODE_LOG_REST_BYTES_MAX &&
               (size = read(fd, bytes, sizeof bytes)) > 0) {
            take(log, bytes, (size_t)size);
            total += (size_t)size;
        }
    }
    end_line(log);
    log->pipe->data = NULL;
    uv_close((uv_handle_t *)log->pipe, on_pipe_closed);
    log->pipe = NULL;
}

void node_log_close(struct node_log *log)
{
    node_log_finish(log);
    if (log->file > 0)
        close(log->file);
    log->file = -1;
}

const char *node_log_cause(const struct node_log *log)
{
    if (log->fatal[0] != '\0')
        return log->fatal;
    if (log->plain[0] != '\0')
        return log->plain;
    return log->last;
}
