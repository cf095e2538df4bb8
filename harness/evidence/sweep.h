/* sweep: orphans in shm. Private to this folder; evidence_home_create calls it. */
#ifndef STORMDRILL_EVIDENCE_SWEEP_H
#define STORMDRILL_EVIDENCE_SWEEP_H

enum {
    /* A killed run's suite or user fetches its evidence within this, or is not going to;
     * and what is being made is younger. */
    SWEEP_QUIET_S = 5 * 60,
    SWEEP_GONE_S = 60 * 60,
};

/* Bring home, or remove, what dead runs of this user left below `root` (/dev/shm). Takes
 * some milliseconds at most, but for the copying of one killed run's evidence; any number
 * of processes may do it at once. */
void evidence_sweep(const char *root);

#endif
