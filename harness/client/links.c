/* links: every client has a link of its own to each node, so that every attempt can be
 * told to its client even when it fails before CONNECT.
 *
 * All well:   links_open -> the plane answers for each -> link_owner records ->
 *             client_launch.
 * One fails:  the others are closed again, whoever waits for ready is told why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/client/crew.h"
#include "harness/evidence/writer.h"

/* Which path an answer belongs to: answers come in the order of the calls, but a client
 * may be asked for more at any time, so each call carries its own. */
struct opening {
    struct client *client;
    int path;
};

static void record_owner(const struct client *client, const struct client_path *path)
{
    json_t *detail = json_pack("{s:s, s:s, s:s}", "client", client->name, "node",
                               node_name(path->node), "link", path->name);

    client_record(client,
                  (struct record){.kind = RECORD_link_owner,
                                  .a = client->number,
                                  .b = node_number(path->node),
                                  .link = (uint16_t)path->id.number},
                  detail);
    json_decref(detail);
}

static void all_answered(struct client *client)
{
    if (client->rc == 0) {
        for (int i = 0; i < client->path_count; i++)
            record_owner(client, &client->paths[i]);
        client_launch(client);
        return;
    }
    links_close(client);
    client->state = CLIENT_EXITED;
    client_fire_waiters(&client->ready_waiters, client->rc, &client->failure);
    client_fire_waiters(&client->exit_waiters, 0, NULL);
}

static void on_link_open(void *arg, const struct plane_reply *reply)
{
    struct opening *opening = arg;
    struct client *client = opening->client;
    struct client_path *path = &client->paths[opening->path];

    free(opening);
    if (reply->rc == 0) {
        path->id = reply->link;
        snprintf(path->address, sizeof path->address, "%s", reply->address);
    } else if (client->rc == 0) {
        client->rc = reply->rc;
        client->failure = reply->error;
        error_prefix(&client->failure, "link %s", path->name);
    }
    client->paths_opening--;
    if (client->paths_opening == 0)
        all_answered(client);
}

static void name_path(const struct client *client, struct client_path *path, bool many)
{
    if (many)
        snprintf(path->name, sizeof path->name, "%.80s#%d->%s", client->name,
                 path->connection + 1, node_name(path->node));
    else
        snprintf(path->name, sizeof path->name, "%.80s->%s", client->name,
                 node_name(path->node));
}

static void open_path(struct client *client, int at, struct opening *opening)
{
    struct client_path *path = &client->paths[at];
    struct link_options options = {.mode = LINK_TCP};

    *opening = (struct opening){.client = client, .path = at};
    snprintf(options.name, sizeof options.name, "%s", path->name);
    snprintf(options.upstream, sizeof options.upstream, "%s", node_address(path->node));
    control_link_open(client->crew->context->control, &options, on_link_open, opening);
}

int links_open(struct client *client, int connections, struct error *err)
{
    struct cluster *cluster = client->crew->cluster;
    int nodes = cluster_node_count(cluster);
    int sets = connections > CLIENT_LINKED_CONNECTIONS_MAX ? CLIENT_LINKED_CONNECTIONS_MAX
                                                           : connections;
    struct opening **openings = NULL;

    client->path_count = nodes * sets;
    client->paths = calloc((size_t)client->path_count, sizeof *client->paths);
    openings = calloc((size_t)client->path_count, sizeof *openings);
    if (client->paths == NULL || openings == NULL)
        goto fail;
    for (int i = 0; i < client->path_count; i++) {
        openings[i] = malloc(sizeof *openings[i]);
        if (openings[i] == NULL)
            goto fail;
    }
    client->paths_opening = client->path_count;
    for (int i = 0; i < client->path_count; i++) {
        client->paths[i].connection = i / nodes;
        client->paths[i].node = cluster_node(cluster, i % nodes);
        name_path(client, &client->paths[i], connections > 1);
        open_path(client, i, openings[i]);
    }
    free(openings);
    return 0;

fail:
    for (int i = 0; openings != NULL && i < client->path_count; i++)
        free(openings[i]);
    free(openings);
    free(client->paths);
    client->paths = NULL;
    client->path_count = 0;
    return error_set(err, E_NOMEM, "the links of client '%s'", client->name);
}

static void on_ignored(void *arg, const struct plane_reply *reply)
{
    (void)arg;
    (void)reply;
}

void links_close(struct client *client)
{
    for (int i = 0; i < client->path_count; i++) {
        if (client->paths[i].id.number == 0)
            continue;
        control_link_close(client->crew->context->control, client->paths[i].id,
                           on_ignored, NULL);
        client->paths[i].id = (struct link_id){.number = 0};
    }
}

/* "nats://a,nats://b" for one connection; sets of further connections behind ';'. */
char *links_urls(const struct client *client)
{
    size_t size = 1;
    char *urls;
    char *at;

    for (int i = 0; i < client->path_count; i++)
        size += strlen(client->paths[i].address) + sizeof "nats://,";
    urls = malloc(size);
    if (urls == NULL)
        return NULL;
    at = urls;
    *at = '\0';
    for (int i = 0; i < client->path_count; i++) {
        const struct client_path *path = &client->paths[i];
        const char *separator = "";

        if (i > 0)
            separator = path->connection == client->paths[i - 1].connection ? "," : ";";
        at += snprintf(at, size - (size_t)(at - urls), "%snats://%s", separator,
                       path->address);
    }
    return urls;
}
