/* call: one request from its headers to its reply.
 *
 * All well:       created -> body taken -> handled -> replied -> destroyed.
 * Body too big:   it is read and thrown away, so that the client hears the 413.
 * No memory:      likewise, and the 500 is one that the server keeps ready.
 * Client gone:    the reply is made all the same, and freed unsent. */
#include "proxy/control/call_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/clock.h"
#include "proxy/control/decode.h"

/* The real digits: as many as a float of Toxiproxy's has; as many as any decimal number
 * survives. */
enum {
    BODY_STEP_BYTES = 4096,
    FLOAT_DIGITS = 9,
    DOUBLE_DIGITS = 15,
};

struct call *call_create(struct http *http, struct MHD_Connection *connection,
                         const char *path, const char *method)
{
    struct call *call = calloc(1, sizeof *call);

    if (call == NULL)
        return NULL;
    call->http = http;
    call->connection = connection;
    call->begun_ns = clock_now(clock_real());
    call->path = strdup(path);
    call->method = strdup(method);
    if (call->path == NULL || call->method == NULL) {
        call_destroy(call);
        return NULL;
    }
    return call;
}

void call_destroy(struct call *call)
{
    for (int i = 0; i < call->part_count; i++)
        free(call->parts[i].value);
    for (int i = 0; i < call->header_count; i++) {
        free(call->headers[i].name);
        free(call->headers[i].value);
    }
    if (call->response != NULL)
        http_mhd(call->http)->destroy_response(call->response);
    free(call->method);
    free(call->path);
    free(call->body);
    free(call);
}

static bool reserve(struct call *call, size_t size)
{
    size_t room = call->body_room;
    char *body;

    if (size + 1 <= room)
        return true;
    if (room == 0)
        room = BODY_STEP_BYTES;
    while (room < size + 1)
        room *= 2;
    body = realloc(call->body, room);
    if (body == NULL)
        return false;
    call->body = body;
    call->body_room = room;
    return true;
}

bool call_take(struct call *call, const char *data, size_t size)
{
    uint64_t age_ns = clock_now(clock_real()) - call->begun_ns;

    call->received += size;
    if (age_ns > (uint64_t)HTTP_REQUEST_TIMEOUT_S * NS_PER_S)
        return false;
    if (call->received > HTTP_BODY_BYTES_MAX)
        call->too_big = true;
    if (!call->too_big && !call->no_memory)
        call->no_memory = !reserve(call, call->body_size + size);
    if (call->too_big || call->no_memory)
        return call->received <= CALL_DISCARD_BYTES_MAX;
    memcpy(call->body + call->body_size, data, size);
    call->body_size += size;
    call->body[call->body_size] = '\0';
    return true;
}

void *call_context(const struct call *call)
{
    return http_context(call->http);
}

const char *call_part(const struct call *call, const char *name)
{
    for (int i = 0; i < call->part_count; i++)
        if (strcmp(call->parts[i].name, name) == 0)
            return call->parts[i].value;
    return NULL;
}

