/* export: evidence as one JSON object per line, merged by time, for people who ask
 * their own questions with jq or a database.
 *
 *   {"t":1.200000345,"time_ns":81200000345,"writer":"c2.0.load","by":"worker",
 *    "kind":"received","client":"orders","message":{"client":1,"incarnation":0,
 *    "number":17},"a":18,"b":0,"stream":"ORDERS","delivery":1,"flags":["held"]}
 *
 * `t` counts seconds from the first record. `by` is the client whose writer it is (none:
 * the harness), `client` the one in the message id. Fields that are zero are left out,
 * but `a` and `b` never are. */
#include <inttypes.h>
#include <string.h>

#include "harness/evidence/cast.h"
#include "harness/evidence/evidence.h"
#include "proxy/base/clock.h"
#include "proxy/observer.h"

struct export
{
    const struct evidence *evidence;
    const struct cast *cast;
    FILE *to;
};

/* Names of bits; 1 << 0 to 1 << 8 are the proxy's. */
static const struct {
    unsigned bit;
    const char *name;
} flag_names[] = {
    {PROXY_BY_CLIENT, "by_client"}, {PROXY_BY_SERVER, "by_server"},
    {PROXY_BY_FAULT, "by_fault"},   {PROXY_BY_PROXY, "by_proxy"},
    {PROXY_HOW_FIN, "fin"},         {PROXY_HOW_RST, "rst"},
    {PROXY_HOW_TIMEOUT, "timeout"}, {PROXY_HOW_ERROR, "error"},
    {PROXY_DRAW_HIT, "hit"},        {EVIDENCE_HELD, "held"},
    {EVIDENCE_STUCK, "stuck"},      {EVIDENCE_DUPLICATE, "duplicate"},
    {EVIDENCE_UNKNOWN, "unknown"},  {EVIDENCE_HASHED, "hashed"},
    {EVIDENCE_GONE, "gone"},
};

/* Names come from wire and scripts: what is no UTF-8 is shown byte by byte as U+FFFD. */
static void put_text(FILE *to, const char *text)
{
    json_t *string = json_string(text);

    if (string != NULL) {
        json_dumpf(string, to, JSON_ENCODE_ANY);
        json_decref(string);
        return;
    }
    putc('"', to);
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;

        if (byte >= 0x80)
            fputs("\\ufffd", to);
        else if (byte < 0x20 || byte == '"' || byte == '\\')
            fprintf(to, "\\u%04x", byte);
        else
            putc(byte, to);
    }
    putc('"', to);
}

static void put_member(FILE *to, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    fprintf(to, ",\"%s\":", name);
    put_text(to, text);
}

static void put_number(FILE *to, const char *name, uint64_t number)
{
    if (number != 0)
        fprintf(to, ",\"%s\":%" PRIu64, name, number);
}

static const char *client_name(const struct export *x, uint32_t number)
{
    const struct cast_client *client = number == 0 ? NULL : cast_client(x->cast, number);

    return client == NULL ? "" : client->name;
}

static void put_time(const struct export *x, const struct record *r)
{
    uint64_t since = r->time_ns - evidence_start_ns(x->evidence);

    fprintf(x->to, "{\"t\":%" PRIu64 ".%09" PRIu64 ",\"time_ns\":%" PRId64,
            since / NS_PER_S, since % NS_PER_S, (int64_t)r->time_ns);
}

static void put_kind(const struct export *x, const struct record *r)
{
    const char *name = record_kind_name(record_kind(r));

    if (name != NULL)
        put_member(x->to, "kind", name);
    else
        fprintf(x->to, ",\"kind\":\"kind_%u\"", record_kind(r));
}

static void put_message(const struct export *x, const struct record *r)
{
    if (r->message.client == 0 && r->message.incarnation == 0 && r->message.number == 0)
        return;
    put_member(x->to, "client", client_name(x, r->message.client));
    /* Half of a hash may be more than JSON readers take for an integer. */
    fprintf(x->to,
            r->message.number <= INT64_MAX
                ? ",\"message\":{\"client\":%" PRIu32 ",\"incarnation\":%" PRIu32
                  ",\"number\":%" PRIu64 "}"
                : ",\"message\":{\"client\":%" PRIu32 ",\"incarnation\":%" PRIu32
                  ",\"number\":\"%" PRIu64 "\"}",
            r->message.client, r->message.incarnation, r->message.number);
}

