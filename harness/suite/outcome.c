/* outcome: what becomes the result of a case whose process has ended.
 *
 *   it wrote case.json and ended as it says     that is the result
 *   we killed it after its timeout              evidence is judged; at best inconclusive
 *   we killed it because the run was stopped    interrupted
 *   it died of SIGKILL, not ours                environment: somebody, or no memory left
 *   it crashed, or ended without a result       a bug of ours; its folder is named
 * Whatever happened, what it had seen is brought home and judged as far as it goes. */
#include "harness/suite/outcome.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "harness/evidence/writer.h"
#include "harness/suite/document.h"
#include "harness/suite/result.h"
#include "harness/suite/spec.h"

/* Less than that and nothing can be written that is worth reading. */
enum { DISK_ROOM_BYTES_MIN = 64 * 1024 };

/* Where it is found again and how it is run again. */
static json_t *finish(json_t *result, const struct plan_case *planned)
{
    json_t *entry = plan_case_write(planned);
    static const char *const added[] = {"folder", "reproduce", "tags", "slug"};

    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        json_object_set(result, added[i], json_object_get(entry, added[i]));
    json_object_update_missing(result, entry);
    json_decref(entry);
    return result;
}

static json_t *make(const struct plan_case *planned, const char *outcome, int exit_code,
                    const struct error *error, const char *why)
{
    json_t *entry = plan_case_write(planned);
    json_t *result = result_create(entry, outcome, exit_code, error, why);

    json_decref(entry);
    return finish(result, planned);
}

json_t *outcome_skipped(const struct plan_case *planned, const char *why)
{
    return make(planned, "skipped", EXIT_PASSED, NULL, why);
}

json_t *outcome_not_started(const struct plan_case *planned, const struct error *error)
{
    return make(planned, "error", error_exit_code(error->code), error, error->text);
}

/* ---- what it had said ---- */

/* A line that says what went wrong: our own errors, assertions, sanitizers. */
static bool is_telling(const char *line)
{
    return strcasestr(line, "error:") != NULL || strcasestr(line, "assert") != NULL;
}

/* What the process printed, for whoever only sees the summary: the first line that says
 * what went wrong, else the last one with words in it. "" when there is none. */
static void last_words(char *text, size_t size, const char *folder)
{
    char path[PATH_MAX + 16];
    char *line = NULL;
    size_t room = 0;
    FILE *file;

    text[0] = '\0';
    snprintf(path, sizeof path, "%s/output.txt", folder);
    file = fopen(path, "re");
    if (file == NULL)
        return;
    while (!is_telling(text) && getline(&line, &room, file) > 0) {
        size_t begin = strspn(line, " \t=");

        line[strcspn(line, "\n")] = '\0';
        if (line[begin] != '\0')
            snprintf(text, size, "%s", line + begin);
    }
    free(line);
    fclose(file);
}

/* ---- how it ended ---- */

static void describe_timeout(struct error *error, const struct plan_case *planned,
                             const struct ending *ending)
{
    char timeout[32], grace[32];

    error_set(error, E_TIMEOUT,
              "the case was still running %s after its timeout of %s and was killed",
              param_duration_text(ending->grace_ns, grace, sizeof grace),
              param_duration_text(planned->timeout_ns, timeout, sizeof timeout));
    /* More time would not help: at its timeout a case cancels itself. */
    error_hint(error,
               "it did not react to being cancelled: an endless loop in a C function "
               "such as string.find?\nsee %s/output.txt",
               ending->folder);
}

/* A full disk swallows also the words that would say so. */
static bool is_disk_full(const char *folder)
{
    struct statvfs disk;

    return statvfs(folder, &disk) == 0 &&
           (uint64_t)disk.f_bavail * disk.f_frsize < DISK_ROOM_BYTES_MIN;
}

/* It ended by itself and says with a code of ours who must act. */
static void describe_refusal(struct error *error, const struct ending *ending,
                             const char *words)
{
    if (strncmp(words, "error: ", 7) == 0)
        error_set(error, E_ENVIRONMENT, "%s", words + 7);
    else if (is_disk_full(ending->folder))
        error_set(error, E_NOSPACE, "the disk is full at %s", ending->folder);
    else
        error_set(error, E_ENVIRONMENT, "the case process ended with %d and no result",
                  WEXITSTATUS(ending->exit->status));
    if (is_disk_full(ending->folder))
        error_hint(error, "make room, or put the run elsewhere with --out DIR");
}

