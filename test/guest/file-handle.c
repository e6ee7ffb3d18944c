/* name_to_handle_at, open_by_handle_at (needs root): sizes, reopening, renamed and removed files, bad arguments. */
#include "check.h"

union handle {
  struct file_handle handle;
  char bytes[sizeof(struct file_handle) + 128];
};

static int mount_id;

static int name(const char *path, union handle *to, unsigned room, int flags) {
  memset(to, 0x55, sizeof *to);
  to->handle.handle_bytes = room;
  return name_to_handle_at(AT_FDCWD, path, &to->handle, &mount_id, flags);
}

static void read_back(const char *label, int fd) {
  char text[16] = "";
  if (fd < 0) say("%s: %s", label, error_name(errno));
  else say("%s: %zd %s", label, read(fd, text, sizeof text - 1), text);
  if (fd >= 0) close(fd);
}

int main(void) {
  char dir[] = "/dev/shm/handle-XXXXXX";
  NEED(mkdtemp(dir) && chdir(dir) == 0);
  int fd = open("file", O_CREAT | O_RDWR, 0600);
  NEED(write(fd, "content", 7) == 7 && symlink("file", "link") == 0 && mkdir("sub", 0700) == 0);
  union handle file, other;
  CHECK(name("file", &file, 0, 0));
  say("needs %u, type %d", file.handle.handle_bytes, file.handle.handle_type);
  CHECK(name("file", &file, 11, 0));
  CHECK(name("file", &file, 129, 0));
  CHECK(name("file", &file, 128, 0));
  say("bytes %u, type %d", file.handle.handle_bytes, file.handle.handle_type);
  CHECK(name("link", &other, 12, 0));
  say("the link itself: %d", memcmp(&file, &other, 20) != 0);
  CHECK(name("link", &other, 12, AT_SYMLINK_FOLLOW));
  say("what it leads to: %d", memcmp(file.handle.f_handle, other.handle.f_handle, 12) == 0);
  CHECK(name("", &other, 12, 0));
  other.handle.handle_bytes = 12;
  CHECK(name_to_handle_at(fd, "", &other.handle, &mount_id, AT_EMPTY_PATH));
  CHECK(name("file", &other, 12, 0x8000));
  CHECK(name("absent", &other, 12, 0));
  CHECK(name("/proc/self/status", &other, 12, 0));
  CHECK(name_to_handle_at(AT_FDCWD, "file", (void *)8, &mount_id, 0));
  other.handle.handle_bytes = 12;
  CHECK(name_to_handle_at(AT_FDCWD, "file", &other.handle, (void *)8, 0));

  int mount = open(".", O_RDONLY);
  read_back("opened", open_by_handle_at(mount, &file.handle, O_RDONLY));
  read_back("by the working directory", open_by_handle_at(AT_FDCWD, &file.handle, O_RDONLY));
  NEED(rename("file", "sub/renamed") == 0);
  read_back("renamed", open_by_handle_at(mount, &file.handle, O_RDONLY));
  NEED(name("sub", &other, 128, 0) == 0);
  CHECK(open_by_handle_at(mount, &other.handle, O_WRONLY));
  int sub = open_by_handle_at(mount, &other.handle, O_RDONLY | O_DIRECTORY);
  CHECK(faccessat(sub, "renamed", F_OK, 0));
  close(sub);
  read_back("a bad descriptor", open_by_handle_at(99, &file.handle, O_RDONLY));
  read_back("a bad pointer", open_by_handle_at(mount, (void *)8, O_RDONLY));
  other = file;
  other.handle.handle_bytes = 0;
  read_back("no bytes", open_by_handle_at(mount, &other.handle, O_RDONLY));
  other.handle.handle_bytes = 129;
  read_back("too many bytes", open_by_handle_at(mount, &other.handle, O_RDONLY));
  other.handle.handle_bytes = 8;
  read_back("too few bytes", open_by_handle_at(mount, &other.handle, O_RDONLY));
  other.handle.handle_bytes = 12;
  memset(other.handle.f_handle + 4, 0x77, 8);
  read_back("nobody's number", open_by_handle_at(mount, &other.handle, O_RDONLY));
  close(fd);
  NEED(unlink("sub/renamed") == 0);
  read_back("removed", open_by_handle_at(mount, &file.handle, O_RDONLY));
  rmdir("sub");
  unlink("link");
  rmdir(dir);
  NEED(setuid(12345) == 0);
  read_back("an ordinary user", open_by_handle_at(mount, &file.handle, O_RDONLY));
  return 0;
}
