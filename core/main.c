/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pegbox: the command table, nothing else. */
#include "commands/commands.h"

int
main(int argc, char **argv)
{
    return command_main(argc, argv);
}
