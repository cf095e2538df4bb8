/* journal: what the scenario itself writes into the evidence, and says as progress. */
#ifndef STORMDRILL_SCRIPT_JOURNAL_H
#define STORMDRILL_SCRIPT_JOURNAL_H

#include "harness/script/run.h"

void journal_phase(struct run *run, const char *name);
void journal_note(struct run *run, const char *text);

/* expect, eventually, always. `value`, `op`, `bound` may be NULL. */
void journal_expectation(struct run *run, bool held, const char *text, const char *where,
                         const json_t *value, const char *op, const json_t *bound);

void journal_task_error(struct run *run, const struct error *err);

/* An error that a task raised while it was being cancelled. */
void journal_warning(struct run *run, const struct error *err);
void journal_deadline(struct run *run, const struct error *err);

/* A stream is asked for: whoever judges must know its limits. `conf` may be NULL. */
void journal_stream(struct run *run, const char *name, const json_t *conf);

/* An instant disturbance of a node or client, before the act. */
void journal_action(struct run *run, const char *action, const char *on);

/* A fault of a node or client (the proxy records those of links). Gives its number. */
uint32_t journal_fault_begin(struct run *run, const char *fault, const char *on);
void journal_fault_heal(struct run *run, uint32_t number, uint64_t touched);

/* One line of progress. */
void journal_say(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
