/* format: the list of report formats, from formats.def. */
#include "reports/format.h"

#include <assert.h>
#include <string.h>

#define FORMAT(name) extern const struct format_type format_##name;
#include "reports/formats/formats.def"
#undef FORMAT

static const struct format_type *const table[] = {
#define FORMAT(name) &format_##name,
#include "reports/formats/formats.def"
#undef FORMAT
    NULL,
};

const struct format_type *format_type_at(int index)
{
    assert(index >= 0);
    assert(index < (int)(sizeof table / sizeof *table));
    return table[index];
}

const struct format_type *format_type_find(const char *name)
{
    for (int i = 0; table[i] != NULL; i++) {
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    }
    return NULL;
}
