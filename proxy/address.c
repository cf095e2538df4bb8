/* address: takes an address text apart, and says what is wrong with a bad one. */
#include "proxy/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static int bad(struct error *err, const char *what, const char *text, const char *why)
{
    error_set(err, E_PARAM, "%s '%s': %s", what, text, why);
    error_hint(err, "write host:port, [v6 address]:port or unix:/path");
    return E_PARAM;
}

static int parse_unix(struct address *out, const char *text, const char *what,
                      struct error *err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
    const char *path = text + strlen("unix:");

    if (path[0] == '\0')
        return bad(err, what, text, "no path behind unix:");
    if (strlen(path) >= sizeof un->sun_path)
        return bad(err, what, text, "a Unix socket's path has at most 107 bytes");
    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof un->sun_path, "%s", path);
    out->kind = ADDRESS_UNIX;
    out->size = sizeof *un;
    return 0;
}

/* strtoul would take signs, blanks and "0x". */
static int parse_port(struct address *out, const char *port, const char *text,
                      const char *what, struct error *err)
{
    unsigned long number;
    size_t digits = strspn(port, "0123456789");

    if (digits == 0 || port[digits] != '\0')
        return bad(err, what, text, "the port is no number");
    number = digits <= 5 ? strtoul(port, NULL, 10) : 65536;
    if (number > 65535)
        return bad(err, what, text, "a port is at most 65535");
    out->port = (uint16_t)number;
    return 0;
}

/* What inet_pton does not know is a name. */
static void fill_literal(struct address *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->storage;

    out->kind = ADDRESS_LITERAL;
    if (inet_pton(AF_INET, out->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(out->port);
        out->size = sizeof *v4;
    } else if (inet_pton(AF_INET6, out->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(out->port);
        out->size = sizeof *v6;
    } else {
        out->kind = ADDRESS_NAME;
    }
}

/* Cut "host" out of "host:port" or "[host]:port"; gives where the port begins. */
static const char *split_host(struct address *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    const char *from = text;
    size_t size;

    if (colon == NULL)
        return NULL;
    size = (size_t)(colon - text);
    if (text[0] == '[') {
        if (size < 3 || text[size - 1] != ']')
            return NULL;
        from++;
        size -= 2;
    } else if (memchr(text, ':', size) != NULL) {
        return NULL; /* a bare v6 address: which colon is the port's? */
    }
    if (size == 0 || size >= sizeof out->host)
        return NULL;
    memcpy(out->host, from, size);
    out->host[size] = '\0';
    return colon + 1;
}

int address_parse(struct address *out, const char *text, const char *what,
                  struct error *err)
{
    const char *port;
    int rc;

    memset(out, 0, sizeof *out);
    snprintf(out->text, sizeof out->text, "%s", text);
    if (text[0] == '\0')
        return 0;
    if (strncmp(text, "unix:", strlen("unix:")) == 0)
        return parse_unix(out, text, what, err);
    port = split_host(out, text);
    if (port == NULL)
        return bad(err, what, text, "that is no host and port");
    rc = parse_port(out, port, text, what, err);
    if (rc != 0)
        return rc;
    if (strspn(out->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "0123456789.-_:%") != strlen(out->host))
        return bad(err, what, text, "that is no host name");
    fill_literal(out);
    if (text[0] == '[' && out->storage.ss_family != AF_INET6)
        return bad(err, what, text, "brackets are for v6 addresses");
    return 0;
}

uint16_t address_peer_port(const struct sockaddr_storage *storage)
{
    if (storage->ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)storage)->sin_port);
    if (storage->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)storage)->sin6_port);
    return 0;
}

void address_of_socket(int fd, char *text, uint16_t *port)
{
    struct sockaddr_storage own = {0};
    socklen_t size = sizeof own;
    char host[INET6_ADDRSTRLEN] = "";

    text[0] = '\0';
    *port = 0;
    if (getsockname(fd, (struct sockaddr *)&own, &size) != 0)
        return;
    *port = address_peer_port(&own);
    if (own.ss_family == AF_INET) {
        inet_ntop(AF_INET, &((struct sockaddr_in *)&own)->sin_addr, host, sizeof host);
        snprintf(text, ADDRESS_BYTES, "%s:%u", host, *port);
    } else if (own.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&own)->sin6_addr, host, sizeof host);
        snprintf(text, ADDRESS_BYTES, "[%s]:%u", host, *port);
    } else {
        snprintf(text, ADDRESS_BYTES, "unix:%s", ((struct sockaddr_un *)&own)->sun_path);
    }
}
