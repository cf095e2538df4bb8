/* ledger_words: the sums are printed with every column, so that a reader can add up. */
#include "harness/checks/ledger_words.h"

#include <stdio.h>

#include "harness/checks/group_state.h"

#define N(column) ((unsigned long long)t->column)

json_t *ledger_columns_json(const struct tally *tally)
{
    json_t *object = json_object();

#define X(column)                                                                        \
    json_object_set_new(object, #column, json_integer((json_int_t)tally->column));
    TALLY_COLUMNS(X)
#undef X
    return object;
}

static const char *flag_name(unsigned flag)
{
    if (flag == LEDGER_PROCESSED)
        return "processed";
    return flag == LEDGER_ACKED ? "acked" : "delivered";
}

static json_t *receivers_json(const struct ledger_print_input *page)
{
    json_t *object = json_object();
    char state[200];
    int i;

    for (i = 0; i < page->audience->group_count; i++) {
        const struct audience_group *group = &page->audience->groups[i];

        group_state(page->input->evidence, page->input->cast, group, state, sizeof state);
        json_object_set_new(
            object, group->name,
            json_pack("{s:i, s:s, s:s, s:I, s:I}", "clients", group->member_count,
                      "level", flag_name(audience_flag(group, page->level)), "state",
                      state, "entitled", (json_int_t)page->shares[i].entitled, "arrived",
                      (json_int_t)page->shares[i].arrived));
    }
    return object;
}

static void sum_line(json_t *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void sum_line(json_t *lines, const char *format, ...)
{
    char text[VERDICT_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(lines, json_string(text));
}

/* One receiver has what arrived; of several nobody could tell who lacks what. */
static void receiver_lines(json_t *lines, const struct ledger_print_input *page)
{
    int i;

    for (i = 0; page->audience->group_count > 1 && i < page->audience->group_count; i++) {
        const struct audience_group *group = &page->audience->groups[i];

        sum_line(lines, "%.160s: %llu of %llu %s", group->name,
                 (unsigned long long)page->shares[i].arrived,
                 (unsigned long long)page->shares[i].entitled,
                 flag_name(audience_flag(group, page->level)));
    }
}

static json_t *sums_json(const struct ledger_print_input *page)
{
    const struct tally *t = page->total;
    json_t *sums = json_array();

    sum_line(sums,
             "%llu attempted = %llu entitled + %llu recovered + %llu unknown + "
             "%llu refused",
             N(attempted), N(entitled), N(recovered), N(unknown), N(refused));
    sum_line(sums, "%llu entitled = %llu acknowledged + %llu accepted", N(entitled),
             N(acknowledged), N(accepted));
    sum_line(sums,
             "%llu entitled = %llu arrived + %llu pending + %llu lost + %llu "
             "removed + %llu given up",
             N(entitled), N(arrived), N(pending), N(lost), N(removed), N(given_up));
    sum_line(sums, "%llu lost = %llu prefix + %llu middle + %llu postfix", N(lost),
             N(lost_prefix), N(lost_middle), N(lost_postfix));
    receiver_lines(sums, page);
    return sums;
}

void ledger_print(struct verdict *verdict, const struct ledger_print_input *page)
{
    const struct tally *t = page->total;
    json_t *columns = ledger_columns_json(t);
    const char *level = level_name(page->level);

    json_object_update(verdict->numbers, columns);
    json_decref(columns);
    json_object_set_new(verdict->numbers, "level", json_string(level));
    json_object_set_new(verdict->numbers, "sums", sums_json(page));
    json_object_set_new(verdict->numbers, "receivers", receivers_json(page));
    verdict_expected(verdict, "0 lost of what was entitled, up to %s", level);
    verdict_measured(verdict,
                     "%llu attempted: %llu entitled, %llu recovered, %llu unknown, %llu "
                     "refused; of %llu entitled %llu %s, %llu pending, %llu lost "
                     "(prefix %llu, middle %llu, postfix %llu)",
                     N(attempted), N(entitled), N(recovered), N(unknown), N(refused),
                     N(entitled), N(arrived), level, N(pending), N(lost), N(lost_prefix),
                     N(lost_middle), N(lost_postfix));
}
