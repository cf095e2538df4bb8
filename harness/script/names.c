/* names: the language, name by name: names.def as two tables. */
#include "harness/script/names.h"

#include <stddef.h>

#include "harness/script/script.h"

static const struct name names[] = {
#define NAME(noun_, name_, signature_)                                                   \
    {.noun = (noun_), .name = (name_), .signature = (signature_)},
#include "harness/script/names.def"
#undef NAME
};

static const char *const signatures[] = {
#define NAME(noun, name, signature) signature,
#include "harness/script/names.def"
#undef NAME
    NULL,
};

const struct name *name_at(int index)
{
    if (index < 0 || index >= (int)(sizeof names / sizeof names[0]))
        return NULL;
    return &names[index];
}

const char *const *script_names(void)
{
    return signatures;
}
