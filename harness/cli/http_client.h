/* http_client: one request to a running proxy's API, and its answer.
 *
 * Small on purpose: `stormdrill fault` speaks JSON of a few kilobytes to a server of ours
 * on the same machine. libcurl would load some thirty shared libraries into every guard
 * and client process for that. It asks in HTTP/1.0, so that no server answers in pieces.
 * Bounded: ten seconds for all of it, sixteen megabytes of answer. Blocks; main thread.
 */
#ifndef STORMDRILL_CLI_HTTP_CLIENT_H
#define STORMDRILL_CLI_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

enum { HTTP_CLIENT_PATH_BYTES = 1024, HTTP_CLIENT_ANSWER_BYTES_MAX = 16 << 20 };

struct http_client_request {
    const char *address; /* "127.0.0.1:8474", "localhost:8474", "unix:/path" */
    const char *method;  /* "GET" */
    const char *path;    /* "/v1/links", its parts escaped */
    const char *body;    /* JSON; NULL: none */
    const char *token;   /* NULL: none */
    uint64_t timeout_ns; /* for all of it; 0: 10 s */
};

struct http_client_answer {
    int status;
    char *body; /* ends in NUL, which does not count */
    size_t size;
};

/* 0, whatever the status is; release the answer then. E_USAGE: that is no address;
 * E_ENVIRONMENT: nobody is there, or too slow; E_FORMAT: not HTTP; E_LIMIT: too much. */
int http_client_call(const struct http_client_request *request,
                     struct http_client_answer *answer, struct error *err);
void http_client_release(struct http_client_answer *answer);

/* Append `/part` to `path` (HTTP_CLIENT_PATH_BYTES), escaped. false: it has no room. */
bool http_client_append(char *path, const char *part);

#endif
