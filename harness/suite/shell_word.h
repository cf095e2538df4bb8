/* shell_word: words that a person can paste into a shell. */
#ifndef STORMDRILL_SUITE_SHELL_WORD_H
#define STORMDRILL_SUITE_SHELL_WORD_H

#include <stddef.h>

/* A word as a POSIX shell reads it back: quoted where it must be. Gives `to`; cut text
 * is never left inside an open quote. */
char *shell_word(char *to, size_t size, const char *word);

#endif
