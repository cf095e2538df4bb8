/* mhd: the functions of libmicrohttpd, loaded when an API is started and not before.
 *
 * The library brings GnuTLS and eight more along; every guard, client and case would
 * load and relocate them for a server that it never starts. So it is no dependency of
 * the program: mhd_load opens it by name and finds what is listed here. The pointers
 * have the types of <microhttpd.h>, so a wrong argument is still the compiler's to find.
 *
 * Once loaded it stays until the process ends: GnuTLS keeps what it has set up in memory
 * that only its own variables point to. Thread: any; loading again costs little. */
#ifndef STORMDRILL_CONTROL_MHD_H
#define STORMDRILL_CONTROL_MHD_H

#include <microhttpd.h>

#include "proxy/base/error.h"

/* X(name without MHD_) */
#define MHD_FUNCTIONS(X)                                                                 \
    X(add_connection)                                                                    \
    X(add_response_header)                                                               \
    X(create_response_from_buffer)                                                       \
    X(destroy_response)                                                                  \
    X(get_daemon_info)                                                                   \
    X(get_timeout)                                                                       \
    X(lookup_connection_value)                                                           \
    X(queue_response)                                                                    \
    X(resume_connection)                                                                 \
    X(run)                                                                               \
    X(set_connection_option)                                                             \
    X(start_daemon)                                                                      \
    X(stop_daemon)                                                                       \
    X(suspend_connection)

struct mhd {
#define X(name) __typeof__(MHD_##name) *name;
    MHD_FUNCTIONS(X)
#undef X
};

/* Load `library`; NULL: the one that this program was built with. E_ENVIRONMENT: it is
 * not installed, or lacks a function; the error names it and the package. */
int mhd_load(struct mhd *out, const char *library, struct error *err);

#endif
