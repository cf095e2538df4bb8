/* v1_json: links and faults as JSON, with what the plane counted.
 *
 * The book knows what was asked for, the plane what came of it. So a listing is made in
 * two steps: the book's names and parameters first, then one snapshot of the plane's
 * counters, matched by id. */
#include "proxy/control/toxics.h"
#include "proxy/control/v1_internal.h"

enum { TEXT_BYTES = 64 };

json_t *v1_fault_json(const struct book_fault *fault)
{
    json_t *json =
        json_pack("{s:I, s:s, s:s, s:O?}", "id", (json_int_t)fault->id.number, "fault",
                  fault->type, "name", fault->name, "params", fault->params);
    int failed = 0;

    if (fault->toxic != NULL)
        failed |= json_object_set_new(json, "toxic", toxic_write(fault));
    return call_whole(json, failed);
}

static json_t *write_faults(const struct book_link *link)
{
    json_t *faults = json_array();
    int failed = 0;

    for (const struct book_fault *f = link->faults; f != NULL; f = f->next)
        failed |= json_array_append_new(faults, v1_fault_json(f));
    return call_whole(faults, failed);
}

json_t *v1_link_json(const struct book_link *link)
{
    json_t *json =
        json_pack("{s:I, s:s, s:s, s:s, s:b}", "id", (json_int_t)link->id.number, "name",
                  link->name, "listen", link->listen, "upstream", link->upstream,
                  "enabled", link->enabled);
    char text[TEXT_BYTES];
    int failed = 0;

    if (link->dial_timeout_ns != 0) {
        param_duration_text(link->dial_timeout_ns, text, sizeof text);
        failed |= json_object_set_new(json, "dial_timeout", json_string(text));
    }
    if (link->buffer_bytes != 0) {
        param_bytes_text(link->buffer_bytes, text, sizeof text);
        failed |= json_object_set_new(json, "buffer", json_string(text));
    }
    failed |= json_object_set_new(json, "faults", write_faults(link));
    return call_whole(json, failed);
}

json_t *v1_write_links(const struct book *book)
{
    json_t *links = json_array();
    int failed = 0;

    for (const struct book_link *l = book_first(book); l != NULL; l = l->next)
        failed |= json_array_append_new(links, v1_link_json(l));
    return call_whole(links, failed);
}

/* ---- the counters ---- */

static json_t *count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static int count_link(json_t *json, const struct link_stats *stats)
{
    int failed = json_object_set_new(
        json, "connections",
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "open", count(stats->open), "accepted",
                  count(stats->accepted), "refused", count(stats->refused), "dial_failed",
                  count(stats->dial_failed), "closed", count(stats->closed)));
    failed |= json_object_set_new(json, "bytes",
                                  json_pack("{s:o, s:o, s:o}", "to_server",
                                            count(stats->bytes_to_server), "to_client",
                                            count(stats->bytes_to_client), "held",
                                            count(stats->held_bytes)));
    return failed;
}

static int count_fault(json_t *json, const struct plane_metrics *metrics)
{
    json_int_t id = json_integer_value(json_object_get(json, "id"));
    int failed = 0;

    for (uint32_t i = 0; i < metrics->fault_count; i++) {
        const struct fault_metrics *fault = &metrics->faults[i];

        if (id != fault->id.number || id == 0)
            continue;
        failed |= json_object_set_new(json, "touched", count(fault->touched));
        if (fault->delays.count > 0)
            failed |=
                json_object_set_new(json, "delays", histogram_write(&fault->delays));
    }
    return failed;
}

/* A link, a fault, or an object that lists some. */
static int add_counts(json_t *json, const struct plane_metrics *metrics)
{
    json_int_t id = json_integer_value(json_object_get(json, "id"));
    json_t *member;
    int failed = 0;
    size_t i;

    for (uint32_t l = 0; l < metrics->link_count; l++) {
        if (json_object_get(json, "listen") != NULL && id == metrics->links[l].id.number)
            failed |= count_link(json, &metrics->links[l].stats);
    }
    if (json_object_get(json, "fault") != NULL)
        failed |= count_fault(json, metrics);
    json_array_foreach(json_object_get(json, "links"), i, member)
        failed |= add_counts(member, metrics);
    json_array_foreach(json_object_get(json, "faults"), i, member)
        failed |= add_counts(member, metrics);
    return failed;
}

static void on_metrics(void *arg, const struct plane_reply *reply)
{
    struct v1_work *work = arg;

    if (reply->rc == 0) {
        int failed = add_counts(work->json, reply->metrics);

        call_reply_json(work->call, 200, call_whole(json_incref(work->json), failed));
    } else {
        call_reply_error(work->call, 500, &reply->error);
    }
    v1_work_destroy(work);
}

void v1_reply_counted(struct call *call, json_t *json)
{
    struct v1_work *work = v1_work_create(call, json);

    if (work != NULL)
        control_metrics(book_control(v1_book(call)), on_metrics, work);
}
