/* error: zero or a negative code, and words for a person.
 *
 * A function that can fail returns 0 or one of the negative codes below and, where it
 * takes a `struct error *`, leaves one sentence in it: what is wrong, in the user's
 * terms, naming the thing. `hint` is the way out, `where` a file:line of the user's.
 * Every function here accepts a NULL `err` and then only returns the code.
 * Thread: an error belongs to whoever holds it; nothing here is shared. */
#ifndef STORMDRILL_BASE_ERROR_H
#define STORMDRILL_BASE_ERROR_H

/* X(name, value, text, exit code of `stormdrill` when this ends it: ux.md 2.3) */
#define ERROR_CODES(X)                                                                   \
    X(E_OK, 0, "ok", 0)                                                                  \
    X(E_NOMEM, -1, "out of memory", 4)                                                   \
    X(E_SYSTEM, -2, "system call failed", 4)                                             \
    X(E_NOSPACE, -3, "no space left", 4)                                                 \
    X(E_USAGE, -4, "bad command line", 2)                                                \
    X(E_PARAM, -5, "bad parameter", 3)                                                   \
    X(E_SCRIPT, -6, "scenario error", 3)                                                 \
    X(E_ENVIRONMENT, -7, "environment not fit", 4)                                       \
    X(E_NOT_FOUND, -8, "not found", 4)                                                   \
    X(E_EXISTS, -9, "already there", 4)                                                  \
    X(E_BUSY, -10, "in use", 4)                                                          \
    X(E_TIMEOUT, -11, "timed out", 6)                                                    \
    X(E_CANCELLED, -12, "cancelled", 130)                                                \
    X(E_CLOSED, -13, "closed", 4)                                                        \
    X(E_STALE, -14, "no longer there", 3)                                                \
    X(E_FORMAT, -15, "unreadable data", 4)                                               \
    X(E_LIMIT, -16, "limit reached", 4)                                                  \
    X(E_NOTHING, -17, "nothing to do", 5)                                                \
    X(E_INTERNAL, -18, "bug in stormdrill", 70)                                          \
    X(E_EXPECTATION, -19, "expectation failed", 1)

enum error_code {
#define X(name, value, text, exit_code) name = (value),
    ERROR_CODES(X)
#undef X
};

enum { ERROR_TEXT_BYTES = 1024, ERROR_HINT_BYTES = 512, ERROR_WHERE_BYTES = 256 };

struct error {
    int code;
    char text[ERROR_TEXT_BYTES];
    char hint[ERROR_HINT_BYTES];
    char where[ERROR_WHERE_BYTES];
};

/* Set code and sentence, clear hint and place; returns `code`. */
int error_set(struct error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like error_set with E_SYSTEM (E_NOMEM, E_NOSPACE where errno says so), and
 * ": <strerror(errno)>" behind the sentence. errno is kept. */
int error_from_errno(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Add the way out to an error that is set. */
void error_hint(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Put "context: " in front of the sentence of an error that is set; returns its code. */
int error_prefix(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void error_clear(struct error *err);

/* "E_PARAM", or "E_?" for a number that is no code. */
const char *error_name(int code);

/* "bad parameter" */
const char *error_text(int code);

/* The exit code of the program when this error ends it. */
int error_exit_code(int code);

/* The nearest of `count` names (Damerau-Levenshtein, at most a third of the word, at
 * least 1), or NULL. Borrows; gives one of `names`. */
const char *error_suggest(const char *word, const char *const *names, int count);

#endif
