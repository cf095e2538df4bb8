/* net: loopback sockets for benchmarks. Non-blocking, TCP_NODELAY, and no port is ever
 * a fixed one. */
#ifndef STORMDRILL_BENCH_NET_H
#define STORMDRILL_BENCH_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Go into a network of our own, with a loopback that nobody else uses and, where that is
 * allowed, a congestion control that does not pace (cubic or reno): BBR, where it is the
 * machine's default, makes the loopback several times slower. Before any thread and any
 * socket; children come along. false: not allowed here, nothing has changed. */
bool net_own_namespace(void);

/* The congestion control in force. */
const char *net_congestion_control(char *name, size_t size);

/* Listen at 127.0.0.1 on a free port, given in `port`. -1: errno. */
int net_listen(uint16_t *port);

/* A port that nobody has right now. Whoever gets it must be ready to find it taken. */
uint16_t net_free_port(void);

/* Connect to 127.0.0.1; the connection stands when this returns. -1: errno. */
int net_connect(uint16_t port);

/* The same, but only begun. `source` is the last number of 127.0.0.x to come from: each
 * has its own ephemeral ports. 0: 127.0.0.1. */
int net_connect_begin(uint16_t port, unsigned source);

/* Wait until somebody accepts at `port`, for at most five seconds and as long as `pid`
 * lives. */
bool net_await_listener(uint16_t port, pid_t pid);

/* Close with RST: no TIME_WAIT keeps the port. */
void net_abort(int fd);

/* Write or read everything, waiting as long as it takes, at most `limit_ms`. */
bool net_write_all(int fd, const void *bytes, size_t size, int limit_ms);
bool net_read_all(int fd, void *bytes, size_t size, int limit_ms);

#endif
