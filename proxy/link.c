/* link: listens, accepts, and keeps the list of faults that its connections share.
 *
 * All well:   link_open -> accept ... -> link_close -> the last connection's handles
 *             close -> freed.
 * A fault comes, changes or is healed: the list first, then every live connection; none
 *             of them waits for a peer. Whether the port is open follows from the list.
 * Out of descriptors: accepting pauses for a moment instead of spinning. */
#include "proxy/link.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/admission.h"
#include "proxy/link_faults.h"
#include "proxy/listener.h"
#include "proxy/turns.h"

enum { ACCEPTS_PER_TURN = 64 };

static const uint64_t DIAL_TIMEOUT_NS = 5ull * NS_PER_S;
/* More is no time-out, and must not overflow the clock. */
static const uint64_t DIAL_TIMEOUT_NS_MAX = 24ull * 3600 * NS_PER_S;
static const uint64_t ACCEPT_PAUSE_NS = 50ull * NS_PER_MS;

static void emit(struct link *link, enum proxy_event_kind kind, uint64_t a,
                 json_t *detail)
{
    struct proxy_event event = {.kind = kind, .link = link->id.number, .a = a};

    engine_emit(link->engine, &event, detail);
}

/* Accepting */

static void watch(struct link *link, bool on);

/* true when it is worth trying the next. */
static bool accept_one(struct link *link)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    int fd = accept4(link->listen_fd, (struct sockaddr *)&peer, &size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        connection_open(link, fd, address_peer_port(&peer));
        return true;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_warn(link->engine->log, "link", "%s: cannot accept: %s", link->name,
                 strerror(errno));
        watch(link, false);
        deadline_set(&link->engine->deadlines, &link->accept_again,
                     clock_now(link->engine->clock) + ACCEPT_PAUSE_NS);
        return false;
    }
    /* ECONNABORTED: that one has gone; the next may be well. */
    return errno == ECONNABORTED;
}

/* Bounded, so that a storm of connects leaves the live ones their turn. */
static void on_accept(uv_poll_t *poll, int status, int events)
{
    struct link *link = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && !link->closing; i++)
        if (!accept_one(link))
            return;
}

static void on_accept_again(struct deadline *own)
{
    struct link *link =
        (struct link *)((char *)own - offsetof(struct link, accept_again));

    if (!link->port_closed)
        watch(link, true);
}

static void watch(struct link *link, bool on)
{
    if (on)
        uv_poll_start(&link->poll, UV_READABLE, on_accept);
    else
        uv_poll_stop(&link->poll);
}

/* What the port should be follows from the faults in force, whatever came or went: two
 * faults that close it need both to be healed. */
int link_update_port(struct link *link, struct error *err)
{
    bool closed = false;
    int rc;

    for (const struct link_fault *f = link->faults; f != NULL; f = f->next)
        closed |= f->type->closes_port != NULL && turns_acts(f) &&
                  f->common.probability > 0 && f->type->closes_port(f->conf);
    if (closed == link->port_closed)
        return 0;
    if (closed) {
        /* Who is in the kernel's queue has been told "connected": they must be seen. */
        while (accept_one(link))
            ;
        deadline_clear(&link->engine->deadlines, &link->accept_again);
        watch(link, false);
        listener_shut(link->listen_fd);
        link->port_closed = true;
        return 0;
    }
    rc = listener_reopen(link->listen_fd, link->address, err);
    if (rc != 0)
        return rc;
    link->port_closed = false;
    watch(link, true);
    return 0;
}

/* Opening */

static int parse_options(struct link *link, const struct link_options *o,
                         struct error *err)
{
    const char *listen = o->listen[0] != '\0' ? o->listen : "127.0.0.1:0";
    char numeric[ADDRESS_BYTES];
    int rc;

    if (o->mode != LINK_TCP)
        return error_set(err, E_PARAM, "link '%s': there is no mode %d", o->name,
                         (int)o->mode);
    /* Looking up a name here would keep all other links waiting. */
    if (strncmp(listen, "localhost:", strlen("localhost:")) == 0) {
        snprintf(numeric, sizeof numeric, "127.0.0.1%s", strchr(listen, ':'));
        listen = numeric;
    }
    rc = address_parse(&link->listen, listen, "listen", err);
    if (rc == 0)
        rc = link_parse_upstream(&link->upstream, o->upstream, err);
    if (rc != 0)
        return rc;
    link->mode = o->mode;
    link->dial_timeout_ns = o->dial_timeout_ns > 0 ? o->dial_timeout_ns : DIAL_TIMEOUT_NS;
    if (link->dial_timeout_ns > DIAL_TIMEOUT_NS_MAX)
        link->dial_timeout_ns = DIAL_TIMEOUT_NS_MAX;
    link->buffer_bytes = o->buffer_bytes;
    if (o->name[0] != '\0')
        snprintf(link->name, sizeof link->name, "%s", o->name);
    else
        snprintf(link->name, sizeof link->name, "link%u", link->id.number);
    return 0;
}

