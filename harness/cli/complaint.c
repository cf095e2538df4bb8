/* complaint: how an error looks.
 *
 * The line of the script is shown with the one before it, cleaned and cut: the file may
 * be anything, also a binary one. A place that cannot be read is only named. */
#include "harness/cli/complaint.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text.h"

enum { LINE_BYTES_MAX = 160, EXIT_COLUMN = 90 };

static const char *paint(const struct terminal *terminal, const char *code)
{
    return terminal->colour ? code : "";
}

/* "path:12" or "path:12:3" into its parts; 0 when there is no line number. */
static long split_place(char *path, size_t size, const char *where)
{
    const char *colon = strrchr(where, ':');
    long line;

    snprintf(path, size, "%s", where);
    if (colon == NULL)
        return 0;
    line = strtol(colon + 1, NULL, 10);
    path[colon - where] = '\0';
    /* Two numbers behind the path: the first is the line. */
    colon = strrchr(path, ':');
    if (colon != NULL && strspn(colon + 1, "0123456789") == strlen(colon + 1) &&
        colon[1] != '\0') {
        line = strtol(colon + 1, NULL, 10);
        path[colon - path] = '\0';
    }
    return line;
}

static void print_line(FILE *to, const struct terminal *terminal, long number, char mark,
                       char *line)
{
    char clean[LINE_BYTES_MAX];

    line[strcspn(line, "\n")] = '\0';
    text_printable(clean, sizeof clean, line, terminal->utf8);
    fprintf(to, "%s  %3ld %c %s%s\n", paint(terminal, mark == '>' ? "" : "\033[2m"),
            number, mark, clean, paint(terminal, mark == '>' ? "" : "\033[0m"));
}

/* The line and the one before it. */
static void print_source(FILE *to, const struct terminal *terminal, const char *where)
{
    char path[ERROR_WHERE_BYTES];
    long wanted = split_place(path, sizeof path, where);
    FILE *file = wanted > 0 ? fopen(path, "re") : NULL;
    char *line = NULL;
    size_t room = 0;

    if (file == NULL)
        return;
    for (long number = 1; number <= wanted && getline(&line, &room, file) > 0; number++) {
        if (number >= wanted - 1)
            print_line(to, terminal, number, number == wanted ? '>' : '|', line);
    }
    free(line);
    fclose(file);
}

/* The way out may have several lines; the exit code ends the last. */
static void print_hint(FILE *to, const struct terminal *terminal, const char *hint,
                       int exit_code)
{
    while (*hint != '\0') {
        size_t size = strcspn(hint, "\n");
        char line[ERROR_HINT_BYTES];
        bool last = hint[size] == '\0' || hint[size + 1] == '\0';

        snprintf(line, sizeof line, "%.*s", (int)size, hint);
        fputs("  ", to);
        text_put_padded(to, line, last && exit_code ? EXIT_COLUMN - 12 : 0,
                        terminal->utf8);
        if (last && exit_code)
            fprintf(to, "  %s[exit %d]%s", paint(terminal, "\033[2m"), exit_code,
                    paint(terminal, "\033[0m"));
        fputc('\n', to);
        hint += size + (hint[size] == '\n');
    }
}

void complaint_print(FILE *to, const struct terminal *terminal, const struct error *err,
                     int exit_code)
{
    assert(err->code != 0);
    fprintf(to, "%serror:%s ", paint(terminal, "\033[1;31m"), paint(terminal, "\033[0m"));
    text_put(to, err->text, terminal->utf8);
    if (exit_code != 0 && err->hint[0] == '\0')
        fprintf(to, "  %s[exit %d]%s", paint(terminal, "\033[2m"), exit_code,
                paint(terminal, "\033[0m"));
    fputc('\n', to);
    if (err->where[0] != '\0') {
        fprintf(to, "  %s-->%s ", paint(terminal, "\033[34m"),
                paint(terminal, "\033[0m"));
        text_put(to, err->where, terminal->utf8);
        fputc('\n', to);
        print_source(to, terminal, err->where);
    }
    print_hint(to, terminal, err->hint, exit_code);
}

void complaint_warn(FILE *to, const struct terminal *terminal, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(to, "%swarning:%s ", paint(terminal, "\033[33m"), paint(terminal, "\033[0m"));
    text_put(to, text, terminal->utf8);
    fputc('\n', to);
}

int complaint_end(const struct terminal *terminal, const struct error *err)
{
    int exit_code = error_exit_code(err->code);

    complaint_print(stderr, terminal, err, exit_code);
    return exit_code;
}
