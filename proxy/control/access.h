/* access: who may call. Pure functions of headers and addresses.
 *
 * Without a token only this machine can reach the socket, yet a web page in a browser on
 * it could too, by a name of its own that it lets point to 127.0.0.1 (DNS rebinding). So
 * the Host must be a loopback name. With a token the caller proves itself, and may reach
 * us by any name. A Unix socket has its mode. */
#ifndef STORMDRILL_CONTROL_ACCESS_H
#define STORMDRILL_CONTROL_ACCESS_H

#include <stdbool.h>

/* "localhost", "127.0.0.1:8474", "[::1]"; NULL (HTTP/1.0) is fine. */
bool access_is_loopback_host(const char *host);

/* "Bearer TOKEN", compared in a time that tells nothing. */
bool access_has_token(const char *authorization, const char *token);

/* As Toxiproxy tells browsers: "Mozilla/" in front, in this spelling. */
bool access_is_browser(const char *user_agent);

/* "application/json", with or without parameters. */
bool access_is_json(const char *content_type);

#endif
