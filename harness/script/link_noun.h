/* link_noun: what nodes' and clients' files need of links and faults. */
#ifndef STORMDRILL_SCRIPT_LINK_NOUN_H
#define STORMDRILL_SCRIPT_LINK_NOUN_H

#include "harness/script/noun.h"

/* Names of the faults a link can have; gives how many. */
int link_noun_faults(const char **names, int room);

/* Add them as methods to the table at the top. */
void link_noun_add_faults(lua_State *L);

/* Raise what fault_check said about a fault of this type, in the words of the script. */
_Noreturn void link_noun_raise(lua_State *L, const char *type, const struct error *err);

/* Push the set of the links of a client or a group, or of theirs to `node` (0 = all). */
void link_noun_push(lua_State *L, const struct box *clients, uint32_t node);

#endif
