/* lost_messages: a second pass, over the publishers' writers only, for the first and the
 * last of at most twenty rows of neighbours: the first pass keeps no times. A row is one
 * witness; of those that stand alone only a few are named. */
#include "harness/checks/lost_messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/checks/disturbances.h"
#include "proxy/base/clock.h"

enum { ALONE_MAX = 5 };

struct found { /* what entitled the publisher to believe in it */
    const struct record *record;
    int writer;
};

static bool entitles(const struct record *r)
{
    unsigned kind = record_kind(r);

    return kind == RECORD_acknowledged || kind == RECORD_accepted;
}

static bool is_message(const struct record *r, const struct lost_messages *lost,
                       uint64_t number)
{
    return r->message.number == number && r->message.client == lost->id.client &&
           r->message.incarnation == lost->id.incarnation;
}

/* An ack says more than the library's word. */
static void keep(struct found *found, const struct record *r, int writer)
{
    if (found->record == NULL || record_kind(found->record) == RECORD_accepted)
        *found = (struct found){.record = r, .writer = writer};
}

/* `found`: two for each row, its first and its last. */
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
            for (i = 0; entitles(r) && i < lost->count; i++) {
                if (is_message(r, &lost->lost[i], lost->lost[i].id.number))
                    keep(&found[2 * i], r, w);
                if (is_message(r, &lost->lost[i], lost->lost[i].last))
                    keep(&found[2 * i + 1], r, w);
            }
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
        snprintf(text, size, "before: nothing was done");
    else
        snprintf(text, size, "before: %s at %.3f s", before->text,
                 seconds(evidence, before->time_ns));
    used = strlen(text);
    if (after != NULL)
        snprintf(text + used, size - used, "; next: %s at %.3f s", after->text,
                 seconds(evidence, after->time_ns));
}

/* "message 7 of publisher, accepted at 0.531 s" or "messages 2963 to 3047 of publisher,
 * accepted 1.527 to 1.547 s" */
static void name_row(const struct check_input *input, const struct lost_messages *lost,
                     const struct found *found, char *text, size_t size)
{
    const struct cast_client *client = cast_client(input->cast, lost->id.client);
    const struct record *first = found[0].record;
    const struct record *last = found[1].record == NULL ? first : found[1].record;
    const char *what =
        record_kind(first) == RECORD_acknowledged ? "acknowledged" : "accepted";
    const char *name = client == NULL ? "a client" : client->name;
    char incarnation[32] = "";

    if (lost->id.incarnation > 0)
        snprintf(incarnation, sizeof incarnation, " (start %u)",
                 lost->id.incarnation + 1);
    if (lost->last == lost->id.number)
        snprintf(text, size, "message %llu of %.100s%s, %s at %.3f s",
                 (unsigned long long)lost->id.number, name, incarnation, what,
                 seconds(input->evidence, first->time_ns));
    else
        snprintf(text, size, "messages %llu to %llu of %.100s%s, %s %.3f to %.3f s",
                 (unsigned long long)lost->id.number, (unsigned long long)lost->last,
                 name, incarnation, what, seconds(input->evidence, first->time_ns),
                 seconds(input->evidence, last->time_ns));
}

static void describe(struct verdict *verdict, const struct check_input *input,
                     const struct audience *audience, const struct lost_messages *lost,
                     const struct found *found, enum level level,
                     const struct disturbances *disturbances)
{
    char row[240];
    char moment[VERDICT_TEXT_BYTES];
    char missing[200];

    name_row(input, lost, found, row, sizeof row);
    if (lost->group < 0)
        snprintf(missing, sizeof missing, "never stored");
    else
        snprintf(missing, sizeof missing, "never %s by %.150s", level_name(level),
                 audience->groups[lost->group].name);
    describe_moment(input->evidence, disturbances, found[0].record->time_ns, moment,
                    sizeof moment);
    verdict_witness(verdict, input->evidence, found[0].record, "%s, %s; %s", row, missing,
                    moment);
}

void lost_messages_witness(struct verdict *verdict, const struct check_input *input,
                           const struct audience *audience, const struct tally_sink *lost,
                           enum level level)
{
    struct disturbances *disturbances = disturbances_create(input->evidence, input->cast);
    struct found *found = calloc(2 * (size_t)lost->count + 1, sizeof *found);
    int alone = 0;
    int i;

    if (found != NULL && disturbances != NULL) {
        search(input->evidence, lost, found);
        for (i = 0; i < lost->count; i++) {
            bool is_row = lost->lost[i].last > lost->lost[i].id.number;

            if (found[2 * i].record == NULL || (!is_row && ++alone > ALONE_MAX))
                continue;
            describe(verdict, input, audience, &lost->lost[i], &found[2 * i], level,
                     disturbances);
        }
    }
    free(found);
    disturbances_destroy(disturbances);
}
