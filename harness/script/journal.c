/* journal: what the scenario itself writes into the evidence, and says as progress.
 *
 * Records go to the writer "main" of the context; a run without one (tests of the
 * language) keeps only the progress. */
#include "harness/script/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/evidence/writer.h"
#include "harness/script/text.h"

enum { LINE_BYTES = 1200 };

void journal_say(struct run *run, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;

    if (run->options.on_progress == NULL)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    text_clean(line);
    text_one_line(line);
    run->options.on_progress(run->options.arg, line);
}

/* Words for a record, which must be UTF-8. Gives. */
static json_t *words(const char *text)
{
    json_t *value = json_string(text);
    char *copy;

    if (value != NULL)
        return value;
    copy = strdup(text);
    if (copy == NULL)
        return json_string("?");
    text_clean(copy);
    value = json_string(copy);
    free(copy);
    return value;
}

static json_t *words_and_where(const char *text, const char *where)
{
    return json_pack("{s:o, s:o}", "text", words(text), "where", words(where));
}

/* Takes `detail`. */
static void append(struct run *run, struct record record, json_t *detail)
{
    if (run->context->evidence != NULL) {
        record.detail = writer_detail(run->context->evidence, detail);
        writer_append(run->context->evidence, &record);
    }
    json_decref(detail);
}

void journal_phase(struct run *run, const char *name)
{
    struct record record = {.kind = RECORD_phase};

    if (run->context->evidence != NULL) {
        record.subject = writer_string(run->context->evidence, name);
        writer_append(run->context->evidence, &record);
    }
    journal_say(run, "phase %s", name);
}

void journal_note(struct run *run, const char *text)
{
    append(run, (struct record){.kind = RECORD_note},
           json_pack("{s:o}", "text", words(text)));
    journal_say(run, "note %s", text);
}

void journal_stream(struct run *run, const char *name, const json_t *conf)
{
    append(run, (struct record){.kind = RECORD_stream_asked},
           json_pack("{s:s, s:o}", "name", name, "conf",
                     conf != NULL ? json_deep_copy(conf) : json_object()));
    journal_say(run, "stream %s", name);
}

void journal_expectation(struct run *run, bool held, const char *text, const char *where,
                         const json_t *value, const char *op, const json_t *bound)
{
    json_t *detail = words_and_where(text, where);

    if (value != NULL)
        json_object_set(detail, "value", (json_t *)value);
    if (op != NULL)
        json_object_set_new(detail, "op", json_string(op));
    if (bound != NULL)
        json_object_set(detail, "bound", (json_t *)bound);
    append(run,
           (struct record){
               .kind = RECORD_expectation,
               .flags = held ? EVIDENCE_HELD : 0,
           },
           detail);
    journal_say(run, "%s %s", held ? "held" : "not held:", text);
}

void journal_task_error(struct run *run, const struct error *err)
{
    append(run, (struct record){.kind = RECORD_task_error},
           words_and_where(err->text, err->where));
    journal_say(run, "error %s", err->text);
}

void journal_warning(struct run *run, const struct error *err)
{
    char text[LINE_BYTES];

    snprintf(text, sizeof text, "a task that was being cancelled failed: %s", err->text);
    append(run, (struct record){.kind = RECORD_warning},
           words_and_where(text, err->where));
    journal_say(run, "warning %s", text);
}

void journal_deadline(struct run *run, const struct error *err)
{
    append(run, (struct record){.kind = RECORD_deadline},
           words_and_where(err->text, err->where));
}

void journal_action(struct run *run, const char *action, const char *on)
{
    append(run, (struct record){.kind = RECORD_action, .a = 1},
           json_pack("{s:s, s:s, s:{}}", "action", action, "on", on, "params"));
    journal_say(run, "%s %s", action, on);
}

uint32_t journal_fault_begin(struct run *run, const char *fault, const char *on)
{
    uint32_t number = ++run->context->fault_numbers;

    append(run, (struct record){.kind = RECORD_fault_begin, .a = number},
           json_pack("{s:s, s:s, s:{}}", "fault", fault, "on", on, "params"));
    return number;
}

void journal_fault_heal(struct run *run, uint32_t number, uint64_t touched)
{
    append(run, (struct record){.kind = RECORD_fault_heal, .a = number, .b = touched},
           NULL);
}
