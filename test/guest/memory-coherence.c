/* Mappings and files: shared pages agree with read and write, private ones do not write back; SIGBUS past the end; mremap, mincore, msync, remap_file_pages. */
#include "check.h"
#include <setjmp.h>
#include <sys/syscall.h>

static sigjmp_buf back;
static volatile int bus;
static void on_bus(int signal) {
  bus = signal;
  siglongjmp(back, 1);
}
static const char *touch(volatile char *at, int write) {
  bus = 0;
  if (sigsetjmp(back, 1) == 0) {
    if (write) *at = 'w';
    else (void)*at;
  }
  return bus ? sigabbrev_np(bus) : "fine";
}

int main(void) {
  handle(SIGBUS, on_bus, SA_NODEFER);
  handle(SIGSEGV, on_bus, SA_NODEFER);
  char text[64] = "";
  int fd = open("file", O_RDWR | O_CREAT, 0600);
  NEED(ftruncate(fd, 10000) == 0);
  char *shared = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *private = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  NEED(shared != MAP_FAILED && private != MAP_FAILED);
  NEED(pwrite(fd, "written", 7, 100) == 7);
  say("shared '%s' private '%s'", shared + 100, private + 100);
  memcpy(shared + 200, "mapped", 7);
  NEED(pread(fd, text, 7, 200) == 7);
  say("read '%s' private '%s'", text, private + 200);
  memcpy(private + 200, "private", 8);
  memcpy(shared + 200, "changed", 8);
  NEED(pread(fd, text, 8, 200) == 8);
  say("read '%s' private '%s'", text, private + 200);
  int other = open("file", O_RDWR);
  char *again = mmap(NULL, 4096, PROT_READ, MAP_SHARED, other, 0);
  say("another mapping '%s'", again + 200);
  pid_t pid = fork();
  if (pid == 0) {
    memcpy(shared + 300, "child", 6);
    memcpy(private + 300, "child", 6);
    _exit(0);
  }
  wait_and_say("child", pid);
  say("shared '%s' private '%s'", shared + 300, private + 300);
  say("end: %s", touch(shared + 9999, 1));
  say("rest of the last page: %s", touch(shared + 12000, 1));
  say("page past the end: %s", touch(shared + 12288, 0));
  say("private past the end: %s", touch(private + 12288, 1));
  NEED(ftruncate(fd, 4096) == 0);
  say("cut off: %s %s", touch(shared + 4096, 0), touch(private + 4096, 0));
  NEED(ftruncate(fd, 16384) == 0);
  say("grown: %s %d", touch(shared + 12288, 1), shared[4200]);
  struct stat st;
  NEED(fstat(fd, &st) == 0);
  say("size %ld", (long)st.st_size);
  CHECK(msync(shared, 16384, MS_SYNC));
  CHECK(msync(shared, 16384, MS_ASYNC | MS_INVALIDATE));
  CHECK(msync(shared, 16384, MS_ASYNC | MS_SYNC));
  CHECK(msync(shared + 1, 4096, MS_SYNC));
  NEED(munmap(again, 4096) == 0);
  CHECK(msync(again, 4096, MS_SYNC));
  /* mremap */
  char *a = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(a, "first");
  strcpy(a + 8192, "third");
  char *b = mremap(a, 3 * 4096, 3 * 4096, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
  say("dontunmap: new '%s' '%s' old '%s' %d", b, b + 8192, a, a != b);
  char *c = mremap(b, 3 * 4096, 64 * 4096, MREMAP_MAYMOVE);
  say("grown '%s' '%s' %d", c, c + 8192, c[63 * 4096]);
  c = mremap(c, 64 * 4096, 4096, 0);
  say("shrunk '%s' %s", c, touch(c + 4096, 0));
  char *d = mremap(c, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, a);
  say("fixed %d '%s' %s", d == a, a, touch(c, 0));
  CHECK(mremap(a, 4096, 8192, 0, NULL) == MAP_FAILED || 1);
  CHECK(mremap(a + 1, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
  say("%s", error_name(errno));
  CHECK(mremap(a, 4096, 0, MREMAP_MAYMOVE) == MAP_FAILED);
  CHECK(mremap((void *)(1L << 40), 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
  say("%s", error_name(errno));
  CHECK(mremap(a, 4096, 4096, MREMAP_DONTUNMAP) == MAP_FAILED);
  char *twin = mremap(shared, 0, 4096, MREMAP_MAYMOVE);
  say("duplicate '%s' %d", twin + 200, twin != shared);
  char *shared_moved = mremap(shared, 16384, 16384, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
  say("dontunmap of a file: %d", shared_moved != MAP_FAILED);
  /* mincore */
  unsigned char vec[8];
  char *m = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(m, 8 * 4096, MADV_NOHUGEPAGE);
  m[0] = m[3 * 4096] = 1;
  CHECK(mincore(m, 8 * 4096, vec));
  for (int i = 0; i < 8; i++) text[i] = '0' + (vec[i] & 1);
  say("resident %.8s", text);
  madvise(m, 4096, MADV_DONTNEED);
  mincore(m, 8 * 4096, vec);
  say("after dontneed %d %d", vec[0] & 1, vec[3] & 1);
  CHECK(mincore(m + 1, 4096, vec));
  CHECK(mincore(m, 4096, (void *)8));
  CHECK(mincore((void *)(1L << 40), 4096, vec));
  /* remap_file_pages */
  int pages = open("pages", O_RDWR | O_CREAT, 0600);
  for (int i = 0; i < 4; i++) pwrite(pages, (char[]){'0' + i}, 1, i * 4096);
  char *r = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, pages, 0);
  NEED(ftruncate(pages, 4 * 4096) == 0);
  CHECK(remap_file_pages(r, 4096, 0, 2, 0));
  CHECK(remap_file_pages(r + 8192, 4096, 0, 0, 0));
  say("%c%c%c%c", r[0], r[4096], r[8192], r[12288]);
  CHECK(remap_file_pages(m, 4096, 0, 0, 0));
  CHECK(remap_file_pages(r, 4096, PROT_READ, 0, 0));
  /* MAP_FIXED_NOREPLACE, advice */
  CHECK(mmap(r, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
  say("%s", error_name(errno));
  CHECK(madvise(r, 4096, MADV_REMOVE));
  say("removed %d", r[0]);
  CHECK(madvise(m, 4096, MADV_FREE));
  CHECK(madvise(m, 4096, 12345));
  CHECK(madvise(m + 1, 4096, MADV_NORMAL));
  CHECK(madvise(m, 4096, MADV_POPULATE_WRITE));
  CHECK(madvise(shared_moved, 4096, MADV_WIPEONFORK));
  return 0;
}
