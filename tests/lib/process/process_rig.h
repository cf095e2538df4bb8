/* process_rig: a loop, children that remember what happened to them, and a mark in the
 * environment by which whatever they leave behind is found in /proc.
 *
 * A test program that uses it is its own guard: main() asks process_rig_role first. */
#ifndef STORMDRILL_TESTS_PROCESS_RIG_H
#define STORMDRILL_TESTS_PROCESS_RIG_H

#include <stdbool.h>
#include <uv.h>

#include "harness/process/child.h"

enum { RIG_WAIT_MS = 20000, RIG_MARKED_MAX = 1024 };

struct process_rig {
    uv_loop_t loop;
    uv_timer_t tick; /* lets a wait look again; unreferenced */
    char mark[96];   /* "STORMDRILL_TEST_MARK=<random>" */
    const char *env[4];
};

struct kid {
    struct child *child;
    int started;
    int exited;
    int released;
    bool release_in_exit;
    struct child_exit exit;
};

/* Play a part if the arguments ask for one ("guard", "case", "comet"): true, and the
 * program shall end with `code`. */
bool process_rig_role(int argc, char **argv, int *code);

void process_rig_init(struct process_rig *rig);
void process_rig_release(struct process_rig *rig);

/* Options with the rig's mark, nothing on stdin, stdout and stderr. */
struct child_options process_rig_options(struct process_rig *rig, struct kid *kid,
                                         const char *const *argv);
void process_rig_spawn(struct process_rig *rig, struct kid *kid, const char *const *argv);
void process_rig_spawn_with(struct process_rig *rig, struct kid *kid,
                            const struct child_options *options);

/* Run the loop until the counter is 1 or more; fails the test after RIG_WAIT_MS. */
void process_rig_until(struct process_rig *rig, const int *counter);
void process_rig_until_true(struct process_rig *rig, bool (*is_true)(void *arg),
                            void *arg);

/* Wait for the exit, release, and wait for that. */
void process_rig_finish(struct process_rig *rig, struct kid *kid);

/* Processes (no zombies) that carry the mark. Gives how many. */
int process_rig_marked(const struct process_rig *rig, int *pids);
void process_rig_until_marked(struct process_rig *rig, int count);

/* "T", "S", …: the state in /proc; '?' when there is no such process. */
char process_state(int pid);
int process_open_fds(void);

#endif
