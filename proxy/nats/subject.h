/* subject: NATS subjects and their patterns.
 *
 * Tokens are separated by dots; in a pattern `*` stands for one token, `>` at the end
 * for one or more. `#` is a token like any other on NATS.
 * Source: docs.nats.io, "Subject-Based Messaging". */
#ifndef STORMDRILL_NATS_SUBJECT_H
#define STORMDRILL_NATS_SUBJECT_H

#include <stdbool.h>

/* Does `pattern` select `subject`? `subject` may itself be a pattern: then whether every
 * subject it selects is selected by `pattern` too. */
bool subject_matches(const char *pattern, const char *subject);

#endif