int link_parse_upstream(struct address *out, const char *text, struct error *err)
{
    int rc = address_parse(out, text, "upstream", err);

    if (rc != 0)
        return rc;
    if (out->port == 0 && (out->kind == ADDRESS_LITERAL || out->kind == ADDRESS_NAME)) {
        error_set(err, E_PARAM, "upstream '%s': nobody can be dialled on port 0", text);
        error_hint(err, "name the port; an empty upstream means nobody");
        return E_PARAM;
    }
    return 0;
}

static int start_listening(struct link *link, struct error *err)
{
    int rc = listener_open(&link->listen_fd, &link->listen, err);

    if (rc != 0)
        return rc;
    address_of_socket(link->listen_fd, link->address, &link->port);
    if (uv_poll_init(&link->engine->loop, &link->poll, link->listen_fd) != 0) {
        close(link->listen_fd);
        return error_set(err, E_SYSTEM, "watch %s", link->address);
    }
    link->poll.data = link;
    link->polling = true;
    watch(link, true);
    return 0;
}

static void on_ask_again(struct deadline *own)
{
    admission_ask_all((struct link *)((char *)own - offsetof(struct link, ask_again)));
}

/* Safe on a link that was only half made. */
static void release(struct link *link)
{
    deadline_release(&link->engine->deadlines, &link->accept_again);
    deadline_release(&link->engine->deadlines, &link->ask_again);
    free(link);
}

int link_open(struct link **out, struct engine *engine, struct link_id id,
              const struct link_options *options, struct error *err)
{
    struct link *link = calloc(1, sizeof *link);
    int rc;

    if (link == NULL)
        return error_set(err, E_NOMEM, "link '%s'", options->name);
    link->engine = engine;
    link->id = id;
    link->listen_fd = -1;
    if (!deadline_init(&engine->deadlines, &link->accept_again, on_accept_again) ||
        !deadline_init(&engine->deadlines, &link->ask_again, on_ask_again)) {
        rc = error_set(err, E_NOMEM, "link '%s'", options->name);
        goto fail_free;
    }
    rc = parse_options(link, options, err);
    if (rc == 0)
        rc = start_listening(link, err);
    if (rc != 0)
        goto fail_free;
    rng_child(&link->rng, &engine->rng, "link=%s", link->name);
    emit(link, PROXY_LINK_OPEN, link->port,
         json_pack("{s:s, s:s, s:s, s:s}", "name", link->name, "listen", link->address,
                   "upstream", link->upstream.text, "mode", "tcp"));
    *out = link;
    return 0;

fail_free:
    release(link);
    return rc;
}

/* Closing */

/* The listener's handle and every connection's handles must have closed. */
static void free_if_done(struct link *link)
{
    if (!link->closing || link->polling || link->alive > 0)
        return;
    link_faults_release(link);
    release(link);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct link *link = handle->data;

    link->polling = false;
    free_if_done(link);
}

/* Closing takes a connection off the list at once; memory follows later. */
static uint32_t close_all(struct link *link, unsigned flags)
{
    uint32_t count = 0;

    for (struct connection *c = link->connections; c != NULL; count++) {
        struct connection *next = c->next;

        connection_close(c, flags);
        c = next;
    }
    return count;
}

void link_close(struct link *link)
{
    assert(!link->closing);
    link->closing = true;
    deadline_clear(&link->engine->deadlines, &link->accept_again);
    deadline_clear(&link->engine->deadlines, &link->ask_again);
    link_faults_end(link);
    close_all(link, PROXY_BY_PROXY | PROXY_HOW_RST);
    emit(link, PROXY_LINK_CLOSE, 0, NULL);
    uv_close((uv_handle_t *)&link->poll, on_poll_closed);
    close(link->listen_fd);
    if (link->listen.kind == ADDRESS_UNIX)
        unlink(((struct sockaddr_un *)&link->listen.storage)->sun_path);
}

/* Off the list: no fault, no action reaches it any more. */
void link_connection_closed(struct link *link, struct connection *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        link->connections = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    link->stats.open--;
    link->stats.closed++;
    admission_ask_soon(link);
}

void link_connection_freed(struct link *link)
{
    assert(link->alive > 0);
    link->alive--;
    free_if_done(link);
}

/* What can be done to it */

int link_set_upstream(struct link *link, const char *upstream, struct error *err)
{
    struct address address;
    int rc = link_parse_upstream(&address, upstream, err);

    if (rc != 0)
        return rc;
    link->upstream = address;
    emit(link, PROXY_LINK_UPSTREAM, 0, json_pack("{s:s}", "upstream", address.text));
    return 0;
}

uint32_t link_reset(struct link *link)
{
    uint32_t open = link->stats.open;

    /* Stamped before the act: what it causes must come later. */
    emit(link, PROXY_ACTION, open, json_pack("{s:s, s:{}}", "action", "reset", "params"));
    return close_all(link, PROXY_BY_FAULT | PROXY_HOW_RST);
}

void link_get_stats(const struct link *link, struct link_stats *stats)
{
    *stats = link->stats;
    stats->held_bytes = 0;
    for (const struct connection *c = link->connections; c != NULL; c = c->next)
        for (int i = 0; i < DIRECTION_COUNT; i++)
            stats->held_bytes += flow_held_bytes(&c->flows[i]);
}
