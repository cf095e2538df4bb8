/* api_call: what the answer of a proxy means to a person at a terminal.
 *
 * 2xx:      the value.
 * 401, 403: who may ask is the environment's matter: a token is missing or wrong.
 * 4xx:      what was asked is wrong: the proxy's own sentence, and the caller must act.
 * Others:   the proxy could not do it. */
#include "harness/cli/api_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/cli/http_client.h"

/* {"error": {"message", "hint"}} as /v1/ answers; false: it is something else's. */
static bool read_problem(const json_t *json, const char **message, const char **hint)
{
    const json_t *error = json_object_get(json, "error");

    *message = json_string_value(json_object_get(error, "message"));
    *hint = json_string_value(json_object_get(error, "hint"));
    return *message != NULL;
}

static int refused(const struct api_place *place, int status, const json_t *json,
                   struct error *err)
{
    const char *message;
    const char *hint;
    bool is_ours = read_problem(json, &message, &hint);

    if (status == 401) {
        error_set(err, E_ENVIRONMENT, "the proxy at %s wants its token", place->address);
        error_hint(err, "give it with --api-token-file FILE or STORMDRILL_API_TOKEN");
        return E_ENVIRONMENT;
    }
    if (!is_ours) {
        error_set(err, E_ENVIRONMENT, "what listens at %s is no stormdrill proxy",
                  place->address);
        error_hint(err,
                   "it answers %d where a proxy has /v1/; say where yours is: "
                   "--api ADDR",
                   status);
        return E_ENVIRONMENT;
    }
    error_set(err,
              status >= 400 && status < 500 && status != 403 ? E_USAGE : E_ENVIRONMENT,
              "%s", message);
    if (hint != NULL && hint[0] != '\0')
        error_hint(err, "%s", hint);
    return err->code;
}

static int read_answer(const struct api_place *place,
                       const struct http_client_answer *answer, json_t **out,
                       struct error *err)
{
    json_t *json = NULL;
    json_error_t problem;
    int rc = 0;

    if (answer->size > 0)
        json = json_loadb(answer->body, answer->size, JSON_DECODE_ANY, &problem);
    if (answer->status < 200 || answer->status > 299) {
        rc = refused(place, answer->status, json, err);
    } else if (answer->size > 0 && json == NULL) {
        rc = error_set(err, E_FORMAT, "the answer of %s is no JSON: %s", place->address,
                       problem.text);
    } else {
        *out = json;
        json = NULL;
    }
    json_decref(json);
    return rc;
}

int api_call(const struct api_place *place, const char *method, const char *path,
             const json_t *body, json_t **out, struct error *err)
{
    struct http_client_request request = {
        .address = place->address,
        .method = method,
        .path = path,
        .token = place->token != NULL && place->token[0] != '\0' ? place->token : NULL,
    };
    struct http_client_answer answer;
    char *text = NULL;
    int rc;

    *out = NULL;
    if (body != NULL) {
        text = json_dumps(body, JSON_COMPACT);
        if (text == NULL)
            return error_set(err, E_NOMEM, "request");
    }
    request.body = text;
    rc = http_client_call(&request, &answer, err);
    if (rc == 0)
        rc = read_answer(place, &answer, out, err);
    http_client_release(&answer);
    free(text);
    return rc;
}
