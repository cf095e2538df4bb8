/* reference_page: the reference on a terminal and as Markdown.
 *
 * The parameters are printed by param_manual in both, so that the manual in a browser and
 * the one at the prompt cannot say different things. */
#include <stdlib.h>
#include <string.h>

#include "harness/cli/reference.h"

enum { PAGE_COLUMNS = 88, CONTINUED = 6 };

static const struct {
    const char *group;
    const char *title;
} groups[] = {
    {"words", "Words"},
    {"t", "t, which run and checks get"},
    {"cluster", "Cluster: t.cluster"},
    {"stream", "Stream: what cluster:stream gives"},
    {"node", "Node: one of cluster.nodes"},
    {"client", "Client: a publisher, subscriber, consumer or connector"},
    {"group", "Group: what { count = 3 } gives"},
    {"link", "Link: client.link, client:link_to(node)"},
    {"faults", "Faults: methods of a link"},
    {"fault", "Fault: what a fault and pause() give"},
    {"task", "Task: what spawn and every give"},
    {"checks", "Checks"},
    {"clients", "What the clients take"},
    {"tables", "What the cluster and a stream take"},
};

static bool is_of_group(const struct reference_entry *entry, size_t group)
{
    return strcmp(entry->group, groups[group].group) == 0;
}

/* Wrapped between words, further lines indented. */
static void print_wrapped(FILE *to, const char *text, int indent)
{
    int column = fprintf(to, "%*s", indent, "");
    bool first = true;

    while (*text != '\0') {
        int word = (int)strcspn(text, " ");

        if (!first && column + 1 + word > PAGE_COLUMNS)
            column = fprintf(to, "\n%*s", indent + CONTINUED, "") - 1;
        else if (!first)
            column += fprintf(to, " ");
        column += fprintf(to, "%.*s", word, text);
        text += word + (text[word] == ' ');
        first = false;
    }
    fputc('\n', to);
}

/* param_manual's lines, indented; long meanings wrapped. */
static void print_params(FILE *to, const struct param *params, int indent)
{
    char *manual = param_manual(params);
    char *rest = manual;
    char *line;

    if (manual == NULL)
        return;
    while ((line = strsep(&rest, "\n")) != NULL) {
        int own = (int)strspn(line, " ");

        if (line[own] != '\0')
            print_wrapped(to, line + own, indent + own);
    }
    free(manual);
}

static void print_tables(FILE *to, const struct reference_entry *entry, int indent)
{
    for (int i = 0; i < REFERENCE_TABLES && entry->tables[i] != NULL; i++) {
        bool none = entry->tables[i]->name == NULL;

        fprintf(to, "%*s%s%s\n", indent, "", entry->titles[i],
                none ? ": no parameters" : ":");
        print_params(to, entry->tables[i], indent + 2);
    }
}

static void print_words(FILE *to, const char *title, const char *const *words, int indent)
{
    char line[512];
    size_t used = (size_t)snprintf(line, sizeof line, "%s: ", title);

    if (words == NULL || words[0] == NULL)
        return;
    for (int i = 0; words[i] != NULL && used < sizeof line; i++)
        used += (size_t)snprintf(line + used, sizeof line - used, "%s%s",
                                 i > 0 ? ", " : "", words[i]);
    print_wrapped(to, line, indent);
}

static void print_details(FILE *to, const struct reference_entry *entry)
{
    print_tables(to, entry, 2);
    print_words(to, "fails as", entry->fails, 2);
    print_words(to, "inconclusive as", entry->doubts, 2);
    print_words(to, "as any check may be", entry->common_doubts, 2);
}

void reference_print_list(const struct reference *reference, FILE *to)
{
    const struct reference_entry *entry;

    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        fprintf(to, "%s%s:\n", g > 0 ? "\n" : "", groups[g].title);
        for (int i = 0; (entry = reference_at(reference, i)) != NULL; i++) {
            if (is_of_group(entry, g))
                print_wrapped(to, entry->text, 2);
        }
    }
    fprintf(to, "\nParameters, defaults and ranges of one: stormdrill api NAME, like "
                "link:latency,\ncheck.backoff, publisher, stream\n");
}

bool reference_print_one(const struct reference *reference, const char *name, FILE *to)
{
    const struct reference_entry *entry;
    bool any = false;

    for (int i = 0; (entry = reference_at(reference, i)) != NULL; i++) {
        if (!reference_is_called(entry, name))
            continue;
        print_wrapped(to, entry->text, 0);
        print_details(to, entry);
        any = true;
    }
    for (int i = 0; (entry = reference_at(reference, i)) != NULL; i++) {
        if (!reference_is_of(entry, name) || reference_is_called(entry, name))
            continue;
        print_wrapped(to, entry->text, 0);
        any = true;
    }
    return any;
}

/* ---- Markdown ---- */

static void print_section(const struct reference *reference, size_t group, FILE *to)
{
    const struct reference_entry *entry;
    bool open = false;

    fprintf(to, "\n## %s\n\n", groups[group].title);
    for (int i = 0; (entry = reference_at(reference, i)) != NULL; i++) {
        if (!is_of_group(entry, group))
            continue;
        /* Signatures stand together; what has parameters gets a heading of its own. */
        if (entry->tables[0] != NULL)
            fprintf(to, "%s### %s\n\n", open ? "\n" : "", entry->name);
        if (!open || entry->tables[0] != NULL)
            fputs("```text\n", to);
        open = true;
        print_wrapped(to, entry->text, 0);
        if (entry->tables[0] != NULL) {
            print_details(to, entry);
            fputs("```\n", to);
        }
    }
    entry = NULL;
    for (int i = 0; (entry = reference_at(reference, i)) != NULL; i++) {
        if (is_of_group(entry, group))
            break;
    }
    if (entry != NULL && entry->tables[0] == NULL)
        fputs("```\n", to);
}

void reference_print_markdown(const struct reference *reference, FILE *to)
{
    fputs("# Reference of the scenario language\n\n"
          "Made by `stormdrill api --markdown > docs/reference.md`: change the tables in "
          "the\ncode, never this file (a test compares them). How it all fits together: "
          "[scenarios](scenarios.md).\nAt the terminal: `stormdrill api`, `stormdrill "
          "api link:latency`.\n",
          to);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        print_section(reference, g, to);
}
