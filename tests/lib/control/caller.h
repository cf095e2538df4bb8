/* caller: HTTP requests as a test writes them, on a plain socket: also wrong ones. */
#ifndef STORMDRILL_TESTS_CALLER_H
#define STORMDRILL_TESTS_CALLER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct answer {
    int status;
    char type[96]; /* of the content; "" without */
    char *body;    /* ends in NUL */
    size_t size;
    json_t *json; /* the body, where it is JSON */
};

/* One request, and its answer whole, or the test fails. `headers` (or NULL) are lines
 * that end in \r\n; a body is sent as JSON unless they say what it is. Release it. */
struct answer caller_ask(const char *address, const char *method, const char *path,
                         const char *headers, const char *body);
void answer_release(struct answer *answer);

/* "links.0.name" inside the answer's JSON; NULL when there is no such thing. Borrowed. */
const json_t *answer_at(const struct answer *answer, const char *path);

/* The text there; "" when it is none. */
const char *answer_text(const struct answer *answer, const char *path);

/* A connection to "127.0.0.1:PORT". */
int caller_connect(const char *address);

#endif
