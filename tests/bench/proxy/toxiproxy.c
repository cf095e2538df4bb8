/* toxiproxy: a proxy and its toxic, made over its HTTP API.
 *
 * POST /proxies -> its port from the answer -> POST /proxies/bench/toxics where a delay
 * or a rate is asked for. Anything but 2xx: the peer is left out, and `why` says it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/common/net.h"
#include "tests/bench/proxy/peer.h"

enum { REPLY_BYTES = 8192, REPLY_MS = 5000, HALF_SECOND_MS = 500 };

/* Send one request and read the answer until the server closes. Gives the status, 0
 * when there was none; `reply` holds head and body. */
static int post(uint16_t port, const char *path, json_t *body, char reply[REPLY_BYTES])
{
    char *text = json_dumps(body, JSON_COMPACT);
    char request[1024];
    int status = 0;
    int fd = net_connect(port);
    size_t used = 0;
    int n;

    json_decref(body);
    n = snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n"
                 "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 path, port, text != NULL ? strlen(text) : 0, text != NULL ? text : "");
    free(text);
    if (fd == -1 || n >= (int)sizeof request ||
        !net_write_all(fd, request, (size_t)n, REPLY_MS)) {
        if (fd != -1)
            close(fd);
        return 0;
    }
    while (used < REPLY_BYTES - 1 &&
           net_read_all(fd, reply + used, 1, used == 0 ? REPLY_MS : HALF_SECOND_MS))
        used++;
    reply[used] = '\0';
    close(fd);
    return sscanf(reply, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

static bool refused(struct peer *peer, const char *what, int status)
{
    snprintf(peer->why, sizeof peer->why, "its API answered %s with %d", what, status);
    return false;
}

static bool add_toxic(struct peer *peer, uint16_t api_port)
{
    const struct peer_setup *setup = peer->setup;
    char reply[REPLY_BYTES];
    json_t *toxic;
    int status;

    if (setup->delay_us == 0 && setup->rate_bytes_per_s == 0)
        return true;
    if (setup->delay_us != 0)
        toxic = json_pack("{s:s, s:s, s:{s:I}}", "type", "latency", "stream", "upstream",
                          "attributes", "latency", (json_int_t)(setup->delay_us / 1000));
    else
        toxic =
            json_pack("{s:s, s:s, s:{s:I}}", "type", "bandwidth", "stream", "upstream",
                      "attributes", "rate", (json_int_t)(setup->rate_bytes_per_s / 1000));
    status = post(api_port, "/proxies/bench/toxics", toxic, reply);
    return status == 200 || refused(peer, "a toxic", status);
}

bool toxiproxy_populate(struct peer *peer, uint16_t api_port)
{
    char upstream[64];
    char reply[REPLY_BYTES] = "";
    const char *listen;
    unsigned port = 0;
    int status;

    snprintf(upstream, sizeof upstream, "127.0.0.1:%u", peer->upstream);
    status = post(api_port, "/proxies",
                  json_pack("{s:s, s:s, s:s}", "name", "bench", "listen", "127.0.0.1:0",
                            "upstream", upstream),
                  reply);
    if (status != 201)
        return refused(peer, "a proxy", status);
    listen = strstr(reply, "\"listen\":\"127.0.0.1:");
    if (listen == NULL || sscanf(listen, "\"listen\":\"127.0.0.1:%u", &port) != 1)
        return refused(peer, "no port", status);
    peer->port = (uint16_t)port;
    return add_toxic(peer, api_port);
}
