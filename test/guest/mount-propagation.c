/* Shared, slave, private and unbindable mounts: what appears where, who goes with whom, what mountinfo says (needs root). */
#include "check.h"
#include <sys/mount.h>

static char here[4096];

static int groups[256], group_count;

/* Peer groups have numbers of the kernel's choosing: told is the order in which they appear in a list. */
static int group_of(int number) {
  for (int i = 0; i < group_count; i++)
    if (groups[i] == number) return i + 1;
  groups[group_count++] = number;
  return group_count;
}

static void propagation_of(const char *field) {
  int number;
  if (sscanf(field, "shared:%d", &number) == 1) printf(" shared:%d", group_of(number));
  else if (sscanf(field, "master:%d", &number) == 1) printf(" master:%d", group_of(number));
  else printf(" %s", field);
}

/* The mounts below the working directory, by name. */
static void show(const char *what) {
  static char lines[256][512];
  int count = 0;
  static char line[8192];
  FILE *mounts = fopen("/proc/self/mountinfo", "r");
  NEED(mounts != NULL);
  while (fgets(line, sizeof line, mounts)) {
    char target[4096];
    NEED(sscanf(line, "%*d %*d %*s %*s %4095s", target) == 1);
    if (strncmp(target, here, strlen(here)) != 0 || target[strlen(here)] != '/') continue;
    char *options = strstr(line, target) + strlen(target) + 1;
    char *optional = strchr(options, ' ') + 1;
    *strstr(optional, "- ") = 0;
    snprintf(lines[count++], 512, "%s %s", target + strlen(here) + 1, optional);
  }
  fclose(mounts);
  for (int i = 0; i < count; i++)
    for (int j = i + 1; j < count; j++)
      if (strcmp(lines[i], lines[j]) > 0) {
        char swap[512];
        strcpy(swap, lines[i]);
        strcpy(lines[i], lines[j]);
        strcpy(lines[j], swap);
      }
  printf("%s\n", what);
  group_count = 0;
  for (int i = 0; i < count; i++) {
    char *word = strtok(lines[i], " ");
    printf("  %s", word);
    while ((word = strtok(NULL, " ")) != NULL) propagation_of(word);
    printf("\n");
  }
}

static void bind_to(const char *from, const char *to, unsigned long flags) {
  mkdir(to, 0700);
  CHECK(mount(from, to, NULL, MS_BIND | flags, NULL));
}

static void change(const char *at, unsigned long type) { CHECK(mount(NULL, at, NULL, type, NULL)); }

static void new_tmpfs(const char *at) {
  mkdir(at, 0700);
  CHECK(mount("none", at, "tmpfs", 0, NULL));
}

int main(void) {
  NEED(unshare(CLONE_NEWNS) == 0 || errno == EINVAL || errno == EPERM);
  NEED(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  NEED(getcwd(here, sizeof here) != NULL);
  NEED(mkdir("base", 0700) == 0 && mount("none", "base", "tmpfs", 0, NULL) == 0);
  change("base", MS_SHARED);
  bind_to("base", "peer", 0);
  bind_to("base", "slave", 0);
  change("slave", MS_SLAVE);
  bind_to("base", "both", 0);
  change("both", MS_SLAVE);
  change("both", MS_SHARED);
  bind_to("both", "both2", 0);
  bind_to("base", "private", 0);
  change("private", MS_PRIVATE);
  show("types");

  new_tmpfs("base/one");
  show("a mount in the shared one");
  new_tmpfs("peer/two");
  new_tmpfs("slave/three");
  new_tmpfs("both2/four");
  show("mounts in a peer, a slave, and a slave that is shared");
  CHECK(umount2("peer/one", 0));
  CHECK(umount2("slave/two", 0));
  show("unmounted in a peer, and in a slave");

  /* Part of a mount: only what it shows is received. */
  NEED(mkdir("base/part", 0700) == 0);
  bind_to("base/part", "view", 0);
  new_tmpfs("base/part/inner");
  new_tmpfs("base/outer");
  show("a view of a part");

  /* A tree is propagated whole, and is shared from then on. */
  new_tmpfs("tree");
  new_tmpfs("tree/leaf");
  NEED(mkdir("base/tree", 0700) == 0);
  bind_to("tree", "base/tree", MS_REC);
  show("a tree");
  CHECK(umount2("base/tree", 0));
  CHECK(umount2("base/tree", MNT_DETACH));
  show("a tree that is gone");

  /* Unbindable. */
  change("tree", MS_UNBINDABLE);
  bind_to("tree", "not", 0);
  new_tmpfs("outer");
  new_tmpfs("outer/unbindable");
  change("outer/unbindable", MS_UNBINDABLE);
  new_tmpfs("outer/other");
  bind_to("outer", "not", MS_REC);
  show("unbindable");

  /* Moves. */
  NEED(mkdir("base/target", 0700) == 0);
  CHECK(mount("base/outer", "private", NULL, MS_MOVE, NULL));
  CHECK(mount("outer", "base/target", NULL, MS_MOVE, NULL));
  CHECK(mount("tree", "base/target", NULL, MS_MOVE, NULL));
  change("tree", MS_PRIVATE);
  CHECK(mount("tree", "base/target", NULL, MS_MOVE, NULL));
  show("moved");

  /* The last peer goes, and its slaves are on their own. */
  CHECK(umount2("base", MNT_DETACH));
  show("one peer less");
  CHECK(umount2("view", MNT_DETACH));
  CHECK(umount2("peer", MNT_DETACH));
  show("no peer left");
  change("slave", MS_SHARED);
  change("slave", MS_SHARED | MS_PRIVATE);
  change("slave/nothing", MS_SHARED);
  change("both", MS_PRIVATE | MS_REC);
  show("private again");
  static const char *const all[] = {"slave", "both", "both2", "private", "outer", "not", "tree"};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    while (umount2(all[i], MNT_DETACH) == 0);
  show("nothing left");
  return 0;
}
