/* main: see cli.c. */
#include "harness/cli/command.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
