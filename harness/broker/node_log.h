/* node_log: what a broker prints: into its log file, into evidence, and remembered so far
 * as it may explain an end. Private to this folder. Loop's thread. */
#ifndef STORMDRILL_BROKER_NODE_LOG_H
#define STORMDRILL_BROKER_NODE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "proxy/base/error.h"

enum { NODE_LOG_LINE_BYTES = 1024 };

struct node_log {
    int file;
    uv_pipe_t *pipe; /* NULL: no process attached */
    char line[NODE_LOG_LINE_BYTES];
    size_t line_size;
    bool line_cut; /* the rest of an overlong line is skipped, but stands in the file */
    char fatal[NODE_LOG_LINE_BYTES]; /* last line marked FTL or ERR */
    char plain[NODE_LOG_LINE_BYTES]; /* first line that is no log line: usage, a panic */
    char last[NODE_LOG_LINE_BYTES];
    void (*on_line)(void *arg, const char *line);
    void *arg;
};

/* Open (append) the file. `on_line` gets each line, printable, at most as long as
 * NODE_LOG_LINE_BYTES. */
int node_log_open(struct node_log *log, const char *path,
                  void (*on_line)(void *arg, const char *line), void *arg,
                  struct error *err);

/* A pipe for the next process, and forget the last one's words. Gives the writing end,
 * which the caller closes after it was handed over. */
int node_log_attach(struct node_log *log, uv_loop_t *loop, int *write_end,
                    struct error *err);

/* The process has ended: read what is still in the pipe, then close it. */
void node_log_finish(struct node_log *log);

void node_log_close(struct node_log *log);

/* The line that says best why it ended; "" when it said nothing. */
const char *node_log_cause(const struct node_log *log);

#endif
