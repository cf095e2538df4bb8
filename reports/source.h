/* source: the line of a file that an error speaks of. */
#ifndef STORMDRILL_REPORTS_SOURCE_H
#define STORMDRILL_REPORTS_SOURCE_H

#include <stdbool.h>
#include <stdio.h>

/* "--> path:12" and below it that line with the one before, cleaned and cut, each
 * indented. A file that cannot be read is only named; "" prints nothing. */
void source_print(FILE *to, const char *where, int indent, bool colour, bool utf8);

#endif
