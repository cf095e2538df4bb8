/* route: compare a path with patterns, part by part.
 *
 * Paths are exact as in Toxiproxy: a slash more or less is another path. A part is
 * decoded after the path was cut, so that a name may hold an escaped slash. */
#include "proxy/control/route.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/param_problem.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Gives the length, or -1 for an escape that is none. */
static ptrdiff_t decode_into(char *out, const char *text, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < size; i++) {
        int high, low;

        if (text[i] != '%') {
            out[at++] = text[i];
            continue;
        }
        high = i + 2 < size ? hex_value(text[i + 1]) : -1;
        low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0))
            return -1;
        out[at++] = (char)(high * 16 + low);
        i += 2;
    }
    out[at] = '\0';
    return (ptrdiff_t)at;
}

char *route_decode(const char *text, size_t size, unsigned *status)
{
    char *out = malloc(size + 1);

    if (out == NULL) {
        *status = 500;
        return NULL;
    }
    *status = decode_into(out, text, size) < 0 || !param_problem_is_utf8(out) ? 400 : 0;
    if (*status == 0)
        return out;
    free(out);
    return NULL;
}

/* Do path and pattern have the same shape? An empty part fits no "{name}". */
static bool fits(const char *pattern, const char *path)
{
    while (*pattern != '\0') {
        if (*pattern == '{') {
            size_t size = strcspn(path, "/");

            if (size == 0)
                return false;
            path += size;
            pattern += strcspn(pattern, "}") + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

static unsigned fill_parts(struct call *call, const char *pattern)
{
    const char *path = call->path;

    while (*pattern != '\0') {
        struct call_part *part = &call->parts[call->part_count];
        size_t name_size, size;
        unsigned status;

        if (*pattern != '{') {
            pattern++;
            path++;
            continue;
        }
        name_size = strcspn(pattern, "}") - 1;
        size = strcspn(path, "/");
        assert(call->part_count < CALL_PARTS_MAX);
        assert(name_size < sizeof part->name);
        memcpy(part->name, pattern + 1, name_size);
        part->value = route_decode(path, size, &status);
        if (part->value == NULL)
            return status;
        call->part_count++;
        pattern += name_size + 2;
        path += size;
    }
    return 0;
}

void route_methods(const struct call *call, const struct route *const *tables, char *text,
                   size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (int t = 0; tables[t] != NULL; t++)
        for (const struct route *r = tables[t]; r->pattern != NULL && used < size; r++)
            if (fits(r->pattern, call->path))
                used += (size_t)snprintf(text + used, size - used, "%s%s",
                                         used > 0 ? ", " : "", r->method);
}

unsigned route_find(struct call *call, const struct route *const *tables)
{
    bool there = false;

    for (int t = 0; tables[t] != NULL; t++)
        for (const struct route *r = tables[t]; r->pattern != NULL; r++) {
            if (!fits(r->pattern, call->path))
                continue;
            there = true;
            if (strcmp(r->method, "*") != 0 && strcmp(r->method, call->method) != 0)
                continue;
            call->route = r;
            return fill_parts(call, r->pattern);
        }
    return there ? 405 : 404;
}
