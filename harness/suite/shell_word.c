/* shell_word: words that a person can paste into a shell. Everything inside single quotes
 * is itself, but for the quote, which has to step outside. */
#include "harness/suite/shell_word.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_plain(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-./:=,@%+";

    return word[0] != '\0' && word[strspn(word, plain)] == '\0';
}

char *shell_word(char *to, size_t size, const char *word)
{
    size_t used = 0;

    assert(size >= 8);
    if (is_plain(word)) {
        snprintf(to, size, "%s", word);
        return to;
    }
    to[used++] = '\'';
    /* Four bytes for a quote inside, two for the end. */
    for (; *word != '\0' && used + 6 < size; word++) {
        if (*word == '\'') {
            memcpy(to + used, "'\\''", 4);
            used += 4;
        } else {
            to[used++] = *word;
        }
    }
    to[used++] = '\'';
    to[used] = '\0';
    return to;
}
