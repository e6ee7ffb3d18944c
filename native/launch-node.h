/* How the launcher comes to Node: by its file (launch-node-file.c), or from inside the single executable (launch-node-inside.c). */
#ifndef LAUNCH_NODE_H
#define LAUNCH_NODE_H

#include "launch.h"

/* Learns from the command line where Node is and how runsc is started again. @returns runsc's own arguments, or NULL with a message printed */
char **take_command(struct launch *l, int argc, char **argv);

/* Becomes Node, for a sentry or for a verb that is none, as execve(2) does it. Returns if that cannot be, with a message printed. */
void become_node(const struct launch *l, int is_sentry);

#endif
