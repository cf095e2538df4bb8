/* progress: what happens during a run, one line per event.
 *
 *   [   0.0s] RUN   the broker is killed [trap] (seed 48151623)
 *   [   1.2s] phase broker killed
 *   [   9.4s] PASS  the broker is killed [trap]
 * Lines name their case where several may run at once, and its repeat (#2) where it has
 * some. */
#include "harness/cli/progress.h"

#include <assert.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "reports/page.h"
#include "reports/text.h"

static void begin_line(const struct progress *progress, const struct suite_event *event)
{
    bool colour = progress->terminal->colour;

    fprintf(progress->to, "%s[%6.1fs]%s ", colour ? "\033[2m" : "",
            (double)event->since_ns / NS_PER_S, colour ? "\033[0m" : "");
}

static void put(const struct progress *progress, const char *text)
{
    text_put(progress->to, text, progress->terminal->utf8);
}

/* "the broker is killed [trap]", and which of its repeats. */
static void put_case(const struct progress *progress, const struct suite_event *event)
{
    put(progress, event->planned->which->id);
    if (progress->repeats)
        fprintf(progress->to, " #%d", event->planned->repeat);
}

static void print_begin(const struct progress *progress, const struct suite_event *event)
{
    fputs("RUN   ", progress->to);
    put_case(progress, event);
    fprintf(progress->to, " (seed %llu)", (unsigned long long)event->planned->seed);
}

static void print_line(const struct progress *progress, const struct suite_event *event)
{
    if (!event->alone) {
        put_case(progress, event);
        fputs(": ", progress->to);
    }
    put(progress, event->text);
}

static void print_end(const struct progress *progress, const struct suite_event *event)
{
    const struct format_options options = {.colour = progress->terminal->colour,
                                           .utf8 = progress->terminal->utf8};
    const struct page page = {.to = progress->to, .options = &options};
    const char *outcome = member_text(event->result, "outcome");
    const char *why = member_text(event->result, "why");

    page_painted(&page, outcome_paint(outcome), outcome_label(outcome), 4);
    fputs("  ", progress->to);
    put_case(progress, event);
    if (strcmp(outcome, "passed") != 0 && why[0] != '\0') {
        fputs(": ", progress->to);
        put(progress, why);
    }
}

static void print_still(const struct progress *progress, const struct suite_event *event)
{
    fputs("still running: ", progress->to);
    put_case(progress, event);
    fprintf(progress->to, ", %.0f s of at most %.0f s", (double)event->case_ns / NS_PER_S,
            (double)event->planned->timeout_ns / NS_PER_S);
    if (event->text != NULL && event->text[0] != '\0') {
        fputs(", last: ", progress->to);
        put(progress, event->text);
    }
}

void progress_on_event(void *arg, const struct suite_event *event)
{
    const struct progress *progress = arg;

    assert(event->planned != NULL || event->kind == SUITE_NOTE);
    if (progress->silent && event->kind != SUITE_NOTE)
        return;
    begin_line(progress, event);
    switch (event->kind) {
    case SUITE_CASE_BEGIN:
        print_begin(progress, event);
        break;
    case SUITE_CASE_LINE:
        print_line(progress, event);
        break;
    case SUITE_CASE_END:
        print_end(progress, event);
        break;
    case SUITE_STILL:
        print_still(progress, event);
        break;
    case SUITE_NOTE:
        put(progress, event->text);
        break;
    }
    fputc('\n', progress->to);
    fflush(progress->to);
}
