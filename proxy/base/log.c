/* log: a line for a person, a JSON object for the run folder.
 *
 * All well:  format once, clean the text, write one line to each place that wants it.
 * The file cannot be written:  nobody is told; a log must never stop a run.
 * Each line is one write(2) to a descriptor opened for append, so that lines of several
 * processes do not mix. */
#include "proxy/base/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/clock.h"

enum { LINE_BYTES_MAX = 4096 };

struct log {
    enum log_level stderr_level;
    bool under_journal;
    int fd; /* of the NDJSON file; -1: none */
};

static const char *const level_names[] = {
    [LOG_ERROR_LEVEL] = "error",
    [LOG_WARN_LEVEL] = "warn",
    [LOG_INFO_LEVEL] = "info",
    [LOG_DEBUG_LEVEL] = "debug",
};

/* Priorities of syslog(3), as sd-daemon(3) reads them from a line's start. */
static const char *const journal_prefixes[] = {
    [LOG_ERROR_LEVEL] = "<3>",
    [LOG_WARN_LEVEL] = "<4>",
    [LOG_INFO_LEVEL] = "<6>",
    [LOG_DEBUG_LEVEL] = "<7>",
};

int log_create(struct log **out, enum log_level stderr_level, const char *path,
               struct error *err)
{
    struct log *log = calloc(1, sizeof *log);
    int rc;

    if (log == NULL)
        return error_set(err, E_NOMEM, "log");
    log->stderr_level = stderr_level;
    log->under_journal = getenv("JOURNAL_STREAM") != NULL;
    log->fd = -1;
    if (path != NULL) {
        log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log->fd == -1) {
            rc = error_from_errno(err, "open the log %s", path);
            goto fail_free;
        }
    }
    *out = log;
    return 0;

fail_free:
    free(log);
    return rc;
}

void log_destroy(struct log *log)
{
    if (log == NULL)
        return;
    if (log->fd != -1)
        close(log->fd);
    free(log);
}

/* Nothing in a message may start a new line or move a terminal's cursor. */
static void clean(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++)
        if (*at < 0x20 || *at == 0x7F)
            *at = ' ';
}

static void write_line(int fd, const char *line, size_t size)
{
    ssize_t written = write(fd, line, size);

    (void)written; /* a log that cannot be written has nowhere to say so */
}

static void time_text(uint64_t wall_ns, const char *format, char *text, size_t size)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    char whole[32];
    struct tm parts;

    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(whole, sizeof whole, format, &parts) == 0)
        whole[0] = '\0';
    snprintf(text, size, "%s.%03uZ", whole, (unsigned)(wall_ns % NS_PER_S / NS_PER_MS));
}

static void write_text(const struct log *log, enum log_level level, uint64_t wall_ns,
                       const char *area, const char *message)
{
    char line[LINE_BYTES_MAX + 128];
    char when[40];
    int length;

    /* The journal stamps the time itself. */
    if (log->under_journal) {
        length = snprintf(line, sizeof line, "%s%s: %s\n", journal_prefixes[level], area,
                          message);
    } else {
        time_text(wall_ns, "%H:%M:%S", when, sizeof when);
        length = snprintf(line, sizeof line, "%s %-5s %s: %s\n", when, level_names[level],
                          area, message);
    }
    if (length > 0)
        write_line(STDERR_FILENO, line,
                   (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

/* A JSON string of bytes that may be anything: what is no UTF-8 becomes '?'. */
static json_t *json_of_text(const char *text)
{
    json_t *json = json_string(text);
    char plain[LINE_BYTES_MAX];

    if (json != NULL)
        return json;
    snprintf(plain, sizeof plain, "%s", text);
    for (unsigned char *at = (unsigned char *)plain; *at != '\0'; at++)
        if (*at >= 0x80)
            *at = '?';
    return json_string(plain);
}

static void write_json(const struct log *log, enum log_level level, uint64_t wall_ns,
                       const char *area, const char *message)
{
    json_t *object;
    char when[40];
    char *line;
    size_t length;

    time_text(wall_ns, "%Y-%m-%dT%H:%M:%S", when, sizeof when);
    object =
        json_pack("{s:s, s:s, s:o*, s:o*}", "time", when, "level", level_names[level],
                  "area", json_of_text(area), "message", json_of_text(message));
    line = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (line == NULL)
        return;
    length = strlen(line);
    line[length] = '\n'; /* in the place of the end: one write, one line */
    write_line(log->fd, line, length + 1);
    free(line);
}

void log_write(struct log *log, enum log_level level, const char *area,
               const char *format, ...)
{
    char message[LINE_BYTES_MAX];
    uint64_t wall_ns;
    va_list args;

    if (log == NULL || (level > log->stderr_level && log->fd == -1))
        return;
    va_start(args, format);
    if (vsnprintf(message, sizeof message, format, args) < 0)
        message[0] = '\0';
    va_end(args);
    clean(message);
    wall_ns = clock_wall_ns();
    if (level <= log->stderr_level)
        write_text(log, level, wall_ns, area, message);
    if (log->fd != -1)
        write_json(log, level, wall_ns, area, message);
}
