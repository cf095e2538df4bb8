/* refuse: turn new connections away, and end the old ones.
 *
 * With an open port the attempt is accepted, seen, and ended with RST or FIN: the
 * client sees a reset. With `port = closed` the kernel answers: the client sees
 * "connection refused", and nobody here sees the attempt. */
#include "proxy/fault.h"

enum { WITH_RST, WITH_FIN };
enum { PORT_OPEN, PORT_CLOSED };

struct refuse_conf {
    int with;
    int port;
    bool keep_old;
};

static const char *const with_choices[] = {"rst", "fin", NULL};
static const char *const port_choices[] = {"open", "closed", NULL};

static const struct param params[] = {
    PARAM_CHOICE(refuse_conf, with, "with", "rst", with_choices,
                 "how a connection is ended"),
    PARAM_CHOICE(refuse_conf, port, "port", "open", port_choices,
                 "open: attempts are accepted and ended; closed: nobody listens"),
    PARAM(refuse_conf, keep_old, BOOL, "keep_old", "false", NULL, NULL,
          "leave connections alone that were open before"),
    PARAM_END,
};

static enum fault_answer answer(const struct refuse_conf *conf)
{
    return conf->with == WITH_FIN ? FAULT_CLOSE_FIN : FAULT_CLOSE_RST;
}

static enum fault_answer on_accept(struct fault *f)
{
    return answer(f->conf);
}

static enum fault_answer on_open(struct fault *f)
{
    const struct refuse_conf *conf = f->conf;

    return conf->keep_old ? FAULT_LET : answer(conf);
}

static bool closes_port(const void *conf)
{
    const struct refuse_conf *refuse = conf;

    return refuse->port == PORT_CLOSED;
}

/* A closed port is closed for all: nobody draws for a connection that never came. */
static int check(const void *conf, const struct fault_common *common, struct error *err)
{
    if (!closes_port(conf) || common->probability >= 1.0)
        return 0;
    error_set(err, E_PARAM, "refuse: port = \"closed\" with probability %g",
              common->probability);
    error_hint(err, "a closed port is closed for every connection; "
                    "use port = \"open\" to refuse some of them");
    return E_PARAM;
}

const struct fault_type fault_refuse = {
    .name = "refuse",
    .summary = "turn connections away, or close the port",
    .params = params,
    .conf_size = sizeof(struct refuse_conf),
    .on_accept = on_accept,
    .on_open = on_open,
    .closes_port = closes_port,
    .check = check,
};
