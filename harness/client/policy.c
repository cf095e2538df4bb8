/* policy: reads the user's `reconnect = …` and works out the delays.
 *
 * All well:  a word, {wait, jitter, attempts} or {first, factor, cap, jitter, attempts}.
 * Mixtures, nonsense, values out of range: E_PARAM that names the thing and the way out.
 * What the user does not say is nats.c's own value (60 attempts), but for the jitter:
 * who states a wait means it, so there none is added. */
#include "harness/client/policy.h"

#include <assert.h>
#include <string.h>

#include "proxy/base/clock.h"

static const char owner[] = "reconnect";
static const char shapes[] = "one of: \"default\", \"none\", { wait, jitter, attempts }, "
                             "{ first, factor, cap, jitter, attempts }";

struct fixed_conf {
    uint64_t wait_ns;
    uint64_t jitter_ns;
    int64_t attempts;
};

static const struct param fixed_params[] = {
    PARAM(fixed_conf, wait_ns, DURATION, "wait", "!", "0", "1h", "time between attempts"),
    PARAM(fixed_conf, jitter_ns, DURATION, "jitter", "0", "0", "1h",
          "up to this is added to each wait"),
    PARAM(fixed_conf, attempts, INTEGER, "attempts", "60", "-1", "1000000",
          "per outage and server; -1: without end"),
    PARAM_END,
};

struct backoff_conf {
    uint64_t first_ns;
    double factor; /* 0: not given */
    uint64_t cap_ns;
    struct param_value jitter;
    int64_t attempts;
};

/* In the order of the enum behind JITTER_PERCENT. */
static const char *const jitter_words[] = {"equal", "full", "decorrelated", NULL};

static const struct param backoff_params[] = {
    PARAM(backoff_conf, first_ns, DURATION, "first", "!", "1ms", "1h", "the first delay"),
    PARAM(backoff_conf, factor, NUMBER, "factor", NULL, "1", "100",
          "each delay is this many times the one before; 2, decorrelated: 3"),
    PARAM(backoff_conf, cap_ns, DURATION, "cap", "1h", "1ms", "24h",
          "no delay is longer"),
    PARAM_UNION(backoff_conf, jitter, PARAM_PERCENT | PARAM_ENUM, "jitter", "0%", "0%",
                "100%", jitter_words, "a percentage, or how the delay is drawn"),
    PARAM(backoff_conf, attempts, INTEGER, "attempts", "60", "-1", "1000000",
          "per outage and server; -1: without end"),
    PARAM_END,
};

static int no_attempts(struct error *err)
{
    error_set(err, E_PARAM, "reconnect: attempts = 0 is no policy");
    error_hint(err,
               "say reconnect = \"none\", or attempts = -1 for attempts without end");
    return E_PARAM;
}

static int read_fixed(struct reconnect_policy *out, const json_t *object,
                      struct error *err)
{
    struct fixed_conf conf = {0};
    int rc = param_read(fixed_params, &conf, object, owner, err);

    if (rc != 0)
        return rc;
    if (conf.attempts == 0)
        return no_attempts(err);
    out->kind = RECONNECT_FIXED;
    out->wait_ns = conf.wait_ns;
    out->jitter_ns = conf.jitter_ns;
    out->attempts = conf.attempts;
    return 0;
}

static int read_backoff(struct reconnect_policy *out, const json_t *object,
                        struct error *err)
{
    struct backoff_conf conf = {0};
    int rc = param_read(backoff_params, &conf, object, owner, err);

    if (rc != 0)
        return rc;
    if (conf.attempts == 0)
        return no_attempts(err);
    if (conf.cap_ns < conf.first_ns) {
        error_set(err, E_PARAM, "reconnect: the cap is shorter than the first delay");
        error_hint(err, "first is where the delays begin, cap where they end");
        return E_PARAM;
    }
    out->kind = RECONNECT_BACKOFF;
    out->wait_ns = conf.first_ns;
    out->cap_ns = conf.cap_ns;
    out->attempts = conf.attempts;
    if (conf.jitter.kind == PARAM_ENUM) {
        assert(conf.jitter.choice >= 0 && conf.jitter.choice < 3);
        out->jitter_kind = JITTER_EQUAL + (unsigned)conf.jitter.choice;
    } else {
        out->jitter_kind = JITTER_PERCENT;
        out->jitter_fraction = conf.jitter.number;
    }
    out->factor = out->jitter_kind == JITTER_DECORRELATED ? 3.0 : 2.0;
    if (conf.factor > 0.0)
        out->factor = conf.factor;
    return 0;
}

