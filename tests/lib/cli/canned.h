/* canned: a server for one request, with an answer that the test wrote. */
#ifndef STORMDRILL_TESTS_CANNED_H
#define STORMDRILL_TESTS_CANNED_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "proxy/plane.h"

enum { CANNED_REQUEST_BYTES = 4096 };

/* It reads a request until its end, says `answer`, and closes; or, when it `holds`,
 * closes only when the test ends it. The test sets what it wants of the first two. */
struct canned {
    bool holds;
    size_t repeats; /* so many zero bytes behind the answer */
    int listen_fd;
    int stop[2];
    const char *answer;
    char address[ADDRESS_BYTES]; /* where it listens */
    char request[CANNED_REQUEST_BYTES];
    pthread_t thread;
};

/* On a free port. */
void canned_start(struct canned *s, const char *answer);

/* On "unix:/path". */
void canned_start_at(struct canned *s, const char *address, const char *answer);
void canned_end(struct canned *s);

#endif
