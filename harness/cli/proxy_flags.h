/* proxy_flags: what `stormdrill proxy` was asked for, checked before anything starts. */
#ifndef STORMDRILL_CLI_PROXY_FLAGS_H
#define STORMDRILL_CLI_PROXY_FLAGS_H

#include <jansson.h>

#include "harness/cli/command.h"
#include "harness/cli/token.h"
#include "proxy/plane.h"

struct proxy_wishes {
    json_t *links;           /* as POST /v1/state takes them: of --config, --upstream */
    const char *config;      /* the file's name; NULL: none */
    bool has_own_link;       /* the last of `links` is --upstream's */
    char api[ADDRESS_BYTES]; /* "none": no API */
    bool api_by_default;     /* nobody asked for it or said where */
    char token[TOKEN_BYTES]; /* "": none */
    bool allow_any_listen;
};

/* E_USAGE: what is wrong. Release also after a failure. */
int proxy_flags_read(struct proxy_wishes *wishes, const struct invocation *in,
                     struct error *err);
void proxy_flags_release(struct proxy_wishes *wishes);

#endif
