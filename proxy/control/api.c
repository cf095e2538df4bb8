/* api: a thread with a loop, on it the book and the server.
 *
 * Start:  book, then server, then the thread; what cannot start is said to the caller.
 * Calls:  other threads leave a job and wait until the loop has done it.
 * Stop:   the server first (it answers what it has), then the book, then the loop runs
 *         out of handles and the thread ends. */
#include "proxy/control/api.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/control/book.h"
#include "proxy/control/http.h"
#include "proxy/control/toxiproxy.h"
#include "proxy/control/v1.h"
#include "proxy/control/v1_internal.h"

static const struct route *const tables[] = {
    toxiproxy_routes,
    v1_routes,
    NULL,
};

/* What another thread waits for: links to be made, or, without `array`, listed. */
struct job {
    const json_t *array;
    json_t *links;
    struct error *err;
    int rc;
    bool is_done;
};

struct api {
    uv_loop_t loop;
    uv_async_t wake;
    pthread_t thread;
    struct book *book;
    struct http *http;    /* NULL: it serves nobody */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t job_done;
    struct job *job; /* one at a time */
    bool stopping;
};

static void on_wake_closed(uv_handle_t *handle)
{
    (void)handle;
}

static void on_book_closed(void *arg)
{
    struct api *api = arg;

    uv_close((uv_handle_t *)&api->wake, on_wake_closed);
}

static void on_http_closed(void *arg)
{
    struct api *api = arg;

    book_close(api->book, on_book_closed, api);
}

static void on_job_done(void *arg, int rc, const struct error *err)
{
    struct api *api = arg;

    pthread_mutex_lock(&api->lock);
    api->job->rc = rc;
    if (rc != 0 && api->job->err != NULL)
        *api->job->err = *err;
    api->job->is_done = true;
    api->job = NULL;
    pthread_cond_broadcast(&api->job_done);
    pthread_mutex_unlock(&api->lock);
}

static void on_read(void *arg, const struct book_answer *answer)
{
    struct api *api = arg;

    pthread_mutex_lock(&api->lock);
    if (answer->rc == 0)
        api->job->links = v1_write_links(api->book);
    pthread_mutex_unlock(&api->lock);
    on_job_done(api, answer->rc, &answer->error);
}

/* Woken for a job or to stop; never both, since whoever stops has no call in work. */
static void on_wake(uv_async_t *wake)
{
    struct api *api = wake->data;
    struct job *job;
    bool stopping;

    pthread_mutex_lock(&api->lock);
    job = api->job;
    stopping = api->stopping;
    pthread_mutex_unlock(&api->lock);
    if (stopping && api->http != NULL)
        http_stop(api->http, on_http_closed, api);
    else if (stopping)
        on_http_closed(api);
    else if (job != NULL && job->array != NULL)
        toxiproxy_populate(api->book, job->array, on_job_done, api);
    else if (job != NULL)
        book_read(api->book, on_read, api);
}

static void *run(void *arg)
{
    struct api *api = arg;

    uv_run(&api->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void free_api(struct api *api)
{
    uv_loop_close(&api->loop);
    pthread_cond_destroy(&api->job_done);
    pthread_mutex_destroy(&api->lock);
    free(api);
}

static int start_thread(struct api *api, struct error *err)
{
    if (pthread_create(&api->thread, NULL, run, api) == 0)
        return 0;
    if (api->http != NULL)
        http_stop(api->http, on_http_closed, api);
    else
        on_http_closed(api);
    return error_set(err, E_SYSTEM, "start the API's thread");
}

static int start_parts(struct api *api, const struct api_options *options,
                       struct error *err)
{
    struct http_options http_options = {
        .listen = options->listen != NULL && options->listen[0] != '\0'
                      ? options->listen
                      : "127.0.0.1:8474",
        .token = options->token,
        .tables = tables,
        .log = options->log,
        .read_timeout_s = options->read_timeout_s,
    };
    int rc =
        book_open(&api->book, options->plane, &api->loop, options->allow_any_listen, err);

    if (rc != 0)
        return rc;
    http_options.context = api->book;
    if (strcmp(http_options.listen, "none") != 0)
        rc = http_start(&api->http, &api->loop, &http_options, err);
    if (rc != 0)
        on_http_closed(api);
    else
        rc = start_thread(api, err);
    if (rc != 0)
        uv_run(&api->loop, UV_RUN_DEFAULT);
    return rc;
}

int api_start(struct api **out, const struct api_options *options, struct error *err)
{
    struct api *api = calloc(1, sizeof *api);
    int rc;

    if (api == NULL)
        return error_set(err, E_NOMEM, "API");
    if (uv_loop_init(&api->loop) != 0) {
        free(api);
        return error_set(err, E_SYSTEM, "create the API's loop");
    }
    pthread_mutex_init(&api->lock, NULL);
    pthread_cond_init(&api->job_done, NULL);
    if (uv_async_init(&api->loop, &api->wake, on_wake) != 0) {
        free_api(api);
        return error_set(err, E_SYSTEM, "create the API's wake-up");
    }
    api->wake.data = api;
    rc = start_parts(api, options, err);
    if (rc != 0) {
        if (api->book == NULL) {
            uv_close((uv_handle_t *)&api->wake, on_wake_closed);
            uv_run(&api->loop, UV_RUN_DEFAULT);
        }
        free_api(api);
        return rc;
    }
    log_info(options->log, "api", "listening on %s", api_address(api));
    *out = api;
    return 0;
}

void api_stop(struct api *api)
{
    pthread_mutex_lock(&api->lock);
    assert(api->job == NULL);
    api->stopping = true;
    pthread_mutex_unlock(&api->lock);
    uv_async_send(&api->wake);
    pthread_join(api->thread, NULL);
    free_api(api);
}

const char *api_address(const struct api *api)
{
    return api->http != NULL ? http_address(api->http) : "none";
}

static int wait_for(struct api *api, struct job *job)
{
    pthread_mutex_lock(&api->lock);
    while (api->job != NULL)
        pthread_cond_wait(&api->job_done, &api->lock);
    api->job = job;
    uv_async_send(&api->wake);
    while (!job->is_done)
        pthread_cond_wait(&api->job_done, &api->lock);
    pthread_mutex_unlock(&api->lock);
    return job->rc;
}

int api_populate(struct api *api, const json_t *array, struct error *err)
{
    struct job job = {.array = array, .err = err};

    assert(array != NULL);
    return wait_for(api, &job);
}

json_t *api_links(struct api *api, struct error *err)
{
    struct job job = {.err = err};

    if (wait_for(api, &job) == 0 && job.links == NULL)
        error_set(err, E_NOMEM, "links");
    return job.links;
}
