/* server: the API's test partner. */
#include "server.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_BYTES = 4096, EXPECTED_BYTES = 8192 };

struct server *server_start_with(struct api_options options)
{
    struct server *s = calloc(1, sizeof *s);
    struct plane_options plane_options = {.seed = 7};
    struct error err;
    const char *colon;

    assert_non_null(s);
    assert_int_equal(plane_start(&s->plane, &plane_options, &err), 0);
    options.plane = s->plane;
    if (options.listen == NULL)
        options.listen = "127.0.0.1:0";
    if (api_start(&s->api, &options, &err) != 0)
        fail_msg("%s", err.text);
    colon = strrchr(api_address(s->api), ':');
    s->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    s->fd = -1;
    return s;
}

struct server *server_start(void)
{
    return server_start_with((struct api_options){.listen = NULL});
}

void server_stop(struct server *s)
{
    if (s->fd != -1)
        close(s->fd);
    api_stop(s->api);
    plane_stop(s->plane);
    free(s);
}

int server_connect(const struct server *s)
{
    int fd = world_connect_port(s->port);

    assert_int_not_equal(fd, -1);
    return fd;
}

/* Up to the blank line, byte by byte: what follows belongs to the body. */
static bool receive_head(int fd, struct heard *out)
{
    size_t at = 0;

    while (at < sizeof out->head - 1) {
        if (recv(fd, out->head + at, 1, 0) != 1)
            return false;
        out->head[++at] = '\0';
        if (at >= 4 && memcmp(out->head + at - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

bool heard_header(const struct heard *answer, const char *name, char *value, size_t size)
{
    for (const char *line = strchr(answer->head, '\n'); line != NULL;
         line = strchr(line + 1, '\n')) {
        size_t name_size = strlen(name);

        if (strncasecmp(line + 1, name, name_size) != 0 || line[1 + name_size] != ':')
            continue;
        line += 1 + name_size + 1;
        line += strspn(line, " ");
        snprintf(value, size, "%.*s", (int)strcspn(line, "\r\n"), line);
        return true;
    }
    return false;
}

bool server_receive(int fd, struct heard *out)
{
    char length[32] = "0";

    *out = (struct heard){.body = NULL};
    if (!receive_head(fd, out) || sscanf(out->head, "HTTP/1.%*c %u", &out->status) != 1)
        return false;
    heard_header(out, "Content-Length", length, sizeof length);
    out->size = strtoul(length, NULL, 10);
    out->body = calloc(1, out->size + 1);
    assert_non_null(out->body);
    for (size_t at = 0; at < out->size;) {
        ssize_t got = recv(fd, out->body + at, out->size - at, 0);

        if (got <= 0) {
            heard_release(out);
            return false;
        }
        at += (size_t)got;
    }
    return true;
}

void heard_release(struct heard *answer)
{
    free(answer->body);
    answer->body = NULL;
}

/* In one piece: two would wait for each other's acknowledgement. */
struct heard server_call(struct server *s, const char *method, const char *path,
                         const char *body)
{
    size_t size = body != NULL ? strlen(body) : 0;
    char *request = malloc(REQUEST_BYTES + size);
    struct heard heard;
    int head;

    assert_non_null(request);
    if (s->fd == -1)
        s->fd = server_connect(s);
    head = snprintf(request, REQUEST_BYTES,
                    "%s %s HTTP/1.1\r\nHost: localhost:%u\r\nContent-Length: %zu\r\n"
                    "Content-Type: application/json\r\n\r\n",
                    method, path, s->port, size);
    assert_in_range(head, 1, REQUEST_BYTES - 1);
    snprintf(request + head, size + 1, "%s", body != NULL ? body : "");
    world_send(s->fd, request);
    free(request);
    if (!server_receive(s->fd, &heard))
        fail_msg("%s %s: no reply", method, path);
    return heard;
}

/* Put s->listen in the place of each "$L". */
static void fill_in(const struct server *s, const char *expected, char *out, size_t size)
{
    size_t at = 0;

    for (; *expected != '\0' && at + ADDRESS_BYTES < size; expected++) {
        if (expected[0] == '$' && expected[1] == 'L') {
            at += (size_t)snprintf(out + at, size - at, "%s", s->listen);
            expected++;
        } else {
            out[at++] = *expected;
        }
    }
    out[at] = '\0';
}

void server_expect(struct server *s, const char *method, const char *path,
                   const char *body, unsigned status, const char *expected)
{
    struct heard answer = server_call(s, method, path, body);
    char filled[EXPECTED_BYTES];

    fill_in(s, expected, filled, sizeof filled);
    if (answer.status != status || strcmp(answer.body, filled) != 0)
        fail_msg("%s %s %s\n  expected %u %s\n  got      %u %s", method, path,
                 body != NULL ? body : "", status, filled, answer.status, answer.body);
    heard_release(&answer);
}

void server_do(struct server *s, const char *method, const char *path, const char *body,
               unsigned status)
{
    struct heard answer = server_call(s, method, path, body);

    if (answer.status != status)
        fail_msg("%s %s %s\n  expected %u\n  got      %u %s", method, path,
                 body != NULL ? body : "", status, answer.status, answer.body);
    heard_release(&answer);
}

void heard_text(const struct heard *answer, const char *key, char *value, size_t size)
{
    json_t *json = json_loads(answer->body, 0, NULL);
    const char *text = json_string_value(json_object_get(json, key));

    assert_non_null(text);
    snprintf(value, size, "%s", text);
    json_decref(json);
}

uint16_t heard_port(const struct heard *answer)
{
    char listen[ADDRESS_BYTES];

    heard_text(answer, "listen", listen, sizeof listen);
    return (uint16_t)strtoul(strrchr(listen, ':') + 1, NULL, 10);
}

uint16_t server_link(struct server *s, const char *name, uint16_t upstream_port)
{
    char body[512];
    struct heard answer;
    uint16_t port;

    snprintf(body, sizeof body,
             "{\"name\":\"%s\",\"listen\":\"127.0.0.1:0\",\"upstream\":\"127.0.0.1:%u\"}",
             name, upstream_port);
    answer = server_call(s, "POST", "/proxies", body);
    assert_int_equal(answer.status, 201);
    heard_text(&answer, "listen", s->listen, sizeof s->listen);
    port = heard_port(&answer);
    heard_release(&answer);
    return port;
}
