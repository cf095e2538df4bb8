/* commands: the list, in the order in which help shows it; hidden ones last. */
#include <assert.h>
#include <string.h>

#include "harness/cli/command.h"
#include "harness/client/client.h"
#include "harness/process/child.h"
#include "harness/suite/spec.h"

extern const struct command command_run;
extern const struct command command_list;
extern const struct command command_validate;
extern const struct command command_api;
extern const struct command command_proxy;
extern const struct command command_fault;
extern const struct command command_analyze;
extern const struct command command_export;
extern const struct command command_version;
extern const struct command command_help;

/* Started by stormdrill itself, never by a person. */
static const struct command command_guard = {.name = "guard", .raw = guard_main};
static const struct command command_client = {.name = "client", .raw = client_main};
static const struct command command_case = {.name = "case", .raw = case_main};

static const struct command *const table[] = {
    &command_run,   &command_list,    &command_validate, &command_api,     &command_proxy,
    &command_fault, &command_analyze, &command_export,   &command_version, &command_help,
    &command_guard, &command_client,  &command_case,
};

enum { COUNT = sizeof table / sizeof *table };

static const char *const colours[] = {"auto", "always", "never", NULL};

const struct flag common_flags[] = {
    {.name = "color",
     .kind = VALUE_CHOICE,
     .value = "WHEN",
     .choices = colours,
     .help = "colour: auto, always or never; beats NO_COLOR"},
    {.name = "help", .letter = 'h', .help = "show this page"},
    {.name = NULL},
};

const struct command *command_at(int index)
{
    assert(index >= 0);
    return index < COUNT ? table[index] : NULL;
}

const struct command *command_find(const char *name)
{
    for (int i = 0; i < COUNT; i++) {
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    }
    return NULL;
}

int command_unknown(const char *name, struct error *err)
{
    const char *names[COUNT];
    const char *near;
    int count = 0;

    for (int i = 0; i < COUNT; i++) {
        if (table[i]->raw == NULL)
            names[count++] = table[i]->name;
    }
    near = error_suggest(name, names, count);
    if (near != NULL)
        error_set(err, E_USAGE, "there is no command '%s'; did you mean '%s'?", name,
                  near);
    else
        error_set(err, E_USAGE, "there is no command '%s'", name);
    error_hint(err, "see: stormdrill help");
    return E_USAGE;
}