static int read_word(struct reconnect_policy *out, const char *word, struct error *err)
{
    static const char *const words[] = {"default", "none"};
    const char *near;

    if (strcmp(word, "default") == 0) {
        out->kind = RECONNECT_DEFAULT;
        return 0;
    }
    if (strcmp(word, "none") == 0) {
        out->kind = RECONNECT_NONE;
        return 0;
    }
    near = error_suggest(word, words, 2);
    error_set(err, E_PARAM, "reconnect has no policy '%s'%s%s%s", word,
              near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
              near != NULL ? "\"?" : "");
    error_hint(err, "%s", shapes);
    return E_PARAM;
}

static int read_table(struct reconnect_policy *out, const json_t *object,
                      struct error *err)
{
    bool fixed = json_object_get(object, "wait") != NULL;
    const char *growing = json_object_get(object, "first") != NULL    ? "first"
                          : json_object_get(object, "factor") != NULL ? "factor"
                          : json_object_get(object, "cap") != NULL    ? "cap"
                                                                      : NULL;

    if (fixed && growing != NULL) {
        error_set(err, E_PARAM, "reconnect has both 'wait' and '%s'", growing);
        error_hint(err, "{ wait, … } waits the same each time, { first, factor, cap, … } "
                        "longer and longer: choose one");
        return E_PARAM;
    }
    if (fixed)
        return read_fixed(out, object, err);
    if (json_object_get(object, "first") != NULL)
        return read_backoff(out, object, err);
    error_set(err, E_PARAM, "reconnect has neither 'wait' nor 'first'");
    error_hint(err, "%s", shapes);
    return E_PARAM;
}

int reconnect_policy_read(struct reconnect_policy *out, const json_t *object,
                          struct error *err)
{
    struct reconnect_policy policy = {.kind = RECONNECT_DEFAULT, .attempts = 60};
    int rc = 0;

    if (json_is_string(object)) {
        rc = read_word(&policy, json_string_value(object), err);
    } else if (json_is_object(object)) {
        rc = read_table(&policy, object, err);
    } else if (object != NULL && !json_is_null(object)) {
        rc = error_set(err, E_PARAM, "reconnect is neither a word nor a table");
        error_hint(err, "%s", shapes);
    }
    if (rc == 0)
        *out = policy;
    return rc;
}

/* first * factor^(sweep-1), at most cap, without overflow. */
static double grown_ns(const struct reconnect_policy *policy, int sweep)
{
    double cap = (double)policy->cap_ns;
    double delay = (double)policy->wait_ns;

    for (int i = 1; i < sweep && delay < cap && policy->factor > 1.0; i++)
        delay *= policy->factor;
    return delay < cap ? delay : cap;
}

static double decorrelated_ns(const struct reconnect_policy *policy,
                              struct reconnect_state *state)
{
    double first = (double)policy->wait_ns;
    double previous = state->previous_ns != 0 ? (double)state->previous_ns : first;
    double delay = first + rng_unit(&state->rng) * (previous * policy->factor - first);

    return delay < (double)policy->cap_ns ? delay : (double)policy->cap_ns;
}

static double backoff_ns(const struct reconnect_policy *policy,
                         struct reconnect_state *state, int sweep)
{
    double delay = grown_ns(policy, sweep);

    switch (policy->jitter_kind) {
    case JITTER_PERCENT:
        return delay *
               (1.0 + policy->jitter_fraction * (2.0 * rng_unit(&state->rng) - 1.0));
    case JITTER_EQUAL:
        return delay / 2 + rng_unit(&state->rng) * delay / 2;
    case JITTER_FULL:
        return rng_unit(&state->rng) * delay;
    case JITTER_DECORRELATED:
        return decorrelated_ns(policy, state);
    }
    return delay;
}

uint64_t reconnect_delay_ns(const struct reconnect_policy *policy,
                            struct reconnect_state *state, int sweep)
{
    assert(policy->kind == RECONNECT_FIXED || policy->kind == RECONNECT_BACKOFF);
    assert(sweep >= 1);
    if (policy->kind == RECONNECT_FIXED)
        return policy->wait_ns + rng_below(&state->rng, policy->jitter_ns + 1);
    if (sweep == 1)
        state->previous_ns = 0;
    state->previous_ns = (uint64_t)backoff_ns(policy, state, sweep);
    return state->previous_ns;
}
