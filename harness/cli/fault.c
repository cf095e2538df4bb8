/* fault: steer a running proxy: add, list, change and heal faults.
 *
 * All well:             words -> JSON -> one call to /v1/ -> a line of what is now.
 * Nobody there:         4. What was asked is wrong: the proxy's sentence, 2.
 * Nothing is checked here that the proxy checks: it may be of another version. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/api_call.h"
#include "harness/cli/command.h"
#include "harness/cli/complaint.h"
#include "harness/cli/fault_page.h"
#include "harness/cli/http_client.h"
#include "harness/cli/token.h"
#include "proxy/plane.h"
#include "reports/text.h"

struct steering {
    const struct invocation *in;
    struct api_place place;
    char token[TOKEN_BYTES];
    char path[HTTP_CLIENT_PATH_BYTES];
};

struct verb {
    const char *name;
    const char *usage;
    int words_min; /* behind the verb */
    int words_max; /* -1: any number */
    int (*run)(struct steering *s, struct error *err);
};

/* ---- paths and words ---- */

/* The n-th word behind the verb; NULL: it was not given. */
static const char *word(const struct steering *s, int n)
{
    return n + 1 < s->in->argument_count ? s->in->arguments[n + 1] : NULL;
}

/* /v1/links[/LINK[/faults[/FAULT]]] */
static int make_path(struct steering *s, const char *link, bool faults, const char *fault,
                     struct error *err)
{
    bool fits = true;

    snprintf(s->path, sizeof s->path, "/v1/links");
    if (link != NULL)
        fits = http_client_append(s->path, link);
    if (fits && faults)
        fits = http_client_append(s->path, "faults");
    if (fits && fault != NULL)
        fits = http_client_append(s->path, fault);
    if (fits)
        return 0;
    return error_set(err, E_USAGE, "'%.40s…' is longer than any name", link);
}

/* The words from the n-th on as one text: `latency base=100ms` may be quoted or not. */
static char *join_words(const struct steering *s, int n)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    if (to == NULL)
        return NULL;
    for (int i = n; word(s, i) != NULL; i++)
        fprintf(to, "%s%s", i > n ? " " : "", word(s, i));
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Parameters from the words; `type` (or NULL) takes the fault's name in front. */
static int read_words(const struct steering *s, int n, char *type, json_t **params,
                      struct error *err)
{
    char *words = join_words(s, n);
    int rc;

    if (words == NULL)
        return error_set(err, E_NOMEM, "words");
    rc = param_words(words, type, FAULT_NAME_BYTES, params, err);
    if (rc != 0 && rc != E_NOMEM)
        err->code = rc = E_USAGE;
    free(words);
    return rc;
}

static bool wants_json(const struct steering *s)
{
    return invocation_chose(s->in, "format", "json");
}

static void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
}

/* "slow on orders: latency base=100ms" */
static void print_fault(const struct steering *s, const json_t *fault)
{
    char *words = fault_page_words(fault);

    if (wants_json(s)) {
        print_json(fault);
    } else {
        text_put(stdout, json_string_value(json_object_get(fault, "name")),
                 s->in->out.utf8);
        fputs(" on ", stdout);
        text_put(stdout, word(s, 0), s->in->out.utf8);
        fputs(": ", stdout);
        text_put(stdout, words, s->in->out.utf8);
        putchar('\n');
    }
    free(words);
}

/* ---- the verbs ---- */

static int send_fault(struct steering *s, const char *method, json_t *body,
                      struct error *err)
{
    json_t *answer = NULL;
    int rc = api_call(&s->place, method, s->path, body, &answer, err);

    if (rc == 0)
        print_fault(s, answer);
    json_decref(answer);
    json_decref(body);
    return rc;
}

static int run_add(struct steering *s, struct error *err)
{
    const char *name = invocation_text(s->in, "name");
    char type[FAULT_NAME_BYTES];
    json_t *params = NULL;
    json_t *body;
    int rc = read_words(s, 1, type, &params, err);

    if (rc == 0)
        rc = make_path(s, word(s, 0), true, NULL, err);
    if (rc != 0) {
        json_decref(params);
        return rc;
    }
    body = json_pack("{s:s, s:o}", "fault", type, "params", params);
    if (name != NULL)
        json_object_set_new(body, "name", json_string(name));
    return send_fault(s, "POST", body, err);
}

static int run_change(struct steering *s, struct error *err)
{
    json_t *params = NULL;
    int rc = read_words(s, 2, NULL, &params, err);

    if (rc == 0)
        rc = make_path(s, word(s, 0), true, word(s, 1), err);
    if (rc != 0) {
        json_decref(params);
        return rc;
    }
    return send_fault(s, "PATCH", json_pack("{s:o}", "params", params), err);
}

static int run_list(struct steering *s, struct error *err)
{
    const char *link = word(s, 0);
    json_t *answer = NULL;
    json_t *links;
    int rc = make_path(s, link, false, NULL, err);

    if (rc == 0)
        rc = api_call(&s->place, "GET", s->path, NULL, &answer, err);
    if (rc != 0)
        return rc;
    links = link != NULL ? json_pack("[O]", answer)
                         : json_incref(json_object_get(answer, "links"));
    if (wants_json(s))
        print_json(answer);
    else
        fault_page_links(stdout, &s->in->out, links);
    if (!wants_json(s) && json_array_size(links) == 0)
        printf("no links\n");
    json_decref(links);
    json_decref(answer);
    return 0;
}

