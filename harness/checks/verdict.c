/* verdict: fill in, carry, write and read back what a check found.
 *
 * A verdict begins as inconclusive "not_judged" and is set by one of pass, fail and
 * inconclusive; the last word counts. Sentences are cut at a whole UTF-8 character when
 * they do not fit, so that what we print is always valid JSON. */
#include "harness/checks/verdict.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proxy/base/clock.h"

static const char *const value_names[] = {
    [VERDICT_PASSED] = "passed",
    [VERDICT_FAILED] = "failed",
    [VERDICT_INCONCLUSIVE] = "inconclusive",
};

enum { VALUE_COUNT = sizeof value_names / sizeof value_names[0] };

/* Cut what vsnprintf cut in the middle of a character. */
static void trim_utf8(char *text)
{
    size_t size = strlen(text);
    size_t lead = size;
    unsigned char first;
    size_t want;

    while (lead > 0 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80)
        lead--;
    if (lead == 0)
        return;
    first = (unsigned char)text[lead - 1];
    want = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (size - (lead - 1) < want)
        text[lead - 1] = '\0';
}

static void set_text(char *to, size_t size, const char *format, va_list args)
{
    vsnprintf(to, size, format, args);
    trim_utf8(to);
}

/* A JSON string, whatever the bytes: names come from scripts and foreign programs. */
static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    char safe[VERDICT_TEXT_BYTES];
    size_t i;

    if (json != NULL)
        return json;
    snprintf(safe, sizeof safe, "%s", text);
    for (i = 0; safe[i] != '\0'; i++)
        if ((unsigned char)safe[i] >= 0x80)
            safe[i] = '?';
    return json_string(safe);
}

void verdict_init(struct verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    verdict->value = VERDICT_INCONCLUSIVE;
    snprintf(verdict->reason, sizeof verdict->reason, "not_judged");
    snprintf(verdict->text, sizeof verdict->text, "nothing has judged this yet");
    verdict->numbers = json_object();
    verdict->witnesses = json_array();
}

void verdict_release(struct verdict *verdict)
{
    json_decref(verdict->numbers);
    json_decref(verdict->witnesses);
    verdict->numbers = NULL;
    verdict->witnesses = NULL;
}

