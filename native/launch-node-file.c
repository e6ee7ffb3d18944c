/* Node is a file, and so is our program: launch NODE SCRIPT -- ARGS... */
#define _GNU_SOURCE
#include "launch-node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char **take_command(struct launch *l, int argc, char **argv) {
  int separator = 2;
  while (separator < argc && strcmp(argv[separator], "--") != 0) separator++;
  if (separator >= argc) {
    fputs("runsc: the launcher is not called by itself\n", stderr);
    return NULL;
  }
  /* Ours is not Node's, which would take it for its own. */
  memmove(argv + separator, argv + separator + 1, (size_t)(argc - separator) * sizeof *argv);
  l->command = l->own = argv + 1;
  l->own_words = separator - 1;
  return argv + separator;
}

/*
 * Flags for all verbs, and for a sentry those of V8 too. Other verbs go without these, for with any of them Node compiles its own modules anew: the
 * code that it has of them is of none.
 */
static char **with_flags(char **command, int is_sentry) {
  static char *const flags[] = {NODE_FLAGS, SENTRY_FLAGS};
  static char *const first[] = {NODE_FLAGS};
  const size_t count = (is_sentry ? sizeof flags : sizeof first) / sizeof flags[0];
  size_t words = 0;
  while (command[words] != NULL) words++;
  char **longer = calloc(words + count + 1, sizeof *longer);
  if (longer == NULL) return command;
  longer[0] = command[0];
  memcpy(longer + 1, flags, count * sizeof *flags);
  memcpy(longer + 1 + count, command + 1, (words - 1) * sizeof *command);
  return longer;
}

void become_node(const struct launch *l, int is_sentry) {
  execv(l->command[0], with_flags(l->command, is_sentry));
  perror("runsc: cannot start node");
}
