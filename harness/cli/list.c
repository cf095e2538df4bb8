/* list: what scenarios and cases there are; nothing is started. */
#include <assert.h>
#include <string.h>

#include "harness/cli/command.h"
#include "harness/cli/selection.h"
#include "reports/text.h"

enum { ID_COLUMNS_MAX = 72, TAGS_BYTES = 256 };

static void tags_text(char *text, size_t size, const json_t *tags)
{
    size_t used = 0;
    const json_t *tag;
    size_t i;

    text[0] = '\0';
    json_array_foreach(tags, i, tag) {
        int n = snprintf(text + used, size - used, "%s%s", i > 0 ? "," : "",
                         json_string_value(tag));

        if (n < 0 || (size_t)n >= size - used)
            break;
        used += (size_t)n;
    }
}

static void measure(const struct plan *plan, bool utf8, int *id, int *tags)
{
    *id = 0;
    *tags = 0;
    for (int i = 0; i < plan->count; i++) {
        const struct script_case *which = plan->cases[i].which;
        char text[TAGS_BYTES];
        int width = text_width(which->id, utf8);

        if (width > *id && width <= ID_COLUMNS_MAX)
            *id = width;
        tags_text(text, sizeof text, which->tags);
        width = text_width(text, utf8);
        if (width > *tags)
            *tags = width;
    }
}

static void print_table(const struct plan *plan, const struct terminal *terminal)
{
    int id, tags;

    measure(plan, terminal->utf8, &id, &tags);
    for (int i = 0; i < plan->count; i++) {
        const struct script_case *which = plan->cases[i].which;
        char text[TAGS_BYTES];

        tags_text(text, sizeof text, which->tags);
        text_put_padded(stdout, which->id, id, terminal->utf8);
        printf("  ");
        text_put_padded(stdout, text, tags, terminal->utf8);
        printf("  ");
        text_put(stdout, which->file, terminal->utf8);
        printf(":%d%s\n", which->line, which->exclusive ? "  (runs alone)" : "");
    }
}

static json_t *case_write(const struct script_case *which)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:O, s:O?, s:b, s:f, s:O?, s:O?}", "id",
                     which->id, "scenario", which->scenario, "case", which->name, "file",
                     which->file, "line", which->line, "tags", which->tags, "needs",
                     which->needs, "exclusive", which->exclusive, "timeout_s",
                     (double)which->timeout_ns / NS_PER_S, "params", which->params,
                     "expect", which->expect);
}

static void print_json(const struct plan *plan)
{
    json_t *all = json_array();

    for (int i = 0; i < plan->count; i++)
        json_array_append_new(all, case_write(plan->cases[i].which));
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    putchar('\n');
    json_decref(all);
}

static int run_list(struct invocation *invocation)
{
    struct plan_options options = {.seed = 0};
    struct plan *plan = NULL;
    int code = selection_plan(&plan, &options, invocation);

    if (code != EXIT_PASSED)
        return code;
    assert(plan->count > 0);
    if (invocation_has(invocation, "json"))
        print_json(plan);
    else
        print_table(plan, &invocation->out);
    plan_destroy(plan);
    return EXIT_PASSED;
}

static const struct flag flags[] = {
    SELECTION_FLAG_EXPRESSION,
    SELECTION_FLAG_CASE,
    {.name = "json", .help = "as a JSON array"},
    {.name = NULL},
};

extern const struct command command_list;
const struct command command_list = {
    .name = "list",
    .summary = "show scenarios and cases with their tags and places",
    .arguments = "[PATH...]",
    .arguments_max = -1,
    .details = "A PATH is a scenario file or a folder, which is searched for *.lua; "
               "without one\nit is the folder `scenarios` here.",
    .flags = flags,
    .run = run_list,
};
