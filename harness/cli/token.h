/* token: the control API's token, from a file or the environment, never from the command
 * line, where every user of the machine could read it. */
#ifndef STORMDRILL_CLI_TOKEN_H
#define STORMDRILL_CLI_TOKEN_H

#include "harness/cli/command.h"

enum { TOKEN_BYTES = 513 };

/* --api-token-file, else $STORMDRILL_API_TOKEN, else "". E_USAGE: it cannot be read, or
 * is no token. */
int token_read(char token[TOKEN_BYTES], const struct invocation *in, struct error *err);

#endif
