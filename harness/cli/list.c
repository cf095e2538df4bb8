/* list: what scenarios and cases there are; nothing is started. */
#include <assert.h>
#include <string.h>

#include "harness/cli/command.h"
#include "harness/cli/selection.h"
#include "reports/text.h"

enum { NAME_COLUMNS_MAX = 48, TAGS_BYTES = 256 };

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

static bool is_same_scenario(const struct script_case *a, const struct script_case *b)
{
    return strcmp(a->file, b->file) == 0 && strcmp(a->scenario, b->scenario) == 0;
}

static const char *shown_name(const struct script_case *which)
{
    return which->name[0] != '\0' ? which->name : "(one case)";
}

static int name_width(const struct plan *plan, bool utf8)
{
    int width = 0;

    for (int i = 0; i < plan->count; i++) {
        int own = text_width(shown_name(plan->cases[i].which), utf8);

        if (own > width && own <= NAME_COLUMNS_MAX)
            width = own;
    }
    return width;
}

static void print_scenario(const struct script_case *which,
                           const struct terminal *terminal)
{
    fputs(terminal->colour ? "\033[1m" : "", stdout);
    text_put(stdout, which->scenario, terminal->utf8);
    fputs(terminal->colour ? "\033[0m" : "", stdout);
    fputs("  ", stdout);
    text_put(stdout, which->file, terminal->utf8);
    printf(":%d\n", which->line);
}

/* "  remedy  trap,quick", each scenario with its file above its cases. */
static void print_table(const struct plan *plan, const struct terminal *terminal)
{
    int width = name_width(plan, terminal->utf8);

    for (int i = 0; i < plan->count; i++) {
        const struct script_case *which = plan->cases[i].which;
        char text[TAGS_BYTES];

        if (i == 0 || !is_same_scenario(which, plan->cases[i - 1].which))
            print_scenario(which, terminal);
        tags_text(text, sizeof text, which->tags);
        printf("  ");
        text_put_padded(stdout, shown_name(which),
                        text[0] != '\0' || which->exclusive ? width : 0, terminal->utf8);
        if (text[0] != '\0') {
            printf("  ");
            text_put(stdout, text, terminal->utf8);
        }
        printf("%s\n", which->exclusive ? "  (runs alone)" : "");
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
    .summary = "show scenarios with their places, and their cases with their tags",
    .arguments = "[PATH...]",
    .arguments_max = -1,
    .details = "A PATH is a scenario file or a folder, which is searched for *.lua; "
               "without one\nit is the folder `scenarios` here.",
    .flags = flags,
    .run = run_list,
};