static void put_values(const struct export *x, const struct record *r)
{
    /* Signed: error codes are negative, and nothing else comes near the sign bit. */
    fprintf(x->to, ",\"a\":%" PRId64 ",\"b\":%" PRId64, (int64_t)r->a, (int64_t)r->b);
    if (record_kind(r) == RECORD_fault_draw) {
        double u;

        static_assert(sizeof u == sizeof r->b, "b holds the bits of a double");
        memcpy(&u, &r->b, sizeof u);
        /* JSON knows no NaN; only a damaged record could hold one. */
        if (u >= 0 && u < 1)
            fprintf(x->to, ",\"u\":%.17g", u);
    }
}

static void put_place(const struct export *x, const struct record *r, int writer)
{
    const struct cast_link *link = r->link == 0 ? NULL : cast_link(x->cast, r->link);

    put_number(x->to, "link", r->link);
    if (link != NULL)
        put_member(x->to, "link_name", link->name);
    put_number(x->to, "connection", r->connection);
    if ((r->flags & EVIDENCE_HASHED) != 0)
        put_number(x->to, "subject_hash", r->subject);
    else
        put_member(x->to, "subject", evidence_string(x->evidence, writer, r->subject));
    put_member(x->to, "stream", evidence_string(x->evidence, writer, r->stream));
    put_member(x->to, "consumer", evidence_string(x->evidence, writer, r->consumer));
    put_number(x->to, "delivery", r->delivery);
}

static void put_flags(const struct export *x, const struct record *r)
{
    const char *separator = "";

    if (r->flags == 0)
        return;
    fputs(",\"flags\":[", x->to);
    for (size_t i = 0; i < sizeof flag_names / sizeof flag_names[0]; i++) {
        if ((r->flags & flag_names[i].bit) != 0) {
            fprintf(x->to, "%s\"%s\"", separator, flag_names[i].name);
            separator = ",";
        }
    }
    putc(']', x->to);
}

static void put_detail(const struct export *x, const struct record *r, int writer)
{
    json_t *detail = evidence_detail(x->evidence, writer, r->detail);

    if (detail != NULL) {
        fputs(",\"detail\":", x->to);
        json_dumpf(detail, x->to, JSON_COMPACT | JSON_ENCODE_ANY);
        json_decref(detail);
    }
}

static void put_record(const struct export *x, const struct record *r, int writer)
{
    const struct evidence_writer_info *info = evidence_writer(x->evidence, writer);

    put_time(x, r);
    put_member(x->to, "writer", info->name);
    put_member(x->to, "by", client_name(x, info->client));
    put_kind(x, r);
    put_message(x, r);
    put_values(x, r);
    put_place(x, r, writer);
    put_flags(x, r);
    put_detail(x, r, writer);
    fputs("}\n", x->to);
}

int evidence_export_jsonl(const struct evidence *evidence, FILE *to, struct error *err)
{
    struct export x = {.evidence = evidence, .to = to};
    struct evidence_merge *merge;
    const struct record *record;
    struct cast *cast;
    int writer, rc;

    rc = cast_create(&cast, evidence, err);
    if (rc != 0)
        return rc;
    x.cast = cast;
    merge = evidence_merge_create(evidence, NULL, 0);
    if (merge == NULL) {
        rc = error_set(err, E_NOMEM, "export of evidence");
        goto done;
    }
    while (rc == 0 && (record = evidence_merge_next(merge, &writer)) != NULL) {
        put_record(&x, record, writer);
        if (ferror(to))
            rc = error_from_errno(err, "write the export");
    }
    if (rc == 0 && fflush(to) != 0)
        rc = error_from_errno(err, "write the export");

done:
    evidence_merge_destroy(merge);
    cast_destroy(cast);
    return rc;
}
