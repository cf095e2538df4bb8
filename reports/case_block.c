/* case_block: what stands below a case in the terminal's summary.
 *
 * In the order of the questions of somebody whose release is blocked: what is wrong,
 * what was expected and measured, what decided it, how do I see it again. */
#include "reports/case_block.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "proxy/base/error.h"
#include "reports/source.h"
#include "reports/text.h"
#include "reports/weather.h"

enum {
    TITLE_COLUMNS_MAX = 48,
    FIELD_COLUMNS_MAX = 48,
    ASIDE_COLUMNS_MAX = 80,
    WITNESSES_SHOWN = 5,
    PAGE_COLUMNS = 96
};

static bool is_verdict(const json_t *check, const char *verdict)
{
    return strcmp(member_text(check, "verdict"), verdict) == 0;
}

/* A whole number with its commas, anything else short. */
static void number_text(char *text, size_t size, const json_t *value)
{
    double number = json_number_value(value);

    if (number >= 0 && number < 1e15 && floor(number) == number)
        text_count(text, size, (uint64_t)number);
    else
        snprintf(text, size, "%.4g", number);
}

/* A list of sentences among the numbers (a ledger's sums), one per line. */
static void print_sentences(const struct page *page, const json_t *list, int indent)
{
    const json_t *sentence;
    size_t i;

    json_array_foreach(list, i, sentence) {
        if (!json_is_string(sentence))
            continue;
        page_format(page, "%*s", indent, "");
        page_text(page, json_string_value(sentence));
        page_format(page, "\n");
    }
}

/* "attempted 2,000  acknowledged 1,997  lost 3", wrapped; then the sentences. */
static void print_numbers(const struct page *page, const json_t *numbers, int indent)
{
    int column = 0;
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)numbers, name, value) {
        char text[32];
        int width;

        if (!json_is_number(value))
            continue;
        number_text(text, sizeof text, value);
        width = (int)(strlen(name) + strlen(text)) + 3;
        if (column > 0 && column + width > PAGE_COLUMNS) {
            page_format(page, "\n");
            column = 0;
        }
        if (column == 0)
            column = fprintf(page->to, "%*s", indent, "");
        else
            column += fprintf(page->to, "  ");
        page_text(page, name);
        page_format(page, " %s", text);
        column += width - 2;
    }
    if (column > 0)
        page_format(page, "\n");
    json_object_foreach((json_t *)numbers, name, value)
        print_sentences(page, value, indent);
}

/* "12 s  closed by the server" of the first few records that decided; whose record it is
 * stands in results.json. */
static void print_witnesses(const struct page *page, const json_t *witnesses)
{
    size_t count = json_array_size(witnesses);
    const json_t *witness;
    size_t i;

    json_array_foreach(witnesses, i, witness) {
        if (i == WITNESSES_SHOWN && page->options->verbose < 1)
            break;
        page_format(page, "    %9.3f s  ", member_number(witness, "t"));
        page_text(page, member_text(witness, "text")[0] ? member_text(witness, "text")
                                                        : member_text(witness, "kind"));
        page_format(page, "\n");
    }
    if (count > WITNESSES_SHOWN && page->options->verbose < 1)
        page_format(page, "    and %zu more records\n", count - WITNESSES_SHOWN);
}

static int title_width(const struct page *page, const json_t *checks)
{
    const json_t *check;
    int width = 0;
    size_t i;

    json_array_foreach(checks, i, check) {
        int own = text_width(member_text(check, "title"), page->options->utf8);

        if (own > width && own <= TITLE_COLUMNS_MAX)
            width = own;
    }
    return width;
}

/* "   measured 3 lost" beside the title; a long value gets a line of its own below. */
static void print_fields(const struct page *page, const json_t *check, const char *where)
{
    static const char *const names[] = {"expected", "measured"};
    const char *late[2] = {NULL, NULL};

    for (int i = 0; i < 2; i++) {
        const char *value = member_text(check, names[i]);

        if (text_width(value, page->options->utf8) > FIELD_COLUMNS_MAX) {
            late[i] = value;
        } else if (value[0] != '\0') {
            page_format(page, "   %s ", names[i]);
            page_text(page, value);
        }
    }
    page_format(page, where[0] != '\0' ? "   " : "");
    page_painted(page, PAINT_DIM, where, 0);
    page_format(page, "\n");
    for (int i = 0; i < 2; i++) {
        if (late[i] == NULL)
            continue;
        page_format(page, "    %s ", names[i]);
        page_text(page, late[i]);
        page_format(page, "\n");
    }
}

/* A verdict that the case did not ask for, in words. */
static const char *surprise(const json_t *check)
{
    if (is_verdict(check, "passed"))
        return "passed, but should have failed";
    return is_verdict(check, "failed") ? "failed" : "inconclusive";
}