/* It wrote no result, so it did not end as it should. */
static void describe_death(struct error *error, const struct ending *ending)
{
    const struct child_exit *exit = ending->exit;
    char words[300];

    last_words(words, sizeof words, ending->folder);
    if (exit->failed) {
        *error = exit->failure;
        if (error->code == 0)
            error_set(error, E_ENVIRONMENT, "the case process was lost");
        return;
    }
    if (WIFSIGNALED(exit->status) && WTERMSIG(exit->status) == SIGKILL) {
        error_set(error, E_ENVIRONMENT,
                  "the case process was killed with SIGKILL, by "
                  "somebody or because memory ran out");
    } else if (WIFSIGNALED(exit->status)) {
        error_set(error, E_INTERNAL, "the case process crashed (%s)%s%s",
                  strsignal(WTERMSIG(exit->status)), words[0] ? ": " : "", words);
        error_hint(error, "a bug in stormdrill: please report it with the folder %s",
                   ending->folder);
    } else if (WEXITSTATUS(exit->status) == EXIT_ENVIRONMENT ||
               strncmp(words, "error: ", 7) == 0) {
        describe_refusal(error, ending, words);
    } else {
        error_set(error, E_INTERNAL, "the case process ended with %d and no result%s%s",
                  WEXITSTATUS(exit->status), words[0] ? ": " : "", words);
        error_hint(error, "a bug in stormdrill: please report it with the folder %s",
                   ending->folder);
    }
}

static int exit_code_of_death(const struct error *error, const struct ending *ending)
{
    if (!ending->exit->failed && error->code == E_ENVIRONMENT &&
        WIFEXITED(ending->exit->status) && WEXITSTATUS(ending->exit->status) != 0)
        return WEXITSTATUS(ending->exit->status);
    return error_exit_code(error->code);
}

/* Judge what there is. A crash is a crash, whatever the checks say to half of the
 * evidence: it decides the outcome; a timeout leaves that to the judge. */
static json_t *judge_rest(const struct plan_case *planned, const struct ending *ending,
                          const struct error *error, const char *outcome, int exit_code)
{
    char path[PATH_MAX + 16];
    json_t *result = NULL;
    struct error ignored;

    snprintf(path, sizeof path, "%s/evidence", ending->folder);
    if (evidence_collect(path, &ignored) != 0 ||
        case_judge(ending->folder, error, &result, &ignored) != 0) {
        json_decref(result);
        return make(planned, outcome, exit_code, error, error->text);
    }
    if (strcmp(outcome, "inconclusive") != 0) {
        json_object_set_new(result, "outcome", json_string(outcome));
        json_object_set_new(result, "exit_code", json_integer(exit_code));
        json_object_set_new(result, "why", json_string(error->text));
        json_object_set_new(result, "error", result_error_write(error));
        snprintf(path, sizeof path, "%s/case.json", ending->folder);
        document_write(path, result, NULL);
    }
    return finish(result, planned);
}

/* It wrote its result, yet something went wrong behind it: a leak, a crash in the end. */
static json_t *spoil(json_t *result, const struct ending *ending)
{
    const struct child_exit *exit = ending->exit;
    char words[300], why[400];
    json_int_t said = json_integer_value(json_object_get(result, "exit_code"));

    if (exit->failed || (WIFEXITED(exit->status) && WEXITSTATUS(exit->status) == said))
        return result;
    if (WIFSIGNALED(exit->status) && ending->killed)
        return result;
    last_words(words, sizeof words, ending->folder);
    snprintf(why, sizeof why, "the case process ended badly after its result (%s %d)%s%s",
             WIFSIGNALED(exit->status) ? "signal" : "exit code",
             WIFSIGNALED(exit->status) ? WTERMSIG(exit->status)
                                       : WEXITSTATUS(exit->status),
             words[0] ? ": " : "", words);
    json_object_set_new(result, "outcome", json_string("error"));
    json_object_set_new(result, "exit_code", json_integer(EXIT_BUG));
    json_object_set_new(result, "why", json_string(why));
    return result;
}

json_t *outcome_of(const struct plan_case *planned, const struct ending *ending)
{
    char path[PATH_MAX + 16];
    struct error error, ignored;
    json_t *result = NULL;

    assert(ending->exit != NULL);
    snprintf(path, sizeof path, "%s/case.json", ending->folder);
    if (document_read(&result, path, &ignored) == 0)
        return finish(spoil(result, ending), planned);
    if (ending->timed_out) {
        describe_timeout(&error, planned, ending);
        return judge_rest(planned, ending, &error, "inconclusive", EXIT_INCONCLUSIVE);
    }
    if (ending->killed) {
        error_set(&error, E_CANCELLED, "the run was interrupted");
        return judge_rest(planned, ending, &error, "interrupted", EXIT_SIGTERM);
    }
    describe_death(&error, ending);
    return judge_rest(planned, ending, &error, "error",
                      exit_code_of_death(&error, ending));
}
