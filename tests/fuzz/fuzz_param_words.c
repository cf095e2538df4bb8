/* fuzz_param_words: any command line gives an object of strings or an error with words.
 *
 * What was read is then given to a table with every kind, as the proxy's --fault does. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/param.h"

struct conf {
    uint64_t base_ns;
    uint64_t buffer_bytes;
    double rate_per_s;
    double probability;
    int64_t count;
    bool sticky;
    char *label;
    json_t *values;
    struct param_value jitter;
};

static const char *const spreads[] = {"none", "full", NULL};

static const struct param params[] = {
    PARAM(conf, base_ns, DURATION, "base", "1s", "0", "60s", "time"),
    PARAM(conf, buffer_bytes, BYTES, "buffer", "1MiB", NULL, NULL, "room"),
    PARAM(conf, rate_per_s, RATE, "rate", "1/s", NULL, NULL, "messages"),
    PARAM(conf, probability, PERCENT, "probability", "100%", "0%", "100%", "how often"),
    PARAM(conf, count, INTEGER, "count", "1", NULL, NULL, "how many"),
    PARAM(conf, sticky, BOOL, "sticky", "false", NULL, NULL, "keeps"),
    PARAM(conf, label, TEXT, "label", NULL, NULL, NULL, "name"),
    PARAM(conf, values, JSON, "values", NULL, NULL, NULL, "values"),
    PARAM_UNION(conf, jitter, PARAM_DURATION | PARAM_PERCENT | PARAM_ENUM, "jitter",
                "none", NULL, "60s", spreads, "random part"),
    PARAM_END,
};

/* An error must have a sentence that can stand in JSON. */
static void check_error(const struct error *err, int rc)
{
    json_t *text = json_string(err->text);
    json_t *hint = json_string(err->hint);

    assert(err->code == rc);
    assert(err->text[0] != '\0');
    assert(text != NULL);
    assert(hint != NULL);
    json_decref(text);
    json_decref(hint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *words = malloc(size + 1);
    struct error err;
    struct conf conf;
    json_t *object;
    char name[16];
    int rc;

    memcpy(words, data, size);
    words[size] = '\0';
    error_clear(&err);
    rc = param_words(words, name, sizeof name, &object, &err);
    if (rc != 0) {
        check_error(&err, rc);
        assert(object == NULL);
        free(words);
        return 0;
    }
    assert(strlen(name) < sizeof name);
    error_clear(&err);
    rc = param_read(params, &conf, object, "fault", &err);
    if (rc != 0)
        check_error(&err, rc);
    else
        param_release(params, &conf);
    json_decref(object);
    free(words);
    return 0;
}
