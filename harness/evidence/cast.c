/* cast: who is who, read in one pass over the few records that tell.
 *
 * The writers are merged by time, so a link is named before it is owned, a fault begun
 * before it is healed. What is told twice is told last; what was never named is called
 * by its number, so that a cut run can still be spoken of. */
#include "harness/evidence/cast.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/evidence/store.h"

struct casting {
    struct cast cast; /* first: what callers hold */
    int client_capacity;
    int link_capacity;
    int phase_capacity;
    int fault_capacity;
    int rest_capacity;
    json_t *confs; /* array: owns what clients borrow */
    const struct evidence *evidence;
    int writer;     /* of the record at hand */
    json_t *detail; /* of the record at hand, or NULL */
    bool no_memory;
};

static void copy_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

static const char *member(const struct casting *c, const char *name)
{
    const char *text = json_string_value(json_object_get(c->detail, name));

    return text == NULL ? "" : text;
}

static struct cast_client *client_of(struct casting *c, uint32_t number)
{
    struct cast_client *client;

    for (int i = 0; i < c->cast.client_count; i++) {
        if (c->cast.clients[i].number == number)
            return &c->cast.clients[i];
    }
    if (!array_reserve(&c->cast.clients, &c->client_capacity, c->cast.client_count,
                       sizeof *client)) {
        c->no_memory = true;
        return NULL;
    }
    client = &c->cast.clients[c->cast.client_count++];
    *client = (struct cast_client){.number = number};
    snprintf(client->name, sizeof client->name, "client %u", number);
    return client;
}

static struct cast_link *link_of(struct casting *c, uint16_t number)
{
    struct cast_link *link;

    for (int i = 0; i < c->cast.link_count; i++) {
        if (c->cast.links[i].number == number)
            return &c->cast.links[i];
    }
    if (!array_reserve(&c->cast.links, &c->link_capacity, c->cast.link_count,
                       sizeof *link)) {
        c->no_memory = true;
        return NULL;
    }
    link = &c->cast.links[c->cast.link_count++];
    *link = (struct cast_link){.number = number};
    snprintf(link->name, sizeof link->name, "link %u", number);
    return link;
}

static void on_client_start(struct casting *c, const struct record *r)
{
    struct cast_client *client = client_of(c, (uint32_t)r->a);
    json_t *conf = json_object_get(c->detail, "conf");

    if (client == NULL)
        return;
    if (member(c, "name")[0] != '\0')
        copy_text(client->name, sizeof client->name, member(c, "name"));
    if (member(c, "workload")[0] != '\0')
        copy_text(client->workload, sizeof client->workload, member(c, "workload"));
    if (conf != NULL && json_array_append(c->confs, conf) == 0)
        client->conf = conf;
    client->incarnations++;
    client->started_ns = r->time_ns;
    client->exited_ns = 0;
}

static void on_client_end(struct casting *c, const struct record *r)
{
    struct cast_client *client = client_of(c, (uint32_t)r->a);

    if (client == NULL)
        return;
    if (record_kind(r) == RECORD_client_exit)
        client->exited_ns = r->time_ns;
    else if (r->b == SIGKILL)
        client->killed = true;
}

static void on_link(struct casting *c, const struct record *r)
{
    struct cast_link *link = link_of(c, r->link);

    if (link == NULL)
        return;
    if (record_kind(r) == RECORD_link_owner) {
        link->client = (uint32_t)r->a;
        link->node = (uint32_t)r->b;
    } else if (member(c, "name")[0] != '\0') {
        copy_text(link->name, sizeof link->name, member(c, "name"));
    }
}

static void on_phase(struct casting *c, const struct record *r)
{
    struct cast_phase *phase;

    if (!array_reserve(&c->cast.phases, &c->phase_capacity, c->cast.phase_count,
                       sizeof *phase)) {
        c->no_memory = true;
        return;
    }
    if (c->cast.phase_count > 0)
        c->cast.phases[c->cast.phase_count - 1].end_ns = r->time_ns;
    phase = &c->cast.phases[c->cast.phase_count++];
    *phase = (struct cast_phase){.begin_ns = r->time_ns,
                                 .end_ns = evidence_end_ns(c->evidence)};
    copy_text(phase->name, sizeof phase->name,
              evidence_string(c->evidence, c->writer, r->subject));
}

