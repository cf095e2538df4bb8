/* at_least_once: no message that a publisher was entitled to believe in is lost.
 *
 * All well:  every entitled message (acknowledged; for core publishers accepted) reached
 *            the level asked in every group that must have it.
 * Lost:      a group that has caught up, after the publisher's story was over, lacks
 *            one; or a consumer is stuck; or a publish was refused (allow names it).
 * Inconclusive: nothing was entitled, nobody listened, more could still have come, or
 *            the evidence contradicts itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/checks/audience.h"
#include "harness/checks/check.h"
#include "harness/checks/group_state.h"
#include "harness/checks/ledger.h"
#include "harness/checks/ledger_words.h"
#include "harness/checks/lost_messages.h"
#include "harness/checks/removal.h"
#include "harness/checks/tally.h"

struct at_least_once_conf {
    int upto; /* enum level */
    char *stream;
    json_t *allow;
};

static const char *const levels[] = {"furthest", "stored",    "delivered",
                                     "acked",    "processed", NULL};
static const char *const allowances[] = {"removed", "given_up", "refused"};

enum { ALLOWANCES = sizeof allowances / sizeof allowances[0] };

static const struct param params[] = {
    PARAM_CHOICE(at_least_once_conf, upto, "upto", "furthest", levels,
                 "how far each message must have come; furthest: as far as the scenario "
                 "can see"),
    PARAM(at_least_once_conf, stream, TEXT, "stream", NULL, NULL, NULL,
          "look at this stream only"),
    PARAM(at_least_once_conf, allow, JSON, "allow", NULL, NULL, NULL,
          "list of what is no loss: removed, given_up, refused"),
    PARAM_END,
};

static int bad_allowance(const char *name, struct error *err)
{
    const char *near = name == NULL ? NULL : error_suggest(name, allowances, ALLOWANCES);

    error_set(err, E_PARAM, "check.at_least_once: allow names '%s'",
              name == NULL ? "something that is no word" : name);
    error_hint(err, "%s%s%sallow takes a list of removed, given_up, refused",
               near == NULL ? "" : "did you mean '", near == NULL ? "" : near,
               near == NULL ? "" : "'? ");
    return E_PARAM;
}

static int check_conf(const void *arg, struct error *err)
{
    const struct at_least_once_conf *conf = arg;
    const json_t *member;
    size_t i;
    int a;

    if (conf->allow == NULL || json_is_null(conf->allow))
        return 0;
    if (json_is_object(conf->allow) && json_object_size(conf->allow) == 0)
        return 0; /* an empty Lua table */
    if (!json_is_array(conf->allow))
        return bad_allowance(json_string_value(conf->allow), err);
    json_array_foreach(conf->allow, i, member) {
        const char *name = json_string_value(member);

        for (a = 0; name != NULL && a < ALLOWANCES; a++)
            if (strcmp(allowances[a], name) == 0)
                break;
        if (name == NULL || a == ALLOWANCES)
            return bad_allowance(name, err);
    }
    return 0;
}

static bool is_allowed(const struct at_least_once_conf *conf, const char *name)
{
    const json_t *member;
    size_t i;

    json_array_foreach(conf->allow, i, member) {
        if (strcmp(json_string_value(member), name) == 0)
            return true;
    }
    return false;
}

static void title(const void *arg, char *text, size_t size)
{
    const struct at_least_once_conf *conf = arg;

    if (conf->upto == LEVEL_FURTHEST)
        snprintf(text, size, "at least once");
    else
        snprintf(text, size, "at least once, up to %s", levels[conf->upto]);
}

/* ---- the judgement at hand ---- */

struct judging {
    const struct check_input *input;
    const struct at_least_once_conf *conf;
    struct ledger *ledger;
    struct audience *audience;
    enum level level;
    struct tally total;
    const struct audience_publisher *unheard; /* one with nobody to listen */
    bool lost_for_sure; /* no limit of a stream or of deliveries can explain it */
    char removal[256];  /* what can */
    const char *contradiction;
    struct lost_messages lost[VERDICT_WITNESSES_MAX];
    struct tally_sink sink;
    struct tally_share *shares; /* one per group */
    struct verdict *verdict;
};

static int count_publisher(struct judging *j, const struct audience_publisher *publisher,
                           json_t *by_publisher, struct error *err)
{
    struct tally sum = {0};
    int i;
    int rc;

    for (i = 0; i < j->ledger->sheet_count; i++) {
        const struct ledger_sheet *sheet = &j->ledger->sheets[i];
        struct tally_input input = {.ledger = j->ledger,
                                    .audience = j->audience,
                                    .publisher = publisher,
                                    .incarnation = sheet->incarnation,
                                    .level = j->level};
        struct tally tally;

        if (sheet->receiver != 0 || sheet->client != publisher->client)
            continue;
        rc = tally_count(&tally, &input, &j->sink, j->shares, err);
        if (rc != 0)
            return rc;
        if (j->contradiction == NULL)
            j->contradiction = tally_contradiction(&tally);
        tally_add(&sum, &tally);
    }
    if (sum.unserved > 0 && j->unheard == NULL)
        j->unheard = publisher;
    if (sum.lost > 0 &&
        (!publisher->by_ack ||
         !removal_is_possible(j->input->evidence, j->input->cast, publisher->stream,
                              j->removal, sizeof j->removal)))
        j->lost_for_sure = true;
    tally_add(&j->total, &sum);
    json_object_set_new(by_publisher, publisher->name, ledger_columns_json(&sum));
    return 0;
}

