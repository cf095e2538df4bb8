/* verdict: passed, failed or inconclusive, and what decided it. */
#ifndef STORMDRILL_CHECKS_VERDICT_H
#define STORMDRILL_CHECKS_VERDICT_H

#include <jansson.h>
#include <stdbool.h>

#include "harness/evidence/evidence.h"

enum verdict_value { VERDICT_PASSED, VERDICT_FAILED, VERDICT_INCONCLUSIVE };

enum { VERDICT_REASON_BYTES = 48, VERDICT_TEXT_BYTES = 512, VERDICT_WITNESSES_MAX = 20 };

/* An empty one is INCONCLUSIVE "not_judged": nothing is green by default. */
struct verdict {
    enum verdict_value value;
    char reason[VERDICT_REASON_BYTES]; /* a code: "lost", "fixed"; "" when passed */
    char text[VERDICT_TEXT_BYTES];     /* a sentence: what was seen */
    char expected[VERDICT_TEXT_BYTES]; /* "0 lost", "within 5s" */
    char measured[VERDICT_TEXT_BYTES]; /* "3 lost", "6.1s" */
    json_t *numbers;                   /* object: every figure behind the verdict */
    json_t *witnesses;                 /* array of {t, writer, kind, text}, the first
                                        * records that decided; at most the maximum */
};

void verdict_init(struct verdict *verdict);
void verdict_release(struct verdict *verdict);

void verdict_pass(struct verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void verdict_fail(struct verdict *verdict, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void verdict_inconclusive(struct verdict *verdict, const char *reason, const char *format,
                          ...) __attribute__((format(printf, 3, 4)));

void verdict_expected(struct verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void verdict_measured(struct verdict *verdict, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void verdict_number(struct verdict *verdict, const char *name, double value);
void verdict_count(struct verdict *verdict, const char *name, uint64_t value);

/* A record that decided; `t` in the report counts from the evidence's start. */
void verdict_witness(struct verdict *verdict, const struct evidence *evidence,
                     const struct record *record, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same where the writer is known: a record does not tell (a client has several). */
void verdict_witness_by(struct verdict *verdict, const struct evidence *evidence,
                        int writer, const struct record *record, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* "passed" … and back; -1 for an unknown word. */
const char *verdict_value_name(enum verdict_value value);
int verdict_value_find(const char *name);

/* As it stands in case.json, and back (for reports and analyze). */
json_t *verdict_write(const struct verdict *verdict);
int verdict_read(struct verdict *verdict, const json_t *object);

#endif
