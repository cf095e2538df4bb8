/* faults: what a running scenario disturbs, by the handle it holds.
 *
 *   begin -> a command to each link (or SIGSTOP) -> all answered -> on
 *   one link refuses -> those that took it are healed, the script gets the error
 *   heal  -> commands out, nobody waits -> answered -> off
 *   heal while it begins -> remembered, done when the last answer is there
 *
 * Every command is counted with the run, which ends only when all are answered. */
#include "harness/script/faults.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/journal.h"

/* The part of one link or one process. */
struct slot {
    struct disturbance *d;
    int at;
};

struct disturbance *disturbance_create(struct run *run, enum disturbance_kind kind,
                                       const char *name, const char *on)
{
    struct disturbance *d = calloc(1, sizeof *d);

    if (d == NULL)
        return NULL;
    d->run = run;
    d->kind = kind;
    d->number = ++run->disturbances_made;
    snprintf(d->name, sizeof d->name, "%s", name);
    snprintf(d->on, sizeof d->on, "%s", on);
    d->next = run->disturbances;
    run->disturbances = d;
    return d;
}

static bool make_slots(struct disturbance *d, int count)
{
    d->slots = calloc((size_t)count, sizeof *d->slots);
    for (int i = 0; d->slots != NULL && i < count; i++)
        d->slots[i] = (struct slot){.d = d, .at = i};
    return d->slots != NULL;
}

bool disturbance_set_links(struct disturbance *d, const struct link_id *links, int count)
{
    size_t n = (size_t)count;

    d->links = calloc(n, sizeof *d->links);
    d->faults = calloc(n, sizeof *d->faults);
    if (d->links == NULL || d->faults == NULL || !make_slots(d, count))
        return false;
    memcpy(d->links, links, n * sizeof *links);
    d->link_count = count;
    return true;
}

static bool make_processes(struct disturbance *d, int count)
{
    d->stopped = calloc((size_t)count, sizeof *d->stopped);
    d->process_count = count;
    return d->stopped != NULL && make_slots(d, count);
}

bool disturbance_set_node(struct disturbance *d, struct node *node)
{
    assert(d->kind == DISTURB_NODE);
    d->node = node;
    return make_processes(d, 1);
}

bool disturbance_set_clients(struct disturbance *d, struct client *const *clients,
                             int count)
{
    assert(d->kind == DISTURB_CLIENT);
    d->clients = calloc((size_t)count, sizeof *d->clients);
    if (d->clients == NULL)
        return false;
    memcpy(d->clients, clients, (size_t)count * sizeof *clients);
    return make_processes(d, count);
}

void disturbance_text(const struct disturbance *d, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s", d->name);
    const char *name;
    json_t *value;

    json_object_foreach(d->params, name, value) {
        char *dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        const char *shown = json_is_string(value) ? json_string_value(value) : dumped;

        if (used < size)
            used += (size_t)snprintf(text + used, size - used, " %s=%s", name,
                                     shown != NULL ? shown : "?");
        free(dumped);
    }
    if (used < size)
        snprintf(text + used, size - used, " on %s", d->on);
}

static void begin_command(struct disturbance *d)
{
    d->pending++;
    run_begin_command(d->run);
}

static void keep_first_error(struct disturbance *d, int rc, const struct error *err)
{
    if (rc == 0 || d->rc != 0)
        return;
    d->rc = rc;
    if (err != NULL)
        d->error = *err;
    else
        error_set(&d->error, rc, "%s: %s", d->name, error_text(rc));
}

/* Is it in force on a link or a process? */
static bool is_anywhere(const struct disturbance *d)
{
    for (int i = 0; i < d->link_count; i++) {
        if (d->faults[i].number != 0)
            return true;
    }
    for (int i = 0; i < d->process_count; i++) {
        if (d->stopped[i] != 0)
            return true;
    }
    return false;
}

/* The last answer is there: heal what is not wanted any more, tell who waits. */
static void settle(struct disturbance *d)
{
    struct wait *wait = d->wait;
    int rc = d->rc;

    d->wait = NULL;
    d->rc = 0;
    if (d->is_on && d->heal_wanted && is_anywhere(d))
        disturbance_heal(d);
    else if (d->heal_wanted)
        d->is_on = false;
    if (wait != NULL)
        wait_done(wait, rc, &d->error);
}

static void end_command(struct disturbance *d)
{
    struct run *run = d->run;

    assert(d->pending > 0);
    d->pending--;
    if (d->pending == 0)
        settle(d);
    run_end_command(run);
}

/* ---- links ---- */

static void on_fault_added(void *arg, const struct plane_reply *reply)
{
    struct slot *slot = arg;
    struct disturbance *d = slot->d;

    if (reply->rc == 0)
        d->faults[slot->at] = reply->fault;
    keep_first_error(d, reply->rc, &reply->error);
    if (reply->rc != 0)
        d->heal_wanted = true;
    end_command(d);
}

static void on_fault_changed(void *arg, const struct plane_reply *reply)
{
    struct slot *slot = arg;

    keep_first_error(slot->d, reply->rc, &reply->error);
    end_command(slot->d);
}

/* A fault whose link is gone has ended with it: no error. */
static void on_fault_healed(void *arg, const struct plane_reply *reply)
{
    (void)reply;
    end_command(((struct slot *)arg)->d);
}

