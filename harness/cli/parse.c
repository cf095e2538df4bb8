/* parse: a command line against the table.
 *
 * getopt_long does the splitting (permutation, --name=value, -abc, unambiguous
 * abbreviations); the table says what there is; every refusal names the word as the user
 * wrote it, and the flag or choice that was probably meant. */
#include "harness/cli/command.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/text.h"
#include "proxy/base/param.h"

enum { FLAGS_MAX = 64, LONG_BASE = 256 };

/* The table of one command as getopt wants it. */
struct options {
    const struct flag *flags[FLAGS_MAX];
    const char *names[FLAGS_MAX];
    struct option longs[FLAGS_MAX + 1];
    char letters[2 + 2 * FLAGS_MAX];
    int count;
};

static void add_flag(struct options *options, const struct flag *flag)
{
    int at = options->count;
    size_t end = strlen(options->letters);
    bool takes = flag->kind != VALUE_NONE;

    assert(at < FLAGS_MAX);
    options->flags[at] = flag;
    options->names[at] = flag->name;
    options->longs[at] = (struct option){
        .name = flag->name,
        .has_arg = takes ? required_argument : no_argument,
        .val = LONG_BASE + at,
    };
    if (flag->letter != 0) {
        options->letters[end++] = flag->letter;
        if (takes)
            options->letters[end++] = ':';
        options->letters[end] = '\0';
    }
    options->count++;
}

static void collect(struct options *options, const struct command *command)
{
    memset(options, 0, sizeof *options);
    /* A leading colon: a missing value is told apart from an unknown flag. */
    options->letters[0] = ':';
    for (const struct flag *f = command->flags; f != NULL && f->name != NULL; f++)
        add_flag(options, f);
    for (const struct flag *f = common_flags; f->name != NULL; f++)
        add_flag(options, f);
}

static const struct flag *flag_of(const struct options *options, int value)
{
    if (value >= LONG_BASE && value < LONG_BASE + options->count)
        return options->flags[value - LONG_BASE];
    for (int i = 0; i < options->count; i++) {
        if (value != 0 && options->flags[i]->letter == value)
            return options->flags[i];
    }
    return NULL;
}

/* `--name` or `--name=value` as it was written, cut at the equals sign. */
static void bare_name(char *name, size_t size, const char *word)
{
    const char *from = word + strspn(word, "-");

    snprintf(name, size, "%.*s", (int)strcspn(from, "="), from);
}

static int unknown_flag(const struct options *options, const struct command *command,
                        const char *word, struct error *err)
{
    char name[64];
    const char *near;

    if (word == NULL || strncmp(word, "--", 2) != 0) {
        error_set(err, E_USAGE, "%s has no flag -%c", command->name, optopt);
        error_hint(err, "see: stormdrill %s --help", command->name);
        return E_USAGE;
    }
    bare_name(name, sizeof name, word);
    for (int i = 0, hits = 0; i < options->count; i++) {
        const struct flag *flag = options->flags[i];

        if (strcmp(flag->name, name) == 0 && flag->kind == VALUE_NONE)
            return error_set(err, E_USAGE, "--%s takes no value", name);
        hits += strncmp(flag->name, name, strlen(name)) == 0;
        if (hits > 1)
            return error_set(err, E_USAGE, "--%s could be several flags: write it out",
                             name);
    }
    near = error_suggest(name, options->names, options->count);
    if (near != NULL)
        error_set(err, E_USAGE, "%s has no flag --%s; did you mean --%s?", command->name,
                  name, near);
    else
        error_set(err, E_USAGE, "%s has no flag --%s", command->name, name);
    error_hint(err, "see: stormdrill %s --help", command->name);
    return E_USAGE;
}

static int missing_value(const struct options *options, int value, struct error *err)
{
    const struct flag *flag = flag_of(options, value);

    assert(flag != NULL);
    return error_set(err, E_USAGE, "--%s needs a value: --%s %s", flag->name, flag->name,
                     flag->value);
}

static int check_number(const struct flag *flag, const char *text, struct error *err)
{
    char *end = NULL;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        return error_set(err, E_USAGE, "--%s takes a whole number, not '%s'", flag->name,
                         text);
    if (errno == ERANGE)
        return error_set(err, E_USAGE, "--%s %s is too large", flag->name, text);
    if (value < flag->min)
        return error_set(err, E_USAGE, "--%s %s is too small: from %lld on", flag->name,
                         text, (long long)flag->min);
    return 0;
}

static void list_choices(char *text, size_t size, const char *const *choices, int *count)
{
    size_t used = 0;

    text[0] = '\0';
    for (*count = 0; choices[*count] != NULL; (*count)++) {
        int n = snprintf(text + used, size - used, "%s%s", *count ? ", " : "",
                         choices[*count]);

        if (n < 0 || (size_t)n >= size - used)
            break;
        used += (size_t)n;
    }
}

static int check_choice(const struct flag *flag, const char *word, struct error *err)
{
    char all[256];
    const char *near;
    int count;

    for (int i = 0; flag->choices[i] != NULL; i++) {
        if (strcmp(flag->choices[i], word) == 0)
            return 0;
    }
    list_choices(all, sizeof all, flag->choices, &count);
    near = error_suggest(word, flag->choices, count);
    if (near != NULL)
        error_set(err, E_USAGE, "--%s has no '%s'; did you mean '%s'?", flag->name, word,
                  near);
    else
        error_set(err, E_USAGE, "--%s has no '%s'", flag->name, word);
    error_hint(err, "it takes: %s", all);
    return E_USAGE;
}

