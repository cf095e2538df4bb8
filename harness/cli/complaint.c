/* complaint: how an error looks: the sentence, the place with its
 * source lines, the way out, and which exit code follows. */
#include "harness/cli/complaint.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reports/source.h"
#include "reports/text.h"

enum { EXIT_COLUMN = 90, EXIT_BYTES = 12, INDENT = 2 };

static const char *paint(const struct terminal *terminal, const char *code)
{
    return terminal->colour ? code : "";
}

static int exit_column(const struct terminal *terminal)
{
    int column = terminal->width > 0 && terminal->width < EXIT_COLUMN ? terminal->width
                                                                      : EXIT_COLUMN;

    return column > EXIT_BYTES ? column - EXIT_BYTES : 0;
}

/* How much of a line fits beside its indent: to a blank, where there is one; a word that
 * is wider than the terminal stays whole, since it may be copied from there. */
static size_t fitting(const char *line, size_t size, const struct terminal *terminal)
{
    char part[ERROR_HINT_BYTES];
    size_t best = 0;

    if (terminal->width == 0)
        return size;
    for (size_t i = 1; i <= size; i++) {
        if (i < size && line[i] != ' ')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)i, line);
        if (best > 0 && text_width(part, terminal->utf8) + INDENT > terminal->width)
            return best;
        best = i;
    }
    return size;
}

/* The way out may have several lines; the exit code ends the last. */
static void print_hint(FILE *to, const struct terminal *terminal, const char *hint,
                       int exit_code)
{
    while (*hint != '\0') {
        size_t size = fitting(hint, strcspn(hint, "\n"), terminal);
        char line[ERROR_HINT_BYTES];
        bool last = hint[size] == '\0' || hint[size + 1] == '\0';

        snprintf(line, sizeof line, "%.*s", (int)size, hint);
        fputs("  ", to);
        text_put_padded(to, line, last && exit_code ? exit_column(terminal) : 0,
                        terminal->utf8);
        if (last && exit_code)
            fprintf(to, "  %s[exit %d]%s", paint(terminal, "\033[2m"), exit_code,
                    paint(terminal, "\033[0m"));
        fputc('\n', to);
        hint += size + (hint[size] == '\n' || hint[size] == ' ');
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
    source_print(to, err->where, 2, terminal->colour, terminal->utf8);
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
