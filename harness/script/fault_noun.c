/* fault_noun: the handle of a fault: heal, change, current, repeat_every, text,
 * `<close>`.
 *
 * A handle stays good after the heal: healing twice is fine, changing what has ended is
 * an error that says so. */
#include "harness/script/fault_noun.h"

#include <stdio.h>
#include <string.h>

#include "harness/script/link_noun.h"
#include "harness/script/prelude.h"
#include "harness/script/raise.h"
#include "harness/script/values.h"

static struct disturbance *self(lua_State *L, const char *method)
{
    const struct box *box = noun_self(L, &noun_fault, method);
    struct disturbance *d = disturbance_find(script_of(L)->run, box->number);

    if (d == NULL)
        raise_text(L, "this fault is no longer there");
    return d;
}

static int return_top(lua_State *L)
{
    (void)L;
    return 1;
}

int fault_noun_begin(lua_State *L, struct disturbance *d, const char *word)
{
    char text[BOX_NAME_BYTES];
    struct wait *wait;

    disturbance_text(d, text, sizeof text);
    noun_push(L, &noun_fault, d->number, 0, text);
    wait = wait_begin(L, word);
    disturbance_begin(d, wait);
    return wait_end_then(L, wait, return_top);
}

/* fault:heal() */
static int l_heal(lua_State *L)
{
    noun_takes_nothing(L, &noun_fault, "heal");
    disturbance_heal(self(L, "heal"));
    return 0;
}

/* Where the parameters are, changed by `change`, under the stack's care. */
static json_t *merged(lua_State *L, const struct disturbance *d, const json_t *change)
{
    json_t *all = json_deep_copy(d->params);

    value_own(L, all);
    json_object_update(all, (json_t *)change);
    return all;
}

/* fault:change { … } */
static int l_change(lua_State *L)
{
    struct disturbance *d = self(L, "change");
    json_t *change = value_options(L, 2, "fault:change");
    struct wait *wait;
    struct error err;

    if (d->kind != DISTURB_LINKS)
        raise_text(L, "a %s has nothing to change", d->name);
    if (!d->is_on)
        raise_text(L, "the fault %s on %s has ended", d->name, d->on);
    if (change == NULL)
        raise_text(L, "fault:change takes a table with the new values");
    if (fault_check(d->name, merged(L, d, change), &err) != 0)
        link_noun_raise(L, d->name, &err);
    if (d->pending > 0)
        raise_text(L, "the fault %s on %s is being changed by another task", d->name,
                   d->on);
    wait = wait_begin(L, "fault:change");
    disturbance_change(d, change, wait);
    return wait_end(L, wait);
}

/* fault:current() -> the value in force: "20ms"; for faults without values their text */
static int l_current(lua_State *L)
{
    struct disturbance *d = self(L, "current");
    const struct fault_type *type = fault_type_find(d->name);
    const struct param *params = type != NULL ? fault_type_params(type) : NULL;
    const json_t *value = NULL;

    if (!d->is_on)
        lua_pushliteral(L, "none");
    else if (params != NULL && params->name != NULL) {
        value = json_object_get(d->params, params->name);
        if (value != NULL)
            value_push(L, value);
        else
            lua_pushstring(L, params->fallback != NULL ? params->fallback : d->name);
    } else {
        lua_pushstring(L, d->name);
    }
    return 1;
}

static int on_repeated(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 0;
}

/* fault:repeat_every { on, off, times }: in the prelude, since it waits */
static int l_repeat_every(lua_State *L)
{
    self(L, "repeat_every");
    lua_settop(L, 2);
    prelude_push(L, "repeat_every");
    lua_insert(L, 1);
    lua_callk(L, 2, 0, 0, on_repeated);
    return on_repeated(L, LUA_OK, 0);
}

/* switch_on(fault) of the prelude: waits until it is in force again */
int l_fault_switch_on(lua_State *L)
{
    struct disturbance *d = self(L, "switch_on");
    struct wait *wait;

    if (d->is_on)
        return 0;
    if (d->wait != NULL)
        raise_text(L, "the fault %s on %s is being changed by another task", d->name,
                   d->on);
    wait = wait_begin(L, "repeat_every");
    disturbance_begin(d, wait);
    return wait_end(L, wait);
}

static void push_field(lua_State *L, const struct box *box, const char *field)
{
    char text[512];

    (void)field;
    disturbance_text(disturbance_find(script_of(L)->run, box->number), text, sizeof text);
    lua_pushstring(L, text);
}

static void on_close(lua_State *L, const struct box *box)
{
    struct disturbance *d = disturbance_find(script_of(L)->run, box->number);

    if (d != NULL)
        disturbance_heal(d);
}

static const struct method methods[] = {
    {"change", l_change}, {"current", l_current},
    {"heal", l_heal},     {"repeat_every", l_repeat_every},
    {NULL, NULL},
};
static const char *const fields[] = {"text", NULL};

const struct noun noun_fault = {
    .name = "fault",
    .methods = methods,
    .fields = fields,
    .push_field = push_field,
    .close = on_close,
};
