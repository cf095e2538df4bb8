/* link_noun: client.link and client:link_to(node): faults on the way to the broker.
 *
 * client.link is the set of the client's links, one to each node, a group's that of all
 * its clients; a fault on it is added to all of them and has one handle. Its methods are
 * the faults of the proxy, as fault_type_at() lists them. `reset` is two things: without
 * a table the action, which happens now; with one the fault, which lasts. */
#include "harness/script/link_noun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/script/client_noun.h"
#include "harness/script/fault_noun.h"
#include "harness/script/journal.h"
#include "harness/script/raise.h"
#include "harness/script/values.h"

/* reset on several links: the last answer tells the task. */
struct reset {
    struct run *run;
    struct wait *wait;
    int pending;
    int rc;
    struct error error;
};

static const char reset_name[] = "reset";

/* A fault whose method stands in the table below: it does more than begin the fault. */
static bool has_own_method(const char *name)
{
    return strcmp(name, reset_name) == 0;
}

int link_noun_faults(const char **names, int room)
{
    int count = 0;

    for (int i = 0; count < room && fault_type_at(i) != NULL; i++) {
        const char *name = fault_type_name(fault_type_at(i));

        if (!has_own_method(name))
            names[count++] = name;
    }
    return count;
}

void link_noun_push(lua_State *L, const struct box *clients, uint32_t node)
{
    char name[BOX_NAME_BYTES];
    struct box *box;

    if (node == 0)
        snprintf(name, sizeof name, "%s", clients->name);
    else
        snprintf(name, sizeof name, "%.100s -> n%u", clients->name, node);
    box = noun_push(L, &noun_link, clients->number, node, name);
    box->count = clients->count;
}

static int count_links(lua_State *L, const struct box *box)
{
    int count = 0;

    for (uint32_t i = 0; i < box->count; i++)
        count += client_link_count(client_noun_find(L, box->number + i));
    return count;
}

/* The links of this box, on the stack as long as they are needed; gives how many, at
 * least one. Looked up anew each time: a restarted client keeps its links, but a box must
 * not rely on it. A connector has several to each node. */
static int find_links(lua_State *L, const struct box *box, struct link_id **out)
{
    size_t room = (size_t)count_links(L, box) + 1;
    struct link_id *links = lua_newuserdatauv(L, room * sizeof *links, 0);
    int count = 0;

    for (uint32_t i = 0; i < box->count; i++) {
        struct client *client = client_noun_find(L, box->number + i);

        for (int k = 0; k < client_link_count(client); k++) {
            if (box->part == 0 || node_number(client_link_node(client, k)) == box->part)
                links[count++] = client_link(client, k);
        }
    }
    if (count == 0)
        raise_text(L, "%s has no link", box->name);
    *out = links;
    return count;
}

/* The proxy says "latency has no option"; here the fault is called link:latency. */
void link_noun_raise(lua_State *L, const char *type, const struct error *err)
{
    struct error placed = *err;

    if (strncmp(err->text, type, strlen(type)) == 0)
        snprintf(placed.text, sizeof placed.text, "link:%.1000s", err->text);
    raise_error(L, &placed);
}

/* link:FAULT { … } -> Fault */
static int begin_fault(lua_State *L, const char *type)
{
    const struct box *box = noun_self(L, &noun_link, type);
    struct link_id *links;
    struct disturbance *d;
    struct error err;
    char word[64];
    json_t *params;
    int count;

    snprintf(word, sizeof word, "link:%s", type);
    params = value_options(L, 2, word);
    if (fault_check(type, params, &err) != 0)
        link_noun_raise(L, type, &err);
    count = find_links(L, box, &links);
    d = disturbance_create(script_of(L)->run, DISTURB_LINKS, type, box->name);
    if (d == NULL || !disturbance_set_links(d, links, count))
        raise_text(L, "%s: out of memory", word);
    d->params = params != NULL ? json_deep_copy(params) : json_object();
    return fault_noun_begin(L, d, word);
}

/* Upvalue 1 is the fault's name. */
static int l_fault(lua_State *L)
{
    return begin_fault(L, lua_tostring(L, lua_upvalueindex(1)));
}

static void on_reset(void *arg, const struct plane_reply *reply)
{
    struct reset *reset = arg;

    if (reply->rc != 0 && reset->rc == 0) {
        reset->rc = reply->rc;
        reset->error = reply->error;
    }
    run_end_command(reset->run);
    reset->pending--;
    if (reset->pending > 0)
        return;
    wait_done(reset->wait, reset->rc, &reset->error);
    free(reset);
}

/* link:reset(): RST on every connection, now; link:reset { … } -> Fault */
static int l_reset(lua_State *L)
{
    const struct box *box = noun_self(L, &noun_link, reset_name);
    struct run *run = script_of(L)->run;
    struct link_id *links;
    struct reset *reset;
    struct wait *wait;
    int count;

    if (lua_istable(L, 2))
        return begin_fault(L, reset_name);
    if (!lua_isnone(L, 2))
        raise_text(L, "link:reset takes nothing, and resets now, or a table such as "
                      "{ after = \"3s\" }, and is a fault that lasts");
    count = find_links(L, box, &links);
    wait = wait_begin(L, "link:reset");
    reset = calloc(1, sizeof *reset);
    if (reset == NULL) {
        wait_drop(wait);
        raise_text(L, "link:reset: out of memory");
    }
    *reset = (struct reset){.run = run, .wait = wait, .pending = count};
    journal_say(run, "reset %s", box->name);
    for (int i = 0; i < count; i++) {
        run_begin_command(run);
        crew_note_cut(run->options.crew, links[i]);
        control_link_reset(run->context->control, links[i], on_reset, reset);
    }
    return wait_end(L, wait);
}

void link_noun_add_faults(lua_State *L)
{
    for (int i = 0; fault_type_at(i) != NULL; i++) {
        const char *name = fault_type_name(fault_type_at(i));

        if (has_own_method(name))
            continue;
        lua_pushstring(L, name);
        lua_pushcclosure(L, l_fault, 1);
        lua_setfield(L, -2, name);
    }
}

static const struct method methods[] = {
    {reset_name, l_reset},
    {NULL, NULL},
};

const struct noun noun_link = {.name = "link", .methods = methods};
