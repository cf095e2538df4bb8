/* quantity: numbers with units, read exactly and written so that they read back.
 *
 * Knows text and numbers, nothing of parameters or sentences: a reader gives a status,
 * param_value.c makes words of it. Whole kinds (durations, bytes, integers) are scaled
 * in integers and never rounded; the others are the nearest double.
 * Internal to proxy/base. */
#ifndef STORMDRILL_BASE_QUANTITY_H
#define STORMDRILL_BASE_QUANTITY_H

#include <stddef.h>
#include <stdint.h>

/* Longer text is no number that somebody meant; 400 holds every double in full. */
enum { QUANTITY_TEXT_MAX = 400 };

enum quantity_status {
    QUANTITY_OK,
    QUANTITY_EMPTY,
    QUANTITY_TOO_LONG,
    QUANTITY_BLANK,        /* "5 s" */
    QUANTITY_NO_NUMBER,    /* "abc", "1e9s", "nan", "5s!" */
    QUANTITY_NO_UNIT,      /* "20" where a unit must be */
    QUANTITY_UNKNOWN_UNIT, /* "5sec" */
    QUANTITY_WRONG_ORDER,  /* "30s1m" */
    QUANTITY_NEGATIVE,
    QUANTITY_TOO_LARGE, /* more than the type holds */
    QUANTITY_TOO_FINE,  /* "0.1ns", "0.3B" */
};

/* Each leaves its result alone unless it returns QUANTITY_OK. */
enum quantity_status quantity_duration(const char *text, uint64_t *ns);
enum quantity_status quantity_bytes(const char *text, uint64_t *bytes);
enum quantity_status quantity_rate(const char *text, double *per_s);
enum quantity_status quantity_byte_rate(const char *text, double *per_s);
enum quantity_status quantity_percent(const char *text, double *fraction);
enum quantity_status quantity_integer(const char *text, int64_t *integer);
enum quantity_status quantity_number(const char *text, double *number);

/* The shortest spelling that reads back as the same value, into `text` of at least
 * QUANTITY_TEXT_MAX bytes. Doubles must be finite. */
void quantity_duration_text(uint64_t ns, char *text, size_t size);
void quantity_bytes_text(uint64_t bytes, char *text, size_t size);
void quantity_rate_text(double per_s, char *text, size_t size);
void quantity_byte_rate_text(double per_s, char *text, size_t size);
void quantity_percent_text(double fraction, char *text, size_t size);
void quantity_number_text(double number, char *text, size_t size);

#endif
