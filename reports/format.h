/* format: one way to print a finished run. One file per format under formats/, one line
 * in formats.def. Reads results.json's object and, where it wants more, the evidence in
 * the run folder. Knows nothing of how the run was made. */
#ifndef STORMDRILL_REPORTS_FORMAT_H
#define STORMDRILL_REPORTS_FORMAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "proxy/base/error.h"

struct format_options {
    bool colour;
    bool utf8;
    int width;          /* of the terminal; 0: unknown */
    int verbose;        /* -1: only what did not pass; 1: numbers of passed checks too */
    const char *folder; /* the run's, as a person would type it; NULL: unknown */
};

struct format_type {
    const char *name; /* "terminal", "json" */
    const char *summary;
    const char *file; /* its file in the run folder; NULL: only printed */
    int (*print)(const json_t *results, const struct format_options *options, FILE *to,
                 struct error *err);
};

const struct format_type *format_type_find(const char *name);
const struct format_type *format_type_at(int index); /* NULL behind the last */

#endif
