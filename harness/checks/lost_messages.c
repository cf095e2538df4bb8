/* lost_messages: a second pass, over the publishers' writers only, for at most twenty
 * messages: the first pass keeps no times. */
#include "harness/checks/lost_messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/checks/disturbances.h"
#include "proxy/base/clock.h"

struct found { /* what entitled the publisher to believe in it */
    const struct record *record;
    int writer;
};

static bool entitles(const struct record *r)
{
    unsigned kind = record_kind(r);

    return kind == RECORD_acknowledged || kind == RECORD_accepted;
}

static bool is_message(const struct record *r, const struct lost_message *lost)
{
    return r->message.number == lost->id.number && r->message.client == lost->id.client &&
           r->message.incarnation == lost->id.incarnation;
}

static void search(const struct evidence *evidence, const struct tally_sink *lost,
                   struct found *found)
{
    int writers = evidence_writer_count(evidence);
    struct evidence_walk walk;
    const struct record *r;
    int w;
    int i;

    for (w = 0; w < writers; w++) {
        const struct evidence_writer_info *info = evidence_writer(evidence, w);
        bool concerned = false;

        for (i = 0; i < lost->count; i++)
            concerned = concerned || lost->lost[i].id.client == info->client;
        if (!concerned)
            continue;
        evidence_walk(&walk, evidence, w);
        while ((r = evidence_walk_next(&walk)) != NULL)
            for (i = 0; entitles(r) && i < lost->count; i++)
                if (is_message(r, &lost->lost[i]) &&
                    (found[i].record == NULL ||
                     record_kind(found[i].record) == RECORD_accepted))
                    found[i] = (struct found){.record = r, .writer = w};
    }
}

static double seconds(const struct evidence *evidence, uint64_t time_ns)
{
    uint64_t start_ns = evidence_start_ns(evidence);

    return time_ns < start_ns ? 0 : (double)(time_ns - start_ns) / NS_PER_S;
}

static void describe_moment(const struct evidence *evidence,
                            const struct disturbances *disturbances, uint64_t time_ns,
                            char *text, size_t size)
{
    const struct disturbance *before = disturbance_before(disturbances, time_ns);
    const struct disturbance *after = disturbance_after(disturbances, time_ns);
    size_t used;

    if (before == NULL)
        snprintf(text, size, "nothing was done before it");
    else
        snprintf(text, size, "last before it: %s at %.3f s", before->text,
                 seconds(evidence, before->time_ns));
    used = strlen(text);
    if (after != NULL)
        snprintf(text + used, size - used, "; next: %s at %.3f s", after->text,
                 seconds(evidence, after->time_ns));
}

static void describe(struct verdict *verdict, const struct check_input *input,
                     const struct audience *audience, const struct lost_message *lost,
                     const struct found *found, enum level level,
                     const struct disturbances *disturbances)
{
    const struct cast_client *client = cast_client(input->cast, lost->id.client);
    const struct record *r = found->record;
    char incarnation[32] = "";
    char moment[VERDICT_TEXT_BYTES];
    char missing[200];

    if (lost->id.incarnation > 0)
        snprintf(incarnation, sizeof incarnation, " (start %u)",
                 lost->id.incarnation + 1);
    if (lost->group < 0)
        snprintf(missing, sizeof missing, "never stored");
    else
        snprintf(missing, sizeof missing, "never %s by %.150s", level_name(level),
                 audience->groups[lost->group].name);
    describe_moment(input->evidence, disturbances, r->time_ns, moment, sizeof moment);
    verdict_witness(verdict, input->evidence, r,
                    "%.100s%s, message %llu: %s at %.3f s, %s; %s",
                    client == NULL ? "a client" : client->name, incarnation,
                    (unsigned long long)lost->id.number,
                    record_kind(r) == RECORD_acknowledged ? "acknowledged" : "accepted",
                    seconds(input->evidence, r->time_ns), missing, moment);
}

void lost_messages_witness(struct verdict *verdict, const struct check_input *input,
                           const struct audience *audience, const struct tally_sink *lost,
                           enum level level)
{
    struct disturbances *disturbances = disturbances_create(input->evidence, input->cast);
    struct found *found = calloc((size_t)lost->count + 1, sizeof *found);
    int i;

    if (found != NULL && disturbances != NULL) {
        search(input->evidence, lost, found);
        for (i = 0; i < lost->count; i++)
            if (found[i].record != NULL)
                describe(verdict, input, audience, &lost->lost[i], &found[i], level,
                         disturbances);
    }
    free(found);
    disturbances_destroy(disturbances);
}
