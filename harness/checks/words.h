/* words: figures as a sentence says them. */
#ifndef STORMDRILL_CHECKS_WORDS_H
#define STORMDRILL_CHECKS_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum { TIME_TEXT_BYTES = 32 };

/* "2.02 s", "240 ms", "19.9 ms", "0.3 ms": three figures, never an exponent. Gives
 * `text`. */
const char *ms_text(double ms, char *text, size_t size);

/* The same for whole nanoseconds. */
const char *ns_text(uint64_t ns, char *text, size_t size);

#endif
