/* attend: orders for a workload, one at a time, each answered once.
 *
 * All well:  stop ends the load and is answered when everything is settled; fences are
 *            sent when asked; exit ends the loop.
 * Exit without stop: the load is ended first, as SIGTERM should. */
#include "harness/client/attend.h"

static void do_stop(struct attendance *attendance)
{
    if (attendance->stopped)
        return;
    attendance->stopped = true;
    if (attendance->on_stop != NULL)
        attendance->stop_rc =
            attendance->on_stop(attendance->arg, &attendance->stop_error);
}

static void answer_fence(struct attendance *attendance, struct errand *errand)
{
    const json_t *number = json_object_get(errand->body, "number");
    struct error err = {0};
    int rc;

    if (attendance->on_fence == NULL)
        rc = error_set(&err, E_PARAM, "a %s sends nothing, so no fence either",
                       attendance->session->type->name);
    else if (!json_is_integer(number) || json_integer_value(number) < 0)
        rc = error_set(&err, E_PARAM, "a fence needs a number");
    else
        rc = attendance->on_fence(attendance->arg, (uint64_t)json_integer_value(number),
                                  &err);
    session_answer(attendance->session, errand, rc, &err);
}

bool attend_to(struct attendance *attendance, struct errand *errand)
{
    struct session *session = attendance->session;
    struct error err = {0};

    switch (errand->kind) {
    case ERRAND_STOP:
        do_stop(attendance);
        session_answer(session, errand, attendance->stop_rc, &attendance->stop_error);
        return false;
    case ERRAND_FENCE:
        answer_fence(attendance, errand);
        return false;
    case ERRAND_EXIT:
        do_stop(attendance);
        session_answer(session, errand, 0, NULL);
        return true;
    case ERRAND_OTHER:
        break;
    }
    error_set(&err, E_PARAM, "a %s does not understand the order '%s'",
              session->type->name, errand->op);
    session_answer(session, errand, E_PARAM, &err);
    return false;
}

bool attend_is_over(const struct attendance *attendance)
{
    if (!attendance->session->connection.exit_when_closed)
        return false;
    for (uint32_t i = 0; i < attendance->uplink_count; i++) {
        if (!atomic_load(&attendance->uplinks[i].is_closed))
            return false;
    }
    return attendance->uplink_count > 0;
}

int attend_until_exit(struct attendance *attendance)
{
    struct session *session = attendance->session;

    for (;;) {
        uint64_t until_ns = session_now(session) + (uint64_t)SESSION_TICK_MS * NS_PER_MS;
        struct errand *errand = desk_take(session->desk, until_ns);

        if (errand != NULL && attend_to(attendance, errand))
            return 0;
        if (attend_is_over(attendance)) {
            log_warn(session->log, "client",
                     "%s leaves: its connection is closed for good", session->name);
            return EXIT_CLOSED;
        }
        for (uint32_t i = 0; errand == NULL && i < attendance->uplink_count; i++)
            uplink_probe(&attendance->uplinks[i], &session->load);
    }
}
