/* weather: what a case disturbed, when, and what it touched.
 *
 *   latency on publisher->n1  1.047 to 3.9 s  touched 1,204 chunks
 *   reset on 20 links of c at 0.4 s: 20 connections
 * A client has a link per broker and connection, and a fault on all of them is one deed:
 * neighbours in time with the same name, client and moments are one line. */
#include "reports/weather.h"

#include <math.h>
#include <string.h>

#include "reports/text.h"

enum { TARGET_BYTES = 128, TIME_BYTES = 32 };

/* A command reaches the links of a client one after the other, at once for a person. */
static const double same_moment_s = 0.1;

/* "c" of "c#12->n1": whose link it is. */
static void owner_of(char *to, size_t size, const char *link)
{
    const char *end = strstr(link, "->");
    const char *hash;

    snprintf(to, size, "%.*s", end != NULL ? (int)(end - link) : (int)strlen(link), link);
    hash = strrchr(to, '#');
    if (end != NULL && hash != NULL && hash[1 + strspn(hash + 1, "0123456789")] == '\0')
        to[hash - to] = '\0';
}

static bool is_link(const json_t *fault)
{
    return strstr(member_text(fault, "on"), "->") != NULL;
}

static bool is_near(const json_t *a, const json_t *b, const char *name)
{
    const json_t *left = json_object_get(a, name);
    const json_t *right = json_object_get(b, name);

    if (!json_is_number(left) || !json_is_number(right))
        return json_is_number(left) == json_is_number(right);
    return fabs(json_number_value(left) - json_number_value(right)) < same_moment_s;
}

static bool is_same_deed(const json_t *a, const json_t *b)
{
    char left[TARGET_BYTES], right[TARGET_BYTES];

    if (!is_link(a) || !is_link(b) ||
        strcmp(member_text(a, "name"), member_text(b, "name")) != 0)
        return false;
    owner_of(left, sizeof left, member_text(a, "on"));
    owner_of(right, sizeof right, member_text(b, "on"));
    return strcmp(left, right) == 0 && is_near(a, b, "begin_s") && is_near(a, b, "end_s");
}

/* To the millisecond, without zeros behind. Gives `to`. */
static char *time_text(char *to, double seconds)
{
    size_t size = (size_t)snprintf(to, TIME_BYTES, "%.3f", seconds);

    while (size > 0 && size < TIME_BYTES && to[size - 1] == '0')
        to[--size] = '\0';
    if (size > 0 && size < TIME_BYTES && to[size - 1] == '.')
        to[--size] = '\0';
    return to;
}

/* "1,204 chunks", "1 connection", "nothing". */
static void print_touched(const struct page *page, double touched, const char *unit)
{
    char count[TIME_BYTES];
    int letters = (int)strlen(unit);

    if (!(touched >= 1)) {
        page_painted(page, PAINT_YELLOW, "nothing", 0);
        return;
    }
    page_text(page, text_count(count, sizeof count, (uint64_t)touched));
    /* Units are plural: processes, connections, chunks. */
    if (touched < 2 && strcmp(unit, "processes") == 0)
        letters -= 2;
    else if (touched < 2 && letters > 0)
        letters -= 1;
    if (letters > 0) {
        page_format(page, " ");
        page_format(page, "%.*s", letters, unit);
    }
}

static void print_target(const struct page *page, const json_t *fault, int links)
{
    char owner[TARGET_BYTES];

    page_format(page, "  ");
    page_text(page, member_text(fault, "name"));
    page_format(page, " on ");
    if (links == 1) {
        page_text(page, member_text(fault, "on"));
        return;
    }
    owner_of(owner, sizeof owner, member_text(fault, "on"));
    page_format(page, "%d links of ", links);
    page_text(page, owner);
}

/* An action has no duration: "at 0.4 s: 20 connections". */
static void print_deed(const struct page *page, const json_t *fault, int links,
                       double touched)
{
    const json_t *end = json_object_get(fault, "end_s");
    const char *unit = member_text(fault, "touches");
    double begin_s = member_number(fault, "begin_s");
    char from[TIME_BYTES], to[TIME_BYTES];

    print_target(page, fault, links);
    time_text(from, begin_s);
    if (json_is_number(end) && !(json_number_value(end) > begin_s)) {
        page_format(page, " at %s s", from);
        /* It is the one that is named. */
        if (strcmp(unit, "processes") != 0) {
            page_format(page, ": ");
            print_touched(page, touched, unit);
        }
        page_format(page, "\n");
        return;
    }
    if (json_is_number(end))
        page_format(page, "  %s to %s s", from, time_text(to, json_number_value(end)));
    else
        page_format(page, "  from %s s on", from);
    /* What was not healed has not said how much it touched. */
    if (json_is_number(end) && strcmp(unit, "processes") != 0) {
        page_format(page, "  touched ");
        print_touched(page, touched, unit);
    }
    page_format(page, "\n");
}

void weather_print(const struct page *page, const json_t *result)
{
    const json_t *faults = json_object_get(result, "faults");
    size_t count = json_array_size(faults);

    for (size_t first = 0, next; first < count; first = next) {
        const json_t *fault = json_array_get(faults, first);
        double touched = 0;

        for (next = first; next < count; next++) {
            const json_t *other = json_array_get(faults, next);

            if (next > first && !is_same_deed(fault, other))
                break;
            touched += member_number(other, "touched");
        }
        print_deed(page, fault, (int)(next - first), touched);
    }
}