static void print_check(const struct page *page, const json_t *check, int width)
{
    page_format(page, "  ");
    page_painted(page, PAINT_BOLD, member_text(check, "title"), width);
    print_fields(page, check, member_text(check, "where"));
    page_format(page, "    ");
    page_painted(page, outcome_paint(member_text(check, "verdict")), surprise(check), 0);
    if (member_text(check, "reason")[0] != '\0') {
        page_format(page, " (");
        page_text(page, member_text(check, "reason"));
        page_format(page, ")");
    }
    if (member_text(check, "text")[0] != '\0') {
        page_format(page, ": ");
        page_text(page, member_text(check, "text"));
    }
    page_format(page, "\n");
    print_witnesses(page, json_object_get(check, "witnesses"));
    if (page->options->verbose > 0)
        print_numbers(page, json_object_get(check, "numbers"), 4);
}

/* "3 of 2,000": the number that is called like the reason, of all that there were. */
static bool print_share(const struct page *page, const json_t *check)
{
    static const char *const totals[] = {"entitled", "attempted", "attempts", "outages"};
    const json_t *numbers = json_object_get(check, "numbers");
    const json_t *part = json_object_get(numbers, member_text(check, "reason"));
    char text[32];

    if (!json_is_number(part))
        return false;
    number_text(text, sizeof text, part);
    page_format(page, " (%s", text);
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        const json_t *total = json_object_get(numbers, totals[i]);

        if (!json_is_number(total))
            continue;
        number_text(text, sizeof text, total);
        page_format(page, " of %s", text);
        break;
    }
    page_format(page, ")");
    return true;
}

/* A trap that snapped is good news, and it says for what reason. */
static void print_expected_miss(const struct page *page, const json_t *check)
{
    const char *measured = member_text(check, "measured");

    page_format(page, "  ");
    page_text(page, member_text(check, "id"));
    page_format(page, " %s as expected: ",
                is_verdict(check, "failed") ? "failed" : "was inconclusive");
    page_text(page, member_text(check, "reason"));
    if (!print_share(page, check) && measured[0] != '\0' &&
        text_width(measured, page->options->utf8) <= ASIDE_COLUMNS_MAX) {
        page_format(page, " (");
        page_text(page, measured);
        page_format(page, ")");
    }
    page_format(page, "\n");
}

static void print_passed_check(const struct page *page, const json_t *check)
{
    page_format(page, "  ");
    page_text(page, member_text(check, "title"));
    print_fields(page, check, "");
    print_numbers(page, json_object_get(check, "numbers"), 4);
}

/* "warning: client 'worker' was killed by signal 9, not by the scenario (at 2.3 s)" */
static void print_warnings(const struct page *page, const json_t *result)
{
    const json_t *warning;
    size_t i;

    json_array_foreach(json_object_get(result, "warnings"), i, warning) {
        const char *where = member_text(warning, "where");

        page_format(page, "  ");
        page_painted(page, PAINT_YELLOW, "warning:", 0);
        page_format(page, " ");
        page_text(page, member_text(warning, "text"));
        page_format(page, " (at %.3f s%s", member_number(warning, "t"),
                    where[0] != '\0' ? ", " : "");
        page_text(page, where);
        page_format(page, ")\n");
    }
}

void case_block_passed(const struct page *page, const json_t *result)
{
    const json_t *check;
    size_t i;

    json_array_foreach(json_object_get(result, "checks"), i, check) {
        if (!is_verdict(check, "passed")) {
            print_expected_miss(page, check);
            if (page->options->verbose > 0)
                print_numbers(page, json_object_get(check, "numbers"), 4);
        } else if (page->options->verbose > 0) {
            print_passed_check(page, check);
        }
    }
    print_warnings(page, result);
    if (page->options->verbose > 0)
        weather_print(page, result);
}

/* Do the words of a check below say the same? What a case expected they do not know. */
static bool is_said_below(const json_t *result, const char *why)
{
    size_t length = strlen(why);
    const json_t *check;
    size_t i;

    if (json_is_object(json_object_get(result, "expect")))
        return false;
    json_array_foreach(json_object_get(result, "checks"), i, check) {
        const char *text = member_text(check, "text");
        size_t own = strlen(text);

        if (!json_is_true(json_object_get(check, "met")) && own > 0 && own <= length &&
            strcmp(why + length - own, text) == 0)
            return true;
    }
    return false;
}

static void print_line_of(const struct page *page, int indent, const char *text)
{
    page_format(page, "%*s", indent, "");
    page_text(page, text);
    page_format(page, "\n");
}

