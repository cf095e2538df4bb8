/* toxics: from Toxiproxy's types and attributes to our faults and parameters, and back.
 */
#include "proxy/control/toxics.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/control/decode.h"

enum { ATTRIBUTES_MAX = 4, VALUE_BYTES = 48, PATH_BYTES = 64 };

/* An attribute: its parameter there, how many of the parameter's smallest units one of
 * it is (ns, bytes, bytes per second), and the unit's spelling. */
struct attribute {
    const char *name;
    const char *param;
    enum param_kind kind;
    int64_t scale;
    const char *unit;
};

struct toxic_type {
    const char *name;
    const char *go_name; /* in words about types */
    const char *fault;
    const char *fixed_param; /* what its meaning needs beside the attributes */
    const char *fixed_value;
    struct attribute attributes[ATTRIBUTES_MAX];
};

/* Kilobytes are 1000 bytes in Toxiproxy, in ours too. */
static const struct toxic_type types[] = {
    {"latency",
     "LatencyToxic",
     "latency",
     "spread",
     "around",
     {{"latency", "base", PARAM_DURATION, NS_PER_MS, "ms"},
      {"jitter", "jitter", PARAM_DURATION, NS_PER_MS, "ms"}}},
    {"bandwidth",
     "BandwidthToxic",
     "throttle",
     NULL,
     NULL,
     {{"rate", "rate", PARAM_BYTE_RATE, 1000, "KB/s"}}},
    {"slow_close",
     "SlowCloseToxic",
     "slow_close",
     NULL,
     NULL,
     {{"delay", "delay", PARAM_DURATION, NS_PER_MS, "ms"}}},
    {"timeout",
     "TimeoutToxic",
     "blackhole",
     NULL,
     NULL,
     {{"timeout", "idle", PARAM_DURATION, NS_PER_MS, "ms"}}},
    {"reset_peer",
     "ResetToxic",
     "reset",
     "trigger",
     "data",
     {{"timeout", "wait", PARAM_DURATION, NS_PER_MS, "ms"}}},
    {"slicer",
     "SlicerToxic",
     "slice",
     NULL,
     NULL,
     {{"average_size", "size", PARAM_BYTES, 1, ""},
      {"size_variation", "variation", PARAM_BYTES, 1, ""},
      {"delay", "delay", PARAM_DURATION, NS_PER_US, "us"}}},
    {"limit_data",
     "LimitDataToxic",
     "limit",
     "with",
     "close",
     {{"bytes", "bytes", PARAM_BYTES, 1, ""}}},
    {"noop", "NoopToxic", "noop", NULL, NULL, {{NULL, NULL, 0, 0, NULL}}},
};

