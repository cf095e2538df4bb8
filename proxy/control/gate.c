/* gate: who comes in, and with what. */
#include "proxy/control/gate.h"

#include <stdlib.h>

#include "proxy/control/access.h"
#include "proxy/control/route.h"

static bool check_access(const struct gate *gate, struct call *call)
{
    if (gate->token != NULL) {
        if (access_has_token(call_header(call, "Authorization"), gate->token))
            return true;
        call_add_header(call, "WWW-Authenticate", "Bearer");
        call_reply_problem(call, 401,
                           "this API wants its token: Authorization: Bearer "
                           "TOKEN");
        return false;
    }
    if (!gate->checks_host || access_is_loopback_host(call_header(call, "Host")))
        return true;
    call_reply_problem(call, 403,
                       "host '%.100s' is no name of this machine's loopback; call it "
                       "localhost or 127.0.0.1, or start the API with a token",
                       call_header(call, "Host"));
    return false;
}

/* A web page may make its reader's browser send POST to any address, without asking,
 * and cannot leave its Origin away. Toxiproxy's paths have the browser block. */
static bool check_origin(struct call *call)
{
    if (call->route->family != ROUTE_V1 || call_header(call, "Origin") == NULL)
        return true;
    call_reply_problem(call, 403,
                       "web pages may not call this API (it came with an "
                       "Origin)");
    return false;
}

static void reply_no_method(const struct gate *gate, struct call *call)
{
    char methods[64];

    route_methods(call, gate->tables, methods, sizeof methods);
    call_add_header(call, "Allow", methods);
    call_reply_problem(call, 405, "the path '%.200s' has no method %.20s", call->path,
                       call->method);
}

static void reply_no_route(const struct gate *gate, struct call *call, unsigned status)
{
    if (call_is_v1(call) && status == 404)
        call_reply_problem(call, 404, "there is no path '%.200s'", call->path);
    else if (call_is_v1(call) && status == 405)
        reply_no_method(gate, call);
    else if (status == 404)
        call_reply_text(call, 404, "404 page not found\n");
    else if (status == 405)
        call_reply_empty(call, 405);
    else if (status == 400)
        call_reply_problem(call, 400, "the path '%.200s' is no escaped UTF-8 text",
                           call->path);
    else
        call_reply_problem(call, status, "%s", error_text(E_NOMEM));
}

bool gate_route(const struct gate *gate, struct call *call)
{
    unsigned status = route_find(call, gate->tables);
    char id[REQUEST_ID_BYTES];

    if (call->route != NULL && call->route->family == ROUTE_TOXIPROXY) {
        http_request_id(call->http, id);
        call_add_header(call, "X-Toxiproxy-Request-Id", id);
        if (access_is_browser(call_header(call, "User-Agent"))) {
            call_reply_text(call, 403, "User agent not allowed\n");
            return false;
        }
    }
    if (status == 0)
        return check_origin(call);
    reply_no_route(gate, call, status);
    return false;
}

/* What is known from the headers alone is said at once: a client that waits for "100
 * Continue" need not send its body. */
static bool check_size(struct call *call)
{
    const char *length = call_header(call, "Content-Length");

    if (length == NULL || strtoull(length, NULL, 10) <= HTTP_BODY_BYTES_MAX)
        return true;
    if (call_header(call, "Expect") == NULL &&
        strtoull(length, NULL, 10) <= CALL_DISCARD_BYTES_MAX) {
        call->too_big = true;
        return true;
    }
    call_reply_problem(call, 413, "the body has more than %d bytes", HTTP_BODY_BYTES_MAX);
    return false;
}

bool gate_headers(const struct gate *gate, struct call *call)
{
    return check_access(gate, call) && check_size(call);
}

bool gate_body(struct call *call)
{
    if (call->no_memory) {
        call_reply_problem(call, 500, "%s", error_text(E_NOMEM));
        return false;
    }
    if (call->too_big) {
        call_reply_problem(call, 413, "the body has more than %d bytes",
                           HTTP_BODY_BYTES_MAX);
        return false;
    }
    if (call->route->family == ROUTE_V1 && call->body_size > 0 &&
        !access_is_json(call_header(call, "Content-Type"))) {
        call_reply_problem(call, 415,
                           "the body must be sent as Content-Type: "
                           "application/json");
        return false;
    }
    return true;
}
