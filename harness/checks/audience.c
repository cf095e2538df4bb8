/* audience: clients of the cast are sorted into publishers and groups of receivers. */
#include "harness/checks/audience.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/nats/subject.h"

static const char *const level_names[] = {
    [LEVEL_FURTHEST] = "furthest",   [LEVEL_STORED] = "stored",
    [LEVEL_DELIVERED] = "delivered", [LEVEL_ACKED] = "acked",
    [LEVEL_PROCESSED] = "processed",
};

const char *level_name(enum level level)
{
    assert(level <= LEVEL_PROCESSED);
    return level_names[level];
}

static const char *conf_text(const struct cast_client *client, const char *name)
{
    const char *text = json_string_value(json_object_get(client->conf, name));

    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* Set to something that is not "no": wait_for_ack = "2s", window = 100. */
static bool conf_is_set(const struct cast_client *client, const char *name)
{
    const json_t *value = json_object_get(client->conf, name);
    const char *text = json_string_value(value);

    if (text != NULL)
        return text[0] != '\0' && strspn(text, "0") < strspn(text, "0123456789");
    return json_is_true(value) || json_number_value(value) > 0;
}

static bool is_receiver(const struct cast_client *client)
{
    return strcmp(client->workload, "consumer") == 0 ||
           strcmp(client->workload, "subscriber") == 0;
}

/* ---- publishers ---- */

static bool sheet_has(const struct ledger_sheet *sheet, unsigned flag)
{
    uint32_t p;
    int i;

    for (p = 0; p < sheet->page_count; p++)
        for (i = 0; sheet->pages[p] != NULL && i < LEDGER_PAGE_MESSAGES; i++)
            if (sheet->pages[p][i] & flag)
                return true;
    return false;
}

static void fill_publisher(struct audience_publisher *publisher,
                           const struct evidence *evidence, const struct cast *cast,
                           const struct ledger *ledger)
{
    const struct cast_client *client = cast_client(cast, publisher->client);
    const char *stream = client == NULL ? NULL : conf_text(client, "stream");
    int i;

    snprintf(publisher->name, sizeof publisher->name, "client %u", publisher->client);
    if (client != NULL) {
        snprintf(publisher->name, sizeof publisher->name, "%s", client->name);
        publisher->subject = conf_text(client, "subject");
        publisher->by_ack =
            conf_is_set(client, "wait_for_ack") || conf_is_set(client, "window");
    }
    for (i = 0; i < ledger->life_count && stream == NULL; i++) {
        const struct ledger_life *life = &ledger->lives[i];

        if (life->client == publisher->client && life->stream != 0)
            stream = evidence_string(evidence, life->stream_writer, life->stream);
    }
    if (stream != NULL)
        snprintf(publisher->stream, sizeof publisher->stream, "%s", stream);
    for (i = 0; i < ledger->sheet_count && !publisher->by_ack; i++) {
        const struct ledger_sheet *sheet = &ledger->sheets[i];

        if (sheet->receiver == 0 && sheet->client == publisher->client)
            publisher->by_ack = sheet_has(sheet, LEDGER_ACKNOWLEDGED);
    }
}

/* Everybody who attempted something has a sheet of its own. */
static int find_publishers(struct audience *audience, const struct evidence *evidence,
                           const struct cast *cast, const struct ledger *ledger,
                           const char *of, const char *stream)
{
    uint32_t last = 0;
    int i;

    audience->publishers =
        calloc((size_t)ledger->sheet_count + 1, sizeof *audience->publishers);
    if (audience->publishers == NULL)
        return E_NOMEM;
    for (i = 0; i < ledger->sheet_count; i++) {
        const struct ledger_sheet *sheet = &ledger->sheets[i];
        struct audience_publisher *publisher =
            &audience->publishers[audience->publisher_count];

        if (sheet->receiver != 0 || sheet->client == last)
            continue;
        last = sheet->client;
        if (!cast_means(cast, of, sheet->client))
            continue;
        *publisher = (struct audience_publisher){.client = sheet->client};
        fill_publisher(publisher, evidence, cast, ledger);
        if (stream == NULL || strcmp(stream, publisher->stream) == 0)
            audience->publisher_count++;
    }
    return 0;
}

/* ---- groups ---- */

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool share(const struct audience_group *a, const struct audience_group *b)
{
    if (a->is_consumer != b->is_consumer)
        return false;
    if (a->is_consumer)
        return same(a->stream, b->stream) && same(a->durable, b->durable);
    return same(a->queue, b->queue) && same(a->subject, b->subject);
}

static int join(struct audience *audience, const struct audience_group *one,
                uint32_t number)
{
    struct audience_group *group = audience->groups;
    uint32_t *members;
    int i;

    for (i = 0; i < audience->group_count && !share(group, one); i++)
        group++;
    members = realloc(group->members, (size_t)(group->member_count + 1) * sizeof number);
    if (members == NULL)
        return E_NOMEM;
    if (i == audience->group_count) {
        *group = *one;
        audience->group_count++;
    }
    group->members = members;
    members[group->member_count++] = number;
    if (group->member_count > 1)
        snprintf(group->name, sizeof group->name, "%s %.64s (%d clients)",
                 group->is_consumer ? "durable" : "queue group",
                 group->is_consumer ? group->durable : group->queue, group->member_count);
    return 0;
}

static struct audience_group describe(const struct cast_client *client)
{
    const char *ack = conf_text(client, "ack");
    struct audience_group group = {
        .is_consumer = strcmp(client->workload, "consumer") == 0,
        .stream = conf_text(client, "stream"),
        .durable = conf_text(client, "durable"),
        .subject = conf_text(client, "subject"),
        .queue = conf_text(client, "queue"),
    };

    snprintf(group.name, sizeof group.name, "%s", client->name);
    /* With ack = "none" the server counts a delivery as the ack. */
    group.acks = group.is_consumer && (ack == NULL || strcmp(ack, "none") != 0);
    group.works = true; /* what is built in says when its work is done, or never */
    return group;
}

static void latest(uint64_t *kept, uint64_t ns)
{
    if (ns > *kept)
        *kept = ns;
}

/* When this member was last caught up; `until_ns`: it was gone by then. */
static uint64_t member_held_ns(const struct ledger *ledger, uint32_t member,
                               uint64_t until_ns)
{
    const struct ledger_life *last = NULL;
    uint64_t held_ns = 0;
    int i;

    for (i = 0; i < ledger->life_count; i++) {
        if (ledger->lives[i].client != member)
            continue;
        latest(&held_ns, ledger->lives[i].held_ns);
        last = &ledger->lives[i]; /* sorted by incarnation */
    }
    if (last != NULL && last->ended_ns != 0 && last->ended_ns <= until_ns)
        return until_ns;
    return held_ns;
}

/* In a queue group a member's fence tells only what that member has had: the group has
 * caught up when the last one that lives has. */
static void wait_for_all(struct audience_group *group, const struct ledger *ledger)
{
    uint64_t held_ns = group->held_ns;
    int m;

    for (m = 0; m < group->member_count; m++) {
        uint64_t ns = member_held_ns(ledger, group->members[m], held_ns);

        if (ns < group->held_ns)
            group->held_ns = ns;
    }
    if (group->held_ns < held_ns)
        latest(&group->undrained_ns, held_ns);
}

/* What a group's caught_up records say: a durable's state is any member's. */
static void learn(struct audience_group *group, const struct ledger *ledger)
{
    int m;
    int i;

    for (m = 0; m < group->member_count; m++) {
        for (i = 0; i < ledger->life_count; i++) {
            const struct ledger_life *life = &ledger->lives[i];

            if (life->client != group->members[m])
                continue;
            latest(&group->held_ns, life->held_ns);
            latest(&group->stuck_ns, life->stuck_ns);
            latest(&group->gone_ns, life->gone_ns);
            latest(&group->undrained_ns, life->undrained_ns);
        }
    }
    if (!group->is_consumer)
        wait_for_all(group, ledger);
}

static int find_groups(struct audience *audience, const struct cast *cast,
                       const struct ledger *ledger, const char *of, const char *stream)
{
    int rc = 0;
    int i;

    audience->groups = calloc((size_t)cast->client_count + 1, sizeof *audience->groups);
    if (audience->groups == NULL)
        return E_NOMEM;
    for (i = 0; i < cast->client_count && rc == 0; i++) {
        const struct cast_client *client = &cast->clients[i];
        struct audience_group one;

        if (!is_receiver(client) || !cast_means(cast, of, client->number))
            continue;
        one = describe(client);
        if (stream == NULL || !one.is_consumer || same(stream, one.stream))
            rc = join(audience, &one, client->number);
    }
    for (i = 0; i < audience->group_count; i++)
        learn(&audience->groups[i], ledger);
    return rc;
}

/* One who receives is enough: a group does one thing. */
static bool names_receivers(const struct cast *cast, const char *of)
{
    for (int i = 0; i < cast->client_count; i++)
        if (is_receiver(&cast->clients[i]) &&
            cast_means(cast, of, cast->clients[i].number))
            return true;
    return false;
}

int audience_create(struct audience **out, const struct evidence *evidence,
                    const struct cast *cast, const struct ledger *ledger, const char *of,
                    const char *stream, struct error *err)
{
    bool receives = of != NULL && names_receivers(cast, of);
    const char *publisher = receives ? NULL : of;
    const char *receiver = receives ? of : NULL;
    struct audience *audience = calloc(1, sizeof *audience);
    int rc = E_NOMEM;

    if (audience != NULL)
        rc = find_publishers(audience, evidence, cast, ledger, publisher, stream);
    if (rc == 0)
        rc = find_groups(audience, cast, ledger, receiver, stream);
    if (rc != 0) {
        audience_destroy(audience);
        return error_set(err, rc, "who must receive what");
    }
    *out = audience;
    return 0;
}

void audience_destroy(struct audience *audience)
{
    int i;

    if (audience == NULL)
        return;
    for (i = 0; audience->groups != NULL && i < audience->group_count; i++)
        free(audience->groups[i].members);
    free(audience->groups);
    free(audience->publishers);
    free(audience);
}

static bool has_received(const struct audience_group *group, uint32_t publisher,
                         const struct ledger *ledger)
{
    int m;
    int i;

    for (i = 0; i < ledger->sheet_count; i++)
        for (m = 0; m < group->member_count; m++)
            if (ledger->sheets[i].receiver == group->members[m] &&
                ledger->sheets[i].client == publisher)
                return true;
    return false;
}

bool audience_hears(const struct audience_group *group,
                    const struct audience_publisher *publisher,
                    const struct ledger *ledger)
{
    bool fits = group->subject == NULL || publisher->subject == NULL ||
                subject_matches(group->subject, publisher->subject);

    if (group->is_consumer && same(group->stream, publisher->stream) && fits)
        return true;
    if (!group->is_consumer && group->subject != NULL && publisher->subject != NULL &&
        fits)
        return true;
    return has_received(group, publisher->client, ledger);
}

enum level audience_furthest(const struct audience *audience)
{
    enum level level = LEVEL_DELIVERED;
    int i;

    for (i = 0; i < audience->group_count; i++) {
        if (audience->groups[i].works)
            return LEVEL_PROCESSED;
        if (audience->groups[i].acks)
            level = LEVEL_ACKED;
    }
    return level;
}

unsigned audience_flag(const struct audience_group *group, enum level level)
{
    if (level == LEVEL_PROCESSED && group->works)
        return LEDGER_PROCESSED;
    if (level >= LEVEL_ACKED && group->acks)
        return LEDGER_ACKED;
    return LEDGER_DELIVERED;
}
