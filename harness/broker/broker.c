/* broker: which nats-server there is and what it can do.
 *
 * It is asked, never guessed: `--version` must answer "nats-server: v…", a piece of
 * configuration is tried with `-t -c`. Both are short guarded children on a loop of their
 * own; one that does not come back is killed with all that it started. */
#include "harness/broker/broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/process/child.h"

enum { ANSWER_MS = 5000, ANSWER_BYTES = 4096 };

/* One question to a program. */
struct question {
    uv_loop_t loop;
    uv_timer_t timer;
    struct child *child;
    struct child_exit exit;
    bool timed_out;
    char answer[ANSWER_BYTES];
};

static void on_timeout(uv_timer_t *timer)
{
    struct question *q = timer->data;

    q->timed_out = true;
    child_kill_tree(q->child);
}

static void on_exit_of_child(struct child *child, const struct child_exit *exit,
                             void *arg)
{
    struct question *q = arg;

    q->exit = *exit;
    uv_close((uv_handle_t *)&q->timer, NULL);
    child_release(child, NULL, NULL);
}

static int spawn_question(struct question *q, const char *const *argv, int output,
                          struct error *err)
{
    const struct child_options options = {
        .argv = argv,
        .clean_env = true,
        .stdin_fd = -1,
        .stdout_fd = output,
        .stderr_fd = output,
        .on_exit = on_exit_of_child,
        .arg = q,
    };
    int rc;

    if (uv_loop_init(&q->loop) != 0)
        return error_set(err, E_SYSTEM, "a loop to ask %s", argv[0]);
    uv_timer_init(&q->loop, &q->timer);
    q->timer.data = q;
    uv_timer_start(&q->timer, on_timeout, ANSWER_MS, 0);
    rc = child_spawn(&q->child, &q->loop, &options, err);
    if (rc != 0)
        uv_close((uv_handle_t *)&q->timer, NULL);
    uv_run(&q->loop, UV_RUN_DEFAULT);
    uv_loop_close(&q->loop);
    return rc;
}

/* Run argv, bounded; what it printed stands in q->answer. */
static int ask(struct question *q, const char *const *argv, struct error *err)
{
    int output = memfd_create("answer", MFD_CLOEXEC);
    ssize_t size;
    int rc;

    *q = (struct question){.timed_out = false};
    if (output == -1)
        return error_from_errno(err, "memory for the answer of %s", argv[0]);
    rc = spawn_question(q, argv, output, err);
    size = pread(output, q->answer, sizeof q->answer - 1, 0);
    close(output);
    q->answer[size > 0 ? size : 0] = '\0';
    if (rc != 0)
        return rc;
    if (q->timed_out)
        return error_set(err, E_ENVIRONMENT, "%s %s does not come back within %d s",
                         argv[0], argv[1], ANSWER_MS / 1000);
    if (q->exit.failed) {
        *err = q->exit.failure;
        return err->code;
    }
    return 0;
}

/* "nats-server: v2.9.10" */
static bool read_version(const char *answer, char *version, size_t size)
{
    const char *at = strstr(answer, "nats-server: v");
    size_t length;

    if (at == NULL)
        return false;
    at += strlen("nats-server: v");
    length = strcspn(at, " \t\r\n");
    if (length == 0 || length >= size)
        return false;
    memcpy(version, at, length);
    version[length] = '\0';
    return true;
}