static int check_choices(const struct flag *flag, const char *text, struct error *err)
{
    const char *from = text;

    for (;;) {
        char word[64];
        size_t size = strcspn(from, ",");
        int rc;

        snprintf(word, sizeof word, "%.*s", (int)size, from);
        rc = check_choice(flag, word, err);
        if (rc != 0 || from[size] == '\0')
            return rc;
        from += size + 1;
    }
}

static int check_duration(const struct flag *flag, const char *text, struct error *err)
{
    char what[64];
    uint64_t ns = 0;

    snprintf(what, sizeof what, "--%s", flag->name);
    if (param_duration(text, &ns, what, err) != 0) {
        /* On a command line a bad value is a bad command line. */
        if (err != NULL)
            err->code = E_USAGE;
        return E_USAGE;
    }
    if (ns == 0)
        return error_set(err, E_USAGE, "--%s must be above 0", flag->name);
    return 0;
}

static int check_value(const struct flag *flag, const char *text, struct error *err)
{
    if (flag->kind == VALUE_NONE)
        return 0;
    if (text[0] == '\0')
        return error_set(err, E_USAGE, "--%s is empty: --%s %s", flag->name, flag->name,
                         flag->value);
    switch (flag->kind) {
    case VALUE_NUMBER:
        return check_number(flag, text, err);
    case VALUE_DURATION:
        return check_duration(flag, text, err);
    case VALUE_CHOICE:
        return check_choice(flag, text, err);
    case VALUE_CHOICES:
        return check_choices(flag, text, err);
    case VALUE_NONE:
    case VALUE_TEXT:
        break;
    }
    return 0;
}

/* A switch counts its uses; of two values for one thing, which was meant? */
static int check_once(const struct invocation *in, const struct flag *flag,
                      const char *text, struct error *err)
{
    if (flag->repeats || flag->kind == VALUE_NONE || !invocation_has(in, flag->name))
        return 0;
    error_set(err, E_USAGE, "--%s stands twice: '%s' and '%s'", flag->name,
              invocation_text(in, flag->name), text);
    error_hint(err, "it can be given once: leave one of them away");
    return E_USAGE;
}

/* How many words there are is checked last, and not when the user asked for help. */
static int check_arguments(const struct invocation *in, struct error *err)
{
    const struct command *command = in->command;

    if (invocation_has(in, "help"))
        return 0;
    if (in->argument_count < command->arguments_min)
        error_set(err, E_USAGE, "%s needs %s", command->name, command->arguments);
    else if (command->arguments_max >= 0 && in->argument_count > command->arguments_max)
        error_set(err, E_USAGE, "%s has no use for '%s'", command->name,
                  in->arguments[command->arguments_max]);
    else
        return 0;
    error_hint(err, "usage: stormdrill %s [flags] %s", command->name, command->arguments);
    return E_USAGE;
}

/* Names and values go into JSON, so bytes that are no text are refused at the door. */
static int check_words(int argc, char **argv, struct error *err)
{
    for (int i = 1; i < argc; i++) {
        if (!text_is_utf8(argv[i]))
            return error_set(err, E_USAGE, "the word '%s' is not valid UTF-8", argv[i]);
    }
    return 0;
}

/* -config: getopt would take it for -c with the value `onfig`, which nobody meant. */
static int check_dashes(const struct options *options, int argc, char **argv,
                        struct error *err)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        char name[64];

        if (argv[i][0] != '-' || argv[i][1] == '-')
            continue;
        bare_name(name, sizeof name, argv[i]);
        for (int f = 0; f < options->count; f++) {
            if (strcmp(options->names[f], name) == 0)
                return error_set(err, E_USAGE, "-%s has one dash; did you mean --%s?",
                                 name, name);
        }
    }
    return 0;
}

int command_parse(struct invocation *out, const struct command *command, int argc,
                  char **argv, struct error *err)
{
    struct options options;
    int value;

    assert(argc >= 1);
    assert(command->raw == NULL);
    memset(out, 0, sizeof *out);
    out->command = command;
    collect(&options, command);

    /* At most one flag per letter of the line. */
    size_t most = 1;
    for (int i = 0; i < argc; i++)
        most += strlen(argv[i]) + 1;
    out->uses = calloc(most, sizeof *out->uses);
    if (out->uses == NULL)
        return error_set(err, E_NOMEM, "command line");

    if (check_words(argc, argv, err) != 0 || check_dashes(&options, argc, argv, err) != 0)
        return E_USAGE;
    opterr = 0;
    optind = 0; /* start over: tests parse many lines in one process */
    while ((value = getopt_long(argc, argv, options.letters, options.longs, NULL)) !=
           -1) {
        const struct flag *flag;
        int rc;

        if (value == '?')
            return unknown_flag(&options, command, argv[optind - 1], err);
        if (value == ':')
            return missing_value(&options, optopt, err);
        flag = flag_of(&options, value);
        assert(flag != NULL);
        rc = check_value(flag, optarg, err);
        if (rc == 0)
            rc = check_once(out, flag, optarg, err);
        if (rc != 0)
            return rc;
        out->uses[out->use_count++] = (struct flag_use){
            .flag = flag,
            .text = flag->kind == VALUE_NONE ? "" : optarg,
        };
    }
    out->arguments = argv + optind;
    out->argument_count = argc - optind;
    return check_arguments(out, err);
}

void command_release(struct invocation *invocation)
{
    free(invocation->uses);
    invocation->uses = NULL;
    invocation->use_count = 0;
}
