/* server: a plane and its API on a free port, and a client that sends raw bytes.
 *
 * A call goes out as it stands and its reply is taken apart by Content-Length alone, so
 * that a test sees what is on the wire. Every read gives up after WORLD_PATIENCE_S. */
#ifndef STORMDRILL_TESTS_CONTROL_SERVER_H
#define STORMDRILL_TESTS_CONTROL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/control/api.h"
#include "tests/lib/proxy/world.h"

struct server {
    struct plane *plane;
    struct api *api;
    uint16_t port;
    int fd;                     /* of server_call: one connection, kept alive; -1: none */
    char listen[ADDRESS_BYTES]; /* of the link that server_link made */
};

struct heard {
    unsigned status;
    char head[4096]; /* status line and headers */
    char *body;      /* ends in NUL */
    size_t size;
};

/* With what is not NULL or zero in `options` (plane and listen are filled in). */
struct server *server_start_with(struct api_options options);
struct server *server_start(void);
void server_stop(struct server *s);

/* A connection of its own. */
int server_connect(const struct server *s);

/* One reply, or false at the end of the connection. Free with heard_release. */
bool server_receive(int fd, struct heard *out);
void heard_release(struct heard *answer);

/* The value of a header, in `value`; false: there is none. */
bool heard_header(const struct heard *answer, const char *name, char *value, size_t size);

/* One call on the kept connection; `body` NULL: none. */
struct heard server_call(struct server *s, const char *method, const char *path,
                         const char *body);

/* The same, and its status and body must be these. "$L" in the expected body stands for
 * s->listen. */
void server_expect(struct server *s, const char *method, const char *path,
                   const char *body, unsigned status, const char *expected);

/* Only the status counts. */
void server_do(struct server *s, const char *method, const char *path, const char *body,
               unsigned status);

/* A Toxiproxy proxy of this name towards `upstream_port` on a free port; s->listen is
 * its address. Gives its port. */
uint16_t server_link(struct server *s, const char *name, uint16_t upstream_port);

/* The string or number of that name in a JSON body. */
void heard_text(const struct heard *answer, const char *key, char *value, size_t size);
uint16_t heard_port(const struct heard *answer); /* of "listen" */

#endif