static const struct toxic_type *type_find(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

static const struct attribute *attribute_at(const struct toxic_type *type, int at)
{
    const struct attribute *a = &type->attributes[at];

    return at < ATTRIBUTES_MAX && a->name != NULL ? a : NULL;
}

/* Read a lone value of the attribute's kind, in units of the attribute, rounded. */
static bool read_back(const struct attribute *a, const json_t *json, int64_t *out)
{
    struct {
        union {
            uint64_t whole;
            double number;
        };
    } conf;
    const struct param lone[] = {{.name = "value", .kinds = a->kind}, PARAM_END};
    json_t *object = json_object();
    bool is_read;

    is_read = json_object_set(object, "value", (json_t *)json) == 0 &&
              param_read(lone, &conf, object, "toxic", NULL) == 0;
    json_decref(object);
    if (!is_read)
        return false;
    if (a->kind == PARAM_BYTE_RATE)
        *out = (int64_t)(conf.number / (double)a->scale + 0.5);
    else
        *out = (int64_t)((conf.whole + (uint64_t)a->scale / 2) / (uint64_t)a->scale);
    return true;
}

/* A bound of the parameter, in the attribute's units; `fallback` where it has none. */
static int64_t bound(const struct toxic_type *type, const struct attribute *a,
                     bool is_max, int64_t fallback)
{
    const struct fault_type *fault = fault_type_find(type->fault);
    const struct param *p;
    const char *text;
    json_t *json;

    if (fault == NULL)
        return fallback;
    p = param_find(fault_type_params(fault), a->param);
    text = p == NULL ? NULL : is_max ? p->max : p->min;
    if (text == NULL)
        return fallback;
    json = json_string(text);
    if (!read_back(a, json, &fallback))
        fallback = is_max ? INT64_MAX / a->scale : 0;
    json_decref(json);
    return fallback;
}

static int check_range(const struct toxic_type *type, const struct attribute *a,
                       int64_t value, struct error *err)
{
    int64_t min = bound(type, a, false, 0);
    int64_t max = bound(type, a, true, INT64_MAX / a->scale);

    if (value >= min && value <= max)
        return 0;
    return error_set(
        err, E_PARAM, "bad attribute: %s of %s must be from %lld to %lld, not %lld",
        a->name, type->name, (long long)min, (long long)max, (long long)value);
}

static int64_t attribute_value(const json_t *attributes, const char *name)
{
    return json_integer_value(json_object_get(attributes, name));
}

/* Toxiproxy's slicer panics there. */
static int check_slicer(const json_t *attributes, struct error *err)
{
    int64_t size = attribute_value(attributes, "average_size");
    int64_t variation = attribute_value(attributes, "size_variation");

    if (variation < size)
        return 0;
    return error_set(err, E_PARAM,
                     "bad attribute: size_variation of slicer must be less than "
                     "average_size (%lld), not %lld",
                     (long long)size, (long long)variation);
}

static int check_attributes(const struct toxic_type *type, const json_t *attributes,
                            struct error *err)
{
    const struct attribute *a;

    for (int i = 0; (a = attribute_at(type, i)) != NULL; i++) {
        int rc = check_range(type, a, attribute_value(attributes, a->name), err);

        if (rc != 0)
            return rc;
    }
    return strcmp(type->name, "slicer") == 0 ? check_slicer(attributes, err) : 0;
}

/* Take what `given` (an object, or NULL) names into the complete `attributes`. */
static int merge_attributes(const struct toxic_type *type, const json_t *given,
                            json_t *attributes, struct error *err)
{
    const struct attribute *a;
    char path[PATH_BYTES];

    for (int i = 0; (a = attribute_at(type, i)) != NULL; i++) {
        int64_t value = attribute_value(attributes, a->name);
        int rc;

        snprintf(path, sizeof path, "attributes.%s", a->name);
        rc = decode_integer(given, type->go_name, path, &value, err);
        if (rc != 0)
            return error_prefix(err, "bad request body");
        if (json_object_set_new(attributes, a->name, json_integer(value)) != 0)
            return error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
    }
    return 0;
}

static json_t *write_value(const struct attribute *a, int64_t value)
{
    char text[VALUE_BYTES];

    if (a->unit[0] == '\0')
        return json_integer(value);
    snprintf(text, sizeof text, "%lld%s", (long long)value, a->unit);
    return json_string(text);
}

/* NULL: memory is short. */
static json_t *make_params(const struct toxic_type *type, const json_t *memo)
{
    const json_t *attributes = json_object_get(memo, "attributes");
    const char *stream = json_string_value(json_object_get(memo, "stream"));
    double toxicity = json_number_value(json_object_get(memo, "toxicity"));
    const char *direction;
    json_t *params;
    const struct attribute *a;
    int rc = 0;

    if (strcmp(type->fault, "noop") == 0)
        return json_object();
    direction = strcasecmp(stream, "upstream") == 0 ? "to_server" : "to_client";
    params = json_pack("{s:s, s:f}", "direction", direction, "probability", toxicity);
    for (int i = 0; (a = attribute_at(type, i)) != NULL; i++)
        rc |= json_object_set_new(params, a->param,
                                  write_value(a, attribute_value(attributes, a->name)));
    if (type->fixed_param != NULL)
        rc |= json_object_set_new(params, type->fixed_param,
                                  json_string(type->fixed_value));
    if (rc == 0)
        return params;
    json_decref(params);
    return NULL;
}

/* Toxiproxy keeps a float32; 0.3 stays 0.3, and 1 is written as 1. */
static json_t *write_toxicity(double toxicity)
{
    char text[VALUE_BYTES];

    if (toxicity == 0 || toxicity == 1)
        return json_integer((json_int_t)toxicity);
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, toxicity);
        if (strtof(text, NULL) == (float)toxicity)
            break;
    }
    return json_real(strtod(text, NULL));
}

