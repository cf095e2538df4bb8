/* bench_proxy: our proxy beside its peers, in one run.
 *
 *   bench_proxy [SECTION...] [--quick] [--rounds N] [--seconds X] [--json FILE] [--list]
 *               [--toxiproxy PATH] [--peer floor=PATH] [--stormdrill PATH]
 *               [--only SETUP]...
 *
 * All sections: under six minutes; --quick: under 90 s. A section may be named by its
 * beginning: `delay` is all delays. Exit code 0: every goal that could be measured is
 * met; 1: one was missed; 2: the command line is wrong.
 *
 * The work is done in a child. Its parent waits, removes the folder of configurations
 * and logs afterwards, and at SIGINT or SIGTERM ends the child, with which the peers
 * die (PDEATHSIG): nothing is left, however it ends. */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/base/clock.h"
#include "tests/bench/common/child.h"
#include "tests/bench/common/net.h"
#include "tests/bench/proxy/bench.h"
#include "tests/bench/proxy/relay.h"

enum { WANTED_MAX = 16, PATH_BYTES = 512, EXIT_USAGE = 2, EXIT_SIGNAL = 128 };

struct options {
    const char *wanted[WANTED_MAX];
    int wanted_count;
    const char *json;
    char stormdrill[PATH_BYTES];
    char folder[64];
};

static int complain(const char *what, const char *word)
{
    fprintf(stderr,
            "bench_proxy: %s%s\n"
            "usage: bench_proxy [SECTION...] [--quick] [--rounds 1..%d] [--seconds X]\n"
            "                   [--json FILE] [--list] [--toxiproxy PATH]\n"
            "                   [--peer floor=PATH] [--stormdrill PATH]\n"
            "                   [--only SETUP]...\n",
            what, word, ROUNDS_MAX);
    return EXIT_USAGE;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_section(const char *word)
{
    for (int i = 0; section_at(i) != NULL; i++)
        if (begins(section_at(i)->name, word))
            return true;
    return false;
}

static int list_sections(void)
{
    for (int i = 0; section_at(i) != NULL; i++)
        printf("%-12s %s\n", section_at(i)->name, section_at(i)->what);
    return 0;
}

/* One option that takes a value; false: it is none, or the value is no good. */
static bool read_value(struct bench *bench, struct options *options, const char *name,
                       const char *value)
{
    char path[PATH_BYTES];
    char *end = "";

    if (strcmp(name, "--json") == 0) {
        options->json = value;
        return true;
    }
    if (strcmp(name, "--only") == 0 && bench->only_count < ONLY_MAX) {
        bench->only[bench->only_count++] = value;
        return true;
    }
    if (strcmp(name, "--rounds") == 0) {
        bench->rounds = (int)strtol(value, &end, 10);
        return *end == '\0' && bench->rounds >= 1 && bench->rounds <= ROUNDS_MAX;
    }
    if (strcmp(name, "--seconds") == 0) {
        bench->seconds = strtod(value, &end);
        return *end == '\0' && bench->seconds >= 0.1 && bench->seconds <= 20;
    }
    if (strcmp(name, "--stormdrill") == 0) {
        snprintf(options->stormdrill, sizeof options->stormdrill, "%s", value);
        return access(value, X_OK) == 0;
    }
    if (strcmp(name, "--toxiproxy") == 0) {
        bench->tools.toxiproxy = value;
        return child_find(value, path, sizeof path);
    }
    if (strcmp(name, "--peer") == 0 && begins(value, "floor=")) {
        bench->tools.floor = value + strlen("floor=");
        return access(bench->tools.floor, X_OK) == 0;
    }
    return false;
}

/* -1: go on. Else the exit code. */
static int read_options(struct bench *bench, struct options *options, int argc,
                        char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            return list_sections();
        if (strcmp(argv[i], "--quick") == 0) {
            bench->quick = true;
            bench->seconds = 0.4;
        } else if (begins(argv[i], "--")) {
            if (i + 1 == argc)
                return complain("no value, or no such option: ", argv[i]);
            if (!read_value(bench, options, argv[i], argv[i + 1]))
                return complain("no such option or no good value: ", argv[i]);
            i++;
        } else if (!is_section(argv[i]) || options->wanted_count == WANTED_MAX) {
            return complain("no such section (--list shows them): ", argv[i]);
        } else {
            options->wanted[options->wanted_count++] = argv[i];
        }
    }
    return -1;
}

