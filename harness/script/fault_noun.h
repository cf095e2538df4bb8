/* fault_noun: the handle of a fault, and how nodes, clients and links hand one out. */
#ifndef STORMDRILL_SCRIPT_FAULT_NOUN_H
#define STORMDRILL_SCRIPT_FAULT_NOUN_H

#include "harness/script/faults.h"

/* Begin `d`, wait until it is in force, and return its handle to Lua. */
int fault_noun_begin(lua_State *L, struct disturbance *d, const char *word);

/* switch_on(fault) of the prelude */
int l_fault_switch_on(lua_State *L);

#endif
