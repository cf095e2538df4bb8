/* syntax: where a JSON text goes wrong, in Go's words. */
#ifndef STORMDRILL_CONTROL_SYNTAX_H
#define STORMDRILL_CONTROL_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/base/error.h"

/* true: the text begins with a whole value. false: `err` says what is wrong. */
bool syntax_check(const char *text, size_t size, struct error *err);

#endif