/* Messages that somebody received although nobody here attempted them: of a client
 * that we started they contradict its evidence, of anybody else they are unexpected. */
static void count_strangers(struct judging *j)
{
    const struct ledger *ledger = j->ledger;
    int i;

    for (i = 0; i < ledger->sheet_count; i++) {
        const struct ledger_sheet *sheet = &ledger->sheets[i];

        if (sheet->receiver == 0 ||
            ledger_sheet(ledger, 0, sheet->client, sheet->incarnation) != NULL)
            continue;
        if (cast_client(j->input->cast, sheet->client) != NULL)
            j->total.impossible++;
        else
            j->total.unexpected++;
    }
    for (i = 0; i < ledger->life_count; i++)
        j->total.unexpected += ledger->lives[i].unexpected;
    if (j->contradiction == NULL)
        j->contradiction = tally_contradiction(&j->total);
}

#define N(column) ((unsigned long long)t->column)

static const char *belief(const struct tally *t)
{
    if (t->accepted == 0)
        return "acknowledged";
    return t->acknowledged == 0 ? "accepted" : "acknowledged or accepted";
}

static const struct audience_group *stuck_group(const struct judging *j)
{
    int i;

    for (i = 0; i < j->audience->group_count; i++) {
        const struct audience_group *group = &j->audience->groups[i];

        if (group_is_stuck(j->input->evidence, j->input->cast, group))
            return group;
    }
    return NULL;
}

/* The asked level is one that nobody here can see. */
static bool is_blind(const struct judging *j)
{
    int i;

    if (j->level == LEVEL_STORED)
        return j->total.acknowledged == 0;
    for (i = 0; i < j->audience->group_count; i++) {
        const struct audience_group *group = &j->audience->groups[i];

        if (j->level == LEVEL_DELIVERED || group->is_consumer ||
            (j->level == LEVEL_PROCESSED && group->works))
            return false;
    }
    return j->audience->group_count > 0;
}

/* Was there a chance to fail? false: said so. */
static bool had_a_chance(struct judging *j)
{
    const struct tally *t = &j->total;

    if (j->ledger->out_of_reach > 0)
        verdict_inconclusive(j->verdict, "ledger_too_large",
                             "%llu records bear message numbers beyond what can be "
                             "counted: damaged evidence?",
                             (unsigned long long)j->ledger->out_of_reach);
    else if (j->contradiction != NULL)
        verdict_inconclusive(j->verdict, "ledger_contradiction",
                             "the evidence contradicts itself (%s)", j->contradiction);
    else if (t->attempted == 0)
        verdict_inconclusive(j->verdict, "nothing_published", "nothing was published%s",
                             j->conf->stream == NULL ? "" : " to that stream");
    else if (t->entitled == 0)
        verdict_inconclusive(j->verdict, "nothing_published",
                             "of %llu messages attempted none was acknowledged",
                             N(attempted));
    else if (is_blind(j))
        verdict_inconclusive(j->verdict, "not_visible",
                             "nobody in this scenario can see whether a message was %s",
                             level_name(j->level));
    else if (j->level > LEVEL_STORED && j->audience->group_count == 0)
        verdict_inconclusive(j->verdict, "no_consumer",
                             "nobody was there to receive %llu messages", N(entitled));
    else
        return true;
    return false;
}

/* "; the stream of worker is gone", or "" */
static const char *who_has_no_stream(const struct judging *j, char *text, size_t size)
{
    int i;

    text[0] = '\0';
    for (i = 0; i < j->audience->group_count && text[0] == '\0'; i++) {
        const struct audience_group *group = &j->audience->groups[i];

        if (group->gone_ns > group->held_ns)
            snprintf(text, size, "; the stream of %.120s is gone", group->name);
    }
    return text;
}

static void fail_lost(struct judging *j)
{
    const struct tally *t = &j->total;
    char gone[160];

    verdict_fail(j->verdict, "lost",
                 "%llu of %llu %s messages were lost: never %s where they should have "
                 "been (%llu at the beginning, %llu in the middle, %llu at the end)%s",
                 N(lost), N(entitled), belief(t), level_name(j->level), N(lost_prefix),
                 N(lost_middle), N(lost_postfix),
                 who_has_no_stream(j, gone, sizeof gone));
    lost_messages_witness(j->verdict, j->input, j->audience, &j->sink, j->level);
}

