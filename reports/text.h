/* text: foreign words on a person's terminal.
 *
 * Names, log lines and error texts come from scripts and brokers: control characters are
 * taken out (no escape sequence may reach a terminal), broken UTF-8 becomes '?', and
 * where the locale is not UTF-8 the few signs that we use ourselves have an ASCII
 * spelling. */
#ifndef STORMDRILL_REPORTS_TEXT_H
#define STORMDRILL_REPORTS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Print `text` (NULL: nothing), cleaned. A newline becomes a blank. */
void text_put(FILE *to, const char *text, bool utf8);

/* The same, padded with blanks up to `width` columns. Longer text is not cut. */
void text_put_padded(FILE *to, const char *text, int width, bool utf8);

/* How many columns it takes once cleaned (one per code point). */
int text_width(const char *text, bool utf8);

/* Cleaned into `to`; cut at `size`. Gives `to`. */
char *text_printable(char *to, size_t size, const char *text, bool utf8);

/* "0.8 s", "54.9 s", "11 min 3 s", "2 h 5 min". Gives `to`. */
char *text_duration(char *to, size_t size, double seconds);

/* "1,204,312". Gives `to`. */
char *text_count(char *to, size_t size, uint64_t count);

#endif
