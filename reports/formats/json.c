/* json: results.json, the object as it is. Whoever reads it finds the schema's name and
 * version in it; what each member means stands in harness/suite/result.h. */
#include <assert.h>

#include "reports/format.h"

static int print(const json_t *results, const struct format_options *options, FILE *to,
                 struct error *err)
{
    (void)options;
    assert(json_is_object(results));
    if (json_dumpf(results, to, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) != 0 ||
        fputc('\n', to) == EOF)
        return error_from_errno(err, "cannot write the results");
    return 0;
}

extern const struct format_type format_json;
const struct format_type format_json = {
    .name = "json",
    .summary = "everything, as one object (results.json)",
    .file = "results.json",
    .print = print,
};
