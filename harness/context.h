/* context: what every part of a running case shares. Made by harness/suite/case.c,
 * borrowed by all others for as long as the case runs. Main thread of the case only. */
#ifndef STORMDRILL_HARNESS_CONTEXT_H
#define STORMDRILL_HARNESS_CONTEXT_H

#include <stdint.h>
#include <uv.h>

#include "proxy/base/clock.h"
#include "proxy/base/log.h"
#include "proxy/base/rng.h"

struct writer;
struct evidence_home;
struct plane;
struct control;

struct context {
    uv_loop_t *loop;
    const struct clock *clock;
    struct log *log;
    struct writer *evidence;     /* writer "main" */
    struct evidence_home *home;  /* CASE/evidence */
    struct plane *plane;         /* its observer writes evidence as "proxy" */
    struct control *control;     /* this thread's way to the plane */
    const char *folder;          /* the case's folder, absolute */
    const char *evidence_folder; /* CASE/evidence, absolute */
    const char *self;            /* path of the stormdrill binary (/proc/self/exe) */
    const char *broker_path;     /* nats-server to run */
    const char *broker_version;  /* "2.9.10"; NULL: not known */
    uint64_t seed;
    struct rng rng;
    uint32_t fault_numbers; /* last number given to a broker or client fault; the plane
                             * has its own: these start at 1,000,000 */
};

#endif
