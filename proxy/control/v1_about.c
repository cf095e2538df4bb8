/* v1_about: what this program is and counts: version, parameter tables, metrics. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/metrics.h"
#include "proxy/control/v1_internal.h"

enum { API_VERSION = 1 };

void v1_show_version(struct call *call)
{
    call_reply_json(
        call, 200,
        json_pack("{s:s, s:i}", "version", STORMDRILL_VERSION, "api", API_VERSION));
}

void v1_show_tables(struct call *call)
{
    json_t *faults = json_array();
    const struct fault_type *type;
    int failed = 0;

    for (int i = 0; (type = fault_type_at(i)) != NULL; i++)
        failed |= json_array_append_new(
            faults, json_pack("{s:s, s:s, s:o}", "name", fault_type_name(type), "summary",
                              fault_type_summary(type), "params",
                              param_describe(fault_type_params(type))));
    call_reply_json(call, 200,
                    json_pack("{s:s, s:o, s:o, s:o}", "version", STORMDRILL_VERSION,
                              "faults", call_whole(faults, failed), "every_fault",
                              param_describe(fault_common_params()), "link",
                              param_describe(v1_link_params)));
}

/* ---- metrics ---- */

/* The plane calls a fault "latency#1", its link's users call it by the book's name. */
static void rename_faults(struct plane_metrics *metrics, const json_t *names)
{
    for (uint32_t i = 0; i < metrics->fault_count; i++) {
        struct fault_metrics *fault = &metrics->faults[i];
        const char *name;
        char id[16];

        snprintf(id, sizeof id, "%u", fault->id.number);
        name = json_string_value(json_object_get(names, id));
        if (name != NULL)
            snprintf(fault->label, sizeof fault->label, "%s", name);
    }
}

static void on_metrics(void *arg, const struct plane_reply *reply)
{
    struct v1_work *work = arg;
    char *text = NULL;

    if (reply->rc == 0) {
        rename_faults(reply->metrics, work->json);
        text = metrics_text(reply->metrics);
    }
    if (text != NULL)
        call_reply(work->call, 200, METRICS_CONTENT_TYPE, text, strlen(text));
    else
        call_reply_problem(work->call, 500, "%s", error_text(E_NOMEM));
    free(text);
    v1_work_destroy(work);
}

static void on_read(void *arg, const struct book_answer *answer)
{
    struct call *call = arg;
    json_t *names = json_object();
    struct v1_work *work;
    int failed = 0;
    char id[16];

    if (answer->rc != 0) {
        json_decref(names);
        v1_reply_failed(call, answer);
        return;
    }
    for (const struct book_link *l = book_first(v1_book(call)); l != NULL; l = l->next) {
        for (const struct book_fault *f = l->faults; f != NULL; f = f->next) {
            snprintf(id, sizeof id, "%u", f->id.number);
            failed |= json_object_set_new(names, id, json_string(f->name));
        }
    }
    work = v1_work_create(call, call_whole(names, failed));
    if (work != NULL)
        control_metrics(book_control(v1_book(call)), on_metrics, work);
}

void v1_show_metrics(struct call *call)
{
    book_read(v1_book(call), on_read, call);
}