static int read_toxicity(const json_t *body, double *toxicity, struct error *err)
{
    int rc = decode_number(body, "ToxicWrapper", "toxicity", toxicity, err);

    if (rc != 0)
        return error_prefix(err, "bad request body");
    if (*toxicity >= 0 && *toxicity <= 1)
        return 0;
    return error_set(err, E_PARAM, "bad toxicity: it must be from 0 to 1, not %g",
                     *toxicity);
}

static int read_given(const json_t *body, json_t **given, struct error *err)
{
    *given = decode_member(body, "attributes");
    if (*given == NULL || json_is_object(*given))
        return 0;
    return error_set(err, E_FORMAT,
                     "bad request body: json: cannot unmarshal attributes that are no "
                     "object into Go struct field ToxicWrapper.attributes");
}

/* The words of a toxic: those given, and Toxiproxy's own for the others. */
struct words {
    const char *name;
    const struct toxic_type *type;
    const char *stream;
};

static int read_words(struct words *out, const json_t *body, struct error *err)
{
    static const char owner[] = "ToxicWrapper";
    const char *type = "";

    *out = (struct words){.name = "", .stream = "downstream"};
    if (decode_object(body, "toxics.ToxicWrapper", err) != 0 ||
        decode_text(body, owner, "name", &out->name, err) != 0 ||
        decode_text(body, owner, "type", &type, err) != 0 ||
        decode_text(body, owner, "stream", &out->stream, err) != 0)
        return error_prefix(err, "bad request body");
    if (strcasecmp(out->stream, "upstream") != 0 &&
        strcasecmp(out->stream, "downstream") != 0)
        return error_set(err, E_PARAM,
                         "stream was invalid, can be either upstream or downstream");
    out->type = type_find(type);
    return out->type != NULL ? 0 : error_set(err, E_PARAM, "invalid toxic type");
}

static json_t *make_memo(const struct words *words, json_t *attributes, double toxicity)
{
    char chosen[BOOK_NAME_BYTES];
    const char *name = words->name;

    if (name[0] == '\0') {
        snprintf(chosen, sizeof chosen, "%s_%s", words->type->name, words->stream);
        name = chosen;
    }
    return json_pack("{s:O, s:s, s:s, s:s, s:o}", "attributes", attributes, "name", name,
                     "type", words->type->name, "stream", words->stream, "toxicity",
                     write_toxicity(toxicity));
}

int toxic_read(struct toxic *out, const json_t *body, struct error *err)
{
    json_t *attributes = json_object();
    double toxicity = 1;
    struct words words;
    json_t *given;
    int rc;

    *out = (struct toxic){.params = NULL};
    rc = read_words(&words, body, err);
    if (rc == 0)
        rc = read_toxicity(body, &toxicity, err);
    if (rc == 0)
        rc = read_given(body, &given, err);
    if (rc != 0)
        goto done;
    rc = merge_attributes(words.type, given, attributes, err);
    if (rc == 0)
        rc = check_attributes(words.type, attributes, err);
    if (rc != 0)
        goto done;
    out->memo = make_memo(&words, attributes, toxicity);
    out->params = out->memo != NULL ? make_params(words.type, out->memo) : NULL;
    if (out->params == NULL) {
        rc = error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
        goto done;
    }
    out->spec = (struct book_fault_spec){
        .name = json_string_value(json_object_get(out->memo, "name")),
        .type = words.type->fault,
        .params = out->params,
        .toxic = out->memo,
    };

done:
    json_decref(attributes);
    return rc;
}

