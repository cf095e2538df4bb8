/* access: the checks that stand before every handler. */
#include "proxy/control/access.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { HOST_BYTES = 256 };

static bool is_loopback_literal(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool access_is_loopback_host(const char *host)
{
    char name[HOST_BYTES];
    const char *from = host;
    size_t size;

    if (host == NULL)
        return true;
    if (host[0] == '[') {
        from++;
        size = strcspn(from, "]");
    } else {
        size = strcspn(from, ":");
    }
    if (size >= sizeof name)
        return false;
    memcpy(name, from, size);
    name[size] = '\0';
    return strcasecmp(name, "localhost") == 0 || is_loopback_literal(name);
}

bool access_has_token(const char *authorization, const char *token)
{
    static const char scheme[] = "Bearer ";
    size_t size = strlen(token);
    unsigned char difference = 0;
    const char *given;

    if (authorization == NULL ||
        strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return false;
    given = authorization + sizeof scheme - 1;
    if (strlen(given) != size)
        return false;
    /* To the end, wherever the first difference is. */
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned char)(given[i] ^ token[i]);
    return difference == 0;
}

bool access_is_browser(const char *user_agent)
{
    return user_agent != NULL && strncmp(user_agent, "Mozilla/", strlen("Mozilla/")) == 0;
}

bool access_is_json(const char *content_type)
{
    static const char json[] = "application/json";
    const char *rest;

    if (content_type == NULL || strncasecmp(content_type, json, sizeof json - 1) != 0)
        return false;
    rest = content_type + sizeof json - 1;
    return rest[strspn(rest, " \t")] == '\0' || rest[strspn(rest, " \t")] == ';';
}
