/* origin: the server at the far end of every proxy, a thread of the benchmark. */
#ifndef STORMDRILL_BENCH_ORIGIN_H
#define STORMDRILL_BENCH_ORIGIN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct origin;

/* Something can be read from `fd`: read once, at most ORIGIN_READ_BYTES into
 * origin->buffer. false: it is over, close it. */
typedef bool origin_read_fn(struct origin *origin, int fd);

enum { ORIGIN_READ_BYTES = 256 * 1024 };

struct origin {
    uint16_t port;
    origin_read_fn *on_readable;
    void *arg;
    _Atomic uint64_t bytes;    /* read since it began */
    _Atomic uint64_t accepted; /* connections since it began */
    _Atomic int open;          /* connections now */
    char *buffer;
    bool *connections; /* by descriptor: is it one of ours? */
    int listener;
    int epoll;
    int stopper;
    pthread_t thread;
};

/* 0, or -1 with errno. */
int origin_start(struct origin *origin, origin_read_fn *on_readable, void *arg);
void origin_stop(struct origin *origin);

/* Wait until it has `count` connections, for at most `limit_ms`. */
bool origin_await_open(struct origin *origin, int count, int limit_ms);

origin_read_fn origin_sink; /* reads and forgets */
origin_read_fn origin_echo; /* sends back what it reads */

#endif
