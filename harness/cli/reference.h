/* reference: the scenario API as one list of entries, gathered from the tables that the
 * program itself works with: names.def, the parameters of faults, checks and workloads,
 * of streams and of the cluster. Nothing is described here a second time. */
#ifndef STORMDRILL_CLI_REFERENCE_H
#define STORMDRILL_CLI_REFERENCE_H

#include <stdbool.h>
#include <stdio.h>

#include "proxy/base/error.h"
#include "proxy/base/param.h"

enum { REFERENCE_TABLES = 2, REFERENCE_NAME_BYTES = 64, REFERENCE_TEXT_BYTES = 512 };

struct reference_entry {
    const char *group;                    /* "faults", or the noun it belongs to */
    const char *noun;                     /* "link"; "" for words */
    char name[REFERENCE_NAME_BYTES];      /* "link:latency" */
    const char *alone;                    /* "latency" */
    char text[REFERENCE_TEXT_BYTES];      /* its signature, or what it does */
    const char *titles[REFERENCE_TABLES]; /* above each table */
    const struct param *tables[REFERENCE_TABLES]; /* what it takes; NULL: nothing */
    const char *const *fails;         /* reasons of a check, ending with NULL; or NULL */
    const char *const *doubts;        /* why it may be inconclusive */
    const char *const *common_doubts; /* as any check may be */
};

struct reference;

/* NULL without memory. */
struct reference *reference_create(void);
void reference_destroy(struct reference *reference);

/* Grouped; NULL behind the last. */
const struct reference_entry *reference_at(const struct reference *reference, int index);

/* Is `asked` this entry's name, whole ("link:latency") or alone ("latency")? */
bool reference_is_called(const struct reference_entry *entry, const char *asked);

/* Is `asked` where it belongs ("link", "faults")? */
bool reference_is_of(const struct reference_entry *entry, const char *asked);

/* E_USAGE for a name that nothing has, with the nearest. */
int reference_unknown(const struct reference *reference, const char *name,
                      struct error *err);

/* Everything, one line each, grouped. */
void reference_print_list(const struct reference *reference, FILE *to);

/* All that is called `name`, with its parameters, then what belongs to it. false:
 * nothing is. */
bool reference_print_one(const struct reference *reference, const char *name, FILE *to);

/* docs/reference.md */
void reference_print_markdown(const struct reference *reference, FILE *to);

#endif