/* The thing disturbed: by the name in the detail, else the link's. */
static void name_target(struct casting *c, struct cast_fault *fault)
{
    const struct cast_link *link = cast_link(&c->cast, fault->link);

    if (member(c, "on")[0] != '\0')
        copy_text(fault->on, sizeof fault->on, member(c, "on"));
    else if (link != NULL)
        copy_text(fault->on, sizeof fault->on, link->name);
}

static double probability_of(const struct casting *c)
{
    const json_t *params = json_object_get(c->detail, "params");
    const json_t *value = json_object_get(params, "probability");

    return json_is_number(value) ? json_number_value(value) : 1;
}

/* Only a fault that has rests says so in its detail. */
static void note_rest(struct casting *c, int fault, uint64_t time_ns)
{
    bool is_resting = json_is_true(json_object_get(c->detail, "resting"));
    struct cast_rest *open = NULL;

    for (int i = c->cast.rest_count - 1; i >= 0 && open == NULL; i--)
        if (c->cast.rests[i].fault == fault && c->cast.rests[i].end_ns == 0)
            open = &c->cast.rests[i];
    if (open != NULL && !is_resting)
        open->end_ns = time_ns;
    if (open != NULL || !is_resting)
        return;
    if (!array_reserve(&c->cast.rests, &c->rest_capacity, c->cast.rest_count,
                       sizeof *open)) {
        c->no_memory = true;
        return;
    }
    c->cast.rests[c->cast.rest_count++] =
        (struct cast_rest){.fault = fault, .begin_ns = time_ns};
}

static void on_fault_begin(struct casting *c, const struct record *r)
{
    bool is_action = record_kind(r) == RECORD_action;
    struct cast_fault *fault;

    if (!array_reserve(&c->cast.faults, &c->fault_capacity, c->cast.fault_count,
                       sizeof *fault)) {
        c->no_memory = true;
        return;
    }
    fault = &c->cast.faults[c->cast.fault_count++];
    *fault = (struct cast_fault){.number = is_action ? 0 : r->a,
                                 .link = r->link,
                                 .begin_ns = r->time_ns,
                                 .end_ns = is_action ? r->time_ns : 0,
                                 .touched = is_action ? r->a : 0,
                                 .probability = probability_of(c)};
    copy_text(fault->name, sizeof fault->name, member(c, is_action ? "action" : "fault"));
    name_target(c, fault);
    if (!is_action)
        note_rest(c, c->cast.fault_count - 1, r->time_ns);
}

static void on_fault_change(struct casting *c, const struct record *r)
{
    for (int i = c->cast.fault_count - 1; i >= 0; i--) {
        const struct cast_fault *fault = &c->cast.faults[i];

        if (fault->number == r->a && fault->number != 0 && fault->end_ns == 0) {
            note_rest(c, i, r->time_ns);
            return;
        }
    }
}

static void on_fault_heal(struct casting *c, const struct record *r)
{
    for (int i = c->cast.fault_count - 1; i >= 0; i--) {
        struct cast_fault *fault = &c->cast.faults[i];

        if (fault->number == r->a && fault->number != 0 && fault->end_ns == 0) {
            fault->end_ns = r->time_ns;
            fault->touched = r->b;
            return;
        }
    }
}

static void on_record(struct casting *c, const struct record *r)
{
    switch (record_kind(r)) {
    case RECORD_client_start:
        on_client_start(c, r);
        break;
    case RECORD_client_signal:
    case RECORD_client_exit:
        on_client_end(c, r);
        break;
    case RECORD_link_open:
    case RECORD_link_owner:
        on_link(c, r);
        break;
    case RECORD_phase:
        on_phase(c, r);
        break;
    case RECORD_fault_begin:
    case RECORD_action:
        on_fault_begin(c, r);
        break;
    case RECORD_fault_change:
        on_fault_change(c, r);
        break;
    case RECORD_fault_heal:
        on_fault_heal(c, r);
        break;
    default:
        break;
    }
}

