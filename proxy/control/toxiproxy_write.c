/* toxiproxy_write: proxies, toxics and errors as Toxiproxy spells them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/decode.h"
#include "proxy/control/listen.h"
#include "proxy/control/toxiproxy_internal.h"

const struct book_fault *toxiproxy_toxic(const struct book_link *link, const char *name)
{
    const struct book_fault *fault = book_link_fault(link, name);

    return fault != NULL && fault->toxic != NULL ? fault : NULL;
}

static int append_toxics(json_t *array, const struct book_link *link, bool upstream)
{
    const struct book_fault *fault;
    int rc = 0;

    for (fault = link->faults; fault != NULL; fault = fault->next)
        if (fault->toxic != NULL && toxic_is_upstream(fault) == upstream)
            rc |= json_array_append_new(array, toxic_write(fault));
    return rc;
}

json_t *toxiproxy_write_toxics(const struct book_link *link)
{
    json_t *array = json_array();

    if (append_toxics(array, link, true) == 0 && append_toxics(array, link, false) == 0)
        return array;
    json_decref(array);
    return NULL;
}

/* "Logger" is an accident of Toxiproxy's since 2.5.0, and part of its shape. */
json_t *toxiproxy_write(const struct book_link *link)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:{}, s:o}", "name", link->name, "listen",
                     link->listen, "upstream", link->upstream, "enabled", link->enabled,
                     "Logger", "toxics", toxiproxy_write_toxics(link));
}

/* Errors */

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* An address that cannot be taken apart. */
static void write_bad_address(struct error *out, const char *listen, bool is_create)
{
    const char *front = is_create ? "listen tcp: " : "";
    const char *colon = strrchr(listen, ':');

    if (colon == NULL)
        error_set(out, E_PARAM, "%saddress %s: missing port in address", front, listen);
    else if (!is_number(colon + 1))
        error_set(out, E_PARAM, "%slookup tcp/%s: unknown port", front, colon + 1);
    else if (strlen(colon + 1) > 5 || strtol(colon + 1, NULL, 10) > 65535)
        error_set(out, E_PARAM, "%saddress %s: invalid port", front, colon + 1);
    else
        error_set(out, E_PARAM, "%saddress %s: too many colons in address", front,
                  listen);
}

/* "listen tcp 127.0.0.1:3310: bind: address already in use": the reason is what stands
 * last in our own sentence. */
static void write_bind(struct error *out, const struct error *why, int rc,
                       const char *listen)
{
    const char *last = strrchr(why->text, ':');
    char reason[ERROR_TEXT_BYTES];
    struct address address;

    if (listen_parse(&address, listen, false, NULL) == 0)
        listen = address.text;
    snprintf(reason, sizeof reason, "%s", last != NULL ? last + 2 : why->text);
    reason[0] = (char)tolower((unsigned char)reason[0]);
    error_set(out, rc, "listen tcp %s: bind: %s", listen,
              rc == E_BUSY ? "address already in use" : reason);
}

static void write_listen(struct error *out, const struct book_answer *answer,
                         const char *listen, bool is_create)
{
    if (listen == NULL)
        listen = answer->link != NULL ? answer->link->listen : "";
    if (answer->rc == E_PARAM)
        write_bad_address(out, listen, is_create);
    else if (answer->rc == E_NOT_FOUND)
        error_set(out, answer->rc, "listen tcp: lookup %.*s: no such host",
                  (int)strcspn(listen, ":"), listen);
    else
        write_bind(out, &answer->error, answer->rc, listen);
}

void toxiproxy_problem(struct toxiproxy_problem *out, const struct book_answer *answer,
                       const char *what, const char *listen, bool is_create)
{
    const char *about = answer->about != NULL ? answer->about : "";

    out->status = 500;
    out->error = answer->error;
    if (answer->rc == E_NOMEM) {
        error_set(&out->error, E_NOMEM, "%s", error_text(E_NOMEM));
    } else if (strcmp(about, "listen") == 0) {
        write_listen(&out->error, answer, listen, is_create);
    } else if (answer->rc == E_NOT_FOUND) {
        out->status = 404;
        error_set(&out->error, E_NOT_FOUND, "%s not found",
                  answer->link == NULL ? "proxy" : "toxic");
    } else if (answer->rc == E_EXISTS) {
        out->status = 409;
        error_set(&out->error, E_EXISTS, "%s already exists", what);
    } else if (answer->rc == E_PARAM || answer->rc == E_FORMAT) {
        out->status = 400;
    }
}

bool toxiproxy_body(struct call *call, json_t **out)
{
    struct error err;
    size_t size;
    const char *body = call_body(call, &size);

    if (decode_first(out, body, size, &err) == 0)
        return true;
    error_prefix(&err, "bad request body");
    call_reply_error(call, 400, &err);
    return false;
}
