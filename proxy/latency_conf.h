/* latency_conf: the parameters of the fault latency, and which of them go together.
 *
 * Internal to the proxy: faults/latency.c draws by it, nobody else knows it.
 * Thread: any; a conf belongs to whoever holds it. */
#ifndef STORMDRILL_PROXY_LATENCY_CONF_H
#define STORMDRILL_PROXY_LATENCY_CONF_H

#include "proxy/fault.h"

enum latency_distribution {
    LATENCY_UNIFORM,
    LATENCY_NORMAL,
    LATENCY_EXPONENTIAL,
    LATENCY_PARETO,
    LATENCY_TABLE
};

enum latency_spread { LATENCY_ABOVE, LATENCY_AROUND };

struct latency_conf {
    struct param_value base;   /* DURATION or absent */
    struct param_value jitter; /* DURATION, or PERCENT of the base */
    int spread;
    int distribution;
    struct param_value shape; /* NUMBER or absent */
    json_t *table;
    double correlation;
    struct param_value from, to, over; /* DURATION; all or none */
    bool precise;
};

extern const struct param latency_params[];

/* The base where there is no ramp. */
uint64_t latency_base_ns(const struct latency_conf *conf);

double latency_shape(const struct latency_conf *conf);

/* `table`, a list ["3ms", "5ms"] or the text "3ms,5ms": how many waits, and one of them.
 * Of a table that latency_check has let through. */
size_t latency_table_size(const json_t *table);
uint64_t latency_table_at(const json_t *table, size_t index);

/* As struct fault_type has it. */
int latency_check(const void *conf, const struct fault_common *common, struct error *err);

#endif
