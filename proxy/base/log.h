/* log: text for a person on stderr, one JSON object per line for the run folder.
 *
 * There is no global log (STYLE C14): whoever may log is handed one; NULL logs nothing.
 * Secrets are the caller's duty: never pass a password, token or key.
 * Thread: log_write may be called from any thread; create and destroy from one. */
#ifndef STORMDRILL_BASE_LOG_H
#define STORMDRILL_BASE_LOG_H

#include "proxy/base/error.h"

enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };

struct log;

/* `stderr_level`: what a person sees ("<3>" prefixes when $JOURNAL_STREAM is set).
 * `path`: NDJSON file, appended, every level; NULL for none. */
int log_create(struct log **out, enum log_level stderr_level, const char *path,
               struct error *err);
void log_destroy(struct log *log);

void log_write(struct log *log, enum log_level level, const char *area,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

#define log_error(log, area, ...) log_write(log, LOG_ERROR_LEVEL, area, __VA_ARGS__)
#define log_warn(log, area, ...) log_write(log, LOG_WARN_LEVEL, area, __VA_ARGS__)
#define log_info(log, area, ...) log_write(log, LOG_INFO_LEVEL, area, __VA_ARGS__)
#define log_debug(log, area, ...) log_write(log, LOG_DEBUG_LEVEL, area, __VA_ARGS__)

#endif
