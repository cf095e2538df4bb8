/* crew_admin: the admin client, a process like the others but connected to the nodes
 * directly and not part of the drill. It asks the broker what only its API knows, so
 * that no library call can ever block the case.
 *
 * It is started by the first question and told whenever a node's address changes. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/client/crew.h"

/* "nats://a,nats://b" of the nodes that are up. Gives. */
static json_t *servers_of_now(struct crew *crew)
{
    char urls[4096] = "";
    size_t used = 0;

    for (int i = 0; i < cluster_node_count(crew->cluster); i++) {
        const char *address = node_address(cluster_node(crew->cluster, i));

        if (address[0] == '\0' || used >= sizeof urls - ADDRESS_BYTES)
            continue;
        used += (size_t)snprintf(urls + used, sizeof urls - used, "%snats://%s",
                                 used > 0 ? "," : "", address);
    }
    return json_pack("{s:s}", "urls", urls);
}

static void on_told(void *arg, int rc, const struct error *err, const json_t *answer)
{
    struct crew *crew = arg;

    (void)answer;
    if (rc != 0 && !crew->stopping && crew->admin->state != CLIENT_EXITED)
        log_warn(crew->context->log, "client", "the admin client: %s", err->text);
}

void crew_admin_servers(struct crew *crew)
{
    json_t *body;

    if (crew->admin == NULL || crew->admin->state == CLIENT_EXITED)
        return;
    body = servers_of_now(crew);
    client_order(crew->admin, "servers", body, 10ull * NS_PER_S, on_told, crew);
    json_decref(body);
}

static bool start_admin(struct crew *crew)
{
    struct client *admin = client_new(crew, "admin");

    if (admin == NULL)
        return false;
    admin->conf = json_object();
    crew->admin = admin;
    client_launch(admin);
    return true;
}

struct question {
    admin_done_fn *done;
    void *arg;
};

static void on_answered(void *arg, int rc, const struct error *err, const json_t *answer)
{
    struct question *question = arg;

    question->done(question->arg, rc, err, answer);
    free(question);
}

void crew_admin(struct crew *crew, const json_t *request, uint64_t within_ns,
                admin_done_fn *done, void *arg)
{
    struct question *question = calloc(1, sizeof *question);
    const char *op = json_string_value(json_object_get(request, "op"));

    assert(question != NULL);
    assert(op != NULL);
    *question = (struct question){.done = done, .arg = arg};
    if (crew->admin == NULL) {
        if (!start_admin(crew))
            log_error(crew->context->log, "client", "no memory for the admin client");
    } else if (crew->admin->state == CLIENT_EXITED && !crew->stopping) {
        /* It died (its watchdog, the OOM killer): the next question gets a new one. */
        crew->admin->incarnation++;
        client_launch(crew->admin);
    }
    assert(crew->admin != NULL);
    client_order(crew->admin, op, request, within_ns, on_answered, question);
}
