/* build_case: the harness's own records: the case, the weather, links, processes. */
#include <stdlib.h>

#include "tests/lib/evidence/build.h"

void at_ns(struct evidence *e, uint64_t time_ns)
{
    evidence_at(e, time_ns);
}

void at_ms(struct evidence *e, uint64_t ms)
{
    evidence_at(e, BUILD_ORIGIN_NS + ms * NS_PER_MS);
}

json_t *json(const char *text)
{
    json_t *object = json_loads(text, JSON_DECODE_ANY, NULL);

    if (object == NULL)
        abort();
    return object;
}

void add(struct evidence *e, struct record record, const char *subject, json_t *detail)
{
    evidence_add(e, record, subject, detail);
    json_decref(detail);
}

void add_seen_by(struct evidence *e, uint32_t client, struct record record,
                 const char *subject, json_t *detail)
{
    evidence_add_seen_by(e, client, 0, record, subject, detail);
    json_decref(detail);
}

/* On the main writer, whatever the message id says: the harness speaks of a client. */
static void add_main(struct evidence *e, struct record record, const char *subject,
                     json_t *detail)
{
    add_seen_by(e, 0, record, subject, detail);
}

void add_run_begin(struct evidence *e, const char *scenario, const char *case_name)
{
    add_main(e, (struct record){.kind = RECORD_run_begin}, NULL,
             json_pack("{s:s, s:s}", "scenario", scenario, "case", case_name));
}

void add_run_end(struct evidence *e, int code)
{
    add_main(e, (struct record){.kind = RECORD_run_end, .a = (uint64_t)(int64_t)code},
             NULL, NULL);
}

void add_phase(struct evidence *e, const char *name)
{
    add_main(e, (struct record){.kind = RECORD_phase}, name, NULL);
}

void add_note(struct evidence *e, const char *text)
{
    add_main(e, (struct record){.kind = RECORD_note}, NULL,
             json_pack("{s:s}", "text", text));
}

void add_expectation(struct evidence *e, bool held, const char *text)
{
    add_main(
        e, (struct record){.kind = RECORD_expectation, .flags = held ? EVIDENCE_HELD : 0},
        NULL, json_pack("{s:s, s:s}", "text", text, "where", "by-hand.lua:1"));
}

void add_caught_up(struct evidence *e, uint32_t client, unsigned flags)
{
    add_main(
        e,
        (struct record){.kind = RECORD_caught_up, .a = client, .flags = (uint16_t)flags},
        NULL, NULL);
}

void add_drained(struct evidence *e, uint32_t client, bool in_time)
{
    add_main(e,
             (struct record){.kind = RECORD_drained,
                             .a = client,
                             .flags = in_time ? EVIDENCE_HELD : 0},
             NULL, NULL);
}

void add_deadline(struct evidence *e, const char *text)
{
    add_main(e, (struct record){.kind = RECORD_deadline}, NULL,
             json_pack("{s:s, s:s}", "text", text, "where", "by-hand.lua:1"));
}

void add_fault_begin(struct evidence *e, uint64_t number, uint16_t link, const char *name,
                     const char *on)
{
    add_main(e, (struct record){.kind = RECORD_fault_begin, .a = number, .link = link},
             NULL, json_pack("{s:s, s:s, s:{}}", "fault", name, "on", on, "params"));
}

void add_fault_heal(struct evidence *e, uint64_t number, uint16_t link, uint64_t touched)
{
    add_main(e,
             (struct record){
                 .kind = RECORD_fault_heal, .a = number, .b = touched, .link = link},
             NULL, NULL);
}

void add_action(struct evidence *e, const char *action, const char *on, uint16_t link,
                uint64_t touched)
{
    add_main(e, (struct record){.kind = RECORD_action, .a = touched, .link = link}, NULL,
             json_pack("{s:s, s:s, s:{}}", "action", action, "on", on, "params"));
}

void add_link(struct evidence *e, uint16_t link, const char *name, uint32_t client,
              uint32_t node)
{
    add_main(e, (struct record){.kind = RECORD_link_open, .link = link}, NULL,
             json_pack("{s:s}", "name", name));
    add_main(
        e,
        (struct record){.kind = RECORD_link_owner, .a = client, .b = node, .link = link},
        NULL, NULL);
}

static void add_on_link(struct evidence *e, enum record_kind kind, uint16_t link,
                        uint32_t connection, uint64_t time_ns, unsigned flags, uint64_t a)
{
    add_main(e,
             (struct record){.kind = (uint16_t)kind,
                             .time_ns = time_ns,
                             .link = link,
                             .connection = connection,
                             .a = a,
                             .flags = (uint16_t)flags},
             NULL, NULL);
}

void add_accept(struct evidence *e, uint16_t link, uint32_t connection, uint64_t time_ns,
                unsigned flags)
{
    add_on_link(e, RECORD_accept, link, connection, time_ns, flags, 0);
}

void add_close(struct evidence *e, uint16_t link, uint32_t connection, uint64_t time_ns,
               unsigned flags)
{
    add_on_link(e, RECORD_close, link, connection, time_ns, flags, 0);
}

void add_refused(struct evidence *e, uint16_t link, uint32_t connection, uint64_t time_ns,
                 unsigned flags)
{
    add_on_link(e, RECORD_refused, link, connection, time_ns, flags, 1);
}

void add_dialed(struct evidence *e, uint16_t link, uint32_t connection, uint64_t time_ns,
                int error_number)
{
    add_on_link(e, RECORD_dialed, link, connection, time_ns, 0, (uint64_t)error_number);
}

void add_first_byte(struct evidence *e, uint16_t link, uint32_t connection,
                    uint64_t time_ns)
{
    add_on_link(e, RECORD_first_byte, link, connection, time_ns, 0, 0);
}

void add_lag(struct evidence *e, uint64_t worst_ns, uint64_t samples)
{
    add_main(e, (struct record){.kind = RECORD_lag, .a = worst_ns, .b = samples}, NULL,
             NULL);
}

void add_broker_start(struct evidence *e, uint32_t node, const char *name)
{
    add_main(e, (struct record){.kind = RECORD_broker_start, .a = node}, NULL,
             json_pack("{s:s}", "name", name));
}

void add_broker_ready(struct evidence *e, uint32_t node)
{
    add_main(e, (struct record){.kind = RECORD_broker_ready, .a = node}, NULL, NULL);
}

void add_broker_signal(struct evidence *e, uint32_t node, int signal)
{
    add_main(
        e,
        (struct record){.kind = RECORD_broker_signal, .a = node, .b = (uint64_t)signal},
        NULL, NULL);
}

void add_broker_exit(struct evidence *e, uint32_t node, int status)
{
    add_main(
        e, (struct record){.kind = RECORD_broker_exit, .a = node, .b = (uint64_t)status},
        NULL, NULL);
}
