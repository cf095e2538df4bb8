/* version: what we are made of. */
#ifndef STORMDRILL_CLI_VERSION_H
#define STORMDRILL_CLI_VERSION_H

#include <jansson.h>

/* {stormdrill, libraries: {libuv, lua, jansson, nats.c, openssl}}. Gives a new object. */
json_t *version_write(void);

#endif