static void say_pending(struct judging *j)
{
    const struct tally *t = &j->total;
    char ended[200];
    int i;

    for (i = 0; i < j->audience->group_count; i++) {
        if (j->shares[i].arrived == j->shares[i].entitled ||
            !group_has_ended(j->input->evidence, j->input->cast, &j->audience->groups[i],
                             ended, sizeof ended))
            continue;
        verdict_inconclusive(j->verdict, "not_drained",
                             "%llu of %llu %s messages are missing, but %s", N(pending),
                             N(entitled), belief(t), ended);
        return;
    }
    verdict_inconclusive(j->verdict, "not_drained",
                         "%llu of %llu %s messages are missing, but more could still "
                         "have come: stop the publishers, then await_caught_up",
                         N(pending), N(entitled), belief(t));
}

static void decide(struct judging *j)
{
    const struct tally *t = &j->total;
    const struct audience_group *stuck = j->level == LEVEL_STORED ? NULL : stuck_group(j);

    if (t->lost > 0 && !j->lost_for_sure)
        verdict_inconclusive(j->verdict, "removal_possible",
                             "%llu of %llu %s messages are missing, but %s: clients "
                             "cannot see whether they were lost or removed",
                             N(lost), N(entitled), belief(t), j->removal);
    else if (t->lost > 0)
        fail_lost(j);
    else if (stuck != NULL)
        verdict_fail(j->verdict, "stuck",
                     "%s is stuck: messages are pending and nothing moved for three "
                     "times ack_wait; %llu of %llu are missing",
                     stuck->name, N(pending), N(entitled));
    else if (t->refused > 0 && !is_allowed(j->conf, "refused"))
        verdict_fail(j->verdict, "refused",
                     "%llu of %llu messages were refused (allow = { \"refused\" } if "
                     "that is as it should be)",
                     N(refused), N(attempted));
    else if (j->unheard != NULL)
        verdict_inconclusive(j->verdict, "no_consumer",
                             "nobody was there to receive what %s published",
                             j->unheard->name);
    else if (t->pending > 0)
        say_pending(j);
    else if (j->level == LEVEL_STORED && removal_broker_ended(j->input->evidence))
        verdict_inconclusive(j->verdict, "not_read_back",
                             "all %llu were stored when their PubAck came, but a broker "
                             "ended since and nobody read them back",
                             N(entitled));
    else
        verdict_pass(j->verdict, "all %llu %s messages were %s at least once",
                     N(entitled), belief(t), level_name(j->level));
}

#undef N

static int count_all(struct judging *j, struct error *err)
{
    json_t *by_publisher = json_object();
    int rc = 0;
    int i;

    j->shares = calloc((size_t)j->audience->group_count + 1, sizeof *j->shares);
    if (j->shares == NULL)
        rc = error_set(err, E_NOMEM, "the receivers' shares");
    for (i = 0; i < j->audience->publisher_count && rc == 0; i++)
        rc = count_publisher(j, &j->audience->publishers[i], by_publisher, err);
    json_object_set_new(j->verdict->numbers, "publishers", by_publisher);
    if (rc != 0)
        return rc;
    count_strangers(j);
    ledger_print(j->verdict, &(struct ledger_print_input){.input = j->input,
                                                          .audience = j->audience,
                                                          .total = &j->total,
                                                          .shares = j->shares,
                                                          .level = j->level});
    return 0;
}

static void judge(const struct check_input *input, const void *arg,
                  struct verdict *verdict)
{
    const struct at_least_once_conf *conf = arg;
    struct judging j = {.input = input, .conf = conf, .verdict = verdict};
    struct error err;
    int rc;

    j.sink = (struct tally_sink){.lost = j.lost, .capacity = VERDICT_WITNESSES_MAX};
    rc = ledger_create(&j.ledger, input->evidence, input->from_ns, input->to_ns, &err);
    if (rc == 0)
        rc = audience_create(&j.audience, input->evidence, input->cast, j.ledger,
                             input->scope->of, conf->stream, &err);
    if (rc == 0) {
        j.level = conf->upto == LEVEL_FURTHEST ? audience_furthest(j.audience)
                                               : (enum level)conf->upto;
        rc = count_all(&j, &err);
    }
    if (rc != 0)
        verdict_inconclusive(verdict, "no_memory", "%s", err.text);
    else if (had_a_chance(&j))
        decide(&j);
    free(j.shares);
    audience_destroy(j.audience);
    ledger_destroy(j.ledger);
}

static const char *const reasons[] = {"lost", "stuck", "refused", NULL};
static const char *const doubts[] = {
    "ledger_too_large", "ledger_contradiction", "nothing_published",
    "not_visible",      "no_consumer",          "not_drained",
    "removal_possible", "not_read_back",        NULL};

const struct check_type check_at_least_once = {
    .name = "at_least_once",
    .summary = "nothing that a publisher was entitled to believe in is lost",
    .params = params,
    .reasons = reasons,
    .doubts = doubts,
    .conf_size = sizeof(struct at_least_once_conf),
    .check = check_conf,
    .title = title,
    .judge = judge,
};
