/* config: a node's nats-server configuration, from JSON to text. Private to this folder.
 * Thread: any. */
#ifndef STORMDRILL_BROKER_CONFIG_H
#define STORMDRILL_BROKER_CONFIG_H

#include <jansson.h>

#include "harness/broker/cluster.h"

/* What stormdrill itself decides about a node. Strings are borrowed. */
struct config_node {
    const char *server_name;
    const char *cluster_name;
    const char *folder; /* ports file and store */
    bool jetstream;
    int node_count;         /* more than 1: a cluster block with routes */
    int at;                 /* which node, from 0 */
    const int *route_ports; /* of every node; NULL for a single node */
};

/* May a user say this in cluster.config? E_PARAM names the key that is ours, and why. */
int config_check(const struct cluster_conf *conf, struct error *err);

/* The whole configuration as a table: ours, with the user's merged over it. Gives it. */
json_t *config_build(const struct config_node *node, const json_t *user);

/* As nats-server reads it. Gives a string to free; NULL: no memory. */
char *config_text(const json_t *config);

#endif
