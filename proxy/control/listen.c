/* listen: addresses to listen on, for the API and for its links. */
#include "proxy/control/listen.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/listener.h"

int listen_parse(struct address *out, const char *text, bool any, struct error *err)
{
    static const char localhost[] = "localhost:";
    char spelled[ADDRESS_BYTES];
    const char *port = text;
    const char *host = "127.0.0.1";

    if (text[0] == '\0')
        port = ":0";
    if (text[0] == '\0' || text[0] == ':')
        host = any ? "[::]" : host;
    else if (strncmp(text, localhost, sizeof localhost - 1) == 0)
        port = text + sizeof localhost - 2;
    else
        host = "";
    if (strlen(host) + strlen(port) >= sizeof spelled) {
        error_set(err, E_PARAM, "listen '%.40s...' is longer than %d bytes", text,
                  ADDRESS_BYTES - 1);
        return E_PARAM;
    }
    snprintf(spelled, sizeof spelled, "%s%s", host, port);
    return address_parse(out, spelled, "listen", err);
}

bool listen_is_loopback(const struct address *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->storage;

    if (address->kind == ADDRESS_UNIX)
        return true;
    if (address->kind != ADDRESS_LITERAL)
        return false;
    if (address->storage.ss_family == AF_INET)
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

int listen_open(int *fd, char *text, const struct address *address, struct error *err)
{
    uint16_t port;
    mode_t before = 0;
    int rc;

    /* The mask is the process's; a file that another thread makes in these
     * microseconds would be its owner's alone too, which hurts nobody. */
    if (address->kind == ADDRESS_UNIX)
        before = umask(0177);
    rc = listener_open(fd, address, err);
    if (address->kind == ADDRESS_UNIX)
        umask(before);
    if (rc != 0)
        return rc;
    if (address->kind == ADDRESS_UNIX)
        snprintf(text, ADDRESS_BYTES, "%s", address->text);
    else
        address_of_socket(*fd, text, &port);
    return 0;
}
