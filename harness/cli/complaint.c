/* complaint: how an error looks: the sentence, the place with its
 * source lines, the way out, and which exit code follows. */
#include "harness/cli/complaint.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "reports/source.h"
#include "reports/text.h"

enum { EXIT_COLUMN = 90 };

static const char *paint(const struct terminal *terminal, const char *code)
{
    return terminal->colour ? code : "";
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
