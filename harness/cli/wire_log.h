/* wire_log: what the proxy saw, as lines for a person (`stormdrill proxy -v`).
 *
 * The plane's thread must never wait for a terminal, so events become lines there and
 * are printed by the loop's thread; a reader that is too slow costs lines, which are
 * counted, never bytes of a connection. */
#ifndef STORMDRILL_CLI_WIRE_LOG_H
#define STORMDRILL_CLI_WIRE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

#include "proxy/base/error.h"
#include "proxy/observer.h"

struct wire_log;

struct wire_log_options {
    uv_loop_t *loop;
    FILE *to;
    bool verbose; /* else only what a user must know: nobody answers upstream */
    bool utf8;
    bool named;        /* each line begins with the name of its link */
    uint64_t start_ns; /* zero of the times printed */
};

int wire_log_open(struct wire_log **out, const struct wire_log_options *options,
                  struct error *err);

/* The observer to hand to the plane; its calls come on the plane's thread. */
struct observer wire_log_observer(struct wire_log *log);

/* Print what is left. After plane_stop; the loop runs once more to close the handle. */
void wire_log_close(struct wire_log *log);

/* One event as text without its time: "connection 3 closed by the client (FIN), …".
 * false: nothing that a person wants to read. */
bool wire_log_describe(char *text, size_t size, const struct proxy_event *event);

#endif