static void read_records(struct casting *c, struct evidence_merge *merge)
{
    const struct record *record;

    while ((record = evidence_merge_next(merge, &c->writer)) != NULL) {
        c->detail = evidence_detail(c->evidence, c->writer, record->detail);
        on_record(c, record);
        json_decref(c->detail);
        c->detail = NULL;
    }
}

int cast_create(struct cast **out, const struct evidence *evidence, struct error *err)
{
    static const unsigned kinds[] = {
        RECORD_client_start, RECORD_client_signal, RECORD_client_exit,
        RECORD_link_open,    RECORD_link_owner,    RECORD_phase,
        RECORD_fault_begin,  RECORD_fault_change,  RECORD_fault_heal,
        RECORD_action,
    };
    struct evidence_merge *merge = NULL;
    struct casting *c = calloc(1, sizeof *c);

    if (c == NULL)
        return error_set(err, E_NOMEM, "who is who in the evidence");
    c->evidence = evidence;
    c->confs = json_array();
    merge = evidence_merge_create(evidence, kinds, (int)(sizeof kinds / sizeof kinds[0]));
    if (c->confs == NULL || merge == NULL)
        goto fail;
    read_records(c, merge);
    if (c->no_memory)
        goto fail;
    evidence_merge_destroy(merge);
    *out = &c->cast;
    return 0;

fail:
    evidence_merge_destroy(merge);
    cast_destroy(&c->cast);
    return error_set(err, E_NOMEM, "who is who in the evidence");
}

void cast_destroy(struct cast *cast)
{
    struct casting *c = (struct casting *)cast;

    if (cast == NULL)
        return;
    json_decref(c->confs);
    free(cast->clients);
    free(cast->links);
    free(cast->phases);
    free(cast->faults);
    free(cast->rests);
    free(c);
}

const struct cast_client *cast_client(const struct cast *cast, uint32_t number)
{
    for (int i = 0; i < cast->client_count; i++) {
        if (cast->clients[i].number == number)
            return &cast->clients[i];
    }
    return NULL;
}

const struct cast_client *cast_client_named(const struct cast *cast, const char *name)
{
    for (int i = 0; i < cast->client_count; i++) {
        if (strcmp(cast->clients[i].name, name) == 0)
            return &cast->clients[i];
    }
    return NULL;
}

/* The members of a group bear its name and a number (client_start.c). */
bool cast_means(const struct cast *cast, const char *name, uint32_t number)
{
    const struct cast_client *client;
    const char *rest;
    size_t length;

    if (name == NULL)
        return true;
    client = cast_client(cast, number);
    length = strlen(name);
    if (client == NULL || strncmp(client->name, name, length) != 0)
        return false;
    rest = client->name + length;
    if (rest[0] == '\0')
        return true;
    return rest[0] == '-' && rest[1] != '\0' &&
           strspn(rest + 1, "0123456789") == strlen(rest + 1);
}

const struct cast_link *cast_link(const struct cast *cast, uint16_t number)
{
    for (int i = 0; i < cast->link_count; i++) {
        if (cast->links[i].number == number)
            return &cast->links[i];
    }
    return NULL;
}

bool cast_fault_period(const struct cast *cast, int index, uint64_t from_ns,
                       uint64_t *begin_ns, uint64_t *end_ns)
{
    const struct cast_fault *fault = &cast->faults[index];
    uint64_t at_ns = from_ns > fault->begin_ns ? from_ns : fault->begin_ns;

    for (int i = 0; i < cast->rest_count; i++) {
        const struct cast_rest *rest = &cast->rests[i];

        if (rest->fault != index || (rest->end_ns != 0 && rest->end_ns <= at_ns))
            continue;
        if (rest->begin_ns > at_ns) {
            *begin_ns = at_ns;
            *end_ns = rest->begin_ns;
            return true;
        }
        if (rest->end_ns == 0)
            return false;
        at_ns = rest->end_ns;
    }
    *begin_ns = at_ns;
    *end_ns = fault->end_ns;
    return fault->end_ns == 0 || at_ns < fault->end_ns;
}

const struct cast_phase *cast_phase_named(const struct cast *cast, const char *name)
{
    for (int i = 0; i < cast->phase_count; i++) {
        if (strcmp(cast->phases[i].name, name) == 0)
            return &cast->phases[i];
    }
    return NULL;
}
