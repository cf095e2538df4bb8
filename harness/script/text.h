/* text: words of a scenario made safe for those who get them next: JSON takes only UTF-8,
 * progress only one line. */
#ifndef STORMDRILL_SCRIPT_TEXT_H
#define STORMDRILL_SCRIPT_TEXT_H

#include <stdbool.h>

bool text_is_utf8(const char *text);

/* In place: bytes that are no UTF-8 (RFC 3629) become '?'. */
void text_clean(char *text);

/* In place: control characters become blanks. */
void text_one_line(char *text);

#endif
