/* caller: one connection for each request, read to its end. */
#include "tests/lib/control/caller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "proxy/address.h"

enum { ANSWER_BYTES_MAX = 4 << 20, PATH_BYTES = 128 };

int caller_connect(const char *address)
{
    struct address to;
    int fd;

    assert_int_equal(address_parse(&to, address, "address", NULL), 0);
    fd = socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to.storage, to.size), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    size_t size = strlen(text);

    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return; /* it has answered already */
        text += sent;
        size -= (size_t)sent;
    }
}

static void send_request(int fd, const char *method, const char *path,
                         const char *headers, const char *body)
{
    char head[4096];
    bool has_type = headers != NULL && strcasestr(headers, "content-type:") != NULL;
    int used = snprintf(head, sizeof head,
                        "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s",
                        method, path, headers != NULL ? headers : "");

    if (body != NULL)
        used +=
            snprintf(head + used, sizeof head - (size_t)used, "%sContent-Length: %zu\r\n",
                     has_type ? "" : "Content-Type: application/json\r\n", strlen(body));
    snprintf(head + used, sizeof head - (size_t)used, "\r\n");
    send_text(fd, head);
    if (body != NULL)
        send_text(fd, body);
}

struct answer caller_ask(const char *address, const char *method, const char *path,
                         const char *headers, const char *body)
{
    struct answer answer = {.status = 0};
    char *text = malloc(ANSWER_BYTES_MAX);
    char *end;
    char *type;
    size_t size = 0;
    ssize_t got;
    int fd = caller_connect(address);

    send_request(fd, method, path, headers, body);
    while ((got = read(fd, text + size, ANSWER_BYTES_MAX - 1 - size)) > 0)
        size += (size_t)got;
    close(fd);
    text[size] = '\0';
    end = strstr(text, "\r\n\r\n");
    if (end == NULL || sscanf(text, "HTTP/1.1 %d ", &answer.status) != 1)
        fail_msg("%s %s: no answer, but: %.200s", method, path, text);
    *end = '\0';
    type = strcasestr(text, "\r\nContent-Type: ");
    if (type != NULL)
        snprintf(answer.type, sizeof answer.type, "%.*s",
                 (int)strcspn(type + strlen("\r\nContent-Type: "), "\r"),
                 type + strlen("\r\nContent-Type: "));
    answer.body = strdup(end + 4);
    answer.size = size - (size_t)(end + 4 - text);
    answer.json = json_loads(answer.body, JSON_DECODE_ANY, NULL);
    free(text);
    return answer;
}

void answer_release(struct answer *answer)
{
    json_decref(answer->json);
    free(answer->body);
}

const json_t *answer_at(const struct answer *answer, const char *path)
{
    const json_t *at = answer->json;
    char parts[PATH_BYTES];
    char *rest = parts;
    char *part;

    snprintf(parts, sizeof parts, "%s", path);
    while (at != NULL && (part = strsep(&rest, ".")) != NULL)
        at = json_is_array(at) ? json_array_get(at, strtoul(part, NULL, 10))
                               : json_object_get(at, part);
    return at;
}

const char *answer_text(const struct answer *answer, const char *path)
{
    const char *text = json_string_value(answer_at(answer, path));

    return text != NULL ? text : "";
}