static int run_heal(struct steering *s, struct error *err)
{
    const char *fault = word(s, 1);
    bool all = invocation_has(s->in, "all");
    json_t *answer = NULL;
    int rc;

    if (all == (fault != NULL)) {
        error_set(err, E_USAGE,
                  all ? "heal takes a fault or --all, not both"
                      : "heal needs to know which fault, or --all");
        error_hint(err, "stormdrill fault heal LINK FAULT     stormdrill fault heal LINK "
                        "--all");
        return E_USAGE;
    }
    rc = make_path(s, word(s, 0), true, fault, err);
    if (rc == 0)
        rc = api_call(&s->place, "DELETE", s->path, NULL, &answer, err);
    if (rc == 0) {
        json_int_t healed = json_integer_value(json_object_get(answer, "healed"));

        printf("healed %lld fault%s on ", (long long)healed, healed == 1 ? "" : "s");
        text_put(stdout, word(s, 0), s->in->out.utf8);
        putchar('\n');
    }
    json_decref(answer);
    return rc;
}

static const struct verb verbs[] = {
    {"add", "add LINK FAULT [PARAMETER=VALUE...]", 2, -1, run_add},
    {"list", "list [LINK]", 0, 1, run_list},
    {"change", "change LINK FAULT PARAMETER=VALUE...", 3, -1, run_change},
    {"heal", "heal LINK FAULT, or heal LINK --all", 1, 2, run_heal},
};

enum { VERBS = sizeof verbs / sizeof *verbs };

/* ---- the command ---- */

static const struct verb *find_verb(const char *name, struct error *err)
{
    const char *names[VERBS];
    const char *near;

    for (int i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
        names[i] = verbs[i].name;
    }
    near = error_suggest(name, names, VERBS);
    if (near != NULL)
        error_set(err, E_USAGE, "fault has no '%s'; did you mean '%s'?", name, near);
    else
        error_set(err, E_USAGE, "fault has no '%s'", name);
    error_hint(err, "it takes: add, list, change, heal");
    return NULL;
}

/* A flag that the verb has no use for was meant for another. */
static int check_flags(const struct verb *verb, const struct invocation *in,
                       struct error *err)
{
    if (invocation_has(in, "all") && verb->run != run_heal)
        return error_set(err, E_USAGE, "fault %s has no use for --all", verb->name);
    if (invocation_has(in, "name") && verb->run != run_add)
        return error_set(err, E_USAGE, "fault %s has no use for --name", verb->name);
    if (invocation_has(in, "format") && verb->run == run_heal)
        return error_set(err, E_USAGE, "fault heal has no use for --format");
    return 0;
}

static int check_words(const struct verb *verb, int count, struct error *err)
{
    if (count >= verb->words_min && (verb->words_max < 0 || count <= verb->words_max))
        return 0;
    error_set(err, E_USAGE,
              count < verb->words_min ? "fault %s needs more words"
                                      : "fault %s has too many words",
              verb->name);
    error_hint(err, "usage: stormdrill fault %s", verb->usage);
    return E_USAGE;
}

static int steer(struct steering *s, struct error *err)
{
    const struct invocation *in = s->in;
    const struct verb *verb = find_verb(in->arguments[0], err);
    const char *address = invocation_text(in, "api");
    int rc = verb != NULL ? check_flags(verb, in, err) : E_USAGE;

    if (rc == 0)
        rc = check_words(verb, in->argument_count - 1, err);
    if (rc == 0)
        rc = token_read(s->token, in, err);
    s->place.address = address != NULL ? address : API_DEFAULT_ADDRESS;
    s->place.token = s->token;
    return rc == 0 ? verb->run(s, err) : rc;
}

static int run_fault(struct invocation *invocation)
{
    struct steering steering = {.in = invocation};
    struct error err;

    if (steer(&steering, &err) != 0)
        return complaint_end(&invocation->err, &err);
    return EXIT_PASSED;
}

static const char *const formats[] = {"text", "json", NULL};

static const struct flag flags[] = {
    {.name = "api",
     .kind = VALUE_TEXT,
     .value = "ADDR",
     .help = "where the proxy's API is: host:port or unix:/path; "
             "default " API_DEFAULT_ADDRESS},
    {.name = "api-token-file",
     .kind = VALUE_TEXT,
     .value = "FILE",
     .help = "the API's token, in a file; default $STORMDRILL_API_TOKEN"},
    {.name = "name",
     .kind = VALUE_TEXT,
     .value = "NAME",
     .help = "add: what the fault is called; default its type and a number"},
    {.name = "all", .help = "heal: every fault of the link"},
    {.name = "format",
     .kind = VALUE_CHOICE,
     .value = "FORMAT",
     .choices = formats,
     .help = "add, list, change: text (the default) or json, as the API gives it"},
    {.name = NULL},
};

extern const struct command command_fault;
const struct command command_fault = {
    .name = "fault",
    .summary = "steer a running proxy: add, list, change and heal faults",
    .arguments = "add|list|change|heal [LINK [FAULT...]]",
    .arguments_min = 1,
    .arguments_max = -1,
    .details = "  add LINK FAULT [PARAMETER=VALUE...]\n"
               "  list [LINK]\n"
               "  change LINK FAULT PARAMETER=VALUE...\n"
               "  heal LINK FAULT, or heal LINK --all\n\n"
               "A fault acts on live connections at once, and what it held leaves when "
               "it is healed.\nWhat each takes: stormdrill api faults, stormdrill api "
               "link:latency",
    .examples = "  stormdrill fault add orders 'latency base=100ms jitter=10ms'\n"
                "  stormdrill fault add orders stall --name outage\n"
                "  stormdrill fault change orders latency-1 base=250ms\n"
                "  stormdrill fault list\n"
                "  stormdrill fault heal orders outage",
    .flags = flags,
    .run = run_fault,
};
