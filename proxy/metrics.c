/* metrics: copies counters, so that whoever shows them need not be fast. */
#include "proxy/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "proxy/link.h"

static void *object_at(const struct registry *registry, uint32_t number)
{
    return registry_find(registry, number, registry->generation);
}

static uint32_t count_of(const struct registry *registry)
{
    uint32_t count = 0;

    for (uint32_t number = 1; number <= registry->count; number++)
        count += object_at(registry, number) != NULL;
    return count;
}

static void take_link(struct link_metrics *to, const struct link *link)
{
    to->id = link->id;
    snprintf(to->name, sizeof to->name, "%s", link->name);
    snprintf(to->listen, sizeof to->listen, "%s", link->address);
    snprintf(to->upstream, sizeof to->upstream, "%s", link->upstream.text);
    to->is_listening = !link->port_closed;
    link_get_stats(link, &to->stats);
}

static void take_fault(struct fault_metrics *to, const struct link_fault *fault)
{
    to->id = fault->id;
    to->link = fault->link->id;
    to->type = fault->type->name;
    snprintf(to->label, sizeof to->label, "%s", fault->label);
    to->touched = fault->touched;
    to->delays = fault->delays;
}

static void take_all(struct plane_metrics *metrics, const struct registry *links,
                     const struct registry *faults)
{
    for (uint32_t number = 1; number <= links->count; number++)
        if (object_at(links, number) != NULL)
            take_link(&metrics->links[metrics->link_count++], object_at(links, number));
    for (uint32_t number = 1; number <= faults->count; number++)
        if (object_at(faults, number) != NULL)
            take_fault(&metrics->faults[metrics->fault_count++],
                       object_at(faults, number));
}

int metrics_take(struct plane_metrics **out, const struct engine *engine,
                 const struct registry *links, const struct registry *faults,
                 struct error *err)
{
    struct plane_metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics == NULL)
        return error_set(err, E_NOMEM, "metrics");
    /* One more than there are: none at all is no failure of memory. */
    metrics->links = calloc(count_of(links) + 1, sizeof *metrics->links);
    metrics->faults = calloc(count_of(faults) + 1, sizeof *metrics->faults);
    if (metrics->links == NULL || metrics->faults == NULL) {
        plane_metrics_destroy(metrics);
        return error_set(err, E_NOMEM, "metrics");
    }
    metrics->memory_bytes = engine->memory_bytes;
    metrics->memory_bytes_max = engine->memory_bytes_max;
    metrics->lag = engine->lag;
    metrics->delay_errors = engine->delay_errors;
    take_all(metrics, links, faults);
    *out = metrics;
    return 0;
}

void plane_metrics_destroy(struct plane_metrics *metrics)
{
    if (metrics == NULL)
        return;
    free(metrics->links);
    free(metrics->faults);
    free(metrics);
}

void plane_reply_release(struct plane_reply *reply)
{
    json_decref(reply->detail);
    plane_metrics_destroy(reply->metrics);
    reply->detail = NULL;
    reply->metrics = NULL;
}
