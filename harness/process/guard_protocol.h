/* guard_protocol: what a guard tells the process that started it. Private to this folder.
 *
 * One message per packet on a SOCK_SEQPACKET pair; the guard only reads the end of file.
 *   GUARD_STARTED  value = pid; the process's pidfd comes along (SCM_RIGHTS)
 *   GUARD_FAILED   value = errno of the step named; the process never ran
 *   GUARD_EXITED   value = wait status, time_ns = when it was reaped; its tree is gone */
#ifndef STORMDRILL_PROCESS_GUARD_PROTOCOL_H
#define STORMDRILL_PROCESS_GUARD_PROTOCOL_H

#include <stdint.h>

enum guard_message_kind { GUARD_STARTED = 1, GUARD_FAILED, GUARD_EXITED };

enum guard_step { GUARD_STEP_FORK, GUARD_STEP_CHDIR, GUARD_STEP_EXEC };

struct guard_message {
    uint32_t kind;
    int32_t value;
    uint32_t step;      /* of enum guard_step, with GUARD_FAILED */
    uint32_t survivors; /* 1: something of the tree could not be killed in time */
    uint64_t time_ns;
};

#endif
