/* pipes: a small pool of kernel pipes, for directions that are in bulk.
 *
 * splice() moves pages from socket to pipe to socket without copying them through us.
 * At most PIPES_MAX exist; whoever gets none goes on copying. */
#ifndef STORMDRILL_PROXY_PIPES_H
#define STORMDRILL_PROXY_PIPES_H

#include <stddef.h>

enum { PIPES_MAX = 32, PIPE_BYTES = 1 << 20 };

struct pipe {
    struct pipe *next; /* in the pool */
    int read_fd;
    int write_fd;
    size_t bytes_max;
    size_t bytes; /* in it now */
};

struct pipe_pool {
    struct pipe *idle;
    unsigned count; /* idle and lent */
};

void pipe_pool_init(struct pipe_pool *pool);
void pipe_pool_release(struct pipe_pool *pool); /* all pipes must be back */

/* Gives an empty pipe, or NULL. */
struct pipe *pipe_pool_take(struct pipe_pool *pool);

/* Takes it back; one that still holds bytes is closed. */
void pipe_pool_give(struct pipe_pool *pool, struct pipe *pipe);

#endif
