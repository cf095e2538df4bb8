/* text: words of a scenario made safe for those who get them next.
 *
 * A script may put any byte into a note or an error. jansson refuses what is no UTF-8,
 * and then the whole record would lose its words; a line break would cut progress in two.
 */
#include "harness/script/text.h"

#include <stddef.h>
#include <stdint.h>

/* How many bytes the character at `s` has; 0 when it is none. */
static size_t character_bytes(const unsigned char *s)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = s[0] < 0x80             ? 1
                  : (s[0] & 0xe0) == 0xc0 ? 2
                  : (s[0] & 0xf0) == 0xe0 ? 3
                  : (s[0] & 0xf8) == 0xf0 ? 4
                                          : 0;
    uint32_t code = size > 1 ? s[0] & (0x7fu >> size) : s[0];

    for (size_t i = 1; i < size; i++) {
        if ((s[i] & 0xc0) != 0x80) /* also at the end of the text */
            return 0;
        code = code << 6 | (s[i] & 0x3fu);
    }
    if (size == 0 || code < least[size] || code > 0x10ffff ||
        (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return size;
}

bool text_is_utf8(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    while (*s != '\0') {
        size_t size = character_bytes(s);

        if (size == 0)
            return false;
        s += size;
    }
    return true;
}

void text_clean(char *text)
{
    unsigned char *s = (unsigned char *)text;

    while (*s != '\0') {
        size_t size = character_bytes(s);

        if (size == 0)
            *s++ = '?';
        else
            s += size;
    }
}

void text_one_line(char *text)
{
    for (unsigned char *s = (unsigned char *)text; *s != '\0'; s++) {
        if (*s < 0x20 || *s == 0x7f)
            *s = ' ';
    }
}
