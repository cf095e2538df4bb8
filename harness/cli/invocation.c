/* invocation: what the user said, asked by the flag's name.
 *
 * Values were checked by the parser, so asking cannot fail. A flag that its command does
 * not have is our mistake and an assertion. */
#include "harness/cli/command.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/param.h"

static bool is_known(const struct command *command, const char *name)
{
    for (const struct flag *f = command->flags; f != NULL && f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0)
            return true;
    }
    for (const struct flag *f = common_flags; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0)
            return true;
    }
    return false;
}

int invocation_count(const struct invocation *invocation, const char *flag)
{
    int count = 0;

    assert(is_known(invocation->command, flag));
    for (int i = 0; i < invocation->use_count; i++)
        count += strcmp(invocation->uses[i].flag->name, flag) == 0;
    return count;
}

bool invocation_has(const struct invocation *invocation, const char *flag)
{
    return invocation_count(invocation, flag) > 0;
}

const char *invocation_text_at(const struct invocation *invocation, const char *flag,
                               int at)
{
    assert(is_known(invocation->command, flag));
    for (int i = 0; i < invocation->use_count; i++) {
        if (strcmp(invocation->uses[i].flag->name, flag) == 0 && at-- == 0)
            return invocation->uses[i].text;
    }
    return NULL;
}

const char *invocation_text(const struct invocation *invocation, const char *flag)
{
    int count = invocation_count(invocation, flag);

    return count > 0 ? invocation_text_at(invocation, flag, count - 1) : NULL;
}

int64_t invocation_number(const struct invocation *invocation, const char *flag,
                          int64_t fallback)
{
    const char *text = invocation_text(invocation, flag);

    return text != NULL ? strtoll(text, NULL, 10) : fallback;
}

uint64_t invocation_duration(const struct invocation *invocation, const char *flag,
                             uint64_t fallback_ns)
{
    const char *text = invocation_text(invocation, flag);
    uint64_t ns = fallback_ns;

    if (text != NULL && param_duration(text, &ns, flag, NULL) != 0)
        return fallback_ns;
    return ns;
}

bool invocation_chose(const struct invocation *invocation, const char *flag,
                      const char *choice)
{
    const char *text = invocation_text(invocation, flag);
    size_t size = strlen(choice);

    while (text != NULL && *text != '\0') {
        size_t word = strcspn(text, ",");

        if (word == size && strncmp(text, choice, size) == 0)
            return true;
        text += word + (text[word] == ',');
    }
    return false;
}
