/* durable: the table of a durable push consumer, and nats.c's form of it. */
#include "harness/client/durable.h"

#include <stdio.h>
#include <string.h>

const char *const durable_acks[] = {"explicit", "all", "none", NULL};

const struct param durable_params[] = {
    DURABLE_PARAMS(durable_conf, ),
    PARAM_END,
};

static int check_name(const char *name, const char *what, struct error *err)
{
    if (name[0] == '\0')
        return error_set(err, E_PARAM, "%s is empty", what);
    if (strlen(name) > 100)
        return error_set(err, E_PARAM, "%s is longer than 100 bytes", what);
    if (strpbrk(name, " \t\r\n.*>/\\") != NULL) {
        error_set(err, E_PARAM, "%s '%s' has a character it must not have", what, name);
        error_hint(err, "no blanks, dots, '*', '>', '/' or '\\' in the names of streams "
                        "and consumers");
        return E_PARAM;
    }
    return 0;
}

int durable_check(const struct durable_conf *conf, struct error *err)
{
    int rc = check_name(conf->stream, "stream", err);

    if (rc == 0)
        rc = check_name(conf->durable, "durable", err);
    if (rc == 0 && conf->subject != NULL)
        rc = subject_check(conf->subject, true, "subject", err);
    if (rc == 0 && conf->max_ack_pending == 0)
        rc = error_set(err, E_PARAM, "max_ack_pending = 0 would let nothing through");
    if (rc == 0 && conf->max_deliver == 0)
        rc = error_set(err, E_PARAM, "max_deliver = 0 would deliver nothing");
    return rc;
}

void durable_config(jsConsumerConfig *out, const struct durable_conf *conf,
                    char deliver[SUBJECT_BYTES])
{
    static const jsAckPolicy policies[] = {
        [DURABLE_ACK_EXPLICIT] = js_AckExplicit,
        [DURABLE_ACK_ALL] = js_AckAll,
        [DURABLE_ACK_NONE] = js_AckNone,
    };

    snprintf(deliver, SUBJECT_BYTES, "_STORMDRILL.%s.%s", conf->stream, conf->durable);
    jsConsumerConfig_Init(out);
    out->Durable = conf->durable;
    out->DeliverSubject = deliver;
    out->DeliverPolicy = js_DeliverAll;
    out->AckPolicy = policies[conf->ack];
    out->FilterSubject = conf->subject;
    if (conf->ack == DURABLE_ACK_NONE)
        return; /* the broker refuses limits on acks that never come */
    out->AckWait = (int64_t)conf->ack_wait_ns;
    out->MaxAckPending = conf->max_ack_pending;
    out->MaxDeliver = conf->max_deliver;
}