static bool is_program(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

/* Look for `name` along $PATH, then in /usr/sbin (which a user's PATH seldom holds). */
static bool find_on_path(const char *name, char *out, size_t size)
{
    const char *path = getenv("PATH");
    char all[8192];

    snprintf(all, sizeof all, "%s:/usr/sbin:/usr/local/sbin", path != NULL ? path : "");
    for (const char *at = all; *at != '\0';) {
        size_t length = strcspn(at, ":");

        snprintf(out, size, "%.*s/%s", (int)length, at, name);
        if (length > 0 && is_program(out))
            return true;
        at += length;
        at += *at == ':';
    }
    return false;
}

static int no_broker(struct error *err)
{
    error_set(err, E_ENVIRONMENT,
              "no nats-server found (looked at --broker, $STORMDRILL_BROKER and $PATH)");
    error_hint(err, "install it with: apt install nats-server     or say where it is: "
                    "--broker /opt/nats/nats-server");
    return E_ENVIRONMENT;
}

static int find_program(const char *wanted, char *out, size_t size, struct error *err)
{
    if (wanted == NULL)
        return find_on_path("nats-server", out, size) ? 0 : no_broker(err);
    if (strchr(wanted, '/') == NULL && find_on_path(wanted, out, size))
        return 0;
    if (strlen(wanted) >= size)
        return error_set(err, E_ENVIRONMENT, "the path of the broker is too long");
    snprintf(out, size, "%s", wanted);
    if (is_program(wanted))
        return 0;
    error_set(err, E_ENVIRONMENT, "no nats-server at %s: %s", wanted,
              access(wanted, F_OK) != 0 ? strerror(errno)
                                        : "it is no file that can be run");
    error_hint(err, "give the path of a nats-server: --broker PATH or "
                    "$STORMDRILL_BROKER");
    return E_ENVIRONMENT;
}

int broker_find(struct broker *out, const char *wanted, struct error *err)
{
    const char *argv[] = {out->path, "--version", NULL};
    struct question q;
    int rc;

    *out = (struct broker){.path = ""};
    if (wanted == NULL)
        wanted = getenv("STORMDRILL_BROKER");
    if (wanted != NULL && wanted[0] == '\0')
        wanted = NULL;
    rc = find_program(wanted, out->path, sizeof out->path, err);
    if (rc != 0)
        return rc;
    rc = ask(&q, argv, err);
    if (rc == 0 && read_version(q.answer, out->version, sizeof out->version))
        return 0;
    if (rc == 0)
        error_set(err, E_ENVIRONMENT,
                  "%s is no nats-server: it answers --version with "
                  "\"%.*s\"",
                  out->path,
                  (int)strcspn(q.answer, "\r\n") > 80 ? 80
                                                      : (int)strcspn(q.answer, "\r\n"),
                  q.answer);
    else
        err->code = E_ENVIRONMENT;
    error_hint(err, "give the path of a nats-server: --broker PATH or "
                    "$STORMDRILL_BROKER");
    return E_ENVIRONMENT;
}

/* Write all of `text` into a file that only we can find; the server reads it by the path
 * of the descriptor that it inherits as its standard input. */
static int write_piece(const char *text, struct error *err)
{
    size_t size = strlen(text);
    int fd = memfd_create("piece.conf", MFD_CLOEXEC);

    if (fd == -1)
        return error_from_errno(err, "memory for a piece of configuration");
    if (write(fd, text, size) != (ssize_t)size) {
        close(fd);
        return error_from_errno(err, "write a piece of configuration");
    }
    return fd;
}

int broker_accepts(const struct broker *broker, const char *config, struct error *err)
{
    char path[64];
    const char *argv[] = {broker->path, "-t", "-c", path, NULL};
    struct question q;
    const char *words;
    int fd = write_piece(config, err);
    int rc;

    if (fd < 0)
        return fd;
    /* By way of our own process: the child could not name an inherited descriptor. */
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
    rc = ask(&q, argv, err);
    close(fd);
    if (rc != 0)
        return rc;
    if (WIFEXITED(q.exit.status) && WEXITSTATUS(q.exit.status) == 0)
        return 1;
    words = strstr(q.answer, path);
    words = words != NULL ? words + strlen(path) : q.answer;
    words += strspn(words, ":0123456789 ");
    error_set(err, E_PARAM, "nats-server %s does not take this configuration: %.*s",
              broker->version, (int)strcspn(words, "\r\n"), words);
    return 0;
}
