/* reference: from the tables of the program to one list.
 *
 *   names.def -> words, then noun by noun; faults, checks and workloads from their
 *   families; streams and the cluster from their parameter tables.
 * A new fault, check or workload is here by itself. */
#include "harness/cli/reference.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/broker/cluster.h"
#include "harness/checks/check.h"
#include "harness/client/stream.h"
#include "harness/client/workload.h"
#include "harness/script/names.h"
#include "proxy/fault.h"
#include "proxy/plane.h"

/* Far above what there is: the list is a constant of the program. */
enum { ENTRIES_MAX = 512 };

struct reference {
    struct reference_entry entries[ENTRIES_MAX];
    int count;
};

static struct reference_entry *add(struct reference *reference, const char *group,
                                   const char *noun, const char *joint, const char *name)
{
    struct reference_entry *entry = &reference->entries[reference->count++];

    assert(reference->count < ENTRIES_MAX);
    entry->group = group;
    entry->noun = noun;
    entry->alone = name;
    snprintf(entry->name, sizeof entry->name, "%s%s%s", noun, joint, name);
    return entry;
}

static void add_names(struct reference *reference)
{
    const struct name *name;

    for (int i = 0; (name = name_at(i)) != NULL; i++) {
        bool word = name->noun[0] == '\0';
        /* As it is written in the signature: t.cluster, cluster:stream. */
        size_t at = strlen(name->noun);
        bool dotted =
            strncmp(name->signature, name->noun, at) == 0 && name->signature[at] == '.';
        struct reference_entry *entry =
            add(reference, word ? "words" : name->noun, name->noun,
                word     ? ""
                : dotted ? "."
                         : ":",
                name->name);

        snprintf(entry->text, sizeof entry->text, "%s", name->signature);
    }
}

static void add_faults(struct reference *reference)
{
    const struct fault_type *type;

    for (int i = 0; (type = fault_type_at(i)) != NULL; i++) {
        struct reference_entry *entry = add(reference, "faults", "link", ":", type->name);

        snprintf(entry->text, sizeof entry->text, "link:%s { ... } -> Fault: %s",
                 type->name, type->summary);
        entry->titles[0] = "it takes";
        entry->tables[0] = type->params;
        entry->titles[1] = "as every fault";
        entry->tables[1] = fault_common_params();
    }
}

static void add_checks(struct reference *reference)
{
    const struct check_type *type;

    for (int i = 0; (type = check_type_at(i)) != NULL; i++) {
        struct reference_entry *entry =
            add(reference, "checks", "check", ".", type->name);

        snprintf(entry->text, sizeof entry->text, "check.%s { ... }: %s", type->name,
                 type->summary);
        entry->titles[0] = "it takes";
        entry->tables[0] = type->params;
        entry->titles[1] = "as every check: its name, and where it looks";
        entry->tables[1] = check_scope_params;
        entry->fails = type->reasons;
        entry->doubts = type->doubts;
        entry->common_doubts = check_doubts;
    }
}

static void add_workloads(struct reference *reference)
{
    const struct workload_type *type;

    for (int i = 0; (type = workload_at(i)) != NULL; i++) {
        struct reference_entry *entry = add(reference, "clients", "", "", type->name);

        snprintf(entry->text, sizeof entry->text, "%s { ... }: %s%s", type->name,
                 type->summary,
                 type->is_connector ? "" : "; count = 3 makes three of them, a Group");
        entry->titles[0] = "it takes";
        entry->tables[0] = type->params;
        entry->titles[1] = "as every client";
        entry->tables[1] = connection_params;
    }
}

static void add_tables(struct reference *reference)
{
    struct reference_entry *entry = add(reference, "tables", "", "", "cluster");

    snprintf(entry->text, sizeof entry->text,
             "cluster = { ... } of a scenario: the nats-server processes");
    entry->titles[0] = "it takes";
    entry->tables[0] = cluster_params;
    entry = add(reference, "tables", "", "", "stream");
    snprintf(entry->text, sizeof entry->text,
             "t.cluster:stream(\"NAME\", { ... }) -> Stream: a JetStream stream");
    entry->titles[0] = "it takes";
    entry->tables[0] = stream_params;
}

struct reference *reference_create(void)
{
    struct reference *reference = calloc(1, sizeof *reference);

    if (reference == NULL)
        return NULL;
    add_names(reference);
    add_faults(reference);
    add_checks(reference);
    add_workloads(reference);
    add_tables(reference);
    return reference;
}

void reference_destroy(struct reference *reference)
{
    free(reference);
}

const struct reference_entry *reference_at(const struct reference *reference, int index)
{
    assert(index >= 0);
    return index < reference->count ? &reference->entries[index] : NULL;
}

/* ---- finding ---- */

/* "check:backoff" is as good as "check.backoff". */
static bool is_same(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        bool joint = (*a == '.' || *a == ':') && (*b == '.' || *b == ':');

        if (*a != *b && !joint)
            return false;
    }
    return *a == *b;
}

bool reference_is_called(const struct reference_entry *entry, const char *asked)
{
    return is_same(entry->name, asked) || strcmp(entry->alone, asked) == 0;
}

bool reference_is_of(const struct reference_entry *entry, const char *asked)
{
    return strcmp(entry->group, asked) == 0 || strcmp(entry->noun, asked) == 0;
}

int reference_unknown(const struct reference *reference, const char *name,
                      struct error *err)
{
    const char *names[3 * ENTRIES_MAX];
    const char *near;
    int count = 0;

    for (int i = 0; i < reference->count; i++) {
        names[count++] = reference->entries[i].name;
        names[count++] = reference->entries[i].alone;
        names[count++] = reference->entries[i].group;
    }
    near = error_suggest(name, names, count);
    if (near != NULL)
        error_set(err, E_USAGE, "the scenario API has no '%s'; did you mean '%s'?", name,
                  near);
    else
        error_set(err, E_USAGE, "the scenario API has no '%s'", name);
    error_hint(err, "all names: stormdrill api");
    return E_USAGE;
}