/* The way out may have several lines. */
static void print_hint(const struct page *page, const char *hint)
{
    while (*hint != '\0') {
        size_t size = strcspn(hint, "\n");
        char line[ERROR_HINT_BYTES];

        snprintf(line, sizeof line, "%.*s", (int)size, hint);
        print_line_of(page, 4, line);
        hint += size + (hint[size] == '\n');
    }
}

/* Why the case is not as expected, in one line; an error with its place and way out. */
static void print_reason(const struct page *page, const json_t *result)
{
    const json_t *error = json_object_get(result, "error");
    const char *text = member_text(error, "text");
    const char *why = member_text(result, "why");

    if (text[0] == '\0') {
        if (why[0] != '\0' && !is_said_below(result, why))
            print_line_of(page, 2, why);
        return;
    }
    /* A failed check may weigh more than the error that came with it. */
    if (why[0] != '\0' && strcmp(why, text) != 0 && !is_said_below(result, why))
        print_line_of(page, 2, why);
    /* An expectation that did not hold is no error of the script. */
    if (strcmp(member_text(result, "outcome"), "error") == 0) {
        page_format(page, "  ");
        page_painted(page, PAINT_RED, "error:", 0);
        print_line_of(page, 1, text);
    } else {
        print_line_of(page, 2, text);
    }
    source_print(page->to, member_text(error, "where"), 4, page->options->colour,
                 page->options->utf8);
    print_hint(page, member_text(error, "hint"));
}

/* After an error most checks had no chance: one line for all of them. */
static bool is_beside_the_error(const struct page *page, const json_t *result,
                                const json_t *check)
{
    return member_text(json_object_get(result, "error"), "text")[0] != '\0' &&
           is_verdict(check, "inconclusive") && page->options->verbose < 1;
}

static void print_nothing_to_judge(const struct page *page, const json_t *result)
{
    const json_t *check;
    int count = 0;
    size_t i;

    json_array_foreach(json_object_get(result, "checks"), i, check)
        count += is_beside_the_error(page, result, check);
    if (count == 0)
        return;
    page_format(page, "  %d check%s had nothing to judge (", count,
                count == 1 ? "" : "s");
    count = 0;
    json_array_foreach(json_object_get(result, "checks"), i, check) {
        if (!is_beside_the_error(page, result, check))
            continue;
        page_format(page, count++ > 0 ? ", " : "");
        page_text(page, member_text(check, "reason"));
    }
    page_format(page, ")\n");
}

static void print_checks(const struct page *page, const json_t *result)
{
    const json_t *checks = json_object_get(result, "checks");
    int width = title_width(page, checks);
    const json_t *check;
    size_t i;

    json_array_foreach(checks, i, check) {
        if (is_beside_the_error(page, result, check))
            continue;
        if (!json_is_true(json_object_get(check, "met")))
            print_check(page, check, width);
        else if (!is_verdict(check, "passed"))
            print_expected_miss(page, check);
        else if (page->options->verbose > 0)
            print_passed_check(page, check);
    }
}

/* Evidence with holes may hide what decided: say so beside the verdict, whose words name
 * the first bad file already. */
static void print_damage(const struct page *page, const json_t *result)
{
    const json_t *evidence = json_object_get(result, "evidence");
    double lost = member_number(evidence, "lost_records");
    const json_t *texts = json_object_get(evidence, "damage");
    double bad = member_number(evidence, "bad_segments");
    const json_t *text;
    size_t i;

    if (lost > 0)
        page_format(page, "  evidence is incomplete: %.0f records could not be kept\n",
                    lost);
    json_array_foreach(texts, i, text) {
        if (i == 0)
            continue;
        page_format(page, "  evidence is damaged too: ");
        page_text(page, json_string_value(text));
        page_format(page, "\n");
    }
    if (bad > (double)json_array_size(texts))
        page_format(page, "  evidence is damaged: %.0f files in all\n", bad);
}

void case_block_not_passed(const struct page *page, const json_t *result)
{
    const char *reproduce = member_text(result, "reproduce");
    const char *folder = member_text(result, "folder");

    print_reason(page, result);
    print_checks(page, result);
    print_nothing_to_judge(page, result);
    print_warnings(page, result);
    weather_print(page, result);
    print_damage(page, result);
    if (strcmp(member_text(result, "outcome"), "skipped") == 0)
        return;
    if (reproduce[0] != '\0') {
        page_format(page, "  reproduce  ");
        page_text(page, reproduce);
        page_format(page, "\n");
    }
    if (folder[0] != '\0' && page->options->folder != NULL) {
        page_format(page, "  evidence   ");
        page_text(page, page->options->folder);
        page_format(page, "/");
        page_text(page, folder);
        page_format(page, "\n");
    }
}
