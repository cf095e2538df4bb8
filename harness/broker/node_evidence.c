/* node_evidence: what a broker did, as records. Without a writer nothing is recorded.
 * What we do to it is stamped before the act, what it did by itself afterwards. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>

#include "harness/broker/node.h"
#include "harness/evidence/writer.h"

/* Takes `detail` (may be NULL). */
static void append(struct node *node, struct record record, json_t *detail)
{
    struct writer *writer = node->context->evidence;

    if (writer != NULL) {
        if (detail != NULL)
            record.detail = writer_detail(writer, detail);
        writer_append(writer, &record);
    }
    json_decref(detail);
}

void node_record_start(struct node *node, int pid)
{
    /* The node itself knows its version only from the INFO of its last life. */
    const char *version = node->context->broker_version;
    json_t *detail = json_pack("{s:s, s:s, s:[s,s,s]}", "name", node->name, "version",
                               version != NULL ? version : node->version, "argv",
                               node->cluster->broker, "-c", node->config_path);

    append(node,
           (struct record){.kind = RECORD_broker_start,
                           .time_ns = node->start_ns,
                           .a = node->number,
                           .b = (uint64_t)pid},
           detail);
}

void node_record_ready(struct node *node)
{
    append(
        node,
        (struct record){.kind = RECORD_broker_ready,
                        .a = node->number,
                        .b = (uint64_t)node->client_port},
        json_pack("{s:s, s:s}", "server_id", node->server_id, "version", node->version));
}

void node_record_signal(struct node *node, int signal)
{
    append(node,
           (struct record){
               .kind = RECORD_broker_signal, .a = node->number, .b = (uint64_t)signal},
           NULL);
}

void node_record_action(struct node *node, const char *action)
{
    append(node, (struct record){.kind = RECORD_action, .a = 1},
           json_pack("{s:s, s:s, s:{}}", "action", action, "on", node->name, "params"));
}

void node_record_exit(struct node *node, const struct child_exit *exit)
{
    /* A process whose guard was lost was killed by it. */
    uint64_t status = exit->failed ? SIGKILL : (uint64_t)(unsigned)exit->status;

    append(node,
           (struct record){.kind = RECORD_broker_exit,
                           .time_ns = exit->time_ns,
                           .a = node->number,
                           .b = status},
           exit->failed ? json_pack("{s:s}", "text", exit->failure.text) : NULL);
}

void node_record_log(void *arg, const char *line)
{
    struct node *node = arg;

    /* A broker in trace mode must not fill the run's side file; its log file has all. */
    if (node->log_records > NODE_LOG_RECORDS_MAX)
        return;
    node->log_records++;
    append(node, (struct record){.kind = RECORD_broker_log, .a = node->number},
           json_pack("{s:s}", "text",
                     node->log_records > NODE_LOG_RECORDS_MAX
                         ? "(more lines stand only in the broker's log file)"
                         : line));
}

void node_warn(struct node *node, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_warn(node->context->log, "broker", "%s", text);
    append(node, (struct record){.kind = RECORD_warning},
           json_pack("{s:s}", "text", text));
}