void toxic_release(struct toxic *toxic)
{
    json_decref(toxic->params);
    json_decref(toxic->memo);
}

static const struct toxic_type *type_of(const struct book_fault *fault)
{
    return type_find(json_string_value(json_object_get(fault->toxic, "type")));
}

/* Whoever changed the fault by /v1/ changed the toxic too. */
json_t *toxic_write(const struct book_fault *fault)
{
    const struct toxic_type *type = type_of(fault);
    json_t *probability = json_object_get(fault->params, "probability");
    json_t *memo = json_deep_copy(fault->toxic);
    json_t *attributes = json_object_get(memo, "attributes");
    const struct attribute *a;
    int64_t value;
    int rc = memo == NULL;

    for (int i = 0; (a = attribute_at(type, i)) != NULL; i++) {
        json_t *param = json_object_get(fault->params, a->param);

        if (param != NULL && read_back(a, param, &value))
            rc |= json_object_set_new(attributes, a->name, json_integer(value));
    }
    if (json_is_number(probability))
        rc |= json_object_set_new(memo, "toxicity",
                                  write_toxicity(json_number_value(probability)));
    if (rc == 0)
        return memo;
    json_decref(memo);
    return NULL;
}

int toxic_update(const struct book_fault *fault, const json_t *body, json_t **params,
                 json_t **memo, struct error *err)
{
    const struct toxic_type *type = type_of(fault);
    json_t *fresh = toxic_write(fault);
    json_t *attributes = json_object_get(fresh, "attributes");
    double toxicity = json_number_value(json_object_get(fresh, "toxicity"));
    json_t *given;
    int rc;

    *params = NULL;
    *memo = NULL;
    if (fresh == NULL)
        return error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
    rc = decode_object(body, "toxics.ToxicWrapper", err);
    if (rc != 0)
        error_prefix(err, "bad request body");
    if (rc == 0)
        rc = read_toxicity(body, &toxicity, err);
    if (rc == 0)
        rc = read_given(body, &given, err);
    if (rc == 0)
        rc = merge_attributes(type, given, attributes, err);
    if (rc == 0)
        rc = check_attributes(type, attributes, err);
    if (rc != 0) {
        json_decref(fresh);
        return rc;
    }
    if (json_object_set_new(fresh, "toxicity", write_toxicity(toxicity)) == 0)
        *params = make_params(type, fresh);
    if (*params == NULL) {
        json_decref(fresh);
        return error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
    }
    *memo = fresh;
    return 0;
}

const char *toxic_type_name(int at)
{
    return at < (int)(sizeof types / sizeof types[0]) ? types[at].name : NULL;
}

const char *toxic_attribute_name(const char *name, int at, const char **unit)
{
    const struct toxic_type *type = type_find(name);
    const struct attribute *a = type != NULL ? attribute_at(type, at) : NULL;

    if (a == NULL)
        return NULL;
    *unit = a->unit;
    return a->name;
}

bool toxic_is_memo(const json_t *memo, const char *fault_type)
{
    const char *name = json_string_value(json_object_get(memo, "type"));
    const char *stream = json_string_value(json_object_get(memo, "stream"));
    const struct toxic_type *type = name != NULL ? type_find(name) : NULL;

    return type != NULL && strcmp(type->fault, fault_type) == 0 &&
           json_is_string(json_object_get(memo, "name")) &&
           json_is_number(json_object_get(memo, "toxicity")) &&
           json_is_object(json_object_get(memo, "attributes")) && stream != NULL &&
           (strcasecmp(stream, "upstream") == 0 || strcasecmp(stream, "downstream") == 0);
}

bool toxic_is_upstream(const struct book_fault *fault)
{
    const char *stream = json_string_value(json_object_get(fault->toxic, "stream"));

    return strcasecmp(stream, "upstream") == 0;
}
