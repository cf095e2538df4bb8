/* command: one table of commands and flags, and everything that follows from it: the
 * parser, `help`, `help COMMAND`, `COMMAND --help`, suggestions; later the man page and
 * the completions. A subcommand is one file with one constant `struct command`; the list
 * is commands.c.
 *
 *   main -> cli_main -> command_parse -> command->run(invocation) -> exit code
 *
 * Values are checked while parsing: a number is a number in its range, a choice is one
 * of its choices. Main thread. */
#ifndef STORMDRILL_CLI_COMMAND_H
#define STORMDRILL_CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/cli/terminal.h"
#include "harness/suite/result.h"
#include "proxy/base/error.h"

enum value_kind {
    VALUE_NONE,     /* a switch; each one counts (-vv) */
    VALUE_TEXT,     /* anything but nothing */
    VALUE_NUMBER,   /* an integer from `min` on */
    VALUE_DURATION, /* "90s", "2m", with its unit, above 0 */
    VALUE_CHOICE,   /* one of `choices` */
    VALUE_CHOICES,  /* several of them, with commas */
};

struct flag {
    const char *name; /* "out", without the dashes */
    char letter;      /* 0: none */
    bool repeats;     /* a value that may stand several times; a switch always may */
    enum value_kind kind;
    const char *value; /* how help calls it: "DIR" */
    int64_t min;
    const char *const *choices; /* NULL-terminated */
    const char *help;
};

struct invocation;

struct command {
    const char *name;
    const char *summary;      /* one line, for the list */
    const char *arguments;    /* "[PATH...]"; "" for none */
    const char *details;      /* a paragraph or two; NULL */
    const char *examples;     /* lines; NULL */
    const struct flag *flags; /* ends with name NULL; those of all commands come on top */
    int arguments_min;
    int arguments_max; /* -1: any number */
    int (*run)(struct invocation *invocation);
    /* A hidden command gets its words unparsed, argv[0] being its name. */
    int (*raw)(int argc, char **argv);
};

struct flag_use {
    const struct flag *flag;
    const char *text; /* "" for a switch; borrowed from argv */
};

/* A command line, parsed: borrows argv. */
struct invocation {
    const struct command *command;
    char **arguments;
    int argument_count;
    struct flag_use *uses;
    int use_count;
    const char *self; /* path of this binary */
    int argc;         /* the whole line, for run.json */
    char **argv;
    struct terminal out; /* of standard output */
    struct terminal err; /* of standard error */
};

/* Behind the last: NULL. Hidden ones (raw) come last. */
const struct command *command_at(int index);
const struct command *command_find(const char *name);

/* The flags that every command has: --help, --color. */
extern const struct flag common_flags[];

/* Parse what follows the command's name. E_USAGE names the word and, where one is near,
 * the flag or choice that was meant. Release also after a failure. Permutes argv. */
int command_parse(struct invocation *out, const struct command *command, int argc,
                  char **argv, struct error *err);
void command_release(struct invocation *invocation);

/* E_USAGE for a name that is no command, with the nearest. */
int command_unknown(const char *name, struct error *err);

/* What was said; the last one where a flag repeats. */
bool invocation_has(const struct invocation *invocation, const char *flag);
int invocation_count(const struct invocation *invocation, const char *flag);
const char *invocation_text(const struct invocation *invocation, const char *flag);
int64_t invocation_number(const struct invocation *invocation, const char *flag,
                          int64_t fallback);
uint64_t invocation_duration(const struct invocation *invocation, const char *flag,
                             uint64_t fallback_ns);
/* The at-th use of a flag that repeats; NULL behind the last. */
const char *invocation_text_at(const struct invocation *invocation, const char *flag,
                               int at);
/* Is `choice` among the words of a VALUE_CHOICE or VALUE_CHOICES flag? */
bool invocation_chose(const struct invocation *invocation, const char *flag,
                      const char *choice);

/* The pages of help. */
void help_print_overview(FILE *to, const struct terminal *terminal);
void help_print_command(FILE *to, const struct terminal *terminal,
                        const struct command *command);

/* The program behind main(). Gives the exit code. */
int cli_main(int argc, char **argv);

#endif
