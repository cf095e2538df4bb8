/* entry: `stormdrill client WORKLOAD`: from the command line to the exit code.
 *
 * The case starts it with its environment (status.h); by hand NATS_URL and, for options,
 * STORMDRILL_CONF='{"rate": "50/s", …}' are enough. SIGTERM and ^C end it politely. */
#include <stdio.h>
#include <string.h>

#include "harness/client/admin.h"
#include "harness/client/client.h"
#include "harness/client/session.h"

static void print_help(FILE *to)
{
    fprintf(to, "usage: NATS_URL=nats://HOST:PORT stormdrill client WORKLOAD\n\n"
                "Runs one built-in client. Scenarios start it; by hand its options are\n"
                "one JSON object in STORMDRILL_CONF. SIGTERM ends it politely.\n\n"
                "workloads:\n");
    for (int i = 0; workload_at(i) != NULL; i++)
        fprintf(to, "  %-12s %s\n", workload_at(i)->name, workload_at(i)->summary);
    fprintf(to, "  %-12s %s\n", "admin",
            "asks the broker's API on behalf of a case (for stormdrill itself)");
}

static int complain(const struct error *err)
{
    fprintf(stderr, "error: %s\n", err->text);
    if (err->hint[0] != '\0')
        fprintf(stderr, "  %s\n", err->hint);
    return error_exit_code(err->code);
}

static int unknown_workload(const char *name)
{
    const char *names[64];
    const char *near;
    struct error err;
    int count = 0;

    while (count < 63 && workload_at(count) != NULL) {
        names[count] = workload_at(count)->name;
        count++;
    }
    names[count++] = "admin";
    near = error_suggest(name, names, count);
    error_set(&err, E_USAGE, "there is no workload '%s'", name);
    if (near != NULL)
        error_hint(&err, "did you mean '%s'?", near);
    else
        error_hint(&err, "`stormdrill client --help` lists them");
    return complain(&err);
}

/* `argv[0]` is "client". */
int client_main(int argc, char **argv)
{
    const struct workload_type *type;
    struct session session;
    struct error err = {0};
    int code;

    if (argc != 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(argc == 2 ? stdout : stderr);
        return argc == 2 ? 0 : error_exit_code(E_USAGE);
    }
    type = workload_find(argv[1]);
    if (type == NULL && strcmp(argv[1], "admin") != 0)
        return unknown_workload(argv[1]);
    desk_block_signals();
    if (session_open(&session, type, &err) != 0)
        return complain(&err);
    code = type != NULL ? type->run(&session, session.conf) : admin_run(&session);
    session_close(&session);
    return code;
}
