/* source: the line of a file that an error speaks of, with the one before it.
 *
 * Cleaned and cut: the file may be anything, also a binary one, and it may have changed
 * or gone since. A place that cannot be read is only named. */
#include "reports/source.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text.h"

enum { LINE_BYTES_MAX = 160 };

/* "path:12" or "path:12:3" into its parts; 0 when there is no line number. */
static long split_place(char *path, size_t size, const char *where)
{
    const char *colon = strrchr(where, ':');
    long line;

    if (colon == NULL || snprintf(path, size, "%s", where) >= (int)size)
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

static void print_line(FILE *to, long number, bool meant, char *line, int indent,
                       bool colour, bool utf8)
{
    bool dim = colour && !meant;
    char clean[LINE_BYTES_MAX];

    line[strcspn(line, "\n")] = '\0';
    text_printable(clean, sizeof clean, line, utf8);
    fprintf(to, "%s%*s%3ld %c %s%s\n", dim ? "\033[2m" : "", indent, "", number,
            meant ? '>' : '|', clean, dim ? "\033[0m" : "");
}

static void print_lines(FILE *to, const char *where, int indent, bool colour, bool utf8)
{
    char path[PATH_MAX];
    long wanted = split_place(path, sizeof path, where);
    FILE *file = wanted > 0 ? fopen(path, "re") : NULL;
    char *line = NULL;
    size_t room = 0;

    if (file == NULL)
        return;
    for (long number = 1; number <= wanted && getline(&line, &room, file) > 0; number++) {
        if (number >= wanted - 1)
            print_line(to, number, number == wanted, line, indent, colour, utf8);
    }
    free(line);
    fclose(file);
}

void source_print(FILE *to, const char *where, int indent, bool colour, bool utf8)
{
    if (where[0] == '\0')
        return;
    fprintf(to, "%*s%s-->%s ", indent, "", colour ? "\033[34m" : "",
            colour ? "\033[0m" : "");
    text_put(to, where, utf8);
    fputc('\n', to);
    print_lines(to, where, indent, colour, utf8);
}
