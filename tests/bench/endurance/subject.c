/* subject: the process that is watched.
 *
 * fork -> plane_start -> orders: `open PORTS` (a link for each upstream; answered with
 * theirs), `fault WORDS`, `heal`, `trim`, `look` -> end of orders: plane_stop, exit 0.
 * What goes wrong is answered with "error: ..." and printed by the parent. It dies with
 * its parent.
 */
#include "tests/bench/endurance/subject.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "proxy/plane.h"

enum { LINE_BYTES = 1024, FAULTS_MAX = SUBJECT_LINKS * 8, DIAL_MS = 200, SEED = 42 };

/* ---- the child ---- */

struct host {
    struct plane *plane;
    struct link_id links[SUBJECT_LINKS];
    struct fault_id faults[FAULTS_MAX];
    int fault_count;
    FILE *answers;
};

static int complain(struct host *host, const struct error *err)
{
    fprintf(host->answers, "error: %s\n", err->text);
    return -1;
}

static int open_links(struct host *host, const char *upstreams)
{
    uint16_t ports[SUBJECT_LINKS];
    char *next = (char *)upstreams;

    for (int i = 0; i < SUBJECT_LINKS; i++) {
        struct plane_command command = {.kind = PLANE_LINK_OPEN,
                                        .options.dial_timeout_ns = DIAL_MS * NS_PER_MS};
        struct plane_reply reply;

        snprintf(command.options.name, sizeof command.options.name, "link%d", i);
        snprintf(command.options.upstream, sizeof command.options.upstream,
                 "127.0.0.1:%lu", strtoul(next, &next, 10));
        if (plane_call_wait(host->plane, &command, &reply) != 0)
            return complain(host, &reply.error);
        host->links[i] = reply.link;
        ports[i] = reply.port;
    }
    fprintf(host->answers, "ok");
    for (int i = 0; i < SUBJECT_LINKS; i++)
        fprintf(host->answers, " %u", ports[i]);
    fprintf(host->answers, "\n");
    return 0;
}

static int add_fault(struct host *host, const char *words)
{
    char name[FAULT_NAME_BYTES];
    json_t *params = NULL;
    struct error err;
    int rc = param_words(words, name, sizeof name, &params, &err);

    for (int i = 0; rc == 0 && i < SUBJECT_LINKS; i++) {
        struct plane_command command;
        struct plane_reply reply = {.rc = 0};

        rc = plane_command_fault(&command, host->links[i], name, params, &err);
        if (rc == 0)
            rc = plane_call_wait(host->plane, &command, &reply);
        if (rc == 0 && host->fault_count < FAULTS_MAX)
            host->faults[host->fault_count++] = reply.fault;
        else if (rc != 0 && reply.rc != 0)
            err = reply.error;
    }
    json_decref(params);
    if (rc != 0)
        return complain(host, &err);
    fprintf(host->answers, "ok\n");
    return 0;
}

static int heal_all(struct host *host)
{
    while (host->fault_count > 0) {
        struct plane_command command = {.kind = PLANE_FAULT_HEAL,
                                        .fault = host->faults[--host->fault_count]};
        struct plane_reply reply;

        if (plane_call_wait(host->plane, &command, &reply) != 0)
            return complain(host, &reply.error);
    }
    fprintf(host->answers, "ok\n");
    return 0;
}

static int look(struct host *host)
{
    uint64_t accepted = 0, held = 0;
    unsigned open = 0;

    for (int i = 0; i < SUBJECT_LINKS; i++) {
        struct plane_command command = {.kind = PLANE_LINK_STATS, .link = host->links[i]};
        struct plane_reply reply;

        if (plane_call_wait(host->plane, &command, &reply) != 0)
            return complain(host, &reply.error);
        open += reply.stats.open;
        accepted += reply.stats.accepted;
        held += reply.stats.held_bytes;
    }
    fprintf(host->answers, "ok %u %" PRIu64 " %" PRIu64 " %zu\n", open, accepted, held,
            mallinfo2().uordblks);
    return 0;
}

