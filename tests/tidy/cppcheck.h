/* cppcheck.h: what cppcheck is told in the place of jansson's header, which it does not
 * read: its loops, as loops. Never compiled. */
#define json_array_foreach(array, index, value)                                          \
    for (index = 0; (value = json_array_get(array, index)) != NULL; index++)
#define json_object_foreach(object, key, value)                                          \
    for (key = json_object_iter(object); (value = json_object_get(object, key)) != NULL; \
         key = next_key(key))
#define json_object_foreach_safe(object, next, key, value)                               \
    for (next = NULL, key = json_object_iter(object);                                    \
         (value = json_object_get(object, key)) != NULL; key = next_key(key))
