/* param: parameters are declared once, in a table.
 *
 * The table is the parser, the range check, the default, the Lua and JSON spelling and
 * the manual (STYLE C8). Input of every origin becomes one jansson object first: a Lua
 * table, an HTTP body, or the words `base=100ms jitter=10ms` of a command line
 * (param_words). Output goes the same way back (param_write), so evidence holds full
 * parameters in the spelling in which a user would write them.
 *
 * A value in text carries its unit; a bare number for a duration or size-per-time is
 * refused with the two likely spellings. Unknown names get a suggestion.
 * Thread: tables are constant; a conf belongs to whoever holds it. */
#ifndef STORMDRILL_BASE_PARAM_H
#define STORMDRILL_BASE_PARAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/base/error.h"

/* A parameter has one kind and its field that C type; or several kinds in one
 * (DURATION | PERCENT | ENUM), then its field is a `struct param_value`. */
enum param_kind {
    PARAM_DURATION = 1 << 0,  /* uint64_t ns:          "250ms" "20s" "1m30s" "0" */
    PARAM_BYTES = 1 << 1,     /* uint64_t:             "512" 512 "64KiB" "4MiB" */
    PARAM_RATE = 1 << 2,      /* double per second:    "500/s" "30/m" */
    PARAM_BYTE_RATE = 1 << 3, /* double bytes per s:   "100KB/s" "1MiB/s" */
    PARAM_PERCENT = 1 << 4,   /* double fraction:      "95%" is 0.95 */
    PARAM_FRACTION = 1 << 5,  /* double:               0.5 or "50%" */
    PARAM_INTEGER = 1 << 6,   /* int64_t:              20 or "20" */
    PARAM_NUMBER = 1 << 7,    /* double:               2.5 or "2.5" */
    PARAM_BOOL = 1 << 8,      /* bool:                 true or "true", "false" */
    PARAM_ENUM = 1 << 9,      /* int, index in choices */
    PARAM_TEXT = 1 << 10,     /* char *, owned; NULL when absent */
    PARAM_JSON = 1 << 11,     /* json_t *, owned; lists and tables, read by their owner */
};

/* Not a kind: with one or more of them in `kinds` it makes the field a `struct
 * param_value`, so that absent (kind 0) can be told from zero. */
enum { PARAM_OPTIONAL = 1 << 15 };

struct param_value {
    enum param_kind kind; /* 0: absent, no default */
    union {
        uint64_t ns;
        uint64_t bytes;
        double number; /* RATE, BYTE_RATE, PERCENT, FRACTION, NUMBER */
        int64_t integer;
        bool flag;
        int choice;
        char *text;
        json_t *json;
    };
};

struct param {
    const char *name;
    unsigned kinds; /* of enum param_kind */
    size_t offset;
    const char *fallback; /* the default as text; NULL: absent (zero); "!" : required */
    const char *min;      /* inclusive, as text; NULL: no bound */
    const char *max;
    const char *summary;
    const char *const *choices; /* for ENUM, NULL-terminated */
};

#define PARAM(type, field, kind, name_, fallback_, min_, max_, summary_)                 \
    {                                                                                    \
        .name = (name_), .kinds = PARAM_##kind, .offset = offsetof(struct type, field),  \
        .fallback = (fallback_), .min = (min_), .max = (max_), .summary = (summary_)     \
    }
#define PARAM_CHOICE(type, field, name_, fallback_, choices_, summary_)                  \
    {                                                                                    \
        .name = (name_), .kinds = PARAM_ENUM, .offset = offsetof(struct type, field),    \
        .fallback = (fallback_), .summary = (summary_), .choices = (choices_)            \
    }
#define PARAM_UNION(type, field, kinds_, name_, fallback_, min_, max_, choices_,         \
                    summary_)                                                            \
    {                                                                                    \
        .name = (name_), .kinds = (kinds_), .offset = offsetof(struct type, field),      \
        .fallback = (fallback_), .min = (min_), .max = (max_), .summary = (summary_),    \
        .choices = (choices_)                                                            \
    }
#define PARAM_END                                                                        \
    {                                                                                    \
        .name = NULL                                                                     \
    }

/* Fill `conf` (zeroed here) with defaults, then with every member of `object` (borrowed;
 * NULL is an empty one). `owner` names the thing in errors: "link:latency has no option
 * 'form'; did you mean 'from'?". On failure the conf holds nothing that must be freed. */
int param_read(const struct param *params, void *conf, const json_t *object,
               const char *owner, struct error *err);

/* Like param_read, but starts from what `conf` holds: for changing a live fault. On
 * failure `conf` is as before. */
int param_change(const struct param *params, void *conf, const json_t *object,
                 const char *owner, struct error *err);

/* Several tables that share one object: a fault's own parameters and those that every
 * fault has. Each name goes to the first table that knows it; suggestions see them all.
 */
struct param_layer {
    const struct param *params;
    void *conf;
};
int param_read_layers(const struct param_layer *layers, int count, const json_t *object,
                      const char *owner, struct error *err);
int param_change_layers(const struct param_layer *layers, int count, const json_t *object,
                        const char *owner, struct error *err);

/* Is this a name of the table? */
const struct param *param_find(const struct param *params, const char *name);

/* Free what `conf` owns (TEXT, JSON), and zero those fields. */
void param_release(const struct param *params, void *conf);

/* A full copy of `from` in `to`, owned values copied too. */
int param_copy(const struct param *params, void *to, const void *from, struct error *err);

/* Every parameter in the user's spelling, defaults included. Gives a new object. */
json_t *param_write(const struct param *params, const void *conf);

/* Read `latency base=100ms jitter=10ms` or `base=100ms` words. With `name` not NULL the
 * first word without '=' is copied there (size name_size). Gives a new object. Quotes
 * "..." keep blanks together. */
int param_words(const char *words, char *name, size_t name_size, json_t **out,
                struct error *err);

/* The single kinds, for whoever reads a lone value. `what` names it in the error. */
int param_duration(const char *text, uint64_t *ns, const char *what, struct error *err);
int param_bytes(const char *text, uint64_t *bytes, const char *what, struct error *err);
int param_rate(const char *text, double *per_s, const char *what, struct error *err);
int param_percent(const char *text, double *fraction, const char *what,
                  struct error *err);

/* "1.5s", "250ms", "64KiB", "500/s": the shortest spelling that reads back exactly.
 * Writes into `text`, returns it. */
const char *param_duration_text(uint64_t ns, char *text, size_t size);
const char *param_bytes_text(uint64_t bytes, char *text, size_t size);

/* The manual: one paragraph per parameter, for --help and the reference. Gives a
 * string to free. */
char *param_manual(const struct param *params);

/* The same for programs: [{"name", "takes", "summary", "required" | "default", "min",
 * "max", "choices"}], what does not apply left out. Gives a new array, or NULL. */
json_t *param_describe(const struct param *params);

#endif
