/* Two processes that make one of the longest calls there are, two gigabytes of random bytes, for ever: the others must have their turns in between. */
#include "attack.h"
#include <sys/uio.h>

#define PIECES 1024
#define PIECE (2 << 20)

int main(void) {
  static struct iovec iov[PIECES];
  int from = open("/dev/urandom", O_RDONLY);
  char *to = malloc(PIECE);
  if (from < 0 || to == NULL) return 1;
  for (int i = 0; i < PIECES; i++) iov[i] = (struct iovec){to, PIECE - 1};
  fork();
  while (readv(from, iov, PIECES) > 0) continue;
  return 2;
}
