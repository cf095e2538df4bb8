/* choose: which of the loaded cases are meant by -k, --case and --set. */
#ifndef STORMDRILL_SUITE_CHOOSE_H
#define STORMDRILL_SUITE_CHOOSE_H

#include <jansson.h>

#include "harness/script/script.h"
#include "proxy/base/error.h"

/* All borrowed from the scripts. */
struct choice {
    const struct script_case **cases;
    const struct script **scripts; /* of each case */
    int count;
};

/* In the order of the scripts. E_USAGE for an expression that is none; E_NOTHING with
 * what there is, and what was probably meant, when nothing matches. */
int choose_cases(struct choice *out, struct script *const *scripts, int script_count,
                 const char *expression, const char *case_name, struct error *err);
void choose_release(struct choice *choice);

/* Is every name of `set` a parameter of at least one case, with a value that it takes?
 * E_USAGE with a suggestion. */
int choose_check_set(const struct choice *choice, const json_t *set, struct error *err);

/* Those of `set` that this case knows. Gives a new object. */
json_t *choose_set(const struct script_case *which, const json_t *set);

/* What --case must say to mean this case alone in its file: name or id. Borrowed. */
const char *choose_case_word(const struct script *script,
                             const struct script_case *which);

/* Does --case WORD mean this case: its name, its id, or k=v,... of its values? */
bool choose_case_matches(const struct script_case *which, const char *word);

#endif
