/* names: the language, name by name, with whose it is; behind script_names(). */
#ifndef STORMDRILL_SCRIPT_NAMES_H
#define STORMDRILL_SCRIPT_NAMES_H

struct name {
    const char *noun; /* "" for words */
    const char *name;
    const char *signature;
};

/* NULL behind the last. */
const struct name *name_at(int index);

#endif