void verdict_pass(struct verdict *verdict, const char *format, ...)
{
    va_list args;

    verdict->value = VERDICT_PASSED;
    verdict->reason[0] = '\0';
    va_start(args, format);
    set_text(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
}

void verdict_fail(struct verdict *verdict, const char *reason, const char *format, ...)
{
    va_list args;

    assert(reason[0] != '\0');
    verdict->value = VERDICT_FAILED;
    snprintf(verdict->reason, sizeof verdict->reason, "%s", reason);
    va_start(args, format);
    set_text(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
}

void verdict_inconclusive(struct verdict *verdict, const char *reason, const char *format,
                          ...)
{
    va_list args;

    assert(reason[0] != '\0');
    verdict->value = VERDICT_INCONCLUSIVE;
    snprintf(verdict->reason, sizeof verdict->reason, "%s", reason);
    va_start(args, format);
    set_text(verdict->text, sizeof verdict->text, format, args);
    va_end(args);
}

void verdict_expected(struct verdict *verdict, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_text(verdict->expected, sizeof verdict->expected, format, args);
    va_end(args);
}

void verdict_measured(struct verdict *verdict, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_text(verdict->measured, sizeof verdict->measured, format, args);
    va_end(args);
}

void verdict_number(struct verdict *verdict, const char *name, double value)
{
    /* JSON has no infinity: json_real gives NULL, and the figure is left out. */
    json_object_set_new(verdict->numbers, name, json_real(value));
}

void verdict_count(struct verdict *verdict, const char *name, uint64_t value)
{
    if (value > INT64_MAX)
        value = INT64_MAX;
    json_object_set_new(verdict->numbers, name, json_integer((json_int_t)value));
}

/* The eyes that saw it. A record does not know its writer; kinds below 80 are the
 * harness's own (30 to 42 and faults on links the proxy's), the others a client's. For
 * records of messages `message.client` is the publisher, whose own story this is. */
static const char *witness_writer(const struct evidence *evidence,
                                  const struct record *record, unsigned kind)
{
    int count = evidence_writer_count(evidence);
    int i;

    if (kind >= RECORD_link_open && kind <= RECORD_abandon)
        return "proxy";
    if (kind >= RECORD_fault_begin && kind <= RECORD_action && record->link != 0)
        return "proxy";
    if (kind < RECORD_connected || record->message.client == 0)
        return "main";
    for (i = 0; i < count; i++) {
        const struct evidence_writer_info *info = evidence_writer(evidence, i);

        if (info->client == record->message.client &&
            info->incarnation == record->message.incarnation)
            return info->name;
    }
    return "main";
}

static void add_witness(struct verdict *verdict, const struct evidence *evidence,
                        const char *writer, const struct record *record,
                        const char *format, va_list args)
{
    const char *name = record_kind_name(record_kind(record));
    uint64_t start_ns = evidence_start_ns(evidence);
    char text[VERDICT_TEXT_BYTES];
    double t = 0;

    if (json_array_size(verdict->witnesses) >= VERDICT_WITNESSES_MAX)
        return;
    set_text(text, sizeof text, format, args);
    if (record->time_ns > start_ns)
        t = (double)(record->time_ns - start_ns) / NS_PER_S;
    json_array_append_new(verdict->witnesses,
                          json_pack("{s:f, s:s, s:s, s:o}", "t", t, "writer", writer,
                                    "kind", name == NULL ? "" : name, "text",
                                    text_json(text)));
}

void verdict_witness(struct verdict *verdict, const struct evidence *evidence,
                     const struct record *record, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_witness(verdict, evidence, witness_writer(evidence, record, record_kind(record)),
                record, format, args);
    va_end(args);
}

void verdict_witness_by(struct verdict *verdict, const struct evidence *evidence,
                        int writer, const struct record *record, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_witness(verdict, evidence, evidence_writer(evidence, writer)->name, record,
                format, args);
    va_end(args);
}

const char *verdict_value_name(enum verdict_value value)
{
    assert((int)value >= 0);
    assert((int)value < VALUE_COUNT);
    return value_names[value];
}

int verdict_value_find(const char *name)
{
    int i;

    for (i = 0; i < VALUE_COUNT; i++)
        if (strcmp(value_names[i], name) == 0)
            return i;
    return -1;
}

json_t *verdict_write(const struct verdict *verdict)
{
    json_t *object = json_object();

    json_object_set_new(object, "verdict",
                        json_string(verdict_value_name(verdict->value)));
    json_object_set_new(object, "reason", text_json(verdict->reason));
    json_object_set_new(object, "text", text_json(verdict->text));
    json_object_set_new(object, "expected", text_json(verdict->expected));
    json_object_set_new(object, "measured", text_json(verdict->measured));
    json_object_set_new(object, "numbers", json_deep_copy(verdict->numbers));
    json_object_set_new(object, "witnesses", json_deep_copy(verdict->witnesses));
    return object;
}

static void read_text(char *to, size_t size, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    snprintf(to, size, "%s", text == NULL ? "" : text);
    trim_utf8(to);
}

int verdict_read(struct verdict *verdict, const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "verdict"));
    const json_t *numbers = json_object_get(object, "numbers");
    const json_t *witnesses = json_object_get(object, "witnesses");
    int value = name == NULL ? -1 : verdict_value_find(name);

    verdict_init(verdict);
    if (value < 0)
        return E_FORMAT;
    verdict->value = (enum verdict_value)value;
    read_text(verdict->reason, sizeof verdict->reason, object, "reason");
    read_text(verdict->text, sizeof verdict->text, object, "text");
    read_text(verdict->expected, sizeof verdict->expected, object, "expected");
    read_text(verdict->measured, sizeof verdict->measured, object, "measured");
    if (json_is_object(numbers))
        json_object_update(verdict->numbers, (json_t *)numbers);
    if (json_is_array(witnesses))
        json_array_extend(verdict->witnesses, (json_t *)witnesses);
    return 0;
}