static int obey(struct host *host, const char *line)
{
    static const char fault[] = "fault ";
    static const char open[] = "open ";

    if (strncmp(line, open, sizeof open - 1) == 0)
        return open_links(host, line + sizeof open - 1);
    if (strncmp(line, fault, sizeof fault - 1) == 0)
        return add_fault(host, line + sizeof fault - 1);
    if (strcmp(line, "heal") == 0)
        return heal_all(host);
    if (strcmp(line, "trim") == 0)
        malloc_trim(0);
    return look(host);
}

static int serve(int orders)
{
    struct host host = {.answers = fdopen(dup(orders), "w")};
    FILE *lines = fdopen(orders, "r");
    struct plane_options options = {.seed = SEED};
    char line[LINE_BYTES];
    struct error err;
    int rc = 0;

    if (host.answers == NULL || lines == NULL)
        return 1;
    setvbuf(host.answers, NULL, _IOLBF, LINE_BYTES);
    if (plane_start(&host.plane, &options, &err) != 0)
        return complain(&host, &err), 1;
    while (rc == 0 && fgets(line, sizeof line, lines) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        rc = obey(&host, line);
    }
    plane_stop(host.plane);
    fclose(lines);
    fclose(host.answers);
    return rc != 0;
}

/* ---- the parent ---- */

static bool read_line(struct subject *subject, char line[LINE_BYTES])
{
    size_t used = 0;

    while (used < LINE_BYTES - 1 && read(subject->orders, line + used, 1) == 1)
        if (line[used++] == '\n')
            break;
    line[used] = '\0';
    if (strncmp(line, "ok", 2) == 0)
        return true;
    fprintf(stderr, "bench_endurance: %s", used > 0 ? line : "the subject has died\n");
    return false;
}

static bool order(struct subject *subject, char line[LINE_BYTES])
{
    size_t size = strlen(line);

    return write(subject->orders, line, size) == (ssize_t)size &&
           read_line(subject, line);
}

int subject_start(struct subject *subject)
{
    int ends[2];
    pid_t parent = getpid();

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return 1;
    subject->pid = fork();
    if (subject->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        close(ends[0]);
        return getppid() == parent ? serve(ends[1]) : 1;
    }
    close(ends[1]);
    subject->orders = ends[0];
    return subject->pid > 0 ? -1 : 1;
}

bool subject_open(struct subject *subject, const uint16_t upstreams[SUBJECT_LINKS])
{
    char line[LINE_BYTES] = "open";
    char *next = line + 2;

    for (int i = 0; i < SUBJECT_LINKS; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), " %u", upstreams[i]);
    snprintf(line + strlen(line), sizeof line - strlen(line), "\n");
    if (!order(subject, line))
        return false;
    for (int i = 0; i < SUBJECT_LINKS; i++)
        subject->ports[i] = (uint16_t)strtoul(next, &next, 10);
    return true;
}

bool subject_disturb(struct subject *subject, const char *words)
{
    char line[LINE_BYTES];

    while (words[0] != '\0') {
        const char *plus = strstr(words, " + ");
        int size = plus != NULL ? (int)(plus - words) : (int)strlen(words);

        snprintf(line, sizeof line, "fault %.*s\n", size, words);
        if (!order(subject, line))
            return false;
        words = plus != NULL ? plus + 3 : words + size;
    }
    return true;
}

bool subject_heal(struct subject *subject)
{
    char line[LINE_BYTES] = "heal\n";

    return order(subject, line);
}

bool subject_trim(struct subject *subject)
{
    char line[LINE_BYTES] = "trim\n";

    return order(subject, line);
}

bool subject_look(struct subject *subject, struct subject_state *state)
{
    char line[LINE_BYTES] = "look\n";

    if (!order(subject, line) ||
        sscanf(line, "ok %u %" SCNu64 " %" SCNu64 " %" SCNu64, &state->open,
               &state->accepted, &state->held_bytes, &state->heap_bytes) != 4)
        return false;
    state->pss_kb = child_pss_kb(subject->pid);
    state->fds = child_fds(subject->pid);
    return true;
}

bool subject_stop(struct subject *subject)
{
    int status = 0;

    close(subject->orders);
    return subject->pid > 0 && waitpid(subject->pid, &status, 0) == subject->pid &&
           WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
