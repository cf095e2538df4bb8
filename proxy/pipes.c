/* pipes: made when first needed, kept while the plane lives. */
#include "proxy/pipes.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void pipe_pool_init(struct pipe_pool *pool)
{
    *pool = (struct pipe_pool){.idle = NULL};
}

static void destroy(struct pipe_pool *pool, struct pipe *pipe)
{
    assert(pool->count > 0);
    close(pipe->read_fd);
    close(pipe->write_fd);
    free(pipe);
    pool->count--;
}

/* NULL when descriptors or memory are short: the direction goes on copying. */
static struct pipe *create(struct pipe_pool *pool)
{
    struct pipe *pipe = calloc(1, sizeof *pipe);
    int fds[2];
    int bytes;

    if (pipe == NULL)
        return NULL;
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(pipe);
        return NULL;
    }
    pipe->read_fd = fds[0];
    pipe->write_fd = fds[1];
    /* Where the user's quota of pipe pages is used up it stays at 64 KiB: slower. */
    fcntl(pipe->write_fd, F_SETPIPE_SZ, PIPE_BYTES);
    bytes = fcntl(pipe->write_fd, F_GETPIPE_SZ);
    pipe->bytes_max = bytes > 0 ? (size_t)bytes : 64 * 1024;
    pool->count++;
    return pipe;
}

/* The one that was used last: its pages are warm. */
struct pipe *pipe_pool_take(struct pipe_pool *pool)
{
    struct pipe *pipe = pool->idle;

    if (pipe == NULL)
        return pool->count < PIPES_MAX ? create(pool) : NULL;
    pool->idle = pipe->next;
    pipe->next = NULL;
    return pipe;
}

void pipe_pool_give(struct pipe_pool *pool, struct pipe *pipe)
{
    if (pipe->bytes > 0) {
        destroy(pool, pipe);
        return;
    }
    pipe->next = pool->idle;
    pool->idle = pipe;
}

void pipe_pool_release(struct pipe_pool *pool)
{
    while (pool->idle != NULL) {
        struct pipe *pipe = pool->idle;

        pool->idle = pipe->next;
        destroy(pool, pipe);
    }
    assert(pool->count == 0);
}
