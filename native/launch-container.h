/* Containers for verbs without Node (see launch-container.c). */
#ifndef LAUNCH_CONTAINER_H
#define LAUNCH_CONTAINER_H

#include <stddef.h>

#define MAX_PREPARED (1 << 20)
#define MAX_ANSWER 65536
/* Descriptors that go along with a message. */
#define MAX_PASSED 3

/* A connection to the sandbox, and what of its words has come and is not taken. */
struct control {
  int fd;
  size_t length, taken;
  char text[MAX_ANSWER];
};

/* Reads the flags before `verb`: the directory of containers, or NULL when there are some that this is not for. */
const char *read_root(char **args, char *const *verb);
/* Where the state of the container is: whether there may be one of that name. */
int container_path(char *path, size_t size, const char *root, const char *id);
/* A file, opened with more flags, and a zero behind; NULL when there is none, it is empty, or too large to be one of those that are meant. */
char *read_whole(int directory, const char *name, int flags);
/* By the container's directory: whether somebody listens. */
int connect_control(struct control *c, int directory);
/* Sends a message, which ends with its line, and at most MAX_PASSED descriptors: whether it has gone. */
int send_line(const struct control *c, const char *line, const int *fds, int count);
/* The next message without its end, valid until the next call; NULL when there is none to come. */
char *receive_line(struct control *c);
/* Whether that need not wait. */
int has_line(const struct control *c);
int begins_with(const char *text, const char *begin);

#endif
