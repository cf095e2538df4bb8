/* link: a port, an upstream, and the list of faults that its connections share.
 *
 * All well:   link_open -> accept (port.c) ... -> link_close -> the last connection's
 *             handles close -> freed.
 * A fault comes, changes or is healed: the list first, then every live connection; none
 *             of them waits for a peer. Whether the port is open follows from the list,
 *             and from whether the user has disabled the link. */
#include "proxy/link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/admission.h"
#include "proxy/connection.h"
#include "proxy/link_faults.h"
#include "proxy/port.h"

static const uint64_t DIAL_TIMEOUT_NS = 5ull * NS_PER_S;
/* More is no time-out, and must not overflow the clock. */
static const uint64_t DIAL_TIMEOUT_NS_MAX = 24ull * 3600 * NS_PER_S;

static void emit(struct link *link, enum proxy_event_kind kind, uint64_t a,
                 json_t *detail)
{
    struct proxy_event event = {.kind = kind, .link = link->id.number, .a = a};

    engine_emit(link->engine, &event, detail);
}

/* Opening */

static int parse_upstream(struct address *out, const char *text, struct error *err)
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

static int parse_options(struct link *link, const struct link_options *o,
                         struct error *err)
{
    struct address listen;
    int rc;

    if (o->mode != LINK_TCP)
        return error_set(err, E_PARAM, "link '%s': there is no mode %d", o->name,
                         (int)o->mode);
    rc = port_parse(&listen, o->listen, err);
    if (rc == 0)
        rc = parse_upstream(&link->upstream, o->upstream, err);
    if (rc != 0)
        return rc;
    port_move(link, &listen);
    link->enabled = !o->disabled;
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

static void on_accept_again(struct deadline *own)
{
    port_accept_again((struct link *)((char *)own - offsetof(struct link, accept_again)));
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
    link->port_closed = true;
    if (!deadline_init(&engine->deadlines, &link->accept_again, on_accept_again) ||
        !deadline_init(&engine->deadlines, &link->ask_again, on_ask_again)) {
        rc = error_set(err, E_NOMEM, "link '%s'", options->name);
        goto fail_free;
    }
    rc = parse_options(link, options, err);
    if (rc == 0)
        rc = port_update(link, err);
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

/* The listeners' handles and every connection's handles must have closed. */
static void free_if_done(struct link *link)
{
    if (!link->closing || link->listeners_open > 0 || link->alive > 0)
        return;
    link_faults_release(link);
    release(link);
}

void link_listener_closed(struct link *link)
{
    assert(link->listeners_open > 0);
    link->listeners_open--;
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
    port_drop(link);
    free_if_done(link);
}

static void count_close(struct link *link, unsigned flags)
{
    enum close_who who = flags & PROXY_BY_CLIENT   ? CLOSE_BY_CLIENT
                         : flags & PROXY_BY_SERVER ? CLOSE_BY_SERVER
                         : flags & PROXY_BY_FAULT  ? CLOSE_BY_FAULT
                                                   : CLOSE_BY_PROXY;
    enum close_how how = flags & PROXY_HOW_TIMEOUT ? CLOSE_TIMEOUT
                         : flags & PROXY_HOW_ERROR ? CLOSE_ERROR
                         : flags & PROXY_HOW_RST   ? CLOSE_RST
                                                   : CLOSE_FIN;

    link->stats.open--;
    link->stats.closed++;
    link->stats.closes[who][how]++;
}

/* Off the list: no fault, no action reaches it any more. */
void link_connection_closed(struct link *link, struct connection *c, unsigned flags)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        link->connections = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    count_close(link, flags);
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
    int rc = parse_upstream(&address, upstream, err);

    if (rc != 0)
        return rc;
    link->upstream = address;
    emit(link, PROXY_LINK_UPSTREAM, 0, json_pack("{s:s}", "upstream", address.text));
    return 0;
}

/* Stamped before the act: what it causes must come later. Takes `params`. */
static void emit_action(struct link *link, const char *action, uint32_t touched,
                        json_t *params)
{
    emit(link, PROXY_ACTION, touched,
         json_pack("{s:s, s:o*}", "action", action, "params", params));
}

uint32_t link_disable(struct link *link)
{
    struct error err;
    int rc;

    if (!link->enabled)
        return 0;
    link->enabled = false;
    /* Those who wait in the kernel's queue come in here: they end with the others. */
    rc = port_update(link, &err);
    assert(rc == 0);
    (void)rc;
    emit_action(link, "disable", link->stats.open, json_object());
    return close_all(link, PROXY_BY_PROXY | PROXY_HOW_FIN);
}

int link_enable(struct link *link, struct error *err)
{
    int rc;

    if (link->enabled)
        return 0;
    link->enabled = true;
    rc = port_update(link, err);
    if (rc != 0) {
        link->enabled = false;
        return rc;
    }
    emit_action(link, "enable", 0, json_object());
    return 0;
}

/* The old socket goes first: the new address may be the same port. */
int link_listen(struct link *link, const char *listen, uint32_t *touched,
                struct error *err)
{
    struct address address;
    int rc = port_parse(&address, listen, err);

    *touched = 0;
    if (rc != 0)
        return rc;
    port_drop(link);
    port_move(link, &address);
    rc = port_update(link, err);
    if (rc != 0)
        link->enabled = false;
    emit_action(
        link, "listen", link->stats.open,
        json_pack("{s:s, s:b}", "listen", link->address, "enabled", link->enabled));
    *touched = close_all(link, PROXY_BY_PROXY | PROXY_HOW_FIN);
    return rc;
}

uint32_t link_reset(struct link *link)
{
    uint32_t open = link->stats.open;

    emit_action(link, "reset", open, json_object());
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