/* build/bench/tests/bench/bench_proxy belongs to build/bench/stormdrill. */
static void find_stormdrill(char path[PATH_BYTES])
{
    ssize_t n = readlink("/proc/self/exe", path, PATH_BYTES - 1);

    path[n > 0 ? n : 0] = '\0';
    for (int i = 0; i < 3; i++) {
        char *slash = strrchr(path, '/');

        if (slash != NULL)
            *slash = '\0';
    }
    snprintf(path + strlen(path), PATH_BYTES - strlen(path), "/stormdrill");
}

static bool is_wanted(const struct options *options, const struct section *section)
{
    for (int i = 0; i < options->wanted_count; i++)
        if (begins(section->name, options->wanted[i]))
            return true;
    return options->wanted_count == 0;
}

static int run(struct bench *bench, const struct options *options, pid_t parent)
{
    uint64_t start_ns = clock_now(clock_real());
    bool alone = net_own_namespace();
    char control[32];
    int missed;

    /* Now: what a namespace of users changes calls it off. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        return EXIT_USAGE;
    if (!alone)
        results_note(&bench->results, "no network of our own here: others use the "
                                      "loopback too, with the machine's settings");
    rng_init(&bench->rng, clock_wall_ns());
    bench->tools.fd_limit = raise_fd_limit();
    bench->cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
    bench->progress = isatty(STDERR_FILENO) ? stderr : NULL;
    printf("%s, %d cores, TCP %s; medians; 1.23x: what the first row is of this one, "
           "round by round\n\n",
           options->stormdrill, bench->cores,
           net_congestion_control(control, sizeof control));
    for (int i = 0; section_at(i) != NULL; i++) {
        if (!is_wanted(options, section_at(i)))
            continue;
        section_run(bench, section_at(i));
        report_section(bench, section_at(i));
    }
    missed = report_goals(bench);
    printf("it took %.0f s\n", (double)(clock_now(clock_real()) - start_ns) / NS_PER_S);
    if (options->json != NULL && report_write_json(bench, options->json) != 0) {
        fprintf(stderr, "bench_proxy: cannot write %s\n", options->json);
        return EXIT_USAGE;
    }
    return missed > 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

/* Wait for the child; a signal to us ends it first. */
static int attend(pid_t child, const sigset_t *signals)
{
    int status = 0;
    int number = 0;

    while (waitpid(child, &status, WNOHANG) == 0) {
        number = sigwaitinfo(signals, NULL);
        if (number == SIGINT || number == SIGTERM || number == SIGHUP) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return EXIT_SIGNAL + number;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    static struct bench bench = {.seconds = 1};
    static struct options options = {.folder = "/tmp/stormdrill-bench-XXXXXX"};
    pid_t parent = getpid();
    sigset_t signals, before;
    pid_t child;
    int code;

    if (argc == 5 && strcmp(argv[1], "--relay") == 0) /* started by ourselves */
        return relay_run((uint16_t)strtoul(argv[2], NULL, 10),
                         (uint16_t)strtoul(argv[3], NULL, 10),
                         strtoull(argv[4], NULL, 10));
    find_stormdrill(options.stormdrill);
    code = read_options(&bench, &options, argc, argv);
    if (code != -1)
        return code;
    if (access(options.stormdrill, X_OK) != 0)
        return complain("--stormdrill PATH: there is none at ", options.stormdrill);
    if (mkdtemp(options.folder) == NULL)
        return complain("cannot make ", options.folder);
    bench.tools.folder = options.folder;
    bench.tools.stormdrill = options.stormdrill;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &before);
    child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return run(&bench, &options, parent);
    }
    code = child > 0 ? attend(child, &signals) : EXIT_USAGE;
    nftw(options.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}
