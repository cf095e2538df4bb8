/* subject: compare token by token; nothing is copied. */
#include "proxy/nats/subject.h"

#include <stddef.h>
#include <string.h>

struct token {
    const char *at;
    size_t size;
};

static struct token token_at(const char *subject)
{
    return (struct token){.at = subject, .size = strcspn(subject, ".")};
}

/* The rest behind a token; NULL when it was the last. */
static const char *behind(struct token token)
{
    return token.at[token.size] == '.' ? token.at + token.size + 1 : NULL;
}

static bool is_one(struct token token, char c)
{
    return token.size == 1 && token.at[0] == c;
}

bool subject_matches(const char *pattern, const char *subject)
{
    while (pattern != NULL && subject != NULL) {
        struct token want = token_at(pattern);
        struct token have = token_at(subject);

        if (is_one(want, '>') && behind(want) == NULL)
            return true;
        /* What selects more than the pattern does is not selected by it as a whole. */
        if (is_one(have, '>') && behind(have) == NULL)
            return false;
        if (!is_one(want, '*')) {
            if (want.size != have.size || memcmp(want.at, have.at, want.size) != 0)
                return false;
        }
        pattern = behind(want);
        subject = behind(have);
    }
    return pattern == NULL && subject == NULL;
}
