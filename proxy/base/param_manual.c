/* param_manual: a table as a person reads it, for --help and the reference.
 *
 *   base  duration, default 100ms, 0 to 60s
 *       time each chunk waits */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/param_value.h"

enum { KINDS_BYTES = 1024 };

static void print_range(FILE *out, const struct param *p)
{
    if (p->min != NULL && p->max != NULL)
        fprintf(out, ", %s to %s", p->min, p->max);
    else if (p->min != NULL)
        fprintf(out, ", at least %s", p->min);
    else if (p->max != NULL)
        fprintf(out, ", at most %s", p->max);
}

static void print_param(FILE *out, const struct param *p)
{
    char kinds[KINDS_BYTES];

    param_kinds_text(p, kinds, sizeof kinds);
    fprintf(out, "%s  %s", p->name, kinds);
    if (p->fallback != NULL && strcmp(p->fallback, "!") == 0)
        fprintf(out, ", required");
    else if (p->fallback != NULL)
        fprintf(out, ", default %s", p->fallback);
    print_range(out, p);
    fprintf(out, "\n    %s\n", p->summary == NULL ? "" : p->summary);
}

char *param_manual(const struct param *params)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    for (const struct param *p = params; p->name != NULL; p++)
        print_param(out, p);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
