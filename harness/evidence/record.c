/* record: the names of the kinds, from kinds.def. */
#include "harness/evidence/record.h"

#include <stddef.h>
#include <string.h>

const char *record_kind_name(unsigned kind)
{
    switch (kind) {
#define KIND(number, name, text)                                                         \
    case RECORD_##name:                                                                  \
        return #name;
#include "harness/evidence/kinds.def"
#undef KIND
    default:
        return NULL;
    }
}

unsigned record_kind_find(const char *name)
{
    static const struct {
        const char *name;
        unsigned kind;
    } table[] = {
#define KIND(number, name_, text) {.name = #name_, .kind = RECORD_##name_},
#include "harness/evidence/kinds.def"
#undef KIND
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, name) == 0)
            return table[i].kind;
    }
    return 0;
}