const char *call_header(const struct call *call, const char *name)
{
    return http_mhd(call->http)
        ->lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

const char *call_body(const struct call *call, size_t *size)
{
    if (size != NULL)
        *size = call->body_size;
    return call->body != NULL ? call->body : "";
}

/* jansson takes a NUL behind a number for a blank; JSON has no place for one. */
static const char *find_nul(const struct call *call, int *line, int *column)
{
    const char *nul = memchr(call->body, '\0', call->body_size);

    *line = *column = 1;
    for (const char *c = call->body; nul != NULL && c < nul; c++) {
        *line += *c == '\n';
        *column = *c == '\n' ? 1 : *column + 1;
    }
    return nul;
}

static int no_json(struct error *err, int line, int column, const char *what)
{
    error_set(err, E_FORMAT, "the body is no JSON: line %d, column %d: %s", line, column,
              what);
    error_hint(err, "send one JSON value, in UTF-8");
    return E_FORMAT;
}

int call_json(const struct call *call, json_t **out, struct error *err)
{
    json_error_t problem;
    int line, column;

    *out = NULL;
    if (call->body_size == 0)
        return 0;
    if (find_nul(call, &line, &column) != NULL)
        return no_json(err, line, column, "there is a NUL byte");
    *out = json_loadb(call->body, call->body_size,
                      JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &problem);
    if (*out != NULL)
        return 0;
    if (decode_lacked_memory(&problem, call->body, call->body_size))
        return error_set(err, E_NOMEM, "%s", error_text(E_NOMEM));
    return no_json(err, problem.line, problem.column, decode_problem_text(&problem));
}

/* Replies */

void call_add_header(struct call *call, const char *name, const char *value)
{
    int at = call->header_count;

    assert(!call->replied);
    assert(at < CALL_HEADERS_MAX);
    call->headers[at].name = strdup(name);
    call->headers[at].value = strdup(value);
    call->header_count++;
}

static void finish(struct call *call, unsigned status, struct MHD_Response *response)
{
    const struct mhd *mhd = http_mhd(call->http);

    assert(!call->replied);
    call->replied = true;
    call->status = response != NULL ? status : 500;
    call->response = response;
    for (int i = 0; response != NULL && i < call->header_count; i++)
        if (call->headers[i].name != NULL && call->headers[i].value != NULL)
            mhd->add_response_header(response, call->headers[i].name,
                                     call->headers[i].value);
    http_on_reply(call->http, call);
}

void call_reply(struct call *call, unsigned status, const char *type, const char *body,
                size_t size)
{
    const struct mhd *mhd = http_mhd(call->http);
    struct MHD_Response *response =
        mhd->create_response_from_buffer(size, (void *)body, MHD_RESPMEM_MUST_COPY);

    if (response != NULL && type != NULL)
        mhd->add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    finish(call, status, response);
}

void call_reply_empty(struct call *call, unsigned status)
{
    call_reply(call, status, NULL, "", 0);
}

/* As Go's http.Error does it. */
void call_reply_text(struct call *call, unsigned status, const char *text)
{
    call_add_header(call, "X-Content-Type-Options", "nosniff");
    call_reply(call, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* A path that no route has belongs to whose name it begins with. */
bool call_is_v1(const struct call *call)
{
    if (call->route != NULL)
        return call->route->family == ROUTE_V1;
    return strncmp(call->path, "/v1/", 4) == 0;
}

/* As json_dumps, which takes no notice when there is no memory for a key, and gives the
 * text without it. */
static char *dump(const json_t *json, size_t flags)
{
    size_t size = json_dumpb(json, NULL, 0, flags);
    char *text = size > 0 ? malloc(size + 1) : NULL;

    if (text == NULL)
        return NULL;
    if (json_dumpb(json, text, size, flags) == size) {
        text[size] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

void call_reply_json(struct call *call, unsigned status, json_t *json)
{
    size_t digits = call_is_v1(call) ? DOUBLE_DIGITS : FLOAT_DIGITS;
    char *text = dump(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));

    json_decref(json);
    if (text == NULL)
        finish(call, 500, NULL);
    else
        call_reply(call, status, "application/json", text, strlen(text));
    free(text);
}

json_t *call_whole(json_t *json, int failed)
{
    if (failed == 0)
        return json;
    json_decref(json);
    return NULL;
}

/* A word for programs, beside the sentence for people. */
static const char *code_of(unsigned status, int code)
{
    static const struct {
        unsigned status;
        const char *word;
    } words[] = {
        {401, "no_token"},       {403, "forbidden"}, {404, "not_found"},
        {405, "no_such_method"}, {409, "conflict"},  {413, "too_large"},
        {415, "not_json"},       {500, "cannot"},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i].status == status)
            return words[i].word;
    return code == E_PARAM ? "bad_parameter" : "bad_request";
}

static json_t *write_v1(unsigned status, const struct error *err)
{
    json_t *error =
        json_pack("{s:s, s:s}", "code", code_of(status, err->code), "message", err->text);

    if (err->hint[0] != '\0')
        json_object_set_new(error, "hint", json_string(err->hint));
    return json_pack("{s:o}", "error", error);
}

/* A sentence may quote what came, and that may be anything; JSON is UTF-8. */
static void make_utf8(char *text)
{
    json_t *json = json_string(text);

    for (char *c = text; json == NULL && *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    json_decref(json);
}

static unsigned say_no_memory(struct error *err)
{
    const char *words = error_text(E_NOMEM);

    if (strstr(err->text, words) == NULL)
        error_prefix(err, "%s", words);
    return 500;
}

void call_reply_error(struct call *call, unsigned status, const struct error *error)
{
    struct error own = *error;
    struct error *err = &own;
    json_t *json;
    char *line = NULL;
    char *text;

    /* Whatever was being read: it is not to blame. */
    if (err->code == E_NOMEM)
        status = say_no_memory(err);
    make_utf8(err->text);
    make_utf8(err->hint);
    if (call_is_v1(call)) {
        call_reply_json(call, status, write_v1(status, err));
        return;
    }
    json = json_pack("{s:s, s:i}", "error", err->text, "status", (int)status);
    text = dump(json, JSON_COMPACT);
    json_decref(json);
    if (text != NULL && asprintf(&line, "%s\n", text) == -1)
        line = NULL;
    if (line == NULL)
        finish(call, 500, NULL);
    else
        call_reply_text(call, status, line);
    free(line);
    free(text);
}

void call_reply_problem(struct call *call, unsigned status, const char *format, ...)
{
    char text[2 * ERROR_TEXT_BYTES];
    struct error err;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(&err, E_PARAM, "%s", text); /* cuts at a whole character */
    call_reply_error(call, status, &err);
}
