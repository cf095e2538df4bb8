/* token: one line of printable characters; blanks around it are not part of it. */
#include "harness/cli/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

/* It travels in a header, so it has no blanks and nothing beyond ASCII. */
static int take(char token[TOKEN_BYTES], const char *text, const char *where,
                struct error *err)
{
    size_t begin = strspn(text, blanks);
    size_t size = strcspn(text + begin, blanks);
    size_t end = begin + size;

    if (size == 0)
        return error_set(err, E_USAGE, "the token in %s is empty", where);
    if (text[end + strspn(text + end, blanks)] != '\0')
        return error_set(err, E_USAGE, "the token in %s is more than one word", where);
    if (size >= TOKEN_BYTES)
        return error_set(err, E_USAGE, "the token in %s is longer than %d characters",
                         where, TOKEN_BYTES - 1);
    for (size_t i = begin; i < end; i++) {
        if (text[i] < '!' || text[i] > '~')
            return error_set(err, E_USAGE,
                             "the token in %s may have printable ASCII only", where);
    }
    memcpy(token, text + begin, size);
    token[size] = '\0';
    return 0;
}

static int take_file(char token[TOKEN_BYTES], const char *path, struct error *err)
{
    char text[TOKEN_BYTES + 64];
    FILE *file = fopen(path, "re");
    size_t size;
    bool failed;

    if (file == NULL) {
        error_set(err, E_USAGE, "cannot read --api-token-file %s: %s", path,
                  strerror(errno));
        return E_USAGE;
    }
    size = fread(text, 1, sizeof text - 1, file);
    failed = ferror(file) != 0;
    fclose(file);
    text[size] = '\0';
    if (failed)
        return error_set(err, E_USAGE, "cannot read --api-token-file %s", path);
    return take(token, text, path, err);
}

int token_read(char token[TOKEN_BYTES], const struct invocation *in, struct error *err)
{
    const char *path = invocation_text(in, "api-token-file");
    const char *variable = getenv("STORMDRILL_API_TOKEN");

    token[0] = '\0';
    if (path != NULL)
        return take_file(token, path, err);
    if (variable != NULL && variable[0] != '\0')
        return take(token, variable, "STORMDRILL_API_TOKEN", err);
    return 0;
}
