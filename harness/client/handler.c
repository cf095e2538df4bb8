/* handler: the table `handler = { time, fail, before_ack }`. */
#include "harness/client/handler.h"

const struct param handler_params[] = {
    PARAM(handler_conf, time_ns, DURATION, "time", "0", "0", "1h",
          "how long the work on a message takes"),
    PARAM(handler_conf, fail, FRACTION, "fail", "0", "0", "1",
          "part of the messages on which the work fails"),
    PARAM(handler_conf, before_ack, BOOL, "before_ack", "false", NULL, NULL,
          "acknowledge before the work: what a crash then loses is lost"),
    PARAM_END,
};

int handler_read(struct handler_conf *out, const json_t *object, struct error *err)
{
    if (object != NULL && !json_is_object(object)) {
        error_set(err, E_PARAM, "handler is no table");
        error_hint(err, "handler = { time = \"5ms\" }");
        return E_PARAM;
    }
    return param_read(handler_params, out, object, "handler", err);
}
