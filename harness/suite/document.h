/* document: JSON files of a run, written so that a reader sees the old one or the new
 * one, never half of either: a temporary file beside it, fsync, rename. */
#ifndef STORMDRILL_SUITE_DOCUMENT_H
#define STORMDRILL_SUITE_DOCUMENT_H

#include <jansson.h>

#include "proxy/base/error.h"

/* Write `value` (borrowed) to `path`. E_NOSPACE when the disk is full, with the way out;
 * then the old file is as it was. */
int document_write(const char *path, const json_t *value, struct error *err);

/* Gives the object at `path`. E_NOT_FOUND, or E_FORMAT with line and column. */
int document_read(json_t **out, const char *path, struct error *err);

#endif