/* Commands are answered later, never before the call returns: all are counted first. */
static void add_to_links(struct disturbance *d)
{
    for (int i = 0; i < d->link_count; i++)
        begin_command(d);
    for (int i = 0; i < d->link_count; i++)
        control_fault_add(d->run->context->control, d->links[i], d->name, d->params,
                          on_fault_added, &d->slots[i]);
}

static void heal_links(struct disturbance *d)
{
    for (int i = 0; i < d->link_count; i++) {
        struct fault_id fault = d->faults[i];

        if (fault.number == 0)
            continue;
        d->faults[i].number = 0;
        begin_command(d);
        control_fault_heal(d->run->context->control, fault, on_fault_healed,
                           &d->slots[i]);
    }
}

/* ---- pauses ---- */

/* One that cannot be paused: the others are let go again. */
static void on_paused(void *arg, int rc, const struct error *err)
{
    struct slot *slot = arg;
    struct disturbance *d = slot->d;

    keep_first_error(d, rc, err);
    if (rc != 0) {
        journal_fault_heal(d->run, d->stopped[slot->at], 0);
        d->stopped[slot->at] = 0;
        d->heal_wanted = true;
    }
    end_command(d);
}

/* A process that died while it was paused needs no SIGCONT: no error. */
static void on_resumed(void *arg, int rc, const struct error *err)
{
    (void)rc;
    (void)err;
    end_command(((struct slot *)arg)->d);
}

static void pause_process(struct disturbance *d, int at)
{
    const char *on = d->kind == DISTURB_NODE ? d->on : client_name(d->clients[at]);

    d->stopped[at] = journal_fault_begin(d->run, d->name, on);
    if (d->kind == DISTURB_NODE)
        node_pause(d->node, on_paused, &d->slots[at]);
    else
        client_pause(d->clients[at], on_paused, &d->slots[at]);
}

static void pause_processes(struct disturbance *d)
{
    for (int i = 0; i < d->process_count; i++)
        begin_command(d);
    for (int i = 0; i < d->process_count; i++)
        pause_process(d, i);
}

static void resume_process(struct disturbance *d, int at)
{
    begin_command(d);
    journal_fault_heal(d->run, d->stopped[at], 1);
    d->stopped[at] = 0;
    if (d->kind == DISTURB_NODE)
        node_resume(d->node, on_resumed, &d->slots[at]);
    else
        client_resume(d->clients[at], on_resumed, &d->slots[at]);
}

static void resume_processes(struct disturbance *d)
{
    for (int i = 0; i < d->process_count; i++) {
        if (d->stopped[i] != 0)
            resume_process(d, i);
    }
}

/* ---- both ---- */

void disturbance_begin(struct disturbance *d, struct wait *wait)
{
    char text[512];

    assert(!d->is_on);
    assert(d->pending == 0 || d->wait == NULL);
    d->is_on = true;
    d->heal_wanted = false;
    d->rc = 0;
    d->wait = wait;
    disturbance_text(d, text, sizeof text);
    journal_say(d->run, "fault %s", text);
    if (d->kind == DISTURB_LINKS)
        add_to_links(d);
    else
        pause_processes(d);
}

void disturbance_change(struct disturbance *d, const json_t *params, struct wait *wait)
{
    char text[512];

    assert(d->kind == DISTURB_LINKS);
    d->wait = wait;
    d->rc = 0;
    json_object_update(d->params, (json_t *)params);
    disturbance_text(d, text, sizeof text);
    journal_say(d->run, "change %s", text);
    for (int i = 0; i < d->link_count; i++)
        begin_command(d);
    for (int i = 0; i < d->link_count; i++)
        control_fault_change(d->run->context->control, d->faults[i], params,
                             on_fault_changed, &d->slots[i]);
}

void disturbance_heal(struct disturbance *d)
{
    if (!d->is_on)
        return;
    d->heal_wanted = true;
    if (d->pending > 0)
        return;
    d->is_on = false;
    journal_say(d->run, "heal %s on %s", d->name, d->on);
    if (d->kind == DISTURB_LINKS)
        heal_links(d);
    else
        resume_processes(d);
}

struct disturbance *disturbance_find(struct run *run, uint32_t number)
{
    for (struct disturbance *d = run->disturbances; d != NULL; d = d->next) {
        if (d->number == number)
            return d;
    }
    return NULL;
}

/* In the order in which they began: the list is newest first. */
static void heal_in_order(struct disturbance *d)
{
    struct disturbance *todo[64];
    int count = 0;

    for (; d != NULL && count < 64; d = d->next)
        todo[count++] = d;
    if (d != NULL)
        heal_in_order(d);
    while (count > 0)
        disturbance_heal(todo[--count]);
}

void disturbances_heal(struct run *run)
{
    heal_in_order(run->disturbances);
}

void disturbances_free(struct run *run)
{
    while (run->disturbances != NULL) {
        struct disturbance *d = run->disturbances;

        assert(d->pending == 0);
        run->disturbances = d->next;
        json_decref(d->params);
        free(d->links);
        free(d->faults);
        free(d->slots);
        free(d->clients);
        free(d->stopped);
        free(d);
    }
}
