/* terminal: what a stream can show: colour, UTF-8, its width. Decided per stream. */
#ifndef STORMDRILL_CLI_TERMINAL_H
#define STORMDRILL_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

enum colour_choice { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct terminal {
    bool tty;
    bool colour;
    bool utf8;
    int width; /* 0: unknown */
};

/* How the environment is asked: getenv, or a table in tests. */
typedef const char *environment_fn(void *arg, const char *name);

/* ux.md 2.5: --color beats NO_COLOR beats CLICOLOR_FORCE and FORCE_COLOR beats what the
 * stream is (a terminal that is not "dumb", or a CI known to show colours). */
bool terminal_wants_colour(enum colour_choice choice, bool tty, environment_fn *env,
                           void *arg);

/* LC_ALL, else LC_CTYPE, else LANG names UTF-8. */
bool terminal_has_utf8(environment_fn *env, void *arg);

void terminal_init(struct terminal *terminal, FILE *stream, enum colour_choice choice);

#endif
