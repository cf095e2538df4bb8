/* port: accepts for a link, and opens and closes its door.
 *
 * All well:  port_update opens a socket -> accept ... -> port_drop; its handle closes a
 *            turn later, and the last one may be what the link waits for to be freed.
 * A fault or the user closes it:  whoever is in the kernel's queue is accepted first,
 *            since they have been told "connected"; then the kernel refuses.
 * Out of descriptors:  accepting pauses for a moment instead of spinning. */
#include "proxy/port.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/connection.h"
#include "proxy/listener.h"
#include "proxy/turns.h"

enum { ACCEPTS_PER_TURN = 64 };

static const uint64_t ACCEPT_PAUSE_NS = 50ull * NS_PER_MS;

/* A socket that listens, or did. */
struct port {
    struct link *link;
    struct watch watch;
    int fd; /* -1: dropped */
};

static void watch(struct port *port, bool on);

/* true when it is worth trying the next. */
static bool accept_one(struct link *link)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    int fd = accept4(link->listener->fd, (struct sockaddr *)&peer, &size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        connection_open(link, fd, address_peer_port(&peer));
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_warn(link->engine->log, "link", "%s: cannot accept: %s", link->name,
                 strerror(errno));
        watch(link->listener, false);
        deadline_set(&link->engine->deadlines, &link->accept_again,
                     clock_now(link->engine->clock) + ACCEPT_PAUSE_NS);
        return false;
    }
    /* ECONNABORTED: that one has gone; the next may be well. */
    return errno == ECONNABORTED;
}

/* Bounded, so that a storm of connects leaves the live ones their turn. */
static void on_accept(struct watch *own, unsigned events)
{
    struct port *port = (struct port *)((char *)own - offsetof(struct port, watch));

    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && port->fd != -1; i++)
        if (!accept_one(port->link))
            return;
}

static void watch(struct port *port, bool on)
{
    watch_set(&port->link->engine->poller, &port->watch, on ? POLLER_READ : 0);
}

void port_accept_again(struct link *link)
{
    if (link->listener != NULL && !link->port_closed)
        watch(link->listener, true);
}

static void on_watch_closed(struct watch *own)
{
    struct port *port = (struct port *)((char *)own - offsetof(struct port, watch));
    struct link *link = port->link;

    free(port);
    link_listener_closed(link);
}

void port_drop(struct link *link)
{
    struct port *port = link->listener;

    if (port == NULL)
        return;
    while (!link->port_closed && !link->closing && accept_one(link))
        ;
    deadline_clear(&link->engine->deadlines, &link->accept_again);
    link->listener = NULL;
    link->port_closed = true;
    watch_close(&link->engine->poller, &port->watch, on_watch_closed);
    close(port->fd);
    port->fd = -1;
    if (link->listen.kind == ADDRESS_UNIX)
        unlink(((struct sockaddr_un *)&link->listen.storage)->sun_path);
}

/* The kernel refuses from here on. */
static void shut(struct link *link)
{
    if (link->listen.kind == ADDRESS_UNIX) {
        port_drop(link);
        return;
    }
    while (accept_one(link))
        ;
    deadline_clear(&link->engine->deadlines, &link->accept_again);
    watch(link->listener, false);
    listener_shut(link->listener->fd);
    link->port_closed = true;
}

/* A free port is picked once: from then on it is this link's. */
static void keep_address(struct link *link)
{
    struct address own;
    struct error err;

    address_of_socket(link->listener->fd, link->address, &link->port);
    if (link->listen.kind == ADDRESS_LITERAL && link->listen.port == 0 &&
        address_parse(&own, link->address, "listen", &err) == 0)
        link->listen = own;
}

/* A socket where there is none. */
static int open_socket(struct link *link, struct error *err)
{
    struct port *port = calloc(1, sizeof *port);
    int rc;

    if (port == NULL)
        return error_set(err, E_NOMEM, "link '%s'", link->name);
    port->link = link;
    rc = listener_open(&port->fd, &link->listen, err);
    if (rc != 0)
        goto fail_free;
    watch_open(&link->engine->poller, &port->watch, port->fd, on_accept);
    link->listener = port;
    link->listeners_open++;
    keep_address(link);
    return 0;

fail_free:
    free(port);
    return rc;
}

/* Two faults that close it need both to be healed. */
static bool should_be_open(const struct link *link)
{
    if (!link->enabled)
        return false;
    for (const struct link_fault *f = link->faults; f != NULL; f = f->next)
        if (f->type->closes_port != NULL && turns_acts(f) && f->common.probability > 0 &&
            f->type->closes_port(f->conf))
            return false;
    return true;
}

int port_update(struct link *link, struct error *err)
{
    bool open = should_be_open(link);
    int rc;

    assert(!link->closing);
    if (open == !link->port_closed)
        return 0;
    if (!open) {
        shut(link);
        return 0;
    }
    rc = link->listener == NULL ? open_socket(link, err)
                                : listener_reopen(link->listener->fd, link->address, err);
    if (rc != 0)
        return rc;
    link->port_closed = false;
    watch(link->listener, true);
    return 0;
}

int port_parse(struct address *out, const char *text, struct error *err)
{
    const char *listen = text[0] != '\0' ? text : "127.0.0.1:0";
    char numeric[ADDRESS_BYTES];
    int rc;

    /* Looking up a name here would keep all other links waiting. */
    if (strncmp(listen, "localhost:", strlen("localhost:")) == 0) {
        snprintf(numeric, sizeof numeric, "127.0.0.1%s", strchr(listen, ':'));
        listen = numeric;
    }
    rc = address_parse(out, listen, "listen", err);
    if (rc == 0 && out->kind == ADDRESS_NAME) {
        error_set(err, E_PARAM, "listen '%s': that is no numeric address", text);
        error_hint(err, "for example 127.0.0.1:0 or [::1]:4222");
        return E_PARAM;
    }
    return rc;
}

void port_move(struct link *link, const struct address *address)
{
    assert(link->listener == NULL);
    link->listen = *address;
    link->port = address->port;
    snprintf(link->address, sizeof link->address, "%s", address->text);
}
